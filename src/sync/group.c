/*
 * A group: the value of its word is how many tasks it has, its lock guards the list of them.
 * A member stands in the copied argument of its task, and leaves the group in the drop of the
 * task's future, which runs exactly once, whether the task ran or not.
 */
#define TRALE_NO_SPAWN_SITES
#include <errno.h>

#include <trale/group.h>

#include "base/misuse.h"
#include "core/spawn.h"
#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

struct member {
    struct trale_link link; /* L: */
    trale_task *task;
    trale_group *group;
    trale_fn *fn;
    void *arg;
};

/* Under the lock. */
static void cancel(trale_group *group, struct wake_batch *batch)
{
    struct trale_link *link;

    if (group->cancelled)
        return;
    group->cancelled = true;
    if (!group->members.next)
        return;
    for (link = group->members.next; link != &group->members; link = link->next)
        waker_claim_cancel(&container_of(link, struct member, link)->task->waker, batch);
}

static intptr_t run(void *arg)
{
    const struct member *member = arg;

    return member->fn(member->arg);
}

/* By the executor, as the task ends. The group may be gone when its lock is given up. */
static void ended(void *arg, intptr_t result)
{
    struct member *member = arg;
    trale_group *group = member->group;
    struct wake_batch batch = {0};
    int32_t value = wait_list_lock(&group->list) - 1;

    list_remove(&member->link);
    if (result < 0 && group->error == 0)
        group->error = (int)result;
    if (result < 0)
        cancel(group, &batch);
    if (value == 0)
        wait_list_grant_all(&group->list, &batch);
    wait_list_unlock(&group->list, value);
    wake_batch_deliver(&batch);
}

/* 0: the task is a member, and counted. */
static int enter(trale_group *group, trale_task *task)
{
    struct member *member = fiber_argument(task);
    int32_t value = wait_list_lock(&group->list);
    int error = group->cancelled ? -ECANCELED : value == TRALE_COUNT_MAX ? -EOVERFLOW : 0;

    member->task = task;
    if (error == 0) {
        if (!group->members.next)
            list_init(&group->members);
        list_push_back(&group->members, &member->link);
        value++;
    }
    wait_list_unlock(&group->list, value);
    return error;
}

int trale_group_spawn(trale_group *group, trale_fn *fn, void *arg)
{
    struct member member = {.group = group, .fn = fn, .arg = arg};
    struct fiber_options options = {.fn = run,
                                    .copied = &member,
                                    .copy = sizeof member,
                                    .site = spawn_site(),
                                    .ended = ended};
    trale_task *task;
    int error = group && fn ? spawn_prepare(&task, NULL, &options) : -EINVAL;

    if (error != 0)
        return error;
    error = enter(group, task);
    if (error != 0)
        spawn_abandon(task);
    else
        task_submit(task);
    return error;
}

void trale_group_cancel(trale_group *group)
{
    struct wake_batch batch = {0};
    int32_t value;

    if (!group)
        return;
    value = wait_list_lock(&group->list);
    cancel(group, &batch);
    wait_list_unlock(&group->list, value);
    wake_batch_deliver(&batch);
}

void trale_group_check(trale_group *group)
{
    if (group && word_value(wait_list_word(&group->list)) != 0)
        misuse(__func__, "a block with a group was left before the group's tasks had ended: call "
                         "trale_group_wait first");
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_group_wait_future *f = container_of(self, trale_group_wait_future, future);
    trale_waker *waker = trale_context_waker(cx);
    trale_group *group = f->group;
    bool over, vain = wait_is_vain();
    int32_t value;

    if (!group)
        return future_ready(self, -EINVAL);
    value = wait_list_lock(&group->list);
    over = f->waiter.granted || value == 0;
    if (over && f->waiter.list)
        wait_list_leave(&f->waiter);
    if (over) {
        self->output = group->error;
        group->error = 0;
        group->cancelled = false;
    } else if (!vain) {
        wait_list_join(&group->list, &f->waiter, waker);
    }
    wait_list_unlock(&group->list, value);
    if (over)
        return TRALE_READY;
    return vain ? future_ready(self, -ESHUTDOWN) : TRALE_PENDING;
}

static void wait_drop(trale_future *self)
{
    trale_group_wait_future *f = container_of(self, trale_group_wait_future, future);
    struct wake_batch batch = {0};
    int32_t value;

    if (!f->waiter.list)
        return;
    value = wait_list_lock(&f->group->list);
    wait_list_leave(&f->waiter);
    cancel(f->group, &batch);
    wait_list_unlock(&f->group->list, value);
    wake_batch_deliver(&batch);
}

const struct trale_future_ops group_wait_ops = {wait_poll, wait_drop, "group_wait"};

void trale_group_wait_init(trale_group_wait_future *f, trale_group *group)
{
    *f = (trale_group_wait_future){.future = {.ops = &group_wait_ops}, .group = group};
}

/* The group is cancelled, and its end waited for. */
static bool never_withdraws(trale_future *self)
{
    trale_group_cancel(container_of(self, trale_group_wait_future, future)->group);
    return false;
}

int trale_group_wait(trale_group *group)
{
    trale_group_wait_future f;

    trale_group_wait_init(&f, group);
    return (int)await_call_to_end(__func__, &f.future, never_withdraws);
}
