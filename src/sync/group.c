/*
 * A group: the value of its word is how many tasks it has, its lock guards the list of them.
 * A member stands in the copied argument of its task, and leaves the group in the drop of the
 * task's future, which runs exactly once, whether the task ran or not.
 */
#define TRALE_NO_SPAWN_SITES
#include <errno.h>
#include <limits.h>

#include <trale/group.h>

#include "base/misuse.h"
#include "core/runtime.h"
#include "core/spawn.h"
#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"
#include "task/thread_waker.h"

struct member {
    struct trale_link link; /* L: */
    trale_task *task;
    trale_group *group;
    trale_fn *fn;
    void *arg;
};

/* Under the lock. True: that stopped somebody. */
static bool cancel(trale_group *group, struct wake_batch *batch)
{
    struct trale_link *link;

    if (group->cancelled)
        return false;
    group->cancelled = true;
    if (!group->members.next)
        return false;
    for (link = group->members.next; link != &group->members; link = link->next)
        waker_claim_cancel(&container_of(link, struct member, link)->task->waker, batch);
    return !list_empty(&group->members);
}

static intptr_t run(void *arg)
{
    const struct member *member = (const struct member *)arg;

    return member->fn(member->arg);
}

/* By the executor, as the task ends. The group may be gone when its lock is given up. */
static void ended(void *arg, intptr_t result)
{
    struct member *member = (struct member *)arg;
    trale_group *group = member->group;
    struct wake_batch batch = {0};
    int32_t value = wait_list_lock(&group->list) - 1;

    list_remove(&member->link);
    if (result < 0 && group->error == 0)
        group->error = result < INT_MIN ? INT_MIN : (int)result;
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
    int error = group && fn ? 0 : -EINVAL;

    /* What a plain thread needs to wait comes first: once it has tasks, its wait must not fail. */
    if (error == 0 && !this_thread.task && !thread_waker())
        error = -ENOMEM;
    if (error == 0)
        error = spawn_prepare(&task, NULL, &options);
    if (error != 0)
        return error;
    error = enter(group, task);
    if (error != 0)
        spawn_abandon(task);
    else
        runtime_send(task);
    return error;
}

static bool cancel_all(trale_group *group)
{
    struct wake_batch batch = {0};
    int32_t value = wait_list_lock(&group->list);
    bool stopped = cancel(group, &batch);

    wait_list_unlock(&group->list, value);
    wake_batch_deliver(&batch);
    return stopped;
}

void trale_group_cancel(trale_group *group)
{
    if (group)
        cancel_all(group);
}

void trale_group_check(trale_group *group)
{
    if (group && word_value(wait_list_word(&group->list)) != 0)
        misuse(__func__, "a block with a group was left before the group's tasks had ended: call "
                         "trale_group_wait first");
}

/* Is it one of them who would wait for his own end? */
static bool is_member(const trale_group *group)
{
    const trale_task *task = this_thread.task;

    return task && fiber_ends_by(task, ended) &&
           ((const struct member *)fiber_argument(task))->group == group;
}

/* Under the lock: the group is as new, and its error the caller's. */
static int renew(trale_group *group)
{
    int error = group->error;

    group->error = 0;
    group->cancelled = false;
    return error;
}

static enum trale_poll over(trale_group_wait_future *f, int error)
{
    f->group = NULL; /* the drop has nothing to cancel */
    return future_ready(&f->future, error);
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_group_wait_future *f = container_of(self, trale_group_wait_future, future);
    bool vain = !f->waiter.list && wait_is_vain();
    trale_group *group = f->group;
    int error = -ESHUTDOWN;
    int32_t value;

    if (!group || is_member(group))
        return over(f, group ? -EDEADLK : -EINVAL);
    value = wait_list_lock(&group->list);
    /* Let through, but somebody came since: it begins again. */
    if (f->waiter.list && (value == 0 || f->waiter.granted))
        wait_list_leave(&f->waiter);
    if (value == 0)
        error = renew(group);
    else if (!vain)
        wait_list_join(&group->list, &f->waiter, trale_context_waker(cx));
    wait_list_unlock(&group->list, value);
    return value == 0 || vain ? over(f, error) : TRALE_PENDING;
}

static void wait_drop(trale_future *self)
{
    trale_group_wait_future *f = container_of(self, trale_group_wait_future, future);
    struct wake_batch batch = {0};
    int32_t value;

    if (!f->group)
        return;
    value = wait_list_lock(&f->group->list);
    if (f->waiter.list)
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

/* The group is cancelled, and its end waited for. If it is the deadline that stopped somebody, the
 * scope says so. */
static bool never_withdraws(trale_future *self)
{
    trale_group *group = container_of(self, trale_group_wait_future, future)->group;

    if (group && cancel_all(group))
        await_verdict();
    return false;
}

int trale_group_wait(trale_group *group)
{
    trale_group_wait_future f;

    trale_group_wait_init(&f, group);
    return (int)await_call_to_end(__func__, &f.future, never_withdraws);
}
