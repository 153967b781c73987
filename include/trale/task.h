/*
 * Tasks: start them from any thread, write straight-line code in them, join their results.
 *
 * A fiber task runs a function on a stack of its own; calls that wait suspend it. A stackless
 * task polls a future; it costs one allocation and no stack. Both run on an executor thread of
 * their runtime, one poll at a time, in the order in which they became ready.
 *
 * A fiber stays on the executor that first ran it. errno and other thread-locals are shared by
 * the fibers of a thread and are not kept across a call that waits. A fiber must not leave its
 * function by longjmp or pthread_exit. Its stack is small (64 KiB by default): compile code that
 * runs in fibers with -fstack-clash-protection, so that an overflow always meets the guard page.
 */
#ifndef TRALE_TASK_H
#define TRALE_TASK_H

#include <trale/future.h>

TRALE_BEGIN

/*
 * Starts fn(arg) as a fiber, on any executor. From a task, the new task belongs to the same runtime;
 * from a plain thread, to the default runtime. *task receives a handle that must be given to
 * trale_join or trale_detach, once; with task NULL the new task is detached. Never waits.
 *   -EINVAL: fn is NULL.
 *   -ENOMEM: no memory, or no address space for a stack.
 *   -EAGAIN: the runtime's threads could not be started (default runtime, first use).
 *   -ESHUTDOWN: the runtime is being freed.
 *   other: the default runtime could not be made; see trale_runtime_new.
 */
TRALE_API int trale_spawn(trale_task **task, trale_fn *fn, void *arg);

/*
 * The same, but fn gets a pointer to a copy of size bytes at arg, aligned as by malloc, that
 * lives as long as the task runs. The copy stands on the task's stack mapping, beside the stack.
 *   -EINVAL: also if arg is NULL and size is not 0, or if size is over 1 GiB.
 */
TRALE_API int trale_spawn_copy(trale_task **task, trale_fn *fn, const void *arg, size_t size);

/*
 * Starts a stackless task that polls a copy of the future, whose whole struct has size bytes and
 * is aligned as by malloc, on the executor. The task's result is the future's output. The original
 * is not used again and never dropped: it moved. On failure nothing moved, and the caller still
 * owns it.
 *   -EINVAL: future, its ops or its poll is NULL, or size is less than sizeof(trale_future).
 */
TRALE_API int trale_spawn_future(trale_task **task, const trale_future *future, size_t size);

/* Zeroed fields mean the default. */
typedef struct trale_spawn_options {
    trale_runtime *runtime; /* NULL: as for trale_spawn */
    unsigned executor;      /* 0: any; n: thread trale-exec-(n-1), -EINVAL if there is none */
    size_t stack_size;      /* bytes, rounded up, at least 16 KiB; 0: the runtime's;
                               -EINVAL over 1 GiB */
    const char *name; /* for dumps and messages; must live as long as the task; NULL: none */
} trale_spawn_options;

/* As above, with options; options NULL is as without. A stackless task ignores stack_size. */
TRALE_API int trale_spawn_with(trale_task **task, const trale_spawn_options *options,
                               trale_fn *fn, void *arg);
TRALE_API int trale_spawn_future_with(trale_task **task, const trale_spawn_options *options,
                                      const trale_future *future, size_t size);

/*
 * Waits until the task has ended, its drop included, and stores its result. 0: the handle is
 * consumed. Any other value: the handle is still valid. A task that was cancelled before it
 * started, or a stackless one while it was pending, has the result -ECANCELED. A handle may be
 * joined by one caller at a time, from any thread or task, also after its runtime is gone.
 *   -EINVAL: task is NULL.        -EDEADLK: the task joins itself. (Longer circles just wait.)
 *   -ESHUTDOWN: the task never ends, for the process exits.
 *   -ECANCELED, -ETIMEDOUT: the caller was; the task goes on.
 */
TRALE_API int trale_join(trale_task *task, intptr_t *result);

/* Gives the handle back; the task goes on, and its result is forgotten. NULL does nothing. */
TRALE_API void trale_detach(trale_task *task);

/*
 * Asks the task to stop, and returns at once; the handle stays valid. A fiber's pending wait
 * returns -ECANCELED, and so does every later one. A stackless task is dropped. A task that has
 * not started does not start. Asking again, or asking a finished task, does nothing.
 *   -EINVAL: task is NULL.
 */
TRALE_API int trale_cancel(trale_task *task);

/*
 * trale_spawn and trale_join in one. If the caller is cancelled, or its deadline passes, the new
 * task is cancelled; the call still waits for its end, because arg may live on the caller's stack,
 * and returns 0 with its result. As a future that is dropped early, it cancels and detaches the
 * task.
 *   -ECANCELED, -ETIMEDOUT: that was so before; nothing was started.
 *   Other errors as for trale_spawn.
 */
TRALE_API int trale_block_on(trale_fn *fn, void *arg, intptr_t *result);

/*
 * Lets every other task that is ready run first. On a plain thread: sched_yield. A fiber that
 * makes 128 calls in a row which could have waited but did not yields by itself.
 *   -ECANCELED, -ETIMEDOUT: it yielded all the same.
 */
TRALE_API int trale_yield(void);

/* The name that the task was spawned with; NULL: it has none, or task is NULL. */
TRALE_API const char *trale_task_name(const trale_task *task);

/* The running task, borrowed; NULL outside a task. */
TRALE_API trale_task *trale_self(void);

/* Has the running task been asked to stop? false outside a task. */
TRALE_API bool trale_cancelled(void);

typedef struct trale_join_future {
    trale_future future;
    trale_task *task;
    intptr_t *result;
    bool armed; /* private: the joined task holds our waker */
    bool call;  /* private: of trale_join */
} trale_join_future;

TRALE_API void trale_join_init(trale_join_future *f, trale_task *task, intptr_t *result);

typedef struct trale_yield_future {
    trale_future future;
    bool yielded; /* private */
} trale_yield_future;

TRALE_API void trale_yield_init(trale_yield_future *f);

typedef struct trale_block_on_future {
    trale_future future;
    trale_fn *fn;
    void *arg;
    trale_join_future join; /* private */
} trale_block_on_future;

TRALE_API void trale_block_on_init(trale_block_on_future *f, trale_fn *fn, void *arg,
                                   intptr_t *result);

/*
 * Every spawn notes the place in the program where it was called, for dumps (debug.h): these are
 * macros around the functions of the same names. The functions can be had as ever,
 * (trale_spawn)(...) or by their addresses; a task so spawned has no place, nor has one that a
 * trale_block_on_future spawned. Define TRALE_NO_SPAWN_SITES before the first header of trale to
 * have no macros; C++ needs that to write ::trale_spawn.
 */
TRALE_API void trale_spawn_site_(const char *site);

TRALE_END

#define TRALE_TEXT_OF_(x) #x
#define TRALE_TEXT_(x) TRALE_TEXT_OF_(x)
#define TRALE_SPAWN_SITE_ trale_spawn_site_(__FILE__ ":" TRALE_TEXT_(__LINE__))

#ifndef TRALE_NO_SPAWN_SITES
#define trale_spawn(...) (TRALE_SPAWN_SITE_, trale_spawn(__VA_ARGS__))
#define trale_spawn_copy(...) (TRALE_SPAWN_SITE_, trale_spawn_copy(__VA_ARGS__))
#define trale_spawn_future(...) (TRALE_SPAWN_SITE_, trale_spawn_future(__VA_ARGS__))
#define trale_spawn_with(...) (TRALE_SPAWN_SITE_, trale_spawn_with(__VA_ARGS__))
#define trale_spawn_future_with(...) (TRALE_SPAWN_SITE_, trale_spawn_future_with(__VA_ARGS__))
#define trale_block_on(...) (TRALE_SPAWN_SITE_, trale_block_on(__VA_ARGS__))
#endif

#endif
