/*
 * Futures together: the first of several, or all of them. Both are futures themselves, so they
 * nest, and work in stackless tasks.
 *
 * The array and the futures stay the caller's, where they are, until the call returns or the
 * future is dropped. Each future is dropped exactly once; its output can be read afterwards:
 * -ECANCELED or -ETIMEDOUT if it was dropped before it took effect. To wait for one of them again,
 * initialise it again.
 */
#ifndef TRALE_SELECT_H
#define TRALE_SELECT_H

#include <trale/future.h>

TRALE_BEGIN

/*
 * Waits until one of the futures is ready and returns its index, the lowest if several are. All of
 * them are dropped then. Exactly one takes effect; if that is a trale_join_all, of which one future
 * has taken effect, the others of the select do no more, and it is waited for.
 *   -EINVAL: count is 0 or over INT_MAX, futures is NULL, or one of them is, or has no poll;
 *            nothing was polled or dropped.
 *   -ECANCELED, -ETIMEDOUT: all were dropped, and none took effect.
 */
TRALE_API int trale_select(trale_future *const *futures, size_t count);

/*
 * Waits until all of them are ready, whatever their outputs, and returns 0; at once if count is 0.
 * Each is dropped as it becomes ready.
 *   -EINVAL: as above; futures may be NULL if count is 0.
 *   -ECANCELED, -ETIMEDOUT: those that were not ready have been dropped.
 */
TRALE_API int trale_join_all(trale_future *const *futures, size_t count);

/* The same for a literal list: TRALE_SELECT(&sleep.future, &read.future). */
#define TRALE_SELECT(...) \
    trale_select((trale_future *const[]){__VA_ARGS__}, \
                 sizeof((trale_future *const[]){__VA_ARGS__}) / sizeof(trale_future *))
#define TRALE_JOIN_ALL(...) \
    trale_join_all((trale_future *const[]){__VA_ARGS__}, \
                   sizeof((trale_future *const[]){__VA_ARGS__}) / sizeof(trale_future *))

typedef struct trale_select_future {
    trale_future future;
    trale_future *const *futures;
    size_t count;
    struct trale_select_future *outer; /* private from here on */
    size_t place;
    size_t taken;
    uint32_t claim;
    int stage;
} trale_select_future;

TRALE_API void trale_select_init(trale_select_future *f, trale_future *const *futures,
                                 size_t count);

typedef struct trale_join_all_future {
    trale_future future;
    trale_future *const *futures;
    size_t count;
    size_t left; /* private from here on */
    int stage;
} trale_join_all_future;

TRALE_API void trale_join_all_init(trale_join_all_future *f, trale_future *const *futures,
                                   size_t count);

TRALE_END

#endif
