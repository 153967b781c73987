/*
 * Permits: what event, semaphore, mutex and reader-writer lock are made of. The value of the word
 * is how many there are beyond the lowest; whoever waits gets them in turn.
 */
#ifndef SYNC_PERMITS_H
#define SYNC_PERMITS_H

#include "sync/wait_list.h"

/* lowest: the value when none is left; highest: when there can be no more. */
struct permits {
    int32_t lowest, highest;
};

/* Takes so many if they are there and nobody waits. */
bool permits_try(struct trale_wait_list *l, const struct permits *p, int32_t count);

/* The same for a call that could wait, if it has its share of the poll left. */
bool permits_try_at_once(const char *function, struct trale_wait_list *l, const struct permits *p,
                         int32_t count);

/* The poll of a wait for so many. READY: they are taken and *output is 0, or an error. */
enum trale_poll permits_poll(struct trale_wait_list *l, const struct permits *p,
                             struct trale_waiter *w, int32_t count, trale_context *cx,
                             intptr_t *output);

/* The drop: what has been granted, and whatever its wait held up, goes to those behind. */
void permits_drop(const struct permits *p, struct trale_waiter *w);

/* Adds so many. 0 or -EOVERFLOW. */
int permits_put(struct trale_wait_list *l, const struct permits *p, int32_t count);

#endif
