/*
 * The timers of a runtime. Near ones stand in a heap, in exact order; far ones in a wheel of
 * coarse slots, each a list, from where they fall into the heap as their slot comes up. Arming
 * and disarming are O(1) for far timers, and a heap of what is due within a millisecond fits the
 * cache, however many timers there are. Nothing here allocates.
 */
#ifndef CORE_TIMER_QUEUE_H
#define CORE_TIMER_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "base/pairing_heap.h"
#include "core/poller.h"
#include "task/waker.h"

#define WHEEL_BITS 6
#define WHEEL_SLOTS (1 << WHEEL_BITS)
#define WHEEL_LEVELS 8

/* Fields: L: the lock.  I: immutable. */
struct trale_timer_queue {
    pthread_mutex_t lock;
    struct pairing_heap heap; /* L: timers of slots up to near */
    uint64_t near;            /* L: the slot the heap has come to; the wheel is relative to it */
    uint64_t order;           /* L: timers armed so far */
    counter pending;          /* L: armed now; read by anybody */
    uint64_t filled[WHEEL_LEVELS];                       /* L: which slots are not empty */
    struct trale_timer *slot[WHEEL_LEVELS][WHEEL_SLOTS]; /* L: */
    /*
     * No timer is earlier than this (it may be too early after a timer was disarmed). Written
     * under the lock; read without by whoever turns the reactor, relaxed: a timer armed meanwhile
     * by another thread is found at the next turn, and a blocking turn arms under the lock.
     */
    _Atomic(int64_t) earliest;
    int64_t alarm;         /* L: what the poller's alarm is set to; TRALE_NEVER: nothing */
    bool blocking;         /* L: the reactor is blocked, or about to be, until the alarm */
    struct poller *poller; /* I: */
};

int timer_queue_init(struct trale_timer_queue *q, struct poller *poller);
void timer_queue_destroy(struct trale_timer_queue *q);

/*
 * Arms the timer: waker, borrowed, is woken at its deadline. The timer is the caller's, must stay
 * where it is, and must be disarmed before it goes away. Any thread.
 */
void timer_arm(struct trale_timer_queue *q, struct trale_timer *timer, trale_waker *waker);

/* Does nothing if it has fired, or was never armed (zeroed). The timer may be freed then. */
void timer_disarm(struct trale_timer *timer);

/* Is it armed and has not fired? By the owner. */
bool timer_pending(const struct trale_timer *timer);

/* Somebody polls the future of a timer that was pending, and will be woken; false: it has fired
 * meanwhile, and nobody will. */
bool timer_change_waker(struct trale_timer *timer, trale_waker *waker);

/* No timer is earlier; TRALE_NEVER: there is none. Any thread: a hint. */
int64_t timer_queue_earliest(const struct trale_timer_queue *q);

/* For whoever turns the reactor. Claims what is due, in order; false: there is more, deliver the
 * batch and come again. */
bool timer_queue_expire(struct trale_timer_queue *q, struct wake_batch *batch);

/* Around a wait that blocks: the alarm is kept at the earliest deadline. False: it cannot be set,
 * and the wait must not be long. */
bool timer_queue_block(struct trale_timer_queue *q);
void timer_queue_unblock(struct trale_timer_queue *q);

/* The runtime goes away: every timer fires early, its owner looks again and arms it elsewhere. */
void timer_queue_evict(struct trale_timer_queue *q, struct wake_batch *batch);

#endif
