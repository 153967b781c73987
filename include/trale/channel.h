/*
 * Channels: items of one size, copied in and out, first in, first out. Any number of senders and
 * receivers, tasks of any runtime and plain threads. Who waits first is served first.
 */
#ifndef TRALE_CHANNEL_H
#define TRALE_CHANNEL_H

#include <trale/select.h>

TRALE_BEGIN

typedef struct trale_channel trale_channel;

/*
 * Makes a channel for items of item_size bytes (may be 0) that holds up to capacity of them. With
 * capacity 0 a send waits for its receiver: an item is handed over, never kept.
 *   -EINVAL: channel is NULL, or the sizes are too large to be multiplied.      -ENOMEM.
 */
TRALE_API int trale_channel_new(trale_channel **channel, size_t item_size, size_t capacity);

/*
 * Sends a copy of *item; waits while there is no room.
 *   -EINVAL: channel is NULL, or item is and its size is not 0.
 *   -EPIPE: the channel is closed, or was while the call waited; the item was not sent.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 *   -ECANCELED, -ETIMEDOUT: the item was not sent, and will not be received.
 */
TRALE_API int trale_channel_send(trale_channel *channel, const void *item);

/*
 * Receives the oldest item into *item; waits while there is none.
 *   -EPIPE: the channel is closed, and all that was sent has been received.
 *   Others as for send.      -ECANCELED, -ETIMEDOUT: nothing was received, nothing is lost.
 */
TRALE_API int trale_channel_recv(trale_channel *channel, void *item);

/* The same, but never wait.      -EAGAIN: there is no room; no item; or others come before. */
TRALE_API int trale_channel_try_send(trale_channel *channel, const void *item);
TRALE_API int trale_channel_try_recv(trale_channel *channel, void *item);

/*
 * Closes the channel: nothing can be sent any more, and sends that wait return -EPIPE; what was
 * sent can be received. Closing again does nothing. Never waits.      -EINVAL: channel is NULL.
 */
TRALE_API int trale_channel_close(trale_channel *channel);

/* Frees it, with the items in it. Nobody may use it any more: it aborts if somebody waits. NULL
 * does nothing. */
TRALE_API void trale_channel_free(trale_channel *channel);

/* Private: one call that waits. */
struct trale_channel_waiter {
    struct trale_link link;
    trale_waker *waker;
    trale_channel *channel;
    trale_select_future *select;
    size_t place;
    void *item;
    int stage;
};

typedef struct trale_channel_send_future {
    trale_future future;
    trale_channel *channel;
    const void *item;
    struct trale_channel_waiter waiter; /* private */
} trale_channel_send_future;

TRALE_API void trale_channel_send_init(trale_channel_send_future *f, trale_channel *channel,
                                       const void *item);

typedef struct trale_channel_recv_future {
    trale_future future;
    trale_channel *channel;
    void *item;
    struct trale_channel_waiter waiter; /* private */
} trale_channel_recv_future;

TRALE_API void trale_channel_recv_init(trale_channel_recv_future *f, trale_channel *channel,
                                       void *item);

TRALE_END

#endif
