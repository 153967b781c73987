/*
 * For scenarios of the reactor: src/core/{io_source,reactor,timer_queue}.c and base/pairing_heap.c as
 * they are (reactor.cpp compiles them), over a kernel in miniature: descriptors that are ready or
 * not, an epoll set that reports changes of that once, an eventfd, a timerfd, and a clock that
 * goes on when a scenario says so, or when all wait for it.
 *
 * Each call of the kernel is a step, and orders no memory: what C11 orders do not give is not there.
 */
#ifndef MODEL_REACTOR_HPP
#define MODEL_REACTOR_HPP

#include "future.hpp"

#define TRALE_NEVER INT64_MAX
#define TRALE_READABLE 1u
#define TRALE_WRITABLE 2u

struct trale_job;
struct trale_io;
struct trale_timer_queue;

/* Converts to any pointer, as void * does in C. */
struct any_pointer {
    void *pointer;

    template <typename T> operator T *() const
    {
        return static_cast<T *>(pointer);
    }
};

/* In place of <trale/io.h>. */
#define TRALE_IO_H

struct trale_io_waiter {
    trale_link link;
    model::plain<trale_waker *> waker;
    model::plain<trale_io *> io;
    trale_job *job = nullptr;
    model::plain<unsigned> interest;
    model::plain<bool> linked;
};

int trale_close(trale_io *io);

namespace model
{

/* Written atomically, and read as a plain field under the lock that all writers have. */
struct published : atomic<unsigned> {
    published()
    {
        atomic_init(this, 0u);
    }
    operator unsigned() const
    {
        quiet under_the_lock;

        return atomic_load_explicit(this, memory_order_relaxed);
    }
};

} // namespace model

/* Of <trale/base.h>. */
struct trale_timer {
    model::plain<int64_t> deadline;
    model::plain<uint64_t> order;
    model::plain<trale_timer *> child, next, prev;
    model::plain<trale_waker *> waker;
    model::plain<trale_timer_queue *> queue;
    model::published place;
};

/* In place of core/poller.h, of an epoll set with two descriptors. */
#define CORE_POLLER_H

struct poller {
    bool interrupted = false;
    int64_t alarm = TRALE_NEVER; /* that has not gone off yet */
};

struct poller_event {
    any_pointer tag;
    uint64_t ready;
};

int poller_add(poller *p, int fd, void *tag);
void poller_remove(poller *p, int fd);
int poller_set_alarm(poller *p, int64_t deadline);
void poller_interrupt(poller *p);
int poller_wait(poller *p, poller_event *events, int room, int timeout_ms);
inline int poller_open(poller *)
{
    return 0;
}
inline void poller_close(poller *)
{
}

/* In place of core/executor.h. */
#define CORE_EXECUTOR_H
struct executor {
    struct {
        struct inbox inbox;
    } queue;
};

namespace model
{

/* The plain fields that it guards are one, which whoever has it writes as it comes and goes. */
struct guarding_mutex : mutex {
    shared_int guarded;

    guarding_mutex()
    {
        write(guarded, 0);
    }
    guarding_mutex &operator=(const guarding_mutex &)
    {
        return *this;
    }
    void touch()
    {
        write(guarded, 0);
    }
};

} // namespace model

#define pthread_mutex_t model::guarding_mutex
#include "core/reactor.h"
#undef pthread_mutex_t

namespace model
{

/* A descriptor, and what is known by that number: closing it opens another file. */
struct file {
    int serial = 0; /* the how manieth file */
    int bytes = 0;  /* to be read */
    int room = 0;   /* to be written */
    bool hung_up = false;
    poller *watched_by = nullptr;
    void *tag = nullptr;
    bool changed = false; /* since it was reported */
    shared_int number;    /* read by who uses it, written by who closes it */

    file()
    {
        write(number, 0);
    }

    unsigned ready() const
    {
        return (bytes > 0 || hung_up ? TRALE_READABLE : 0) |
               (room > 0 || hung_up ? TRALE_WRITABLE : 0) | (hung_up ? SOURCE_FINAL : 0);
    }
};

constexpr int fds = 2;

struct kernel {
    file files[fds];
    int64_t now = 0;
    bool alarms = true; /* false: they cannot be set */
    poller *waits[max_threads] = {};

    /* Each a step. */
    void give(int fd, int bytes, int room = 0);
    void hang_up(int fd);
    bool take(int fd, int serial, unsigned direction); /* false: EAGAIN */
    void touch(int fd, int serial);                    /* any other system call */
    void close(int fd);
    void time_passes(int64_t to);
    bool readable(int fd);
};

extern kernel *the_kernel;       /* of this run */
extern reactor *current_reactor; /* for who registers; NULL: there is none to be had */
extern unsigned generation;      /* of fork */
extern guarding_mutex *process_mutex;

/* One io that is one descriptor; it is freed once, and whoever comes by then is too late. */
struct open_io {
    trale_io io;
    bool freed = false;
    shared_int memory; /* read by who uses it, written by who frees it */

    void open(int fd);
};

/* A waker of a task, or of a thread: who claims it while it is on its way has nothing to send, and is
 * seen by the poll to come like any other. */
struct claimed_waker : trale_waker {
    atomic<unsigned> word;

    claimed_waker()
    {
        atomic_init(&word, 0u);
    }
    bool claim();   /* state_wake */
    void deliver(); /* the inbox */
    void park();    /* and state_start */
    bool is_woken();
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
    /* Of reactor_destroy: what concerns timers. */
    static void evict(reactor &r);
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
    static intptr_t attempt(const trale_io *io, void *operation, bool *drained);

    /* The poll of an operation, by a thread; that is it itself, once they run. */
    trale_poll poll_io(trale_io &io, wish &w, intptr_t &output, int who);
    intptr_t wait_for(trale_io &io, unsigned direction);
    /* Before the threads run: one that waits. */
    void begin_wait(trale_io &io, unsigned direction, int who);
    /* Its waiter belongs to somebody else from now on. */
    void forget();
};

} // namespace model

#endif
