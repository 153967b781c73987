/*
 * Groups: src/sync/group.c as it is. Members run on threads of their own, fail, are cancelled and
 * end; one waits for them, and what it waited on is gone as soon as it returns.
 */
#include "future.hpp"
#include "wait_list.hpp"

#include <climits>
#include <cstdlib>

/* In place of <trale/group.h> and of what group.c includes. */
#define TRALE_GROUP_H
#define BASE_MISUSE_H
#define CORE_RUNTIME_H
#define CORE_SPAWN_H
#define SYNC_OPS_H
#define TASK_THREAD_WAKER_H

using trale_fn = intptr_t(void *arg);

struct trale_group {
    trale_wait_list list;
    trale_link members;
    model::plain<int> error;
    model::plain<bool> cancelled;
};

struct trale_group_wait_future {
    trale_future future;
    model::plain<trale_group *> group;
    trale_waiter waiter;
};

/* What is copied into a task, and how its type says. */
struct copied_argument {
    const void *from;
    void (*copy)(void *, const void *);
    void (*destroy)(void *);

    template <typename T>
    copied_argument(T *argument)
        : from(argument),
          copy([](void *to, const void *t) { ::new (to) T(*static_cast<const T *>(t)); }),
          destroy([](void *t) { static_cast<T *>(t)->~T(); })
    {
    }
};

/* Who runs it, the copied argument, and what became of it. */
#define trale_task member_task
struct trale_task {
    model::sync_waker waker;
    alignas(16) char argument[128];
    void (*destroy)(void *) = nullptr;
    void (*ended)(void *, intptr_t);
    model::plain<bool> gone;
    bool cancelled = false, abandoned = false, submitted = false;

    ~trale_task()
    {
        if (destroy)
            destroy(argument);
    }
};

struct fiber_options {
    trale_fn *fn;
    copied_argument copied;
    size_t copy;
    const char *site;
    void (*ended)(void *, intptr_t);
};

/* Converts to any pointer, as void * does in C. */
struct any_pointer {
    void *pointer;

    template <typename T> operator T *() const
    {
        return static_cast<T *>(pointer);
    }
};

namespace model
{

/* The members of a scenario, by the order of their spawns; and by thread, who it is. */
static trale_task *tasks;
static int spawned;
static struct {
    trale_task *task;
} identity[max_threads];

static int make(trale_task **task, const fiber_options &o)
{
    *task = &tasks[spawned++];
    o.copied.copy((*task)->argument, o.copied.from);
    (*task)->destroy = o.copied.destroy;
    (*task)->ended = o.ended;
    return 0;
}

static void submit(trale_task *task, bool abandoned)
{
    announce(&task->waker, true);
    rl::ctx().sched();
    (abandoned ? task->abandoned : task->submitted) = true;
    wake_one(&task->waker, RL_INFO);
}

} // namespace model

/* state_cancel of a task that has been freed would be too late. */
static void waker_claim_cancel(trale_waker *waker, wake_batch *batch)
{
    trale_task *task = container_of(waker, trale_task, waker);

    RL_ASSERT(!task->gone);
    task->cancelled = true;
    waker_claim(waker, batch);
}

static any_pointer fiber_argument(const trale_task *task)
{
    return {const_cast<char *>(task->argument)};
}

static bool fiber_ends_by(const trale_task *task, void (*ended)(void *, intptr_t))
{
    return task->ended == ended;
}

static intptr_t await_call_to_end(const char *, trale_future *, bool (*)(trale_future *))
{
    abort();
}

static int await_verdict()
{
    return 0;
}

#define this_thread (model::identity[rl::thread_index()])
#define thread_waker() true
#define spawn_site() nullptr
#define spawn_prepare(task, options, fiber) model::make(task, *(fiber))
#define spawn_abandon(task) model::submit(task, true)
#define runtime_send(task) model::submit(task, false)
#define misuse(function, sentence) abort()
#define wait_list_grant_all(l, batch) STEP(wait_list_grant_all(l, batch))
#define list_init(head) STEP(list_init(head))
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define waker_claim_cancel(task, batch) STEP(waker_claim_cancel(task, batch))
#include "wait_steps.hpp"
#include "sync/group.c"

namespace model
{
namespace
{

enum { CANCELLED, REFUSED, BEGAN_AGAIN };

static intptr_t unused(void *)
{
    abort();
}

struct with_group : with_wakers {
    trale_group group;
    trale_group_wait_future future;
    trale_task members[2];

    with_group()
    {
        atomic_init(&group.list.word, 0u);
        tasks = members;
        spawned = 0;
        for (auto &i : identity)
            i.task = nullptr;
    }
    int spawn()
    {
        return trale_group_spawn(&group, unused, nullptr);
    }
    int wait()
    {
        trale_group_wait_init(&future, &group);
        return (int)with_wakers::wait(future);
    }
    /* What was waited on is somebody else's memory now. */
    void free_group()
    {
        RL_ASSERT(group.list.word.cell.debug_value() == 0);
        RL_ASSERT(group.list.granted == 0 && !wait_list_first(&group.list));
        group.list.granted = -1;
        group.error = -1;
        group.cancelled = true;
        group.members.next = NULL;
        group.list.word.freed = true;
    }
    /* The executor of one: false, if it never runs. */
    bool begins(trale_task &t)
    {
        announce(&t.waker, true);
        rl::ctx().sched();
        while (!t.submitted && !t.abandoned) /* a cancel wakes it, too */
            sleep_on(&t.waker, RL_INFO);
        if (t.abandoned)
            reached(REFUSED);
        return t.submitted;
    }
    void until_cancelled(trale_task &t)
    {
        for (;;) {
            announce(&t.waker, true);
            rl::ctx().sched();
            if (t.cancelled)
                return reached(CANCELLED);
            t.waker.park();
        }
    }
    void end(trale_task &t, intptr_t result)
    {
        t.ended(t.argument, result);
        t.gone = true;
    }
    void run_to_cancel(trale_task &t)
    {
        if (!begins(t))
            return;
        until_cancelled(t);
        end(t, -ECANCELED);
    }
};

/* One of two fails, and the other one would run for ever. */
struct one_fails : suite<one_fails, 3, 1 << CANCELLED | 1 << REFUSED, 2>, with_group {
    void thread(unsigned index)
    {
        if (index == 1) {
            RL_ASSERT(begins(members[0]));
            return end(members[0], -5);
        }
        if (index == 2)
            return run_to_cancel(members[1]);
        RL_ASSERT(spawn() == 0);
        int second = spawn();
        RL_ASSERT(second == 0 || second == -ECANCELED);
        RL_ASSERT(wait() == -5);
        free_group();
    }
};
SCENARIO(one_fails, "group: one of two fails, the group is freed");

/* Two end at once, one of them well, and the last one lets the wait return. */
struct both_end : suite<both_end, 3, 0, 2>, with_group {
    void before()
    {
        RL_ASSERT(spawn() == 0 && spawn() == 0);
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return end(members[index - 1], index == 1 ? 5 : -5);
        RL_ASSERT(wait() == -5);
        free_group();
    }
};
SCENARIO(both_end, "group: two end, the group is freed");

/* Somebody else cancels it: before the spawn, or while it is waited for. */
struct cancelled_by_another : suite<cancelled_by_another, 3, 1 << CANCELLED | 1 << REFUSED, 3>,
                              with_group {
    void thread(unsigned index)
    {
        if (index == 1)
            return run_to_cancel(members[0]);
        if (index == 2)
            return trale_group_cancel(&group);
        int error = spawn();
        RL_ASSERT(error == 0 || error == -ECANCELED);
        RL_ASSERT(wait() == (error == 0 ? -ECANCELED : 0));
        free_group();
    }
};
SCENARIO(cancelled_by_another, "group: cancelled by another, the group is freed");

/* The wait is given up, which cancels; the next one gets the error. */
struct wait_given_up : suite<wait_given_up, 2, 1 << CANCELLED>, with_group {
    void before()
    {
        RL_ASSERT(spawn() == 0);
    }
    void thread(unsigned index)
    {
        if (index == 1)
            return run_to_cancel(members[0]);
        trale_group_wait_init(&future, &group);
        RL_ASSERT(poll(&future.future) == TRALE_PENDING);
        RL_ASSERT(withdraw(future) == -ECANCELED);
        RL_ASSERT(wait() == -ECANCELED);
        /* As new. */
        RL_ASSERT(!group.cancelled && group.error == 0);
        free_group();
    }
};
SCENARIO(wait_given_up, "group: a wait is given up, then waited again");

/* Let through, but somebody came since. */
struct one_comes_late : suite<one_comes_late, 3, 1 << BEGAN_AGAIN, 3>, with_group {
    void before()
    {
        RL_ASSERT(spawn() == 0);
    }
    void thread(unsigned index)
    {
        if (index == 1)
            return end(members[0], 0);
        if (index == 2) {
            RL_ASSERT(spawn() == 0);
            return end(members[1], 0);
        }
        int polls = 1;
        trale_group_wait_init(&future, &group);
        for (; poll(&future.future) == TRALE_PENDING; polls++)
            waker().park();
        if (polls > 2)
            reached(BEGAN_AGAIN);
        RL_ASSERT(future.future.output == 0);
        trale_future_drop(&future.future);
    }
    void after()
    {
        free_group();
    }
};
SCENARIO(one_comes_late, "group: one ends, one comes late");

} // namespace
} // namespace model
