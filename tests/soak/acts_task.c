/* Acts on tasks: children, groups, the pool. */
#include <errno.h>

#include "soak.h"

void act_yield(struct actor *a)
{
    got(a, trale_yield());
}

intptr_t join_always(trale_task *task)
{
    trale_scope shield;
    intptr_t result = -EIO;

    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    must(trale_join(task, &result) == 0);
    trale_scope_leave(&shield);
    return result;
}

/* A cousin on any executor of any runtime; timeless, there is one only. */
trale_spawn_options anywhere(struct actor *a)
{
    trale_spawn_options options = {0};
    trale_metrics metrics;
    uint32_t which = draw(a, RUNTIME_COUNT + 1);

    if (a->timeless || which == RUNTIME_COUNT)
        return options;
    options.runtime = arena.runtimes[which];
    must(trale_metrics_read(options.runtime, &metrics) == 0);
    options.executor = draw(a, metrics.executors + 1);
    return options;
}

static intptr_t be_child(void *arg)
{
    struct actor *a = arg;

    if (chance(a, 2))
        act_lock(a);
    else
        act_yield(a);
    right(FIBERS, 1);
    return 7;
}

static void end_child(intptr_t result, bool cancelled)
{
    must(result == 7 || (result == -ECANCELED && cancelled));
    right(FIBERS, result != 7);
    tally(UNBEGUN, result != 7);
}

/* It uses what is the parent's, so the parent waits to its end. */
void act_child(struct actor *a)
{
    struct actor child = *a;
    trale_spawn_options options = anywhere(a);
    bool cancelled = chance(a, 2);
    intptr_t result = -EIO;
    trale_task *task;

    child.random ^= 0x777777;
    must(trale_spawn_with(&task, &options, be_child, &child) == 0);
    left(FIBERS, 1);
    if (cancelled)
        trale_cancel(task);
    if (!got(a, trale_join(task, &result)))
        result = join_always(task);
    end_child(result, cancelled);
}

void act_block_on(struct actor *a)
{
    struct actor child = *a;
    intptr_t result = -EIO;

    child.random ^= 0x888888;
    if (!got(a, trale_block_on(be_child, &child, &result)))
        return;
    left(FIBERS, 1);
    end_child(result, true);
}

/* Members: a group's tasks have all ended when the wait for it returns. */

struct member {
    struct actor actor;
    bool fails;
    atomic_int *here;
};

static intptr_t be_member(void *arg)
{
    struct member *member = arg;

    left(MEMBERS, 1);
    atomic_fetch_add(member->here, 1);
    for (uint32_t n = draw(&member->actor, 3); n > 0; n--)
        act_yield(&member->actor);
    atomic_fetch_sub(member->here, 1);
    right(MEMBERS, 1);
    return member->fails ? -ENOTUNIQ : 0;
}

void act_group(struct actor *a)
{
    struct member members[4];
    atomic_int here = 0;
    trale_group group = {0};
    uint32_t count = 1 + draw(a, 4);
    bool fails = false, cancelled = chance(a, 4);
    int error = 0;

    for (uint32_t i = 0; i < count && error == 0; i++) {
        members[i] = (struct member){*a, chance(a, 8), &here};
        members[i].actor.random ^= i + 1;
        fails = fails || members[i].fails;
        error = trale_group_spawn(&group, be_member, &members[i]);
        must(error == 0 || error == -ECANCELED);
    }
    if (cancelled)
        trale_group_cancel(&group);
    error = trale_group_wait(&group);
    must(atomic_load(&here) == 0);
    must(error == 0 || error == -ECANCELED || (error == -ENOTUNIQ && fails));
    trace(a, error);
    trale_group_check(&group);
}

/* The pool. */

static intptr_t be_job(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return 3;
}

void act_blocking(struct actor *a)
{
    atomic_int runs = 0;
    intptr_t result;

    left(JOBS, 1);
    result = trale_blocking(be_job, &runs);
    must(result == 3 || result == -ECANCELED || result == -ETIMEDOUT || result == -EAGAIN);
    must(runs == (result == 3));
    right(JOBS, 1);
    if (result != -EAGAIN)
        got(a, result);
}

/* All of them; of those that were cut short each says whether it was. */
void act_join_all(struct actor *a)
{
    trale_event_wait_future wait;
    trale_yield_future yield;
    trale_channel_recv_future receive;
    long item = 0;

    trale_event_wait_init(&wait, &arena.event);
    trale_yield_init(&yield);
    trale_channel_recv_init(&receive, any_channel(a), &item);
    got(a, TRALE_JOIN_ALL(&wait.future, &yield.future, &receive.future));
    right(NOTES, wait.future.output == 0);
    if (receive.future.output == 0)
        note_received(a, item);
}
