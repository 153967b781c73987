/*
 * Cancels that race with the end of what they cancel. Whoever comes first, the result fits what
 * the task did: its own output if it was ready, -ECANCELED if not; and each is dropped once.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"

enum { BATCH = 50, LONG_RACE = 300 };

/* One task: how many times it waits before it is ready, once the race is on, and what was done
 * to it. */
struct racer {
    int waits;
    int waited, polls, drops, ready,
        overlaps; /* plain: one executor, and the join carries them over */
    bool polling;
    intptr_t output;
};

static struct racer racers[BATCH];

/* The handles on their way to the canceller. */
static struct {
    _Atomic(trale_task *) tasks[BATCH];
    pthread_barrier_t start, stop;
    atomic_bool on, over;
    uint64_t random;
} cancels;

struct racer_future {
    trale_future future;
    struct racer *racer;
};

static enum trale_poll racer_poll(trale_future *self, trale_context *cx)
{
    struct racer *r = ((struct racer_future *)self)->racer;

    r->overlaps += r->polling || r->ready || r->drops;
    r->polling = true;
    r->polls++;
    r->ready = r->waited == r->waits;
    r->waited += atomic_load_explicit(&cancels.on, memory_order_relaxed);
    if (r->ready)
        self->output = 7;
    else
        trale_waker_wake(trale_context_waker(cx));
    r->polling = false;
    return r->ready ? TRALE_READY : TRALE_PENDING;
}

static void racer_drop(trale_future *self)
{
    struct racer *r = ((struct racer_future *)self)->racer;

    r->overlaps += r->polling;
    r->drops++;
    r->output = self->output;
}

static struct racer_future racer_future(struct racer *r)
{
    static const struct trale_future_ops ops = {racer_poll, racer_drop, "racer"};

    return (struct racer_future){{&ops, 0}, r};
}

/* Cancels each task a random while after it sees the handle. */
static void cancel_batch(uint32_t longest)
{
    atomic_store(&cancels.on, true);
    for (int i = 0; i < BATCH; i++) {
        trale_task *task;
        while (!(task = atomic_exchange(&cancels.tasks[i], NULL)))
            sched_yield();
        for (uint32_t n = random_below(&cancels.random, longest); n > 0; n--)
            atomic_load(&cancels.over);
        trale_cancel(task);
    }
}

static void *cancel_batches(void *arg)
{
    (void)arg;
    for (;;) {
        pthread_barrier_wait(&cancels.start);
        if (atomic_load(&cancels.over))
            return NULL;
        cancel_batch(1u << random_below(&cancels.random, 15));
        pthread_barrier_wait(&cancels.stop);
    }
}

struct tally {
    long cancelled, finished, unstarted;
};

typedef int spawn_racer(trale_task **task, struct racer *r);
typedef void check_racer(const struct racer *r, intptr_t result, struct tally *tally);

static void one_batch(uint64_t *random, spawn_racer *spawn, check_racer *check,
                      struct tally *tally)
{
    bool wait = random_below(random, 4) > 0; /* for all to be spawned, or race at once */
    trale_task *tasks[BATCH];

    memset(racers, 0, sizeof racers);
    atomic_store(&cancels.on, false);
    if (!wait)
        pthread_barrier_wait(&cancels.start);
    for (int i = 0; i < BATCH; i++) {
        racers[i].waits = (int)random_below(random, random_below(random, 2) ? 4 : LONG_RACE);
        ck_assert_int_eq(spawn(&tasks[i], &racers[i]), 0);
        atomic_store(&cancels.tasks[i], tasks[i]);
    }
    if (wait)
        pthread_barrier_wait(&cancels.start);
    pthread_barrier_wait(&cancels.stop);
    for (int i = 0; i < BATCH; i++)
        check(&racers[i], join(tasks[i]), tally);
}

static void race(long count, spawn_racer *spawn, check_racer *check)
{
    uint64_t seed = test_seed(), random = random_fork(seed, 0);
    struct tally tally = {0};
    pthread_t canceller;

    cancels.random = random_fork(seed, 1);
    pthread_barrier_init(&cancels.start, NULL, 2);
    pthread_barrier_init(&cancels.stop, NULL, 2);
    ck_assert_int_eq(pthread_create(&canceller, NULL, cancel_batches, NULL), 0);
    for (long i = test_scale(count) / BATCH; i >= 0; i--)
        one_batch(&random, spawn, check, &tally);
    atomic_store(&cancels.over, true);
    pthread_barrier_wait(&cancels.start);
    pthread_join(canceller, NULL);
    printf("# %ld finished, %ld cancelled, and %ld before they started\n", tally.finished,
           tally.cancelled, tally.unstarted);
}

static void count(struct tally *tally, const struct racer *r, bool finished)
{
    tally->finished += finished;
    tally->cancelled += !finished && r->polls > 0;
    tally->unstarted += !finished && r->polls == 0;
}

static int spawn_stackless(trale_task **task, struct racer *r)
{
    struct racer_future f = racer_future(r);

    return trale_spawn_future(task, &f.future, sizeof f);
}

static void check_stackless(const struct racer *r, intptr_t result, struct tally *tally)
{
    ck_assert_int_eq(r->drops, 1);
    ck_assert_int_eq(r->overlaps, 0);
    ck_assert_int_eq(result, r->ready ? 7 : -ECANCELED);
    ck_assert_int_eq(r->output, result);
    count(tally, r, r->ready);
}

START_TEST(stackless_tasks_end_one_way_or_the_other)
{
    race(100000, spawn_stackless, check_stackless);
}
END_TEST

/* A drop that always finds an effect: then no cancel may show. */
static void racer_drop_with_effect(trale_future *self)
{
    racer_drop(self);
    self->output = 7;
}

static int spawn_with_effect(trale_task **task, struct racer *r)
{
    static const struct trale_future_ops ops = {racer_poll, racer_drop_with_effect, "racer"};
    struct racer_future f = {{&ops, 0}, r};

    return trale_spawn_future(task, &f.future, sizeof f);
}

static void check_with_effect(const struct racer *r, intptr_t result, struct tally *tally)
{
    ck_assert_int_eq(r->drops, 1);
    ck_assert_int_eq(r->overlaps, 0);
    ck_assert_int_eq(result, 7);
    count(tally, r, r->ready);
}

START_TEST(an_effect_is_never_lost_to_a_cancel)
{
    race(20000, spawn_with_effect, check_with_effect);
}
END_TEST

/* Awaits its racer, then yields, and says which of them was cancelled. */
static intptr_t await_racer(void *racer)
{
    struct racer_future f = racer_future(racer);
    intptr_t output = trale_await(&f.future);

    if (output == 7 && trale_yield() != 0)
        return 8;
    return output;
}

static int spawn_fiber(trale_task **task, struct racer *r)
{
    return trale_spawn(task, await_racer, r);
}

static void check_fiber(const struct racer *r, intptr_t result, struct tally *tally)
{
    bool started = r->drops > 0; /* awaited, even if it was cancelled before the first poll */

    ck_assert_int_le(r->drops, 1);
    ck_assert_int_eq(r->overlaps, 0);
    ck_assert(result == 7 || result == 8 || result == -ECANCELED);
    ck_assert_int_eq(r->ready, result != -ECANCELED);
    ck_assert(started || r->polls == 0);
    if (started)
        ck_assert_int_eq(r->output, r->ready ? 7 : -ECANCELED);
    count(tally, r, result == 7);
}

START_TEST(fibers_end_one_way_or_the_other)
{
    race(50000, spawn_fiber, check_fiber);
}
END_TEST

/* Racers whose inner task is joined: the join is cancelled, or takes the result. */
struct joined {
    struct racer racer;
    trale_task *inner;
    intptr_t result;
    int error;
};

static struct joined joined[BATCH];

static intptr_t join_inner(void *arg)
{
    struct joined *j = arg;

    j->error = trale_join(j->inner, &j->result);
    return 0;
}

static int spawn_joiner(trale_task **task, struct racer *r)
{
    struct joined *j = &joined[r - racers];
    struct racer_future f = racer_future(&j->racer);
    int error;

    *j = (struct joined){.racer.waits = r->waits, .result = 99, .error = 1};
    error = trale_spawn_future(&j->inner, &f.future, sizeof f);
    return error < 0 ? error : trale_spawn(task, join_inner, j);
}

static void check_joiner(const struct racer *r, intptr_t result, struct tally *tally)
{
    struct joined *j = &joined[r - racers];
    bool started = j->error != 1;

    ck_assert(result == 0 || result == -ECANCELED);
    ck_assert_int_eq(started, result == 0);
    ck_assert(!started || j->error == 0 || j->error == -ECANCELED);
    if (j->error == 0) { /* the handle is gone */
        ck_assert_int_eq(j->result, 7);
    } else {
        ck_assert_int_eq(j->result, 99);
        ck_assert_int_eq(join(j->inner), 7);
    }
    ck_assert_int_eq(j->racer.drops, 1);
    ck_assert_int_eq(j->racer.overlaps, 0);
    tally->finished += j->error == 0;
    tally->cancelled += j->error == -ECANCELED;
    tally->unstarted += !started;
}

START_TEST(a_join_takes_the_result_or_leaves_the_handle)
{
    race(50000, spawn_joiner, check_joiner);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "cancel_stress",
               stackless_tasks_end_one_way_or_the_other, an_effect_is_never_lost_to_a_cancel,
               fibers_end_one_way_or_the_other, a_join_takes_the_result_or_leaves_the_handle)
