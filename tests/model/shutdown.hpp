/*
 * For scenarios of the end of a runtime: src/core/runtime_tasks.c and runtime_end.c as they are, and a
 * runtime in miniature, with one executor.
 */
#ifndef MODEL_SHUTDOWN_HPP
#define MODEL_SHUTDOWN_HPP

#include "future.hpp"

#include <climits>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
#pragma GCC diagnostic ignored "-Wunused-function"

#define TRALE_RUNTIME_H
#define TRALE_NEVER INT64_MAX
#define BASE_CLOCK_H
#define CORE_OPS_H
#define CORE_RUNTIME_H
#define CORE_PROCESS_H

#define trale_runtime ended_runtime
#define executor ended_executor

struct trale_runtime;

/* A deadline never passes here by itself. */
struct trale_timer {
    int64_t deadline;
};
struct no_timers {
};

struct trale_runtime_wait_future {
    trale_future future;
    trale_runtime *runtime;
    trale_link link;
    model::plain<trale_waker *> waker;
    model::plain<bool> linked;
};

struct trale_runtime_free_future {
    trale_future future;
    int64_t deadline;
    bool begun;
    trale_runtime_wait_future wait;
    trale_timer timer;
};

struct executor {
    _Atomic(uint32_t) credit;
    bool threaded, is_inline;
    pthread_t thread;
    trale_runtime *runtime;
    atomic_bool cancel_wanted;
    model::sync_waker janitor; /* and whatever else there is for it */
};

struct trale_runtime {
    _Atomic(uint64_t) tasks;
    trale_link waiters, link;
    unsigned count;
    struct {
        no_timers timers;
        int poller;
    } reactor;
    struct executor executors[1];
};

#define CREDIT 2
#define CREDIT_MAX 4
#define for_each_executor(ex, rt) \
    for (struct executor *ex = (rt)->executors; ex < (rt)->executors + (rt)->count; ex++)

/* Of this file alone, like what is static. */
namespace
{
uint16_t runtime_round(const trale_runtime *rt);
bool runtime_close(trale_runtime *rt, bool round);
void runtime_reopen(trale_runtime *rt);
bool runtime_has_tasks(const trale_runtime *rt);
uint64_t runtime_count_tasks(const trale_runtime *rt);
bool runtime_wait_enlist(trale_runtime_wait_future *f, trale_waker *waker);
void runtime_wait_delist(trale_runtime_wait_future *f);
void runtime_wake_waiters(trale_runtime *rt);
void trale_runtime_wait_init(trale_runtime_wait_future *f, trale_runtime *runtime);
int trale_runtime_wait(trale_runtime *runtime);
void trale_runtime_free_init(trale_runtime_free_future *f, trale_runtime *runtime,
                             int64_t deadline);
int trale_runtime_free(trale_runtime *runtime, int64_t deadline);
} // namespace

namespace model
{

static mutex *the_lock;
static struct executor *current_executor[max_threads];
static int64_t the_time; /* when a deadline is looked at */

static void destroyed(trale_runtime *rt);
static bool process_is_exiting();
static bool waits_in_vain();

} // namespace model

static struct executor *executor_current()
{
    return model::current_executor[rl::thread_index()];
}

static bool runtime_is_here(const trale_runtime *rt)
{
    return executor_current() && executor_current()->runtime == rt;
}

/* executor.c */
static void executor_cancel_all(struct executor *ex)
{
    atomic_store(&ex->cancel_wanted, true);
    ex->janitor.wake();
}

static void runtime_destroy(trale_runtime *rt)
{
    model::destroyed(rt);
}

#define clock_now() model::the_time
#define timer_arm(queue, timer, waker) ((void)(waker))
#define timer_disarm(timer) ((void)(timer))
#define timer_pending(timer) false
#define timer_change_waker(timer, waker) ((void)(waker))
#define process_lock() STEP(model::the_lock->lock())
#define process_unlock() STEP(model::the_lock->unlock())
#define process_exits() model::process_is_exiting()
#define wait_is_vain() model::waits_in_vain()
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define waker_claim(waker, batch) STEP(waker_claim(waker, batch))
#define wake_batch_deliver(batch) STEP(wake_batch_deliver(batch))
namespace
{
#include "core/runtime_tasks.c"
#define executor_cancel_all(ex) STEP(executor_cancel_all(ex))
#define runtime_reopen(rt) STEP(runtime_reopen(rt))
#define runtime_wait_delist(f) STEP(runtime_wait_delist(f))
#include "core/runtime_end.c"
} // namespace
#undef executor_cancel_all
#undef runtime_reopen

namespace model
{
namespace
{

/* In place of the inbox: a read-modify-write sees what was put there last. */
class one_sent
{
    rl::atomic<int> cell;

  public:
    one_sent()
    {
        rl::preemption_disabler undisturbed(rl::ctx());
        cell.store(0, rl::mo_relaxed, RL_INFO);
    }
    void put()
    {
        announce(this, true);
        cell.exchange(1, rl::mo_release, RL_INFO);
    }
    bool take()
    {
        announce(this, true);
        return cell.exchange(0, rl::mo_acquire, RL_INFO) == 1;
    }
};

enum { LET_IN, REFUSED, ARRIVED_LATE, CANCELLED, FREED, TIMED_OUT };

struct with_runtime : with_wakers {
    trale_runtime rt;
    mutex lock;
    trale_runtime_wait_future waits[max_threads];
    trale_runtime_free_future frees[max_threads];
    shared_int work;    /* of the tasks, seen by who has waited for them */
    one_sent inbox;     /* a task from outside */
    uint16_t round = 0; /* its, and of the executor's own one: */
    uint16_t own_round = 0;
    bool arrived = false, own = false;
    bool freed = false;
    bool nobody_starts = false; /* a call: whoever comes by is too late */

    with_runtime()
    {
        atomic_init(&rt.tasks, (uint64_t)0);
        (list_init)(&rt.waiters);
        rt.count = 1;
        atomic_init(&rt.executors[0].credit, 0u);
        atomic_init(&rt.executors[0].cancel_wanted, false);
        rt.executors[0].runtime = &rt;
        the_lock = &lock;
        for (auto &ex : current_executor)
            ex = nullptr;
        the_time = 0;
        write(work, 0);
    }
    executor &ex()
    {
        return rt.executors[0];
    }
    /* trale_spawn, by a plain thread. */
    bool spawn()
    {
        int error = runtime_count_in(&rt, &round);

        reached(error == 0 ? LET_IN : REFUSED);
        RL_ASSERT(error == 0 || error == -ESHUTDOWN);
        if (error != 0)
            return false;
        inbox.put();
        ex().janitor.wake();
        return true;
    }
    void let_one_in()
    {
        RL_ASSERT(runtime_count_in(&rt, &round) == 0);
    }
    void spawn_here()
    {
        own = runtime_count_in(&rt, &own_round) == 0;
        reached(own ? LET_IN : REFUSED);
    }
    void end_some(unsigned ended)
    {
        write(work, read(work) + 1);
        runtime_tasks_ended(&ex(), ended, 0);
    }
    /* Tasks of an earlier round are cancelled as they arrive, and as somebody wants it. */
    void turn()
    {
        bool arrives = inbox.take();

        if (arrives && round != runtime_round(&rt)) {
            reached(ARRIVED_LATE);
            arrived = true;
            sent_over = true;
            end_some(1);
        } else if (arrives) {
            arrived = true;
        }
        if (atomic_exchange(&ex().cancel_wanted, false))
            cancel_all();
    }
    bool sent_over = false;
    void cancel_all()
    {
        uint16_t now = runtime_round(&rt);
        unsigned ended = 0;

        if (arrived && !sent_over && round != now) {
            sent_over = true;
            ended++;
        }
        if (own && own_round != now) {
            own = false;
            ended++;
        }
        reached(CANCELLED);
        if (ended > 0)
            end_some(ended);
    }
    int free_it(int64_t deadline = TRALE_NEVER)
    {
        trale_runtime_free_future &f = frees[rl::thread_index()];

        trale_runtime_free_init(&f, &rt, deadline);
        int error = (int)with_wakers::wait(&f.future);
        forget(f.wait);
        return error;
    }
    /* Its memory is somebody else's. */
    static void forget(trale_runtime_wait_future &f)
    {
        f.link.next = f.link.prev = nullptr;
        f.waker = nullptr;
    }
    int wait_for_all()
    {
        trale_runtime_wait_future &f = waits[rl::thread_index()];

        trale_runtime_wait_init(&f, &rt);
        return (int)with_wakers::wait(&f.future);
    }
    /* Its executor's thread is joined first. */
    void destroy()
    {
        RL_ASSERT(!freed && (rt.tasks.cell.debug_value() >> 1 & INT_MAX) == 0);
        RL_ASSERT(list_empty(&rt.waiters));
        freed = true;
        rt.tasks.freed = nobody_starts;
        reached(FREED);
        read(work);
    }
};

static with_runtime *of(trale_runtime *rt)
{
    return container_of(rt, with_runtime, rt);
}

} // namespace
} // namespace model

#endif
