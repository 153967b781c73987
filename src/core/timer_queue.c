#include "core/timer_queue.h"

#include <errno.h>

#include "base/clock.h"

#define NEAR_WORDS (NEAR_SLOTS / 64)
#define RECENT ((SLOT_WORDS - 1) * 64) /* where those stand that were armed lately */
#define RECENT_MAX 32
#define EXPIRE_MAX 256
#define FIRE_MAX 16
#define LATE_NS 1000000 /* for so long an executor that keeps the time may be held up by a poll */

/*
 * timer->place: where it stands. IDLE (also: fired before its time) and FIRED are stored by whoever
 * fires it, with release, as the last thing that is done to the timer; the owner reads them with
 * acquire, and may free the timer.
 */
enum { IDLE = 0, FIRED = 1, IN_HEAP = 2, IN_SLOT = 3 /* + its index */ };

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
    atomic_init(&q->earliest, TRALE_NEVER);
    atomic_init(&q->kept, TRALE_NEVER);
    q->alarm = TRALE_NEVER;
    q->poller = poller;
    q->now = (uint64_t)clock_now() >> SLOT_SHIFT;
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

/*
 * Where in the array what belongs to a slot stands. The next NEAR_SLOTS go round and round; what lies
 * beyond is on a level of its own for each group of six bits, that of the highest in which it differs
 * from now, and moves to the near ones when time comes to the first slot that it may belong to.
 */
static unsigned index_of(const struct trale_timer_queue *q, uint64_t slot)
{
    uint64_t far = slot / NEAR_SLOTS;
    unsigned level;

    if (slot - q->now < NEAR_SLOTS)
        return (unsigned)(slot % NEAR_SLOTS);
    level = (unsigned)(63 - __builtin_clzll(far ^ q->now / NEAR_SLOTS)) / 6;
    return NEAR_SLOTS + level * 64 + (unsigned)(far >> level * 6) % 64;
}

static void slot_insert(struct trale_timer_queue *q, struct trale_timer *timer, unsigned index)
{
    struct timer_slot *slot = &q->slot[index];

    timer->prev = NULL;
    timer->next = slot->first;
    timer->child = slot->before[1]; /* the third from here, see fall */
    slot->before[1] = slot->before[0];
    slot->before[0] = slot->first;
    if (slot->first)
        slot->first->prev = timer;
    if (!slot->first || timer->deadline < slot->earliest)
        slot->earliest = timer->deadline;
    slot->first = timer;
    q->filled[index / 64] |= UINT64_C(1) << index % 64;
    set_place(timer, IN_SLOT + index);
}

static void slot_emptied(struct trale_timer_queue *q, unsigned index)
{
    q->slot[index].first = NULL;
    q->filled[index / 64] &= ~(UINT64_C(1) << index % 64);
}

static void slot_remove(struct trale_timer_queue *q, struct trale_timer *timer, unsigned index)
{
    if (timer->next)
        timer->next->prev = timer->prev;
    if (timer->prev)
        timer->prev->next = timer->next;
    else if (timer->next)
        q->slot[index].first = timer->next;
    else
        slot_emptied(q, index);
}

static void insert(struct trale_timer_queue *q, struct trale_timer *timer)
{
    uint64_t slot = slot_of(timer);

    if (slot > q->now) {
        slot_insert(q, timer, index_of(q, slot));
    } else {
        heap_insert(&q->heap, timer);
        set_place(timer, IN_HEAP);
    }
}

/* It may be gone, which does no harm. */
static void fetch(const struct trale_timer *timer)
{
    if (!timer)
        return;
    __builtin_prefetch(timer);
    __builtin_prefetch(&timer->place);
}

/*
 * Where a timer goes, the neighbour that it gets there is cold. So those that were armed lately stand
 * together, and when there are some, what they need is fetched for all of them at once.
 */
static void settle(struct trale_timer_queue *q)
{
    struct trale_timer *list = q->slot[RECENT].first, *next;

    q->recent = 0;
    if (!list)
        return;
    slot_emptied(q, RECENT);
    for (const struct trale_timer *timer = list; timer; timer = timer->next)
        fetch(q->slot[index_of(q, slot_of(timer))].first);
    for (; list; list = next) {
        next = list->next;
        insert(q, list);
    }
}

static void insert_recent(struct trale_timer_queue *q, struct trale_timer *timer)
{
    if (slot_of(timer) <= q->now) {
        insert(q, timer);
        return;
    }
    slot_insert(q, timer, RECENT);
    if (++q->recent == RECENT_MAX)
        settle(q);
}

static void take_out(struct trale_timer_queue *q, struct trale_timer *timer)
{
    counter_add(&q->pending, (uint64_t)-1);
    if (timer->place == IN_HEAP)
        heap_remove(&q->heap, timer);
    else
        slot_remove(q, timer, timer->place - IN_SLOT);
}

/* Slots that are not empty: index in the array, and the first slot that may be in it. */
struct filled {
    unsigned index;
    uint64_t start;
};
#define NONE ((struct filled){0, UINT64_MAX})

static struct filled first_near(const struct trale_timer_queue *q)
{
    uint64_t start = q->now & ~UINT64_C(63), skip = q->now % 64, bits;

    /* Once around: the first word has the slots before now, too, which come last. */
    for (unsigned i = 0; i <= NEAR_WORDS; i++, start += 64, skip = 0) {
        bits = q->filled[start % NEAR_SLOTS / 64] >> skip << skip;
        if (bits != 0) {
            start += (unsigned)__builtin_ctzll(bits);
            return (struct filled){(unsigned)(start % NEAR_SLOTS), start};
        }
    }
    return NONE;
}

static struct filled first_far(const struct trale_timer_queue *q)
{
    for (unsigned level = 0, shift = 0; level < FAR_LEVELS; level++, shift += 6) {
        uint64_t bits = q->filled[NEAR_WORDS + level], far = q->now / NEAR_SLOTS;
        unsigned digit;

        if (bits == 0)
            continue;
        digit = (unsigned)__builtin_ctzll(bits);
        far = (far >> shift >> 6 << 6 | digit) << shift;
        return (struct filled){NEAR_SLOTS + level * 64 + digit, far * NEAR_SLOTS};
    }
    return NONE;
}

/* What is due by then falls into the heap. */
static void fall(struct trale_timer_queue *q, unsigned index)
{
    const struct timer_slot *slot = &q->slot[index];
    struct trale_timer *list = slot->first, *next;

    slot_emptied(q, index);
    fetch(slot->before[0]); /* the second and the third; after that each tells of one */
    fetch(slot->before[1]);
    for (; list; list = next) {
        next = list->next;
        fetch(list->child);
        __builtin_prefetch(list->waker);
        insert(q, list);
    }
}

/* Time has come to slot target. */
static void advance(struct trale_timer_queue *q, uint64_t target)
{
    settle(q);
    for (;;) {
        struct filled near = first_near(q), far = first_far(q);
        struct filled first = far.start <= near.start ? far : near;

        if (first.start > target)
            break;
        q->now = first.start;
        fall(q, first.index);
    }
    if (q->now < target)
        q->now = target;
}

/* No timer there is earlier. */
static int64_t earliest_in(const struct trale_timer_queue *q, struct filled filled)
{
    return filled.start == UINT64_MAX ? TRALE_NEVER : q->slot[filled.index].earliest;
}

/* A lower bound for all deadlines; TRALE_NEVER if there are no timers. */
static int64_t lower_bound(const struct trale_timer_queue *q)
{
    int64_t near, far;

    if (q->heap.first)
        return q->heap.first->deadline;
    near = earliest_in(q, first_near(q));
    far = earliest_in(q, first_far(q));
    return near < far ? near : far;
}

int64_t timer_queue_earliest(const struct trale_timer_queue *q)
{
    return atomic_load_explicit(&q->earliest, memory_order_relaxed);
}

/* When the alarm has to go off, at the latest. */
static int64_t alarm_for(const struct trale_timer_queue *q, int64_t earliest)
{
    if (earliest < atomic_load_explicit(&q->kept, memory_order_relaxed) ||
        earliest > TRALE_NEVER - LATE_NS)
        return earliest;
    return earliest + LATE_NS;
}

/* Under the lock. Setting the alarm is a system call: only while the reactor depends on it. */
static void set_earliest(struct trale_timer_queue *q, int64_t earliest)
{
    int64_t alarm = alarm_for(q, earliest);

    atomic_store_explicit(&q->earliest, earliest, memory_order_relaxed);
    if (q->blocking && alarm < q->alarm)
        q->alarm = poller_set_alarm(q->poller, alarm) == 0 ? alarm : TRALE_NEVER;
}

void timer_arm(struct trale_timer_queue *q, struct trale_timer *timer, trale_waker *waker)
{
    pthread_mutex_lock(&q->lock);
    timer->queue = q;
    timer->waker = waker;
    timer->order = q->order++;
    counter_add(&q->pending, 1);
    insert_recent(q, timer);
    if (timer->deadline < timer_queue_earliest(q)) {
        set_earliest(q, timer->deadline);
        if (q->blocking && q->alarm > alarm_for(q, timer->deadline))
            poller_interrupt(q->poller); /* no alarm: the reactor is to look at the clock */
    }
    pthread_mutex_unlock(&q->lock);
}

bool timer_pending(const struct trale_timer *timer)
{
    return place(timer) > FIRED;
}

bool timer_fired(const struct trale_timer *timer)
{
    return place(timer) == FIRED;
}

void timer_disarm(struct trale_timer *timer)
{
    struct trale_timer_queue *q = timer->queue;

    if (!timer_pending(timer))
        return;
    pthread_mutex_lock(&q->lock);
    if (timer->place > FIRED) {
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
    pending = timer->place > FIRED;
    if (pending)
        timer->waker = waker;
    pthread_mutex_unlock(&q->lock);
    return pending;
}

/* Those that are due, but not too many at a time; what the wakes will touch is fetched meanwhile.
 * Returns how many. */
static unsigned fire(struct trale_timer_queue *q, int64_t now, unsigned place,
                     struct wake_batch *batch)
{
    struct trale_timer *due[FIRE_MAX];
    unsigned count = 0;

    while (count < FIRE_MAX && q->heap.first && q->heap.first->deadline <= now) {
        due[count] = q->heap.first;
        take_out(q, due[count]);
        waker_prefetch(due[count++]->waker);
    }
    for (unsigned i = 0; i < count; i++) {
        waker_claim(due[i]->waker, batch);
        set_place(due[i], place);
    }
    return count;
}

bool timer_queue_claim(struct trale_timer_queue *q)
{
    return timer_queue_earliest(q) != TRALE_NEVER &&
           !atomic_exchange_explicit(&q->claimed, true, memory_order_acquire);
}

void timer_queue_release(struct trale_timer_queue *q)
{
    atomic_store_explicit(&q->claimed, false, memory_order_release);
}

bool timer_queue_expire(struct trale_timer_queue *q, struct wake_batch *batch)
{
    unsigned fired = 0, count;
    int64_t now;
    bool all;

    if (timer_queue_earliest(q) == TRALE_NEVER)
        return true;
    now = clock_now();
    if (now < timer_queue_earliest(q))
        return true;
    pthread_mutex_lock(&q->lock);
    advance(q, (uint64_t)now >> SLOT_SHIFT);
    do {
        count = fire(q, now, FIRED, batch);
        fired += count;
    } while (count == FIRE_MAX && fired < EXPIRE_MAX);
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
    set = q->alarm <= alarm_for(q, timer_queue_earliest(q));
    pthread_mutex_unlock(&q->lock);
    return set;
}

void timer_queue_unblock(struct trale_timer_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->blocking = false;
    pthread_mutex_unlock(&q->lock);
}

/* An alarm that would wake the reactor for nothing is put off. */
int64_t timer_queue_keep(struct trale_timer_queue *q)
{
    int64_t earliest;

    pthread_mutex_lock(&q->lock);
    earliest = timer_queue_earliest(q);
    atomic_store_explicit(&q->kept, earliest, memory_order_relaxed);
    if (q->blocking && earliest != TRALE_NEVER && q->alarm <= earliest &&
        poller_set_alarm(q->poller, alarm_for(q, earliest)) == 0)
        q->alarm = alarm_for(q, earliest);
    pthread_mutex_unlock(&q->lock);
    return earliest;
}

void timer_queue_awake(struct trale_timer_queue *q)
{
    atomic_store_explicit(&q->kept, 0, memory_order_relaxed);
}

void timer_queue_keep_not(struct trale_timer_queue *q)
{
    pthread_mutex_lock(&q->lock);
    atomic_store_explicit(&q->kept, TRALE_NEVER, memory_order_relaxed);
    set_earliest(q, timer_queue_earliest(q));
    pthread_mutex_unlock(&q->lock);
}

void timer_queue_evict(struct trale_timer_queue *q, struct wake_batch *batch)
{
    pthread_mutex_lock(&q->lock);
    advance(q, UINT64_MAX >> SLOT_SHIFT);
    while (fire(q, TRALE_NEVER, IDLE, batch) > 0)
        ;
    pthread_mutex_unlock(&q->lock);
}
