/*
 * Watches: a value that changes, and those who want the latest. Who looks seldom sees the values
 * between never: for configurations, states, progress.
 *
 *     uint64_t seen = 0;
 *
 *     while (trale_watch_wait(level, &seen, &value) == 0)
 *         ...                                             // the latest value, each at most once
 *
 * What one has seen is a number of his own; it belongs to one task or thread at a time. 0: nothing
 * yet. Any number set and wait, tasks of any runtime and plain threads.
 */
#ifndef TRALE_WATCH_H
#define TRALE_WATCH_H

#include <trale/sync.h>

TRALE_BEGIN

typedef struct trale_watch trale_watch;

/*
 * Makes a watch for a value of item_size bytes (may be 0); it has none yet. Nothing is allocated
 * after that.
 *   -EINVAL: watch is NULL, or item_size is too large.      -ENOMEM.
 */
TRALE_API int trale_watch_new(trale_watch **watch, size_t item_size);

/*
 * Makes a copy of *item the latest value. Never waits.
 *   -EINVAL: watch is NULL, or item is and its size is not 0.      -EPIPE: it is closed.
 */
TRALE_API int trale_watch_set(trale_watch *watch, const void *item);

/*
 * Waits until there is a newer value than was seen, copies the latest into *item, and notes it in
 * *seen.
 *   -EINVAL: watch or seen is NULL, or item is and its size is not 0.
 *   -EPIPE: it is closed, and the latest value was seen.
 *   -ECANCELED, -ETIMEDOUT: nothing was copied, and *seen is as it was.
 *   -ENOMEM: (plain threads, first wait only) no memory for the thread's waker.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 */
TRALE_API int trale_watch_wait(trale_watch *watch, uint64_t *seen, void *item);

/* The same, but never waits: with 0 seen, it gets the latest.     -EAGAIN: there is none newer. */
TRALE_API int trale_watch_try_wait(trale_watch *watch, uint64_t *seen, void *item);

/* The latest value is the last one. Closing again does nothing. Never waits.
 *   -EINVAL: watch is NULL. */
TRALE_API int trale_watch_close(trale_watch *watch);

/* Frees it. Nobody may use it any more: it aborts if somebody waits. NULL does nothing. */
TRALE_API void trale_watch_free(trale_watch *watch);

typedef struct trale_watch_wait_future {
    trale_future future;
    trale_watch *watch;
    uint64_t *seen;
    void *item;
    struct trale_waiter waiter; /* private */
} trale_watch_wait_future;

TRALE_API void trale_watch_wait_init(trale_watch_wait_future *f, trale_watch *watch,
                                     uint64_t *seen, void *item);

TRALE_END

#endif
