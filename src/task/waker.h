/*
 * Waking, in two halves. Claiming makes the state transition, and may be done under a lock: it
 * calls nothing and keeps what it claimed alive. Delivering sends the tasks and unparks the
 * threads of a whole batch, with no lock held. A task of the calling executor is put on the run
 * queue as it is claimed: that is two list operations, and nothing of it is left to deliver.
 */
#ifndef TASK_WAKER_H
#define TASK_WAKER_H

#include <trale/future.h>

#include "task/inbox.h"

/* Claimed and not yet delivered, along waker->next; zeroed is empty. */
struct wake_batch {
    struct trale_waker *newest, *oldest;
};

void waker_claim(trale_waker *waker, struct wake_batch *batch);

/* It is to be claimed in a moment. */
void waker_prefetch(const trale_waker *waker);

/* As waker_claim, for a task that is to be cancelled. It may be new, and be taken by an executor at this
 * moment, so its home is not looked at before it is claimed. */
void waker_claim_cancel(trale_waker *task, struct wake_batch *batch);

/* Leaves the batch empty. One push, and at most one futex wake, for each run of tasks that
 * belong to the same executor. */
void wake_batch_send(struct wake_batch *batch);

static inline void wake_batch_deliver(struct wake_batch *batch)
{
    if (batch->newest)
        wake_batch_send(batch);
}

#endif
