/*
 * Items that are numbered from 0 on, of which the last few are kept: what broadcasts and watches
 * are made of. Whoever receives has a cursor, the number of the item that he wants next. Nothing is
 * taken away, so nobody who waits has anything to pass on: a new item lets everybody through.
 *
 * Fields: I: immutable.  L: the lock of the list, whose value is not used.
 */
#ifndef SYNC_SERIES_H
#define SYNC_SERIES_H

#include "sync/wait_list.h"

struct series {
    struct trale_wait_list list;
    size_t item_size, capacity; /* I: */
    uint64_t sent;              /* L: the number of the next item */
    bool closed;                /* L: */
    char items[];               /* L: */
};

int series_new(struct series **series, size_t item_size, size_t capacity);

/* function: whose name is in the message if somebody waits. NULL does nothing. */
void series_free(const char *function, struct series *series);

/* These answer a NULL with -EINVAL. */
int series_send(struct series *series, const void *item);
int series_close(struct series *series);

/* How many were missed, or -EPIPE, -EAGAIN. */
int series_try_receive(struct series *series, uint64_t *cursor, void *item);

/* One poll, and the drop, of a wait for that. The waiter's need is 1: they are counted. */
enum trale_poll series_poll(struct series *series, struct trale_waiter *w, uint64_t *cursor,
                            void *item, trale_context *cx, intptr_t *output);
void series_drop(struct trale_waiter *w);

#endif
