/*
 * Threads hammer the wakers of futures that also wake one another. What must hold, exactly:
 *   - no wake is lost: once the threads stand still, every future has seen all of its signals;
 *   - one poll at a time, none after READY, none after the drop;
 *   - one drop each; the result is what the future, or the cancel, said.
 * Signals are counted relaxed: it is the wake that has to carry them over.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <trale.h>

#include "seed.h"
#include "settle.h"

enum { THREADS = 8, TARGETS = 16, ROUNDS = 40, HITS = 500, GENERATIONS = 6 };

enum fate { LIVES, FINISHES, IS_CANCELLED };

struct target {
    atomic_uint signals; /* sent; a wake follows */
    atomic_uint seen;    /* by the last poll */
    atomic_bool finish;  /* set before the last signal of a round */
    atomic_bool polling;
    atomic_bool ready;
    atomic_int faults, drops;
    atomic_long polls;
    uint64_t random;    /* executor only: whom it wakes */
    trale_waker *waker; /* a clone, from the first poll on; the test thread drops it */
    struct gate polled; /* opened by the first poll */
    trale_task *task;
};

static struct target targets[TARGETS];
static uint64_t seed;

static void fault_unless(struct target *t, bool good)
{
    if (!good)
        atomic_fetch_add(&t->faults, 1);
}

static void signal_target(struct target *t)
{
    atomic_fetch_add_explicit(&t->signals, 1, memory_order_relaxed);
    trale_waker_wake(t->waker);
}

struct target_future {
    trale_future future;
    struct target *target;
};

/* Signals another in three of eight polls: chains of wakes on the executor, that die out. */
static void signal_another(struct target *t)
{
    uint32_t pick = random_below(&t->random, 8 * TARGETS);
    struct target *other = &targets[pick % TARGETS];

    if (pick / TARGETS < 3 && gate_opened(&other->polled))
        signal_target(other);
}

static enum trale_poll target_poll(trale_future *self, trale_context *cx)
{
    struct target *t = ((struct target_future *)self)->target;
    bool ready;

    fault_unless(t, !atomic_exchange_explicit(&t->polling, true, memory_order_relaxed));
    fault_unless(t, !atomic_load(&t->ready) && atomic_load(&t->drops) == 0);
    if (atomic_fetch_add(&t->polls, 1) == 0) {
        t->waker = trale_waker_clone(trale_context_waker(cx));
        gate_open(&t->polled);
    }
    ready = atomic_load_explicit(&t->finish, memory_order_relaxed);
    atomic_store_explicit(&t->seen, atomic_load_explicit(&t->signals, memory_order_relaxed),
                          memory_order_relaxed);
    signal_another(t);
    self->output = (intptr_t)(t - targets);
    atomic_store(&t->ready, ready);
    atomic_store_explicit(&t->polling, false, memory_order_relaxed);
    return ready ? TRALE_READY : TRALE_PENDING;
}

static void target_drop(trale_future *self)
{
    struct target *t = ((struct target_future *)self)->target;

    fault_unless(t, !atomic_load(&t->polling));
    fault_unless(t, atomic_fetch_add(&t->drops, 1) == 0);
}

static void start_targets(uint64_t state)
{
    static const struct trale_future_ops ops = {target_poll, target_drop, "target"};

    for (unsigned i = 0; i < TARGETS; i++)
        targets[i] = (struct target){.polled = GATE, .random = random_fork(state, i)};
    for (unsigned i = 0; i < TARGETS; i++) {
        struct target *t = &targets[i];
        struct target_future f = {{&ops, 0}, t};
        ck_assert_int_eq(trale_spawn_future(&t->task, &f.future, sizeof f), 0);
    }
    for (unsigned i = 0; i < TARGETS; i++)
        gate_wait(&targets[i].polled);
}

/* The test thread is the ninth at the barriers. */
static struct {
    pthread_barrier_t start, stop;
    atomic_bool over;
} rounds;

static void hit(struct target *t, uint32_t how)
{
    trale_waker *clone;

    switch (how) {
    case 0: /* a clone that outlives the wake by nothing */
        clone = trale_waker_clone(t->waker);
        signal_target(t);
        trale_waker_drop(clone);
        break;
    case 1: /* two wakes for one signal, the second by a clone */
        signal_target(t);
        clone = trale_waker_clone(t->waker);
        trale_waker_wake(clone);
        trale_waker_drop(clone);
        break;
    default:
        signal_target(t);
    }
}

static void *hammer(void *arg)
{
    uint64_t random = random_fork(seed, 1000 + (unsigned)(intptr_t)arg);

    for (;;) {
        pthread_barrier_wait(&rounds.start);
        if (atomic_load(&rounds.over))
            return NULL;
        for (long i = test_scale(HITS); i > 0; i--) {
            hit(&targets[random_below(&random, TARGETS)], random_below(&random, 6));
            if (random_below(&random, 4) == 0)
                sched_yield(); /* or else few polls get in between */
        }
        pthread_barrier_wait(&rounds.stop);
    }
}

/* Until the futures wake one another no more, and then once: all that was ready has been polled. */
static void stand_still(void)
{
    long before, after = -1;

    do {
        before = after;
        settle();
        after = 0;
        for (int i = 0; i < TARGETS; i++)
            after += atomic_load(&targets[i].polls);
    } while (after != before);
    settle();
}

static void check_targets(void)
{
    stand_still();
    for (int i = 0; i < TARGETS; i++) {
        struct target *t = &targets[i];
        ck_assert_int_eq(atomic_load(&t->faults), 0);
        if (atomic_load(&t->drops) == 0)
            ck_assert_uint_eq(atomic_load(&t->seen), atomic_load(&t->signals));
    }
}

static void check_end(struct target *t, enum fate fate)
{
    intptr_t result = join(t->task);

    ck_assert_int_eq(result, fate == IS_CANCELLED ? -ECANCELED : t - targets);
    ck_assert_int_eq(atomic_load(&t->ready), fate == FINISHES);
    ck_assert_int_eq(atomic_load(&t->drops), 1);
}

/* Some end while the threads hammer on: by READY, or by a cancel. */
static enum fate fate_of(int i)
{
    return (enum fate)(i % 3);
}

static void end_some(void)
{
    for (int i = 0; i < TARGETS; i++) {
        struct target *t = &targets[i];
        if (fate_of(i) == IS_CANCELLED)
            trale_cancel(t->task);
        if (fate_of(i) == FINISHES) {
            atomic_store_explicit(&t->finish, true, memory_order_relaxed);
            signal_target(t);
        }
    }
}

/* The rest ends now; the wakers go last. */
static void end_targets(void)
{
    for (int i = 0; i < TARGETS; i++) {
        struct target *t = &targets[i];
        enum fate fate = fate_of(i) == LIVES ? FINISHES : fate_of(i);
        atomic_store_explicit(&t->finish, true, memory_order_relaxed);
        signal_target(t);
        check_end(t, fate);
    }
    stand_still();
    for (int i = 0; i < TARGETS; i++) {
        ck_assert_int_eq(atomic_load(&targets[i].faults), 0);
        ck_assert_int_eq(atomic_load(&targets[i].drops), 1);
        trale_waker_drop(targets[i].waker);
    }
}

static void one_round(bool last)
{
    pthread_barrier_wait(&rounds.start);
    if (last)
        end_some();
    pthread_barrier_wait(&rounds.stop);
    check_targets();
}

START_TEST(no_wake_is_lost_and_none_is_polled_twice)
{
    pthread_t threads[THREADS];
    long total = 0;

    seed = test_seed();
    pthread_barrier_init(&rounds.start, NULL, THREADS + 1);
    pthread_barrier_init(&rounds.stop, NULL, THREADS + 1);
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
    for (unsigned g = 0; g < GENERATIONS; g++) {
        start_targets(random_fork(seed, g));
        for (int i = 1; i <= ROUNDS / GENERATIONS; i++)
            one_round(i == ROUNDS / GENERATIONS);
        for (int i = 0; i < TARGETS; i++)
            total += atomic_load(&targets[i].polls);
        end_targets();
    }
    atomic_store(&rounds.over, true);
    pthread_barrier_wait(&rounds.start);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("# %ld polls\n", total);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "waker_stress",
               no_wake_is_lost_and_none_is_polled_twice)
