/*
 * The timers of a runtime. The next ones stand in a heap, in exact order; the others in coarse
 * slots, each a list, from where they fall into the heap as their slot comes up. There is a slot for
 * every millisecond of about a second to come, so nearly every timer moves once; for what lies
 * beyond there are coarser ones, in levels. Arming and disarming are O(1) for what is in a slot, and
 * the heap of what is due next fits the cache, however many timers there are. Nothing here allocates.
 */
#ifndef CORE_TIMER_QUEUE_H
#define CORE_TIMER_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "base/pairing_heap.h"
#include "core/poller.h"
#include "task/waker.h"

#define SLOT_SHIFT 20 /* a slot is 2^20 ns, a millisecond */
#ifndef NEAR_SLOTS
#define NEAR_SLOTS 1024
#endif
#define FAR_LEVELS 6 /* of 64 slots */
#define SLOT_WORDS (NEAR_SLOTS / 64 + FAR_LEVELS + 1)

/*
 * A list. None on it is earlier than that, which may be too early after a timer was disarmed. What were
 * its first ones before, is for who fetches ahead: they may be gone.
 */
struct timer_slot {
    struct trale_timer *first;
    int64_t earliest;
    struct trale_timer *before[2];
};

/* Fields: L: the lock.  I: immutable. */
struct trale_timer_queue {
    pthread_mutex_t lock;
    struct pairing_heap heap;                /* L: timers of slots up to near */
    uint64_t now;                            /* L: the slot that the heap has come to */
    uint64_t order;                          /* L: timers armed so far */
    counter pending;                         /* L: armed now; read by anybody */
    unsigned recent;                         /* L: timers armed since settle was called */
    uint64_t filled[SLOT_WORDS];             /* L: which slots are not empty */
    struct timer_slot slot[SLOT_WORDS * 64]; /* L: */
    /*
     * No timer is earlier than this (it may be too early after a timer was disarmed). Written
     * under the lock; read without by whoever turns the reactor, relaxed: a timer armed meanwhile
     * by another thread is found at the next turn, and a blocking turn arms under the lock.
     */
    _Atomic(int64_t) earliest;
    /*
     * An executor looks at the clock itself by then, which spares the reactor to: if no timer is
     * earlier, the alarm need not go off at once. 0: it is awake; TRALE_NEVER: there is none, or it
     * sleeps until it is woken. Written by the executor, under the lock but when it wakes up: who
     * finds it asleep still has the alarm go off too early.
     */
    _Atomic(int64_t) kept;
    atomic_bool claimed;   /* A: somebody expires and delivers; acquire and release, paired */
    int64_t alarm;         /* L: what the poller's alarm is set to; TRALE_NEVER: nothing */
    bool blocking;         /* L: the reactor is blocked, or about to be, until the alarm */
    struct poller *poller; /* I: */
};

/* Zeroed before. 0 or -errno. */
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

/* Has it fired, and its time come? By the owner. */
bool timer_fired(const struct trale_timer *timer);

/* Somebody polls the future of a timer that was pending, and will be woken; false: it has fired
 * meanwhile, and nobody will. */
bool timer_change_waker(struct trale_timer *timer, trale_waker *waker);

/* No timer is earlier; TRALE_NEVER: there is none. Any thread: a hint. */
int64_t timer_queue_earliest(const struct trale_timer_queue *q);

/*
 * Around expiring and delivering: one at a time, so that what is due earlier is delivered first.
 * False: somebody else does, or there is no timer.
 */
bool timer_queue_claim(struct trale_timer_queue *q);
void timer_queue_release(struct trale_timer_queue *q);

/* For whoever has claimed the queue. Claims what is due, in order; false: there is more, deliver the
 * batch and come again. */
bool timer_queue_expire(struct trale_timer_queue *q, struct wake_batch *batch);

/* Around a wait that blocks: the alarm is kept at the earliest deadline. False: it cannot be set,
 * and the wait must not be long. */
bool timer_queue_block(struct trale_timer_queue *q);
void timer_queue_unblock(struct trale_timer_queue *q);

/*
 * The executor that keeps the time goes to sleep until what is returned, or until it is woken; it is
 * awake; it keeps the time no more.
 */
int64_t timer_queue_keep(struct trale_timer_queue *q);
void timer_queue_awake(struct trale_timer_queue *q);
void timer_queue_keep_not(struct trale_timer_queue *q);

/* The runtime goes away: every timer fires early, its owner looks again and arms it elsewhere. */
void timer_queue_evict(struct trale_timer_queue *q, struct wake_batch *batch);

#endif
