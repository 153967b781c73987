#include "task/select.h"

#include <errno.h>
#include <limits.h>

#include "base/list.h"
#include "base/misuse.h"
#include "task/await.h"
#include "task/claim.h"
#include "task/task.h"

#define NONE SIZE_MAX

enum stage { NEW, POLLED, ENDED };

static claim_word *claim_of(trale_select_future *f)
{
    return (claim_word *)&f->claim;
}

/* An arm made of several operations goes on when the first of them has taken effect. */
static bool is_the_one(const trale_select_future *select, size_t place)
{
    for (; select; place = select->place, select = select->outer)
        if (select->taken != place)
            return false;
    return true;
}

bool select_claim(trale_select_future *select, size_t place)
{
    trale_select_future *outermost = select;

    if (!select)
        return true;
    while (outermost->outer)
        outermost = outermost->outer;
    if (!claim_begin(claim_of(outermost)))
        return claim_is_taken(claim_of(outermost)) && is_the_one(select, place);
    for (; select; place = select->place, select = select->outer)
        select->taken = place;
    claim_finish(claim_of(outermost));
    return true;
}

static bool well_formed(trale_future *const *futures, size_t count)
{
    if (!futures || count > INT_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!futures[i] || !futures[i]->ops || !futures[i]->ops->poll)
            return false;
    return true;
}

static void drop_all(trale_select_future *f)
{
    for (size_t i = 0; i < f->count; i++)
        trale_future_drop(f->futures[i]);
}

/* Polls the arms, or the one that is taken. Returns which is ready; NONE. */
static size_t poll_arms(trale_select_future *f, trale_context *cx)
{
    size_t first = f->taken == NONE ? 0 : f->taken;
    size_t last = f->taken == NONE ? f->count : f->taken + 1;
    trale_context arm = {trale_context_waker(cx), f, 0};

    for (arm.place = first; arm.place < last; arm.place++)
        if (trale_future_poll(f->futures[arm.place], &arm) == TRALE_READY)
            return arm.place;
    return NONE;
}

/* The first poll finds out where the select is; it does not move after that. */
static bool begin(trale_select_future *f, const trale_context *cx)
{
    if (f->count == 0 || !well_formed(f->futures, f->count))
        return false;
    f->stage = POLLED;
    f->outer = cx->select;
    f->place = cx->place;
    return true;
}

static enum trale_poll select_poll(trale_future *self, trale_context *cx)
{
    trale_select_future *f = container_of(self, trale_select_future, future);
    size_t ready;

    if (f->stage == NEW && !begin(f, cx))
        return future_ready(self, -EINVAL);
    if (!f->outer)
        claim_close(claim_of(f));
    do
        ready = poll_arms(f, cx);
    while (ready == NONE && !f->outer && f->taken == NONE && !claim_open(claim_of(f)));
    if (ready == NONE)
        return TRALE_PENDING;
    f->stage = ENDED;
    drop_all(f);
    return future_ready(self, (intptr_t)ready);
}

/* An arm that another party has completed says so in its own drop. */
static void select_drop(trale_future *self)
{
    trale_select_future *f = container_of(self, trale_select_future, future);

    if (f->stage == ENDED || (f->stage == NEW && !well_formed(f->futures, f->count)))
        return;
    if (!f->outer)
        claim_close(claim_of(f));
    drop_all(f);
    if (f->taken != NONE)
        self->output = (intptr_t)f->taken;
}

void trale_select_init(trale_select_future *f, trale_future *const *futures, size_t count)
{
    static const struct trale_future_ops ops = {select_poll, select_drop, "select"};

    *f = (trale_select_future){
        .future = {.ops = &ops}, .futures = futures, .count = count, .taken = NONE};
}

int trale_select(trale_future *const *futures, size_t count)
{
    trale_select_future f;

    trale_select_init(&f, futures, count);
    return (int)await_call(__func__, &f.future);
}

/* All of them. */

/* What is ready has been dropped, and stands for itself no more. */
static enum trale_poll spent_poll(trale_future *self, trale_context *cx)
{
    (void)self, (void)cx;
    misuse("trale_join_all", "a future that was joined is over: initialise it again");
}

static const struct trale_future_ops spent = {spent_poll, NULL, "spent"};

static enum trale_poll join_all_poll(trale_future *self, trale_context *cx)
{
    trale_join_all_future *f = container_of(self, trale_join_all_future, future);

    if (f->stage == NEW && f->count > 0 && !well_formed(f->futures, f->count))
        return future_ready(self, -EINVAL);
    if (f->stage == NEW)
        f->left = f->count;
    f->stage = POLLED;
    for (size_t i = 0; i < f->count; i++) {
        if (f->futures[i]->ops == &spent || trale_future_poll(f->futures[i], cx) == TRALE_PENDING)
            continue;
        trale_future_drop(f->futures[i]);
        f->futures[i]->ops = &spent;
        f->left--;
    }
    return f->left > 0 ? TRALE_PENDING : future_ready(self, 0);
}

static void join_all_drop(trale_future *self)
{
    trale_join_all_future *f = container_of(self, trale_join_all_future, future);

    if (f->stage == NEW && !well_formed(f->futures, f->count))
        return;
    for (size_t i = 0; i < f->count; i++)
        trale_future_drop(f->futures[i]);
}

void trale_join_all_init(trale_join_all_future *f, trale_future *const *futures, size_t count)
{
    static const struct trale_future_ops ops = {join_all_poll, join_all_drop, "join_all"};

    *f = (trale_join_all_future){.future = {.ops = &ops}, .futures = futures, .count = count};
}

int trale_join_all(trale_future *const *futures, size_t count)
{
    trale_join_all_future f;

    trale_join_all_init(&f, futures, count);
    return (int)await_call(__func__, &f.future);
}
