/*
 * One-shot: a value that is set once. Everybody who wants it gets it, now or later; a promise, as
 * other libraries call it.
 *
 * A plain struct of the caller's, zeroed is ready, without a destructor; its memory may go when
 * every wait on it has returned. Tasks of any runtime and plain threads use it together. Nothing
 * here allocates.
 */
#ifndef TRALE_ONESHOT_H
#define TRALE_ONESHOT_H

#include <trale/sync.h>

TRALE_BEGIN

typedef struct trale_oneshot {
    struct trale_wait_list list; /* private from here on */
    intptr_t value;
} trale_oneshot;

/*
 * Sets the value: every wait for it returns. Who sees the value sees what was done before. Never
 * waits.
 *   -EINVAL: oneshot is NULL.
 *   -EALREADY: it has a value.      -EPIPE: it is closed.      Nothing has changed then.
 */
TRALE_API int trale_oneshot_set(trale_oneshot *oneshot, intptr_t value);

/*
 * Waits until there is a value, and stores it; value may be NULL. It stays for others.
 *   -EINVAL: oneshot is NULL.
 *   -EPIPE: it is closed, and will never have one.
 *   -ECANCELED, -ETIMEDOUT: nothing was stored.
 *   -ENOMEM: (plain threads, first wait only) no memory for the thread's waker.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 */
TRALE_API int trale_oneshot_get(trale_oneshot *oneshot, intptr_t *value);

/* The same, but never waits.     -EAGAIN: there is no value yet. */
TRALE_API int trale_oneshot_try_get(trale_oneshot *oneshot, intptr_t *value);

/* There will be no value, unless there is one: then nothing changes. Never waits.
 *   -EINVAL: oneshot is NULL. */
TRALE_API int trale_oneshot_close(trale_oneshot *oneshot);

typedef struct trale_oneshot_get_future {
    trale_future future;
    trale_oneshot *oneshot;
    intptr_t *value;
    struct trale_waiter waiter; /* private */
} trale_oneshot_get_future;

TRALE_API void trale_oneshot_get_init(trale_oneshot_get_future *f, trale_oneshot *oneshot,
                                      intptr_t *value);

TRALE_END

#endif
