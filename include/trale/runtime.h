/*
 * Runtimes: a reactor thread (trale-reactor) that waits for descriptors and timers, and executor
 * threads (trale-exec-0, ...) that poll tasks: one, unless asked for more. Most programs use the
 * default one only.
 *
 * The threads block every signal that is not a fault, so handlers run on the program's own
 * threads. The first runtime installs a handler for SIGSEGV that names the task whose stack
 * overflowed, and hands every other fault to the handler that was there before.
 *
 * A forked child starts with no runtime; its first use of the library makes a new default one.
 * It must not use tasks or runtimes of its parent; it may use and close its parent's ios.
 * The child of a task's thread has no signal blocked; posix_spawn(3) inherits the mask instead,
 * so set one with POSIX_SPAWN_SETSIGMASK.
 *
 * exit(3) stops every runtime: tasks that are pending just end where they are, none runs any
 * more, and threads for blocking work that have none end. It happens when exit comes to the
 * handler that the first use of the library registered, after those that were registered later
 * (atexit(3)). Afterwards spawning, waiting and joining a task that was pending give -ESHUTDOWN on
 * a plain thread. One that waits already, or is in trale_run, may wait for ever, but not for the end of
 * a runtime's tasks: later handlers should not join it.
 */
#ifndef TRALE_RUNTIME_H
#define TRALE_RUNTIME_H

#include <trale/future.h>

TRALE_BEGIN

/* Zeroed fields mean the default. */
typedef struct trale_config {
    unsigned executors; /* executor threads; default 1; -EINVAL over 1,024 */
    size_t stack_size;  /* bytes for a fiber's stack; default 64 KiB; -EINVAL over 1 GiB */
} trale_config;

/* As executors: one for each CPU that the process may use (affinity mask, cgroup quota). */
#define TRALE_EXECUTORS_PER_CPU (~0u)

/*
 * With several executors, a new task is started by the first of them that has nothing else to do,
 * and stays with it; what a task spawns is started by its own executor, unless another is idle. A
 * task that has not started waits no longer than 1 ms and a wake-up while any executor is idle (less
 * unless idle ones were called in vain lately: share.h). Tasks of one executor never run at the same
 * time; others do, so what they share needs a trale_mutex, a channel or atomics.
 *
 * Makes a runtime and starts its threads; config NULL is all defaults.
 *   -EINVAL: runtime is NULL, or a bad config.     -ENOMEM.     -EAGAIN: no thread.
 *   -EMFILE, -ENFILE: no descriptor (it needs three).
 *   -ENOSYS, -EPERM: the kernel refuses epoll, eventfd or timerfd.
 *   -ESHUTDOWN: the process exits.
 */
TRALE_API int trale_runtime_new(trale_runtime **runtime, const trale_config *config);

/*
 * Waits until the runtime has no task left that has not ended; 0 at once if there is none.
 * Finished tasks whose handles are still held do not count.
 *   -EINVAL: runtime is NULL.     -EDEADLK: called from one of its own tasks.
 *   -ECANCELED, -ETIMEDOUT.       -ESHUTDOWN: the process exits, and some have not ended.
 */
TRALE_API int trale_runtime_wait(trale_runtime *runtime);

/*
 * Cancels every task of the runtime, waits for their end, stops the threads and frees all. While
 * it waits, spawning into the runtime gives -ESHUTDOWN. Handles and wakers of its tasks stay
 * valid. One caller at a time; 0: nobody may use the runtime any more. That goes for the default
 * one too, which plain threads use whenever they spawn or wait: free it when they do neither.
 *   -ETIMEDOUT: at deadline some task had not ended; the runtime stands and accepts tasks again
 *               (those that it has are cancelled).
 *   -ECANCELED: the same, because the caller was cancelled.
 *   -EINVAL: runtime is NULL.   -EDEADLK: called from one of its own tasks.
 *   -EBUSY: somebody else is freeing it.
 *   -ESHUTDOWN: the process exits, which stops the runtime and leaves it as it is then.
 */
TRALE_API int trale_runtime_free(trale_runtime *runtime, int64_t deadline);

/*
 * Runs fn(arg) as a fiber on the calling thread, in a runtime of its own without any thread: this
 * one is executor and reactor, and waits for both at once. It is the quickest way there is as long
 * as one thread is enough; while a task computes, timers and descriptors wait, too. Everything
 * works in it, wakes from other threads included; several threads may each run one. When fn returns,
 * tasks that are left over are cancelled and waited for. The thread's signal mask stays as it is;
 * handlers run in the middle of what the thread does.
 *   0: *result is what fn returned; result may be NULL.
 *   -EINVAL: fn is NULL.     -EDEADLK: called from a task.
 *   -ENOMEM, -EMFILE, -ENFILE, -ENOSYS, -EPERM, -ESHUTDOWN: as trale_runtime_new; fn did not run.
 */
TRALE_API int trale_run(trale_fn *fn, void *arg, intptr_t *result);

/*
 * The default runtime, made at the first call (again, if it was freed) of this or of anything
 * else that needs it. NULL if it cannot be made (the functions that need it say why).
 */
TRALE_API trale_runtime *trale_runtime_default(void);

typedef struct trale_runtime_wait_future {
    trale_future future;
    trale_runtime *runtime;
    struct trale_link link; /* private from here on */
    trale_waker *waker;
    bool linked;
} trale_runtime_wait_future;

TRALE_API void trale_runtime_wait_init(trale_runtime_wait_future *f, trale_runtime *runtime);

/* Dropped before it is ready, it is as if cancelled. */
typedef struct trale_runtime_free_future {
    trale_future future;
    int64_t deadline; /* private from here on */
    bool begun;
    trale_runtime_wait_future wait;
    struct trale_timer timer;
} trale_runtime_free_future;

TRALE_API void trale_runtime_free_init(trale_runtime_free_future *f, trale_runtime *runtime,
                                       int64_t deadline);

TRALE_END

#endif
