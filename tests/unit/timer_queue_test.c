/*
 * The timer queue against a model, a sorted list, under a clock that the test sets. Nothing fires
 * early, everything fires in the order of deadline and arming, and the alarm is never late.
 */
#include "suite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/timer_queue.h"
#include "task/task.h"
#include "seed.h"

#define SLOT (INT64_C(1) << 20)

/* The clock of this program; it stands in for base/clock.c. Until set, the real time. */
static int64_t fake_now;

int64_t clock_now(void);
int64_t clock_coarse(void);
int64_t clock_after(int64_t duration);

int64_t clock_now(void)
{
    struct timespec now;
    if (fake_now != 0)
        return fake_now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * TRALE_SEC + now.tv_nsec;
}

int64_t clock_coarse(void)
{
    return clock_now();
}

int64_t clock_after(int64_t duration)
{
    return clock_now() + duration;
}

enum { TIMERS = 3000 };

/* A task that is elsewhere comes first: a batch is a chain of their wakers. */
struct entry {
    trale_task task;
    struct trale_timer timer;
    uint64_t order;
    bool armed;
};

static struct run_queue elsewhere;
static struct entry entries[TIMERS];
static struct entry *armed[TIMERS]; /* the model: sorted */
static size_t armed_count;
static uint64_t order;
static struct poller poller;
static struct trale_timer_queue queue;

static void setup(void)
{
    fake_now = 1000 * TRALE_SEC;
    ck_assert_int_eq(poller_open(&poller), 0);
    ck_assert_int_eq(timer_queue_init(&queue, &poller), 0);
}

static void teardown(void)
{
    timer_queue_destroy(&queue);
    poller_close(&poller);
}

static bool before(const struct entry *a, const struct entry *b)
{
    if (a->timer.deadline != b->timer.deadline)
        return a->timer.deadline < b->timer.deadline;
    return a->order < b->order;
}

/* Where the entry is in the model, or would go. */
static size_t position(const struct entry *e)
{
    size_t low = 0, high = armed_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (before(armed[middle], e))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void arm(struct entry *e, int64_t deadline)
{
    size_t at;
    memset(&e->timer, 0, sizeof e->timer);
    e->task.home = &elsewhere;
    atomic_store(&e->task.waker.state.word, STATE_REFERENCE);
    e->timer.deadline = deadline;
    e->order = order++;
    at = position(e);
    memmove(&armed[at + 1], &armed[at], (armed_count++ - at) * sizeof *armed);
    armed[at] = e;
    e->armed = true;
    timer_arm(&queue, &e->timer, &e->task.waker);
    ck_assert(timer_pending(&e->timer));
}

static void forget(struct entry *e)
{
    size_t at = position(e);
    ck_assert_ptr_eq(armed[at], e);
    memmove(&armed[at], &armed[at + 1], (--armed_count - at) * sizeof *armed);
    e->armed = false;
}

static void disarm(struct entry *e)
{
    forget(e);
    timer_disarm(&e->timer);
    ck_assert(!timer_pending(&e->timer));
}

/* What the queue claims must be the first of the model, one by one. Returns how many. */
static size_t check_batch(const struct wake_batch *batch)
{
    static struct entry *claimed[TIMERS];
    size_t count = 0;
    for (trale_waker *w = batch->newest; w; w = w->next)
        claimed[count++] = (struct entry *)w;
    for (size_t i = count; i-- > 0;) {
        ck_assert_ptr_eq(claimed[i], armed[0]);
        ck_assert_int_le(claimed[i]->timer.deadline, fake_now);
        ck_assert(!timer_pending(&claimed[i]->timer));
        forget(claimed[i]);
    }
    return count;
}

/* All that is due fires, in turns of a bounded size. */
static size_t expire(void)
{
    size_t fired = 0;
    bool all;
    do {
        struct wake_batch batch = {0};
        all = timer_queue_expire(&queue, &batch);
        size_t count = check_batch(&batch);
        ck_assert(all || count > 0);
        fired += count;
    } while (!all);
    ck_assert(armed_count == 0 || armed[0]->timer.deadline > fake_now);
    return fired;
}

/* As the reactor does: blocks until the alarm, or returns false if there is none. */
static bool block_until_alarm(void)
{
    timer_queue_block(&queue);
    if (armed_count > 0)
        ck_assert_int_le(queue.alarm, armed[0]->timer.deadline);
    if (queue.alarm == TRALE_NEVER)
        return false;
    if (queue.alarm > fake_now)
        fake_now = queue.alarm;
    timer_queue_unblock(&queue);
    return true;
}

/* From the real clock, not from ours. */
static uint64_t real_seed(void)
{
    int64_t now = fake_now;
    fake_now = 0;
    uint64_t seed = test_seed();
    fake_now = now;
    return seed;
}

/* Deadlines of every kind that the levels of the wheel tell apart. */
static int64_t random_deadline(uint64_t *seed)
{
    int64_t edge = SLOT << 6 * random_below(seed, 5), aligned;
    switch (random_below(seed, 8)) {
    case 0: /* the past */
        return fake_now - random_below(seed, 1000);
    case 1: /* within a slot, often equal */
        return fake_now + random_below(seed, 8);
    case 2:
        return fake_now + random_below(seed, (uint32_t)(4 * SLOT));
    case 3: /* around a boundary of some level */
        aligned = (fake_now / edge + 1 + random_below(seed, 3)) * edge;
        return aligned + (int64_t)random_below(seed, 3) - 1;
    case 4: /* a slot or two around it */
        aligned = (fake_now / edge + 1) * edge;
        return aligned + (int64_t)random_below(seed, (uint32_t)(4 * SLOT)) - 2 * SLOT;
    case 5:
        return fake_now + edge + (int64_t)random_below(seed, 1000);
    case 6: /* the same one for many */
        return (fake_now / TRALE_SEC + 1) * TRALE_SEC;
    default:
        return fake_now + (int64_t)random_below(seed, UINT32_MAX) * 16;
    }
}

START_TEST(random_timers_agree_with_sorting)
{
    uint64_t seed = real_seed();
    for (long n = test_scale(60000); n > 0; n--) {
        struct entry *e = &entries[random_below(&seed, TIMERS)];
        uint32_t kind = random_below(&seed, 100);
        if (e->armed)
            disarm(e);
        else
            arm(e, random_deadline(&seed));
        if (kind < 5)
            fake_now += random_below(&seed, (uint32_t)(2 * SLOT));
        else if (kind == 5)
            fake_now += SLOT << 6 * random_below(&seed, 4);
        if (kind < 10)
            expire();
    }
    while (armed_count > 0) {
        ck_assert(block_until_alarm());
        expire();
    }
    ck_assert_int_eq(atomic_load(&queue.earliest), TRALE_NEVER);
}
END_TEST

START_TEST(who_wakes_at_the_alarm_is_never_late)
{
    uint64_t seed = real_seed();
    for (long n = test_scale(5000); n > 0; n--) {
        int64_t start = fake_now;
        arm(&entries[0], random_deadline(&seed));
        arm(&entries[1], random_deadline(&seed));
        while (armed_count > 0) {
            int64_t due = armed[0]->timer.deadline;
            ck_assert(block_until_alarm());
            ck_assert_int_le(fake_now, due > start ? due : start);
            expire();
        }
        ck_assert_int_ge(fake_now, start);
    }
}
END_TEST

START_TEST(the_alarm_comes_within_a_few_turns)
{
    /* A hundred in one far slot: too many to look through for the earliest. */
    uint64_t seed = real_seed();
    for (unsigned i = 0; i < 100; i++)
        arm(&entries[i], fake_now + 3600 * TRALE_SEC + random_below(&seed, 1000));
    for (unsigned turns = 0; armed_count > 0; turns++) {
        ck_assert_uint_lt(turns, 100 + WHEEL_LEVELS);
        ck_assert(block_until_alarm());
        expire();
    }
}
END_TEST

START_TEST(equal_deadlines_fire_in_the_order_of_arming)
{
    const int64_t near = fake_now + 100, far = fake_now + 100 * TRALE_SEC;
    for (unsigned i = 0; i < 1000; i++)
        arm(&entries[i], i % 2 ? near : far);
    fake_now = near - 1;
    ck_assert_uint_eq(expire(), 0);
    fake_now = near;
    ck_assert_uint_eq(expire(), 500);
    fake_now = far - 1;
    ck_assert_uint_eq(expire(), 0);
    for (unsigned i = 1000; i < 1100; i++) /* these join the old ones in the heap */
        arm(&entries[i], far);
    fake_now = far;
    ck_assert_uint_eq(expire(), 600);
}
END_TEST

START_TEST(deadlines_in_the_past_fire_at_once)
{
    static const int64_t deadlines[] = {INT64_MIN, -1, 0, 1, -SLOT, SLOT};
    for (unsigned i = 0; i < 6; i++)
        arm(&entries[i], deadlines[i]);
    arm(&entries[6], fake_now);
    arm(&entries[7], fake_now - 1);
    arm(&entries[8], fake_now + 1);
    ck_assert_uint_eq(expire(), 8);
    fake_now++;
    ck_assert_uint_eq(expire(), 1);
}
END_TEST

START_TEST(the_boundaries_of_the_levels_hold)
{
    /* One tick before, at, and after each boundary, armed from near and from just before it. */
    for (unsigned level = 0; level < WHEEL_LEVELS - 1; level++) {
        for (int64_t step = 1; step <= 3; step++) {
            int64_t edge = (fake_now / (SLOT << 6 * level) + step) * (SLOT << 6 * level);
            unsigned count = 0;
            for (int64_t around = -SLOT; around <= SLOT; around += SLOT)
                for (int64_t tick = -1; tick <= 1; tick++)
                    arm(&entries[count++], edge + around + tick);
            while (armed_count > 0) {
                int64_t due = armed[0]->timer.deadline;
                if (due > fake_now) {
                    fake_now = due - 1;
                    expire();
                    ck_assert_ptr_nonnull(armed[0]);
                    ck_assert_int_eq(armed[0]->timer.deadline, due);
                    fake_now = due;
                }
                ck_assert_uint_gt(expire(), 0);
            }
        }
    }
}
END_TEST

START_TEST(the_end_of_time_can_be_waited_for)
{
    arm(&entries[0], INT64_MAX - 1);
    arm(&entries[1], INT64_MAX - 1);
    arm(&entries[2], INT64_MAX - SLOT);
    arm(&entries[3], fake_now + TRALE_SEC);
    fake_now += TRALE_SEC;
    ck_assert_uint_eq(expire(), 1);
    for (unsigned turns = 0; armed_count > 0; turns++) {
        ck_assert_uint_lt(turns, 20);
        ck_assert(block_until_alarm());
        expire();
    }
    ck_assert_int_eq(fake_now, INT64_MAX - 1);
}
END_TEST

START_TEST(a_disarmed_timer_does_not_fire_and_can_be_armed_again)
{
    for (unsigned i = 0; i < 100; i++)
        arm(&entries[i], fake_now + i * SLOT / 3);
    for (unsigned i = 0; i < 100; i += 2)
        disarm(&entries[i]);
    timer_disarm(&entries[0].timer); /* once more does nothing */
    arm(&entries[0], fake_now + 100 * SLOT);
    fake_now += 100 * SLOT;
    ck_assert_uint_eq(expire(), 51);
    timer_disarm(&entries[1].timer); /* nor after it fired */
    ck_assert_uint_eq(expire(), 0);
}
END_TEST

START_TEST(a_zeroed_timer_was_never_armed)
{
    struct trale_timer timer = {0};
    ck_assert(!timer_pending(&timer));
    timer_disarm(&timer);
}
END_TEST

START_TEST(the_last_waker_is_the_one_that_is_woken)
{
    struct wake_batch batch = {0};
    arm(&entries[0], fake_now + SLOT);
    entries[1].task.home = &elsewhere;
    atomic_store(&entries[1].task.waker.state.word, STATE_REFERENCE);
    ck_assert(timer_change_waker(&entries[0].timer, &entries[1].task.waker));
    fake_now += SLOT;
    ck_assert(timer_queue_expire(&queue, &batch));
    ck_assert(!timer_change_waker(&entries[0].timer, &entries[0].task.waker));
    ck_assert_ptr_eq(batch.newest, &entries[1].task.waker);
    ck_assert_ptr_eq(batch.oldest, &entries[1].task.waker);
    ck_assert_uint_eq(atomic_load(&entries[0].task.waker.state.word), STATE_REFERENCE);
}
END_TEST

START_TEST(an_earlier_timer_moves_the_alarm_of_a_blocked_reactor)
{
    arm(&entries[0], fake_now + 10 * TRALE_SEC);
    timer_queue_block(&queue);
    ck_assert_int_le(queue.alarm, fake_now + 10 * TRALE_SEC);
    arm(&entries[1], fake_now + 1);
    ck_assert_int_le(queue.alarm, fake_now + 1);
    timer_queue_unblock(&queue);
}
END_TEST

START_TEST(an_alarm_that_went_off_unseen_is_set_again)
{
    arm(&entries[0], fake_now + SLOT);
    timer_queue_block(&queue);
    timer_queue_unblock(&queue);
    fake_now += 2 * SLOT; /* a turn that did not block took the event, and fired what was due */
    expire();
    arm(&entries[1], fake_now + SLOT);
    timer_queue_block(&queue);
    ck_assert_int_le(queue.alarm, fake_now + SLOT);
    ck_assert_int_gt(queue.alarm, fake_now);
    timer_queue_unblock(&queue);
}
END_TEST

START_TEST(evicted_timers_fire_whatever_their_deadline)
{
    struct wake_batch batch = {0};
    size_t count = 0;
    arm(&entries[0], INT64_MIN);
    arm(&entries[1], INT64_MAX - 1);
    for (unsigned i = 2; i < 500; i++)
        arm(&entries[i], fake_now + i * 1000 * SLOT);
    timer_queue_evict(&queue, &batch);
    for (const trale_waker *w = batch.newest; w; w = w->next)
        count++;
    ck_assert_uint_eq(count, 500);
    for (unsigned i = 0; i < 500; i++)
        ck_assert(!timer_pending(&entries[i].timer));
}
END_TEST

TEST_MAIN_WITH(setup, teardown, "timer_queue", random_timers_agree_with_sorting,
               who_wakes_at_the_alarm_is_never_late, the_alarm_comes_within_a_few_turns,
               equal_deadlines_fire_in_the_order_of_arming, deadlines_in_the_past_fire_at_once,
               the_boundaries_of_the_levels_hold, the_end_of_time_can_be_waited_for,
               a_disarmed_timer_does_not_fire_and_can_be_armed_again,
               a_zeroed_timer_was_never_armed, the_last_waker_is_the_one_that_is_woken,
               an_earlier_timer_moves_the_alarm_of_a_blocked_reactor,
               an_alarm_that_went_off_unseen_is_set_again,
               evicted_timers_fire_whatever_their_deadline)
