/*
 * For scenarios of the reactor: src/core/{io_source,reactor,timer_queue}.c and base/pairing_heap.c as
 * they are (reactor.cpp compiles them), over the kernel in miniature.
 */
#ifndef MODEL_REACTOR_HPP
#define MODEL_REACTOR_HPP

#include "kernel.hpp"

struct trale_job;
struct trale_io;
struct trale_timer_queue;

namespace model
{

/* Written atomically, and read as a plain field under the lock that all writers have. */
template <typename T> struct published : atomic<T> {
    published()
    {
        atomic_init(this, T());
    }
    operator T() const
    {
        quiet under_the_lock;

        return atomic_load_explicit(this, memory_order_relaxed);
    }
};

} // namespace model

/* In place of <trale/io.h>. */
#define TRALE_IO_H

struct trale_io_waiter {
    trale_link link;
    model::plain<trale_waker *> waker;
    model::plain<trale_io *> io;
    trale_job *job = nullptr;
    model::plain<unsigned> interest;
    model::published<bool> linked;
};

int trale_close(trale_io *io);

/* Of <trale/base.h>. */
struct trale_timer {
    model::plain<int64_t> deadline;
    model::plain<uint64_t> order;
    model::plain<trale_timer *> child, next, prev;
    model::plain<trale_waker *> waker;
    model::plain<trale_timer_queue *> queue;
    model::published<unsigned> place;
};

/* In place of core/executor.h. */
#define CORE_EXECUTOR_H
struct executor {
    struct {
        struct inbox inbox;
    } queue;
};

/* In place of base/lock.h, which has scenarios of its own. */
#define BASE_LOCK_H
#define lock guarding_lock
struct lock {
    model::guarding_mutex word;
};
inline void atomic_init(model::guarding_mutex *m, int)
{
    m->init();
}

#define NEAR_SLOTS 64
#define pthread_mutex_t model::guarding_mutex
#define SOURCE_FOUND_MANY 2
#include "core/reactor.h"
#undef pthread_mutex_t
#undef lock

namespace model
{

extern reactor *current_reactor; /* for who registers; NULL: there is none to be had */
extern unsigned generation;      /* of fork */
extern guarding_mutex *process_mutex;
extern claimed_waker *reactor_thread; /* woken as it ends */

/* One io that is one descriptor; it is freed once, and whoever comes by then is too late. */
struct open_io {
    trale_io io;
    bool freed = false;
    shared_int memory; /* read by who uses it, written by who frees it */

    void open(int fd);
};

/* The reactors, whose executor never is awake: it has nothing to do. */
struct with_reactors {
    kernel k;
    claimed_waker wakers[max_threads];
    guarding_mutex process;
    ::executor parked;
    reactor reactors[2];
    trale_io_waiter waiters[max_threads];

    with_reactors();

    claimed_waker &waker()
    {
        return wakers[rl::thread_index()];
    }
    /* Of reactor_destroy: what concerns timers; a reactor_turn_for that does not get the baton. */
    static void evict(reactor &r);
    static void expire(reactor &r);
    static void run(reactor &r); /* its thread */
    static void stand_by_and_run(reactor &r);
    /* Wakes that have nothing to do with it come, too. */
    void wake_in_vain(claimed_waker &w)
    {
        if (w.claim())
            w.deliver();
    }
    /* What an operation on the io is tried with. */
    struct wish {
        unsigned direction;
        int tries;
    };
    static inline bool datagrams; /* are what the io receives */
    static intptr_t attempt(const trale_io *io, void *operation, bool *drained);

    /* The poll of an operation, by a thread; that is it itself, once they run. */
    trale_poll poll_io(trale_io &io, wish &w, intptr_t &output, int who);
    intptr_t wait_for(trale_io &io, unsigned direction);
    static intptr_t try_now(trale_io &io); /* to read */
    /* Before the threads run: one that waits. */
    void begin_wait(trale_io &io, unsigned direction, int who);
    /* Its waiter belongs to somebody else from now on. */
    void forget();
};

/* One thread is a reactor, until all that is to happen has. */
struct until_over : with_reactors {
    int left; /* threads that have something to do */
    bool over = false;

    explicit until_over(int others) : left(others)
    {
    }
    void turn_until_over(reactor &r)
    {
        while (!over)
            reactor_turn(&r, true);
    }
    /* The last one stops the reactor. */
    void done(reactor &r)
    {
        if (--left > 0)
            return;
        over = true;
        poller_interrupt(&r.poller);
    }
};

} // namespace model

#endif
