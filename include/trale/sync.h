/*
 * What tasks, and tasks and plain threads, use to wait for one another: event, mutex, semaphore,
 * condition variable, reader-writer lock, wait group, barrier, once.
 *
 * Each is a plain struct of the caller's for which zeroed memory is a valid start; none needs a
 * destructor. Its memory may go when every wait on it has returned; the call that let the last
 * one through need not have. It must not be moved while in use. Tasks of any runtime and plain
 * threads may use one together. Waiters are let through in the order in which they came. Nothing
 * here allocates, and what need not wait makes no system call.
 *
 * A waiter that is let through but cancelled before it runs passes on what it was given, and
 * returns -ECANCELED; only a barrier to which all have come cannot be left again. Beside the
 * errors named below, every call that can wait may return
 *   -ECANCELED, -ETIMEDOUT: it had no effect.
 *   -ENOMEM: (plain threads, first wait only) no memory for the thread's waker.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 */
#ifndef TRALE_SYNC_H
#define TRALE_SYNC_H

#include <trale/future.h>

TRALE_BEGIN

/* Private: who waits for one of these, and a number that the waiting is about. */
struct trale_wait_list {
    uint32_t word;
    int32_t granted; /* the need of those that were let through and do not know it yet */
    struct trale_link waiters;
};

/* Private: one call that waits. */
struct trale_waiter {
    struct trale_link link;
    trale_waker *waker;
    struct trale_wait_list *list;
    int32_t need;
    bool granted;
};

/* The most that an event, a semaphore or a wait group can count to. */
#define TRALE_COUNT_MAX 268435455

/*
 * Event: counts notifications, each of which lets one wait through, now or later; an eventfd
 * semaphore (eventfd(2)) without the descriptor.
 */
typedef struct trale_event {
    struct trale_wait_list list; /* private */
} trale_event;

/* Waits for a notification and takes it.     -EINVAL: event is NULL. */
TRALE_API int trale_event_wait(trale_event *event);

/* The same, but never waits.     -EAGAIN: there is none. */
TRALE_API int trale_event_try_wait(trale_event *event);

/* Adds a notification. Never waits.
 *   -EINVAL: event is NULL.     -EOVERFLOW: there are TRALE_COUNT_MAX already. */
TRALE_API int trale_event_notify(trale_event *event);

typedef struct trale_event_wait_future {
    trale_future future;
    trale_event *event;
    struct trale_waiter waiter; /* private */
} trale_event_wait_future;

TRALE_API void trale_event_wait_init(trale_event_wait_future *f, trale_event *event);

/* Mutex. Unlocking hands it to whoever has waited longest. */
typedef struct trale_mutex {
    struct trale_wait_list list; /* private */
    uintptr_t owner; /* private: the task or thread that has it; 0: none, or not yet */
} trale_mutex;

/*
 * Waits until the mutex is free and locks it. It belongs to the task, or to the plain thread,
 * that called; for a future, to the task or thread whose poll was READY.
 *   -EINVAL: mutex is NULL.      -EDEADLK: the caller has it already.
 */
TRALE_API int trale_mutex_lock(trale_mutex *mutex);

/* The same, but never waits.     -EBUSY: somebody has it, or waits for it. */
TRALE_API int trale_mutex_trylock(trale_mutex *mutex);

/* Never waits.     -EINVAL: mutex is NULL.      -EPERM: the caller does not have it. */
TRALE_API int trale_mutex_unlock(trale_mutex *mutex);

typedef struct trale_mutex_lock_future {
    trale_future future;
    trale_mutex *mutex;
    struct trale_waiter waiter; /* private */
} trale_mutex_lock_future;

TRALE_API void trale_mutex_lock_init(trale_mutex_lock_future *f, trale_mutex *mutex);

/*
 * Semaphore: zeroed, it has no permits; release gives it its first. A call that wants many is not
 * overtaken by later ones that want few.
 */
typedef struct trale_semaphore {
    struct trale_wait_list list; /* private */
} trale_semaphore;

/* Waits until so many permits are there and takes them.
 *   -EINVAL: semaphore is NULL, or count is 0 or over TRALE_COUNT_MAX. */
TRALE_API int trale_semaphore_acquire(trale_semaphore *semaphore, unsigned count);

/* The same, but never waits.     -EAGAIN: there are too few, or somebody waits. */
TRALE_API int trale_semaphore_try_acquire(trale_semaphore *semaphore, unsigned count);

/* Adds permits. Anybody may; never waits.     -EINVAL: as above.
 *   -EOVERFLOW: there would be more than TRALE_COUNT_MAX; none was added. */
TRALE_API int trale_semaphore_release(trale_semaphore *semaphore, unsigned count);

typedef struct trale_semaphore_acquire_future {
    trale_future future;
    trale_semaphore *semaphore;
    unsigned count;
    struct trale_waiter waiter; /* private */
} trale_semaphore_acquire_future;

TRALE_API void trale_semaphore_acquire_init(trale_semaphore_acquire_future *f,
                                            trale_semaphore *semaphore, unsigned count);

/* Condition variable: waits, with a mutex given up meanwhile, until somebody signals. */
typedef struct trale_cond {
    struct trale_wait_list list; /* private */
} trale_cond;

/*
 * Unlocks the mutex, waits for a signal, and locks the mutex again. Nothing that happens between
 * the unlocking and the waiting is missed. There are no spurious returns, but another task may
 * come between the signal and the locking: check the condition in a loop.
 *   -EINVAL: an argument is NULL.     -EPERM: the caller does not have the mutex.
 *   -ECANCELED, -ETIMEDOUT: no signal was taken; the mutex is locked again all the same, however
 *   long that takes.
 */
TRALE_API int trale_cond_wait(trale_cond *cond, trale_mutex *mutex);

/* Lets the first waiter through; with none, does nothing. The caller need not have the mutex.
 *   -EINVAL: cond is NULL. */
TRALE_API int trale_cond_signal(trale_cond *cond);

/* Lets everybody through who waits now. */
TRALE_API int trale_cond_broadcast(trale_cond *cond);

/* Dropped before it is READY, it leaves the mutex unlocked, if it was ever polled. */
typedef struct trale_cond_wait_future {
    trale_future future;
    trale_cond *cond;
    int stage; /* private from here on */
    struct trale_waiter waiter;
    trale_mutex_lock_future lock;
} trale_cond_wait_future;

TRALE_API void trale_cond_wait_init(trale_cond_wait_future *f, trale_cond *cond,
                                    trale_mutex *mutex);

/*
 * Reader-writer lock: many readers at once, or one writer. Whoever comes after a writer that
 * waits, waits behind it, readers too: so no writer starves, and a reader must not lock it twice.
 */
typedef struct trale_rwlock {
    struct trale_wait_list list; /* private */
} trale_rwlock;

/* Wait, and lock it for reading, for writing.     -EINVAL: rwlock is NULL. */
TRALE_API int trale_rwlock_rdlock(trale_rwlock *rwlock);
TRALE_API int trale_rwlock_wrlock(trale_rwlock *rwlock);

/* The same, but never wait.     -EBUSY: it is locked, or somebody waits. */
TRALE_API int trale_rwlock_tryrdlock(trale_rwlock *rwlock);
TRALE_API int trale_rwlock_trywrlock(trale_rwlock *rwlock);

/* Ends the reading or the writing. Never waits.
 *   -EINVAL: rwlock is NULL.     -EPERM: nobody has it. */
TRALE_API int trale_rwlock_unlock(trale_rwlock *rwlock);

typedef struct trale_rwlock_rdlock_future {
    trale_future future;
    trale_rwlock *rwlock;
    int32_t need; /* private from here on */
    struct trale_waiter waiter;
} trale_rwlock_rdlock_future;
typedef trale_rwlock_rdlock_future trale_rwlock_wrlock_future;

TRALE_API void trale_rwlock_rdlock_init(trale_rwlock_rdlock_future *f, trale_rwlock *rwlock);
TRALE_API void trale_rwlock_wrlock_init(trale_rwlock_wrlock_future *f, trale_rwlock *rwlock);

/* Wait group: waits until as many have said that they are done as were added. */
typedef struct trale_wait_group {
    struct trale_wait_list list; /* private */
} trale_wait_group;

/* So many more will be done. Before the wait that is to wait for them. Never waits.
 *   -EINVAL: group is NULL.     -EOVERFLOW: more than TRALE_COUNT_MAX; none was added. */
TRALE_API int trale_wait_group_add(trale_wait_group *group, unsigned count);

/* One is done; the last one lets every waiter through. Never waits.
 *   -EINVAL: group is NULL, or all are done already. */
TRALE_API int trale_wait_group_done(trale_wait_group *group);

/* Waits until all are done; 0 at once if none was added.     -EINVAL: group is NULL. */
TRALE_API int trale_wait_group_wait(trale_wait_group *group);

typedef struct trale_wait_group_wait_future {
    trale_future future;
    trale_wait_group *group;
    struct trale_waiter waiter; /* private */
} trale_wait_group_wait_future;

TRALE_API void trale_wait_group_wait_init(trale_wait_group_wait_future *f,
                                          trale_wait_group *group);

/* Barrier: `trale_barrier b = {.parties = 3};` lets nobody through before all have come. */
typedef struct trale_barrier {
    unsigned parties;            /* how many; do not change it while somebody waits */
    struct trale_wait_list list; /* private */
} trale_barrier;

/*
 * Waits until so many wait. Returns 1 to the one that came last, 0 to the others. The barrier may
 * be used again at once.
 *   -EINVAL: barrier is NULL, or parties is 0 or over TRALE_COUNT_MAX.
 *   -ECANCELED, -ETIMEDOUT: the caller counts as not having come.
 */
TRALE_API int trale_barrier_wait(trale_barrier *barrier);

typedef struct trale_barrier_wait_future {
    trale_future future;
    trale_barrier *barrier;
    struct trale_waiter waiter; /* private */
} trale_barrier_wait_future;

TRALE_API void trale_barrier_wait_init(trale_barrier_wait_future *f, trale_barrier *barrier);

/* Once: something that the first who needs it does, and for which the others wait. */
typedef struct trale_once {
    struct trale_wait_list list; /* private */
} trale_once;

/*
 * Returns 0 when fn(arg) has run and returned a value that is not negative: the first call runs
 * it, the others wait. If it returns a negative value, the call that ran it returns that, and the
 * next call, or the one that has waited longest, runs its own fn. fn may wait, but not for the
 * same once.
 *   -EINVAL: once or fn is NULL.
 */
TRALE_API int trale_once_do(trale_once *once, trale_fn *fn, void *arg);

/* Here fn runs inside the poll, and must not wait. */
typedef struct trale_once_do_future {
    trale_future future;
    trale_once *once;
    trale_fn *fn;
    void *arg;
    struct trale_waiter waiter; /* private */
} trale_once_do_future;

TRALE_API void trale_once_do_init(trale_once_do_future *f, trale_once *once, trale_fn *fn,
                                  void *arg);

TRALE_END

#endif
