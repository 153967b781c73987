/*
 * The waker of a plain thread that waits outside a task: a word like a task's, of which only
 * QUEUED and the references are used, and a place to park.
 */
#ifndef TASK_THREAD_WAKER_H
#define TASK_THREAD_WAKER_H

#include <trale/future.h>

/* The calling thread's own waker, for waiting outside a task; NULL: no memory. Borrowed. */
trale_waker *thread_waker(void);

/* Forked child: who was about to wake the calling thread stayed in the parent. */
void thread_waker_forked(void);

/* Blocks the calling thread until its waker was woken since the last call, or until deadline; may
 * return early if that is not TRALE_NEVER. */
void thread_waker_park(int64_t deadline);

/* The second half of a wake that was claimed: unparks the thread, gives the batch's reference
 * back. */
void thread_waker_deliver(trale_waker *waker);

void thread_waker_release(trale_waker *waker);

#endif
