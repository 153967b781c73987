/* Wait group: the value is how many are not done; at 0 everybody is let through. */
#include <errno.h>

#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

/* 0, or -ERANGE if the value would leave the range. */
static int change(struct trale_wait_list *l, int32_t by)
{
    enum word_changed changed = word_change(wait_list_word(l), by, 0, TRALE_COUNT_MAX);
    struct wake_batch batch = {0};
    int32_t value;
    bool fits;

    if (changed != WORD_BUSY)
        return changed == WORD_CHANGED ? 0 : -ERANGE;
    value = wait_list_lock(l);
    fits = value + by >= 0 && value + by <= TRALE_COUNT_MAX;
    if (fits)
        value += by;
    if (value == 0)
        wait_list_grant_all(l, &batch);
    wait_list_unlock(l, value);
    wake_batch_deliver(&batch);
    return fits ? 0 : -ERANGE;
}

int trale_wait_group_add(trale_wait_group *group, unsigned count)
{
    if (!group)
        return -EINVAL;
    return count <= TRALE_COUNT_MAX && change(&group->list, (int32_t)count) == 0 ? 0 : -EOVERFLOW;
}

int trale_wait_group_done(trale_wait_group *group)
{
    return group && change(&group->list, -1) == 0 ? 0 : -EINVAL;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_wait_group_wait_future *f = container_of(self, trale_wait_group_wait_future, future);
    trale_waker *waker = trale_context_waker(cx);
    struct trale_wait_list *l;
    int32_t value;
    bool pending, vain;

    if (!f->group)
        return future_ready(self, -EINVAL);
    l = &f->group->list;
    if (!f->waiter.list && word_value(wait_list_word(l)) == 0)
        return future_ready(self, 0);
    value = wait_list_lock(l);
    pending = !f->waiter.granted && value != 0;
    vain = pending && !f->waiter.list && wait_is_vain();
    if (pending && !vain)
        wait_list_join(l, &f->waiter, waker);
    else if (f->waiter.list)
        wait_list_leave(&f->waiter);
    wait_list_unlock(l, value);
    if (vain)
        return future_ready(self, -ESHUTDOWN);
    return pending ? TRALE_PENDING : future_ready(self, 0);
}

static void wait_drop(trale_future *self)
{
    struct trale_waiter *w = &container_of(self, trale_wait_group_wait_future, future)->waiter;
    struct trale_wait_list *l = w->list;
    int32_t value;

    if (!l)
        return;
    value = wait_list_lock(l);
    wait_list_leave(w);
    wait_list_unlock(l, value);
}

const struct trale_future_ops wait_group_wait_ops = {wait_poll, wait_drop, "wait_group_wait"};

void trale_wait_group_wait_init(trale_wait_group_wait_future *f, trale_wait_group *group)
{
    *f = (trale_wait_group_wait_future){.future = {.ops = &wait_group_wait_ops}, .group = group};
}

int trale_wait_group_wait(trale_wait_group *group)
{
    trale_wait_group_wait_future f;

    if (group && await_at_once(__func__) && word_value(wait_list_word(&group->list)) == 0)
        return 0;
    trale_wait_group_wait_init(&f, group);
    return (int)await_call(__func__, &f.future);
}
