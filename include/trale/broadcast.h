/*
 * Broadcasts: every subscriber gets every item, in the order in which they were sent. Sending
 * never waits, so who is slow is overtaken: he is told how many items he has missed.
 *
 *     uint64_t cursor;
 *
 *     trale_broadcast_subscribe(news, &cursor);
 *     while ((missed = trale_broadcast_recv(news, &cursor, &item)) >= 0)
 *         ...
 *
 * A subscriber is a number, the cursor: it says which item comes next, belongs to one task or
 * thread at a time, and needs no unsubscribing. A cursor of 0 begins with the first item ever
 * sent. Any number of senders and subscribers, tasks of any runtime and plain threads.
 */
#ifndef TRALE_BROADCAST_H
#define TRALE_BROADCAST_H

#include <trale/sync.h>

TRALE_BEGIN

typedef struct trale_broadcast trale_broadcast;

/*
 * Makes a broadcast of items of item_size bytes (may be 0), of which the last capacity are kept.
 * Nothing is allocated after that.
 *   -EINVAL: broadcast is NULL, capacity is 0, or the sizes are too large to be multiplied.
 *   -ENOMEM.
 */
TRALE_API int trale_broadcast_new(trale_broadcast **broadcast, size_t item_size, size_t capacity);

/*
 * Sends a copy of *item to everybody; if capacity items are kept, the oldest one goes. Never waits.
 *   -EINVAL: broadcast is NULL, or item is and its size is not 0.      -EPIPE: it is closed.
 */
TRALE_API int trale_broadcast_send(trale_broadcast *broadcast, const void *item);

/* Begins with the item that is sent next. Never waits.     -EINVAL: an argument is NULL. */
TRALE_API int trale_broadcast_subscribe(trale_broadcast *broadcast, uint64_t *cursor);

/*
 * Receives the next item into *item, and moves the cursor past it; waits while there is none.
 * Returns how many items before it were missed, because they had gone: 0 for who keeps up (INT_MAX
 * if there were more). Then *item is the oldest one there is.
 *   -EINVAL: broadcast or cursor is NULL, or item is and its size is not 0.
 *   -EPIPE: it is closed, and this subscriber has had everything.
 *   -ECANCELED, -ETIMEDOUT: nothing was received, and the cursor has not moved.
 *   -ENOMEM: (plain threads, first wait only) no memory for the thread's waker.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 */
TRALE_API int trale_broadcast_recv(trale_broadcast *broadcast, uint64_t *cursor, void *item);

/* The same, but never waits.     -EAGAIN: there is none. */
TRALE_API int trale_broadcast_try_recv(trale_broadcast *broadcast, uint64_t *cursor, void *item);

/* Nothing can be sent any more; what was sent can be received. Closing again does nothing. Never
 * waits.     -EINVAL: broadcast is NULL. */
TRALE_API int trale_broadcast_close(trale_broadcast *broadcast);

/* Frees it. Nobody may use it any more: it aborts if somebody waits. NULL does nothing. */
TRALE_API void trale_broadcast_free(trale_broadcast *broadcast);

typedef struct trale_broadcast_recv_future {
    trale_future future;
    trale_broadcast *broadcast;
    uint64_t *cursor;
    void *item;
    struct trale_waiter waiter; /* private */
} trale_broadcast_recv_future;

TRALE_API void trale_broadcast_recv_init(trale_broadcast_recv_future *f,
                                         trale_broadcast *broadcast, uint64_t *cursor,
                                         void *item);

TRALE_END

#endif
