#include "core/timer_queue.h"

#include <errno.h>

#include "base/clock.h"

#define SLOT_SHIFT 20 /* a slot of the lowest level is 2^20 ns, about a millisecond */
#define SCAN_MAX 32   /* how long a list is worth looking through for its earliest */
#define EXPIRE_MAX 256

/* timer->place: where it stands. IDLE is stored by whoever fires it, with release, as the last
 * thing that is done to the timer; the owner reads it with acquire, and may free the timer. */
enum { IDLE = 0, IN_HEAP = 1, IN_WHEEL = 2 /* + level * WHEEL_SLOTS + slot */ };

static unsigned place(const struct trale_timer *timer)
{
    return __atomic_load_n(&timer->place, __ATOMIC_ACQUIRE);
}

static void set_place(struct trale_timer *timer, unsigned place)
{
    __atomic_store_n(&timer->place, place, __ATOMIC_RELEASE);
}

int timer_queue_init(struct trale_timer_queue *q, struct poller *poller)
{
    *q = (struct trale_timer_queue){
        .earliest = TRALE_NEVER, .alarm = TRALE_NEVER, .poller = poller};
    q->near = (uint64_t)clock_now() >> SLOT_SHIFT;
    return -pthread_mutex_init(&q->lock, NULL);
}

void timer_queue_destroy(struct trale_timer_queue *q)
{
    pthread_mutex_destroy(&q->lock);
}

static uint64_t slot_of(const struct trale_timer *timer)
{
    return timer->deadline < 0 ? 0 : (uint64_t)timer->deadline >> SLOT_SHIFT;
}

static void wheel_insert(struct trale_timer_queue *q, struct trale_timer *timer, uint64_t slot)
{
    /* The level is that of the highest digit in which the slot differs from near. */
    unsigned level = (unsigned)(63 - __builtin_clzll(slot ^ q->near)) / WHEEL_BITS;
    unsigned digit = (unsigned)(slot >> level * WHEEL_BITS) % WHEEL_SLOTS;
    struct trale_timer **head = &q->slot[level][digit];

    timer->prev = NULL;
    timer->next = *head;
    if (*head)
        (*head)->prev = timer;
    *head = timer;
    q->filled[level] |= UINT64_C(1) << digit;
    set_place(timer, IN_WHEEL + level * WHEEL_SLOTS + digit);
}

static void insert(struct trale_timer_queue *q, struct trale_timer *timer)
{
    uint64_t slot = slot_of(timer);

    if (slot > q->near) {
        wheel_insert(q, timer, slot);
    } else {
        heap_insert(&q->heap, timer);
        set_place(timer, IN_HEAP);
    }
}

static void take_out(struct trale_timer_queue *q, struct trale_timer *timer)
{
    unsigned level, digit;

    counter_add(&q->pending, (uint64_t)-1);
    if (timer->place == IN_HEAP) {
        heap_remove(&q->heap, timer);
        return;
    }
    level = (timer->place - IN_WHEEL) / WHEEL_SLOTS;
    digit = (timer->place - IN_WHEEL) % WHEEL_SLOTS;
    if (timer->next)
        timer->next->prev = timer->prev;
    if (timer->prev)
        timer->prev->next = timer->next;
    else if (!(q->slot[level][digit] = timer->next))
        q->filled[level] &= ~(UINT64_C(1) << digit);
}

/* The first slot of the wheel that is not empty, and where it starts. False: all are empty. */
static bool first_filled(const struct trale_timer_queue *q, unsigned *level, unsigned *digit,
                         uint64_t *start)
{
    unsigned l = 0, shift;

    while (l < WHEEL_LEVELS && !q->filled[l])
        l++;
    if (l == WHEEL_LEVELS)
        return false;
    shift = l * WHEEL_BITS;
    *level = l;
    *digit = (unsigned)__builtin_ctzll(q->filled[l]);
    *start = (q->near >> shift >> WHEEL_BITS << WHEEL_BITS | *digit) << shift;
    return true;
}

/* Time has come to slot target: what is due by then falls down, in the end into the heap. */
static void advance(struct trale_timer_queue *q, uint64_t target)
{
    unsigned level, digit;
    uint64_t start;

    while (first_filled(q, &level, &digit, &start) && start <= target) {
        struct trale_timer *list = q->slot[level][digit], *next;

        q->slot[level][digit] = NULL;
        q->filled[level] &= ~(UINT64_C(1) << digit);
        q->near = start;
        for (; list; list = next) {
            next = list->next;
            insert(q, list);
        }
    }
    if (q->near < target)
        q->near = target;
}

/* A lower bound for all deadlines, exact when that is cheap; TRALE_NEVER if there are no
 * timers. */
static int64_t lower_bound(const struct trale_timer_queue *q)
{
    int64_t earliest = TRALE_NEVER;
    const struct trale_timer *timer;
    unsigned level, digit, scanned = 0;
    uint64_t start;

    if (q->heap.first)
        return q->heap.first->deadline;
    if (!first_filled(q, &level, &digit, &start))
        return TRALE_NEVER;
    for (timer = q->slot[level][digit]; timer && scanned < SCAN_MAX; timer = timer->next) {
        scanned++;
        if (timer->deadline < earliest)
            earliest = timer->deadline;
    }
    return timer ? (int64_t)(start << SLOT_SHIFT) : earliest;
}

int64_t timer_queue_earliest(const struct trale_timer_queue *q)
{
    return atomic_load_explicit(&q->earliest, memory_order_relaxed);
}

/* Under the lock. Setting the alarm is a system call: only while the reactor depends on it. */
static void set_earliest(struct trale_timer_queue *q, int64_t earliest)
{
    atomic_store_explicit(&q->earliest, earliest, memory_order_relaxed);
    if (q->blocking && earliest < q->alarm)
        q->alarm = poller_set_alarm(q->poller, earliest) == 0 ? earliest : TRALE_NEVER;
}

void timer_arm(struct trale_timer_queue *q, struct trale_timer *timer, trale_waker *waker)
{
    pthread_mutex_lock(&q->lock);
    timer->queue = q;
    timer->waker = waker;
    timer->order = q->order++;
    counter_add(&q->pending, 1);
    insert(q, timer);
    if (timer->deadline < timer_queue_earliest(q)) {
        set_earliest(q, timer->deadline);
        if (q->blocking && q->alarm > timer->deadline)
            poller_interrupt(q->poller); /* no alarm: the reactor is to look at the clock */
    }
    pthread_mutex_unlock(&q->lock);
}

bool timer_pending(const struct trale_timer *timer)
{
    return place(timer) != IDLE;
}

void timer_disarm(struct trale_timer *timer)
{
    struct trale_timer_queue *q = timer->queue;

    if (!timer_pending(timer))
        return;
    pthread_mutex_lock(&q->lock);
    if (timer->place != IDLE) {
        take_out(q, timer);
        set_place(timer, IDLE);
    }
    pthread_mutex_unlock(&q->lock);
}

/*
 * Under the lock also if the waker is the same: fire claims it, which does nothing if the task was on
 * its way to this poll, and only then says that the timer has fired. A poll that looked between the
 * two would wait for a wake that has been.
 */
bool timer_change_waker(struct trale_timer *timer, trale_waker *waker)
{
    struct trale_timer_queue *q = timer->queue;
    bool pending;

    pthread_mutex_lock(&q->lock);
    pending = timer->place != IDLE;
    if (pending)
        timer->waker = waker;
    pthread_mutex_unlock(&q->lock);
    return pending;
}

static void fire(struct trale_timer_queue *q, struct trale_timer *timer, struct wake_batch *batch)
{
    take_out(q, timer);
    waker_claim(timer->waker, batch);
    set_place(timer, IDLE);
}

bool timer_queue_expire(struct trale_timer_queue *q, struct wake_batch *batch)
{
    int64_t now;
    int fired = 0;
    bool all;

    if (timer_queue_earliest(q) == TRALE_NEVER)
        return true;
    now = clock_now();
    if (now < timer_queue_earliest(q))
        return true;
    pthread_mutex_lock(&q->lock);
    advance(q, (uint64_t)now >> SLOT_SHIFT);
    while (q->heap.first && q->heap.first->deadline <= now && fired++ < EXPIRE_MAX)
        fire(q, q->heap.first, batch);
    all = !q->heap.first || q->heap.first->deadline > now;
    set_earliest(q, lower_bound(q));
    pthread_mutex_unlock(&q->lock);
    return all;
}

bool timer_queue_block(struct trale_timer_queue *q)
{
    bool set;

    pthread_mutex_lock(&q->lock);
    q->blocking = true;
    if (q->alarm <= clock_now())
        q->alarm = TRALE_NEVER; /* it went off, and a turn that did not block may have seen it */
    set_earliest(q, timer_queue_earliest(q));
    set = q->alarm <= timer_queue_earliest(q);
    pthread_mutex_unlock(&q->lock);
    return set;
}

void timer_queue_unblock(struct trale_timer_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->blocking = false;
    pthread_mutex_unlock(&q->lock);
}

void timer_queue_evict(struct trale_timer_queue *q, struct wake_batch *batch)
{
    pthread_mutex_lock(&q->lock);
    advance(q, UINT64_MAX >> SLOT_SHIFT);
    while (q->heap.first)
        fire(q, q->heap.first, batch);
    pthread_mutex_unlock(&q->lock);
}
