#include "task/select.h"

#include <errno.h>
#include <limits.h>

#include "base/list.h"
#include "base/misuse.h"
#include "task/await.h"
#include "task/claim.h"
#include "task/ops.h"
#include "task/task.h"

#define NONE SIZE_MAX

/* SETTLED: one arm is the one, the others have been dropped. */
enum stage { NEW, POLLED, SETTLED, ENDED };

static claim_word *claim_of(trale_select_future *f)
{
    return (claim_word *)&f->claim;
}

/* Is it what has to be claimed? Who polls asks, and knows about those around it. */
static bool decides(const trale_select_future *f)
{
    return !f->outer || f->outer->taken != NONE;
}

/* Is it the caller who polls it? */
static bool is_around(const trale_select_future *select, const trale_context *cx)
{
    const trale_select_future *s = cx ? cx->select : NULL;

    while (s && s != select)
        s = s->outer;
    return s;
}

static bool is_settled(trale_select_future *select, const trale_context *cx)
{
    return is_around(select, cx) ? select->taken != NONE : claim_is_taken(claim_of(select));
}

/* What has to be claimed for the arms of that select: the outermost that is not settled, or NULL. */
static trale_select_future *find_decisive(trale_select_future *select, const trale_context *cx)
{
    trale_select_future *decisive = NULL;

    for (; select; select = select->outer)
        if (!is_settled(select, cx))
            decisive = select;
    return decisive;
}

/* Outside of decisive: is that arm among what they have settled on? */
static bool is_the_one(const trale_select_future *select, size_t place,
                       const trale_select_future *decisive)
{
    for (; decisive && select; place = select->place, select = select->outer)
        if (select == decisive)
            decisive = NULL;
    for (; select; place = select->place, select = select->outer)
        if (select->taken != place)
            return false;
    return true;
}

/* Can both take effect, the arm at that place and what the caller polls? Both are within decisive,
 * and so within an innermost select. */
static bool go_together(const trale_select_future *select, size_t place, const trale_context *cx)
{
    const trale_select_future *s = cx->select;
    size_t other = cx->place;

    for (; !is_around(select, cx); select = select->outer)
        place = select->place;
    for (; s != select; s = s->outer)
        other = s->place;
    return place == other;
}

/* Notes which arm it is, in decisive and those within. What is seen of those within is seen after
 * decisive is. */
static void note(trale_select_future *select, size_t place, trale_select_future *decisive)
{
    for (; select != decisive; place = select->place, select = select->outer) {
        select->taken = place;
        claim_finish(claim_of(select));
    }
    decisive->taken = place;
}

bool select_claim_arm(trale_select_future *select, size_t place, const trale_context *cx)
{
    trale_select_future *decisive = find_decisive(select, cx);

    if (!is_the_one(select, place, decisive))
        return false;
    if (!decisive)
        return true;
    if (is_around(decisive, cx)) {
        if (!go_together(select, place, cx))
            return false;
        note(select, place, decisive);
        return true;
    }
    if (!claim_begin(claim_of(decisive), cx != NULL))
        return claim_is_taken(claim_of(decisive)) && select_claim_arm(select, place, cx);
    note(select, place, decisive);
    claim_finish(claim_of(decisive));
    return true;
}

/* What the caller polls has taken effect, and is one of several operations that are an arm. */
static void settle(const trale_context *cx)
{
    trale_select_future *decisive = find_decisive(cx->select, cx);

    if (decisive)
        note(cx->select, cx->place, decisive);
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

/* A drop that finds that the operation took effect after all says so in the output. */
static void drop_pending(trale_future *future, intptr_t error)
{
    future->output = error;
    trale_future_drop(future);
}

static intptr_t error_of(const trale_future *future)
{
    return future->output < 0 ? future->output : -ECANCELED;
}

static void drop_others(trale_select_future *f, size_t one)
{
    for (size_t i = 0; i < f->count; i++)
        if (i != one)
            drop_pending(f->futures[i], -ECANCELED);
    f->stage = SETTLED;
}

/* Polls the arms, or the one that is taken. Returns which is ready; NONE. */
static size_t poll_arms(trale_select_future *f, trale_context *cx)
{
    trale_context arm = {trale_context_waker(cx), f, 0};

    if (f->taken != NONE)
        arm.place = f->taken;
    for (; arm.place < f->count; arm.place++) {
        if (trale_future_poll(f->futures[arm.place], &arm) == TRALE_READY)
            return arm.place;
        if (f->taken != NONE)
            break;
    }
    return NONE;
}

/* Returns which arm is ready, or NONE: then all of them can be completed by others. */
static size_t poll_until_open(trale_select_future *f, trale_context *cx)
{
    size_t ready;

    for (;;) {
        ready = poll_arms(f, cx);
        if (ready != NONE)
            return ready;
        if (f->taken != NONE && f->stage == POLLED)
            drop_others(f, f->taken); /* and poll again: selects within are on their own now */
        else if (!decides(f) || claim_open(claim_of(f), f->taken != NONE))
            return NONE;
    }
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
    if (decides(f))
        claim_close(claim_of(f));
    ready = poll_until_open(f, cx);
    if (ready == NONE)
        return TRALE_PENDING;
    if (f->stage == POLLED)
        drop_others(f, ready);
    f->stage = ENDED;
    trale_future_drop(f->futures[ready]);
    return future_ready(self, (intptr_t)ready);
}

/* An arm that another party has completed says so in its own drop. */
static void select_drop(trale_future *self)
{
    trale_select_future *f = container_of(self, trale_select_future, future);

    if (f->stage == ENDED || (f->stage == NEW && !well_formed(f->futures, f->count)))
        return;
    if (decides(f))
        claim_close(claim_of(f));
    for (size_t i = 0; i < f->count; i++)
        if (f->stage != SETTLED || i == f->taken)
            drop_pending(f->futures[i], error_of(self));
    if (f->taken != NONE)
        self->output = (intptr_t)f->taken;
}

const struct trale_future_ops select_ops = {select_poll, select_drop, "select"};

void trale_select_init(trale_select_future *f, trale_future *const *futures, size_t count)
{
    *f = (trale_select_future){
        .future = {.ops = &select_ops}, .futures = futures, .count = count, .taken = NONE};
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

const struct trale_future_ops spent_ops = {spent_poll, NULL, "spent"};

static void spend(trale_join_all_future *f, trale_future *future)
{
    trale_future_drop(future);
    future->ops = &spent_ops;
    f->left--;
}

static enum trale_poll join_all_poll(trale_future *self, trale_context *cx)
{
    trale_join_all_future *f = container_of(self, trale_join_all_future, future);

    if (f->stage == NEW && f->count > 0 && !well_formed(f->futures, f->count))
        return future_ready(self, -EINVAL);
    if (f->stage == NEW)
        f->left = f->count;
    f->stage = POLLED;
    for (size_t i = 0; i < f->count; i++) {
        if (f->futures[i]->ops == &spent_ops ||
            trale_future_poll(f->futures[i], cx) == TRALE_PENDING)
            continue;
        if (f->futures[i]->output >= 0)
            settle(cx);
        spend(f, f->futures[i]);
    }
    return f->left > 0 ? TRALE_PENDING : future_ready(self, 0);
}

/* What takes effect after all may be the last that it waited for. */
static void join_all_drop(trale_future *self)
{
    trale_join_all_future *f = container_of(self, trale_join_all_future, future);
    intptr_t error = error_of(self);

    if (f->stage == NEW && !well_formed(f->futures, f->count))
        return;
    for (size_t i = 0; i < f->count; i++) {
        if (f->futures[i]->ops == &spent_ops)
            continue;
        drop_pending(f->futures[i], error);
        if (f->stage == POLLED && f->futures[i]->output != error && --f->left == 0)
            self->output = 0;
    }
}

const struct trale_future_ops join_all_ops = {join_all_poll, join_all_drop, "join_all"};

void trale_join_all_init(trale_join_all_future *f, trale_future *const *futures, size_t count)
{
    *f = (trale_join_all_future){
        .future = {.ops = &join_all_ops}, .futures = futures, .count = count};
}

int trale_join_all(trale_future *const *futures, size_t count)
{
    trale_join_all_future f;

    trale_join_all_init(&f, futures, count);
    return (int)await_call(__func__, &f.future);
}
