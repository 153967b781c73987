/*
 * For scenarios of timers and descriptors: a kernel in miniature, in place of core/poller.h.
 * Descriptors that are ready or not, an epoll set that reports changes of that once, an eventfd, a
 * timerfd, and a clock that goes on when a scenario says so, or when all wait for it.
 *
 * Each call is a step, and orders no memory: what C11 orders do not give is not there.
 */
#ifndef MODEL_KERNEL_HPP
#define MODEL_KERNEL_HPP

#include "future.hpp"

#define TRALE_NEVER INT64_MAX
#define TRALE_MS INT64_C(1000000)
#define TRALE_READABLE 1u
#define TRALE_WRITABLE 2u

/* Converts to any pointer, as void * does in C. */
struct any_pointer {
    void *pointer;

    template <typename T> operator T *() const
    {
        return static_cast<T *>(pointer);
    }
};

#define CORE_POLLER_H

struct poller {
    bool interrupted = false;
    int64_t alarm = TRALE_NEVER; /* that has not gone off yet */
};

struct poller_event {
    any_pointer tag;
    uint64_t ready;
};

int poller_add(poller *p, int fd, void *tag, bool write);
int poller_write(poller *p, int fd, void *tag);
int poller_remove(poller *p, int fd);
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

/* In place of base/clock.h. */
#define BASE_CLOCK_H
int64_t clock_now();

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
    bool watched_for_writing = false;
    shared_int number; /* read by who uses it, written by who closes it */

    file()
    {
        write(number, 0);
    }
    unsigned reports() const;
};

constexpr int fds = 2;

struct kernel {
    file files[fds];
    bool alarms = true;         /* false: they cannot be set */
    poller *waits[max_threads]; /* by thread: where, and until when at the latest: */
    int64_t wait_ends[max_threads];
    int alarms_set = 0;

    kernel();

    /* Each a step. */
    void give(int fd, int bytes, int room = 0);
    void hang_up(int fd);
    bool take(int fd, int serial, unsigned direction, bool *drained); /* false: EAGAIN */
    void touch(int fd, int serial);                                   /* any other system call */
    void close(int fd);
    void time_passes(int64_t to);
    bool readable(int fd);
};

extern kernel *the_kernel; /* of this run */

/* Sleeps on the object until it is woken, or until then. */
void sleep_on_until(const void *object, int64_t until);

/* A waker of a task, or of a thread: who claims it while it is on its way has nothing to send, and is
 * seen by the poll to come like any other. */
struct claimed_waker : trale_waker {
    atomic<unsigned> word;
    shared_int *deliveries = nullptr; /* written by each, if that is to be in order */
    int delivered_at = 0;             /* the how manieth that was, and by which thread */
    int delivered_by = -1;
    struct inbox *home = nullptr; /* of the executor that it is to be found in, if that runs */

    claimed_waker()
    {
        atomic_init(&word, 0u);
    }
    bool claim();                           /* state_wake */
    void deliver();                         /* the inbox */
    void start();                           /* state_start */
    void park(int64_t until = TRALE_NEVER); /* and state_start */
    bool is_woken();
};

/* The plain fields that it guards are one, which whoever has it writes as it comes and goes. */
struct guarding_mutex : private mutex {
    shared_int guarded;

    guarding_mutex()
    {
        write(guarded, 0);
    }
    guarding_mutex &operator=(const guarding_mutex &)
    {
        return *this;
    }
    void init() /* whoever had it is not there */
    {
        mutex::init();
    }
    void take()
    {
        mutex::lock();
    }
    bool try_take()
    {
        bool taken = mutex::try_lock();

        if (taken)
            touch();
        return taken;
    }
    void give()
    {
        mutex::unlock();
    }
    void touch()
    {
        write(guarded, 0);
    }
    using mutex::destroy;
    using mutex::spin_while_locked;
};

} // namespace model

#endif
