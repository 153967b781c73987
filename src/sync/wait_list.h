/*
 * Who waits for an object, in the order in which they came.
 *
 * A waiter is granted what it waits for by being taken off the list; its own next poll takes it,
 * and one that is dropped instead has to pass it on. It learns of the grant under the lock only,
 * so the one who granted has let go of the object by then.
 */
#ifndef SYNC_WAIT_LIST_H
#define SYNC_WAIT_LIST_H

#include <trale/sync.h>

#include "base/list.h"
#include "sync/wait_word.h"
#include "task/waker.h"

static inline wait_word *wait_list_word(struct trale_wait_list *l)
{
    return (wait_word *)&l->word;
}

static inline int32_t wait_list_lock(struct trale_wait_list *l)
{
    return word_lock(wait_list_word(l));
}

/* Under the lock. NULL: nobody waits. */
static inline struct trale_waiter *wait_list_first(const struct trale_wait_list *l)
{
    const struct trale_link *first = l->waiters.next; /* NULL: never used */

    return first && first != &l->waiters ? container_of(first, struct trale_waiter, link) : NULL;
}

static inline void wait_list_unlock(struct trale_wait_list *l, int32_t value)
{
    word_unlock(wait_list_word(l), value, wait_list_first(l) != NULL || l->granted > 0);
}

/* Under the lock: the waiter goes to the end of the list; polled again, it has another waker. */
void wait_list_join(struct trale_wait_list *l, struct trale_waiter *w, trale_waker *waker);

/* Under the lock: the waiter is finished with the list, granted or not. */
void wait_list_leave(struct trale_waiter *w);

/* Under the lock: takes it off the list, granted. */
void wait_list_grant(struct trale_waiter *w, struct wake_batch *batch);

/* The same for whoever is first, for all. */
void wait_list_grant_first(struct trale_wait_list *l, struct wake_batch *batch);
void wait_list_grant_all(struct trale_wait_list *l, struct wake_batch *batch);

#endif
