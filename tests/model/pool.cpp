/*
 * The pool of threads for what blocks: src/core/pool.c as it is. A thread that it starts is one of
 * Relacy's that has waited for that; one that has left may be started again.
 */
#include "kernel.hpp"

#include "base/list.h"

#define CORE_POOL_H
#define CORE_PROCESS_H
#define CORE_THREAD_START_H
#define BASE_MISUSE_H
#define TRALE_SEC INT64_C(1000000000)

enum pool_lane { POOL_WORK, POOL_NAMES, POOL_LANES };
enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct trale_job {
    trale_link link;
    intptr_t (*run)(trale_job *);
    void (*free)(trale_job *);
    model::plain<intptr_t> result; /* the other fields are what the lock guards */
    trale_waker *waker = nullptr;
    enum job_state state = JOB_QUEUED;
    bool abandoned = false;
    enum pool_lane lane = POOL_WORK;
};

namespace model
{
namespace
{

enum { LENT_A_THREAD, REFUSED, LEFT, TAKEN_BACK, RAN, WITHDRAWN };

struct pool_base {
    /* By thread: how often it was started, and how often it ended. */
    unsigned started[max_threads] = {}, ended[max_threads] = {};
    int first_thread = max_threads; /* of the pool's; the others are its callers */
    bool detached[max_threads] = {};
    unsigned owed = 0; /* threads that nobody has joined or detached */
    bool quit = false;
    bool exits = false;
    struct {
        bool task = true, polling = false;
        void *scope = nullptr;
        trale_waker *waker = nullptr;
    } this_thread;

    void look()
    {
        announce(this, true);
        rl::ctx().sched();
    }
    int start(pthread_t *thread)
    {
        look();
        for (int i = first_thread; i < rl::ctx().get_thread_count(); i++)
            if (started[i] == ended[i]) {
                detached[i] = false;
                owed++;
                *thread = ++started[i] * max_threads + i;
                wake_one(&started[i], RL_INFO);
                reached(LENT_A_THREAD);
                return 0;
            }
        reached(REFUSED);
        return -EAGAIN;
    }
    pthread_t self()
    {
        unsigned i = rl::thread_index();

        return started[i] * max_threads + i;
    }
    void detach(pthread_t thread)
    {
        detached[thread % max_threads] = true;
        owed--;
    }
    void await_end(pthread_t thread)
    {
        unsigned i = thread % max_threads;

        look();
        RL_ASSERT(!detached[i]);
        while (ended[i] < thread / max_threads) {
            sleep_on(&ended[i], RL_INFO);
            look();
        }
        owed--;
    }
    /* Those that are detached have no more to do than to return. */
    unsigned alive() const
    {
        unsigned n = 0;

        for (int i = 0; i < max_threads; i++)
            n += detached[i] ? 0 : started[i] - ended[i];
        return n;
    }
    void end_unused()
    {
        look();
        quit = true;
        for (unsigned &s : started)
            wake_one(&s, RL_INFO);
    }
    template <typename F> void be_thread(F main)
    {
        unsigned i = rl::thread_index();

        for (;;) {
            look();
            if (started[i] == ended[i] && quit)
                return;
            if (started[i] == ended[i]) {
                sleep_on(&started[i], RL_INFO);
                continue;
            }
            main();
            look();
            ended[i]++;
            wake_one(&ended[i], RL_INFO);
        }
    }
};

void claim(trale_waker *waker, ::wake_batch *batch)
{
    if (static_cast<claimed_waker *>(waker)->claim())
        waker_claim(waker, batch);
}

void deliver(::wake_batch *batch)
{
    for (int i = 0; batch->wakers[i]; i++)
        static_cast<claimed_waker *>(batch->wakers[i])->deliver();
    *batch = {};
}

} // namespace
} // namespace model

#define pthread_mutex_t model::guarding_mutex
#undef PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER model::guarding_mutex()
#define pthread_mutex_lock(m) (STEP((m)->take()), (m)->touch())
#define pthread_mutex_unlock(m) ((m)->touch(), STEP((m)->give()))
#define atomic_fetch_add(a, value) atomic_fetch_add_explicit(a, value, memory_order_seq_cst)
#define pthread_self() self()
#define pthread_detach(thread) STEP(detach(thread))
#define pthread_join(thread, result) STEP(await_end(thread))
#define thread_start(thread, main, arg) start(thread)
#define thread_main(...) thread_main(any_pointer arg)
#define thread_name(name) ((void)(name))
#define thread_unblock_signals() ((void)0)
#define process_watch() 0
#define process_exits() exits
#define process_generation() 0u
#define misuse(...) abort()
#define trale_waker_wake(waker) ((void)(waker))
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define waker_claim(waker, batch) STEP(model::claim(waker, batch))
#define wake_batch_deliver(batch) STEP(model::deliver(batch))
#define futex_wake(word) STEP(futex_wake(word))
#define futex_wake_all(word) STEP(futex_wake_all(word))
#define static
#define _Thread_local
/* Its variables are new in every run. */
#pragma GCC diagnostic ignored "-Wshadow"
namespace
{
struct pool : model::pool_base {
#include "core/pool.c"
};
} // namespace
#undef static
#undef _Thread_local
#undef thread_main
#undef pthread_mutex_lock
#undef pthread_mutex_unlock

namespace model
{
namespace
{

struct with_pool : ::pool {
    struct job : trale_job {
        shared_int memory; /* read by who uses it, written by who frees it */
        int runs = 0;
        bool freed = false;

        job()
        {
            write(memory, 0);
            run = [](trale_job *j) -> intptr_t {
                job *self = static_cast<job *>(j);
                self->runs++;
                read(self->memory);
                return 42;
            };
            free = [](trale_job *j) {
                job *self = static_cast<job *>(j);
                RL_ASSERT(!self->freed);
                self->freed = true;
                write(self->memory, -1);
            };
        }
    };
    job jobs[2];
    claimed_waker wakers[max_threads];
    int left;                   /* callers */
    bool all_waited_for = true; /* no job is left that runs */

    with_pool(int callers, int most) : left(callers)
    {
        first_thread = callers;
        lanes[POOL_WORK].limit = most;
        for (auto &l : lanes) {
            atomic_init(&l.calls, 0u);
            atomic_init(&l.leaves, 0u);
        }
    }
    struct lane &work()
    {
        return lanes[POOL_WORK];
    }
    void begin(int i)
    {
        trale_job *slot;

        RL_ASSERT(pool_begin(&slot, &jobs[i], POOL_WORK) == 0 && slot == &jobs[i]);
    }
    bool is_ready(int i)
    {
        return pool_poll(&jobs[i], &wakers[rl::thread_index()]) == TRALE_READY;
    }
    intptr_t wait(int i)
    {
        while (!is_ready(i))
            wakers[rl::thread_index()].park();
        intptr_t result = jobs[i].result;
        pool_leave(&jobs[i]);
        return result;
    }
    /* The last caller ends them all. */
    void done()
    {
        if (--left > 0)
            return;
        empty(&work());
        RL_ASSERT(alive() == 0 || !all_waited_for);
        end_unused();
    }
    void be_one()
    {
        be_thread([this] { (void)thread_main({&work()}); });
    }
    void is_settled()
    {
        const lane &l = work();

        RL_ASSERT(list_empty(&l.queue) && l.queued + l.threads + l.running + l.idle == 0);
        RL_ASSERT(l.starting + l.emptying + owed == 0 && !l.has_left);
        for (job &j : jobs)
            RL_ASSERT(j.runs <= 1 && (j.freed || j.runs == 0));
    }
};

/* Both are done, by one thread or by two. */
struct two_jobs : suite<two_jobs, 3, 1 << LENT_A_THREAD, 1>, with_pool {
    two_jobs() : with_pool(1, 2)
    {
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return be_one();
        begin(0);
        begin(1);
        RL_ASSERT(wait(0) == 42 && wait(1) == 42);
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(two_jobs, "pool: two jobs, two threads");

/* The thread may leave between them, as nothing comes for long; no other is to be had before it has
 * ended. */
struct one_after_another : suite<one_after_another, 2, 1 << LENT_A_THREAD | 1 << LEFT, 3>,
                           with_pool {
    one_after_another() : with_pool(1, 1)
    {
        timeouts_left[1] = 1;
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return be_one();
        for (int i = 0; i < 2; i++) {
            begin(i);
            intptr_t result = wait(i);
            RL_ASSERT(result == 42 || (i == 1 && result == -EAGAIN));
        }
        if (started[1] == 2)
            reached(LEFT);
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(one_after_another, "pool: two jobs one after the other, the thread is idle");

/* It is freed by who leaves it, or at its end. */
struct abandoned : suite<abandoned, 2, 1 << RAN | 1 << WITHDRAWN, 3>, with_pool {
    abandoned() : with_pool(1, 1)
    {
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return be_one();
        begin(0);
        is_ready(0);
        pool_leave(&jobs[0]);
        all_waited_for = false;
        done();
    }
    void after()
    {
        reached(jobs[0].runs ? RAN : WITHDRAWN);
        RL_ASSERT(jobs[0].freed);
        is_settled();
    }
};
SCENARIO(abandoned, "pool: a job is left");

/* Fewer threads are wanted, and more again. */
struct limited : suite<limited, 3, 1 << LENT_A_THREAD | 1 << LEFT, 2>, with_pool {
    limited() : with_pool(1, 2)
    {
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return be_one();
        begin(0);
        RL_ASSERT(trale_blocking_limit(1) == 0);
        begin(1);
        RL_ASSERT(wait(0) == 42);
        RL_ASSERT(trale_blocking_limit(2) == 0);
        RL_ASSERT(wait(1) == 42);
        reached(LEFT);
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(limited, "pool: two jobs, fewer threads are allowed");

/* Only one thread is to be had, or none. */
struct none_to_be_had : suite<none_to_be_had, 3, 1 << REFUSED | 1 << RAN | 1 << WITHDRAWN, 2>,
                        with_pool {
    none_to_be_had() : with_pool(2, 2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 2)
            return be_one();
        begin(index);
        RL_ASSERT(wait(index) == 42);
        reached(RAN);
        if (pool_withdraw(nullptr))
            reached(WITHDRAWN);
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(none_to_be_had, "pool: two call, one thread is to be had");

/* Whoever is the last to find that tells all who wait; also one who allows more. */
struct no_thread : suite<no_thread, 2, 1 << REFUSED, 3>, with_pool {
    no_thread() : with_pool(2, 1)
    {
    }
    void thread(unsigned index)
    {
        begin(index);
        if (index == 1)
            RL_ASSERT(trale_blocking_limit(2) == 0);
        RL_ASSERT(wait(index) == -EAGAIN);
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(no_thread, "pool: two call, no thread is to be had");

/* The threads are sent away while a job comes. */
struct emptied : suite<emptied, 3, 1 << LENT_A_THREAD, 2>, with_pool {
    emptied() : with_pool(2, 1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 2)
            return be_one();
        if (index == 0) {
            empty(&work());
        } else {
            begin(0);
            RL_ASSERT(wait(0) == 42);
        }
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(emptied, "pool: one calls, all idle threads are sent away");

/* The same, and the thread that it needs is not to be had. */
struct emptied_without : suite<emptied_without, 2, 1 << REFUSED, 3>, with_pool {
    emptied_without() : with_pool(2, 1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            empty(&work());
        } else {
            begin(0);
            RL_ASSERT(wait(0) == -EAGAIN);
        }
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(emptied_without, "pool: one calls and gets no thread, all are sent away");

/* The process exits: what has begun is done, and nobody waits in vain for the rest. */
struct at_exit : suite<at_exit, 3, 1 << RAN | 1 << WITHDRAWN | 1 << REFUSED, 2>, with_pool {
    at_exit() : with_pool(2, 1)
    {
    }
    void thread(unsigned index)
    {
        trale_job *slot;
        intptr_t result;

        if (index == 2)
            return be_one();
        if (index == 0) {
            look();
            exits = true;
            pool_exit();
        } else if (pool_begin(&slot, &jobs[0], POOL_WORK) == 0) {
            result = wait(0);
            RL_ASSERT(result == 42 || result == -ESHUTDOWN);
            reached(result == 42 ? RAN : WITHDRAWN);
        } else {
            reached(REFUSED);
        }
        done();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(at_exit, "pool: one calls while the process exits");

} // namespace
} // namespace model
