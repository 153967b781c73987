/*
 * The lock with an owner: one at a time is in it, whoever comes and when; the owner has it until
 * somebody else does. Where the kernel makes the barrier (membarrier(2)), where it refuses to, and
 * where it has come to refuse.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "base/barrier.h"
#include "base/clock.h"
#include "base/spin.h"
#include "race.h"
#include "seed.h"
#include "sync/owned_lock.h"
#include "system.h"

enum { SIDES = 3 };

/* A lock for each round; what each side did is its own. */
struct round {
    _Alignas(64) struct owned_lock lock;
    _Alignas(64) volatile long sum; /* plain: whoever is in the lock adds 1 */
    _Alignas(64) atomic_int came;
    long added[SIDES], as_owner[SIDES];
};

struct side {
    struct run_queue queue;
    int index;
    uint64_t random;
};

static struct {
    struct round *rounds;
    long count;
    int sides, executors; /* the first sides are executors */
    bool asymmetric;
    void (*take_part)(struct side *side, struct round *r);
    struct side side[SIDES];
    _Alignas(64) atomic_long at[SIDES]; /* how many rounds it has begun */
} race;

static void add(struct side *side, struct round *r)
{
    uint32_t pause = random_below(&side->random, 8);
    long sum;
    bool owner;

    dirty_lines();
    owner = owned_enter(&r->lock);
    sum = r->sum;
    for (uint32_t i = 0; i < pause; i++)
        spin_relax();
    r->sum = sum + 1;
    owned_leave(&r->lock, owner);
    r->added[side->index]++;
    r->as_owner[side->index] += owner;
}

/* Waits until all have begun this round. */
static void begin(struct side *side)
{
    long round = atomic_fetch_add(&race.at[side->index], 1) + 1;

    for (int i = 0; i < race.sides; i++)
        for (int spins = 0; atomic_load(&race.at[i]) < round; spins++)
            if (spins > 200)
                sched_yield();
}

/* The first is in and out of it all the time, before others come and while they do. */
static void hammer_or_come(struct side *side, struct round *r)
{
    if (side->index == 0) {
        add(side, r);
        begin(side);
        for (int i = 1; atomic_load_explicit(&r->came, memory_order_relaxed) < race.sides - 1;
             i++) {
            add(side, r);
            if (i % 64 == 0)
                sched_yield();
        }
    } else {
        begin(side);
        for (uint32_t n = random_below(&side->random, 30); n > 0; n--)
            dirty_lines();
        for (int i = 0; i < 3; i++)
            add(side, r);
        atomic_fetch_add_explicit(&r->came, 1, memory_order_relaxed);
    }
}

/* Anybody may be the first. */
static void come_at_once(struct side *side, struct round *r)
{
    begin(side);
    for (uint32_t n = random_below(&side->random, 4); n > 0; n--)
        dirty_lines();
    for (uint32_t n = 1 + random_below(&side->random, 8); n > 0; n--)
        add(side, r);
}

/* A third side goes where it likes. */
static void *run_side(void *arg)
{
    struct side *side = arg;

    if (side->index < 2)
        move_to_cpu(side->index == 0);
    if (side->index < race.executors)
        this_thread.queue = &side->queue;
    for (long i = 0; i < race.count; i++)
        race.take_part(side, &race.rounds[i]);
    return NULL;
}

/* Who was an owner was the only one, and in the end there is none. */
static void check_round(const struct round *r)
{
    int owners = 0;
    long added = 0;

    for (int i = 0; i < race.sides; i++) {
        added += r->added[i];
        owners += r->as_owner[i] > 0;
    }
    MUST(r->sum == added);
    MUST(owners <= race.asymmetric);
    MUST(r->lock.owner == OWNER_NONE);
    MUST(r->lock.busy == 0);
    MUST(r->lock.word == 0);
    if (race.take_part == hammer_or_come)
        MUST((r->as_owner[0] > 0) == race.asymmetric);
}

static void start_and_join(uint64_t seed)
{
    pthread_t threads[SIDES];

    for (int i = 0; i < race.sides; i++) {
        race.side[i].index = i;
        race.side[i].random = random_fork(seed, (unsigned)i);
        race.side[i].queue.freeze.asymmetric = race.asymmetric;
        atomic_store(&race.at[i], 0);
        MUST(pthread_create(&threads[i], NULL, run_side, &race.side[i]) == 0);
    }
    for (int i = 0; i < race.sides; i++)
        pthread_join(threads[i], NULL);
}

static void run_race(int sides, int executors, long count)
{
    static uint64_t seed;
    long added = 0, as_owner = 0;

    seed = seed ? seed : test_seed();
    race.sides = sides;
    race.executors = executors;
    race.count = test_scale(count);
    race.rounds = aligned_alloc(64, (size_t)race.count * sizeof *race.rounds);
    MUST(race.rounds);
    for (long i = 0; i < race.count; i++)
        race.rounds[i] = (struct round){.sum = 0};
    start_and_join(seed);
    for (long i = 0; i < race.count; i++) {
        check_round(&race.rounds[i]);
        for (int j = 0; j < sides; j++) {
            added += race.rounds[i].added[j];
            as_owner += race.rounds[i].as_owner[j];
        }
    }
    printf("# %ld locks, %d sides, %d of them executors: locked %ld times, %ld by an owner\n",
           race.count, sides, executors, added, as_owner);
    fflush(stdout);
    free(race.rounds);
}

/* No race: one thread, in one role after the other. */

static struct run_queue queues[2] = {{.freeze.asymmetric = true}, {.freeze.asymmetric = true}};
static struct owned_lock lock;

/* Locks it once, as an executor or as a plain thread: as its owner? */
static bool lock_as(struct run_queue *queue)
{
    bool owner;

    this_thread.queue = queue;
    owner = owned_enter(&lock);
    ck_assert_uint_eq(lock.busy, owner);
    ck_assert_uint_eq(lock.word, owner ? 0 : WORD_LOCKED);
    owned_leave(&lock, owner);
    this_thread.queue = NULL;
    ck_assert_uint_eq(lock.busy, 0);
    ck_assert_uint_eq(lock.word, 0);
    return owner;
}

START_TEST(who_comes_first_and_alone_stays_the_owner)
{
    for (int i = 0; i < 1000; i++) {
        ck_assert(lock_as(&queues[0]));
        ck_assert_uint_eq(lock.owner, (uintptr_t)&queues[0]);
    }
}
END_TEST

START_TEST(after_a_plain_thread_nobody_is_the_owner)
{
    for (int i = 0; i < 3; i++) {
        ck_assert(!lock_as(NULL));
        ck_assert_uint_eq(lock.owner, OWNER_NONE);
        ck_assert(!lock_as(&queues[i % 2]));
        ck_assert_uint_eq(lock.owner, OWNER_NONE);
    }
}
END_TEST

START_TEST(an_executor_without_a_barrier_is_no_owner)
{
    queues[0].freeze.asymmetric = false;
    for (int i = 0; i < 2; i++) {
        ck_assert(!lock_as(&queues[i]));
        ck_assert_uint_eq(lock.owner, OWNER_NONE);
    }
}
END_TEST

/* The owner may have ended long ago. */
static void check_taken_over_by(struct run_queue *other)
{
    lock = (struct owned_lock){0};
    ck_assert(lock_as(&queues[0]));
    for (int i = 0; i < 3; i++) {
        ck_assert(!lock_as(other));
        ck_assert_uint_eq(lock.owner, OWNER_NONE);
        ck_assert(!lock_as(&queues[0]));
        ck_assert_uint_eq(lock.owner, OWNER_NONE);
    }
}

START_TEST(who_comes_second_takes_it_for_good)
{
    barrier_register();
    check_taken_over_by(NULL);
    check_taken_over_by(&queues[1]);
}
END_TEST

static atomic_int entered;

static void *enter_once(void *arg)
{
    bool owner = owned_enter(&lock);

    MUST(!owner);
    atomic_fetch_add(&entered, 1);
    owned_leave(&lock, owner);
    return arg;
}

/* One of them asks and watches the owner, the other one waits for the one who asks. */
START_TEST(while_the_owner_is_in_it_others_wait)
{
    pthread_t threads[2];
    bool owner;

    barrier_register();
    this_thread.queue = &queues[0];
    owner = owned_enter(&lock);
    ck_assert(owner);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, enter_once, NULL), 0);
    while (atomic_load(&lock.owner) == (uintptr_t)&queues[0])
        sched_yield();
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(entered, 0);
        sched_yield();
    }
    owned_leave(&lock, owner);
    owner = owned_enter(&lock);
    ck_assert(!owner);
    owned_leave(&lock, owner);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(entered, 2);
    ck_assert_uint_eq(lock.owner, OWNER_NONE);
}
END_TEST

/* Races, with the barrier that there is. */

static void race_by_barrier(__typeof__(race.take_part) take_part, int sides, int executors,
                            long count)
{
    race.asymmetric = barrier_register();
    MUST(race.asymmetric == !UNDER_TSAN);
    race.take_part = take_part;
    run_race(sides, executors, count);
}

START_TEST(a_thread_comes_while_the_owner_is_at_it)
{
    race_by_barrier(hammer_or_come, 2, 1, 2000);
}
END_TEST

START_TEST(two_threads_come_while_the_owner_is_at_it)
{
    race_by_barrier(hammer_or_come, 3, 1, 1000);
}
END_TEST

START_TEST(an_executor_comes_while_the_owner_is_at_it)
{
    race_by_barrier(hammer_or_come, 2, 2, 1000);
}
END_TEST

START_TEST(two_executors_come_at_once)
{
    race_by_barrier(come_at_once, 2, 2, 1000);
}
END_TEST

START_TEST(two_executors_and_a_thread_come_at_once)
{
    race_by_barrier(come_at_once, 3, 2, 1000);
}
END_TEST

/* Each round waits its millisecond. ThreadSanitizer sees owners here: they need no barrier. */
static void race_when_refused_later(void *nothing)
{
    (void)nothing;
    MUST(barrier_register() == !UNDER_TSAN);
    deny_call(SYS_membarrier, EPERM);
    MUST(!barrier_issue());
    race.asymmetric = true;
    race.take_part = hammer_or_come;
    run_race(2, 1, 500);
    run_race(3, 1, 300);
    race.take_part = come_at_once;
    run_race(3, 2, 300);
}

START_TEST(membarrier_is_refused_after_there_is_an_owner)
{
    passes_in_child(race_when_refused_later, NULL);
}
END_TEST

static void interrupt(int number)
{
    (void)number;
}

static void take_over_under_signals(void *nothing)
{
    struct sigaction action = {.sa_handler = interrupt};
    struct itimerval often = {{0, 100}, {0, 100}};

    (void)nothing;
    barrier_register();
    deny_call(SYS_membarrier, EPERM);
    MUST(sigaction(SIGALRM, &action, NULL) == 0);
    MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 20; i++) {
        int64_t began;

        lock = (struct owned_lock){.owner = (uintptr_t)&queues[0]};
        began = clock_now();
        MUST(!owned_enter(&lock));
        MUST(UNDER_TSAN || clock_now() - began >= 1000000);
        owned_leave(&lock, false);
    }
}

/* They end the wait that stands for the barrier, which would come too soon then. */
START_TEST(where_it_is_refused_signals_make_nobody_come_sooner)
{
    passes_in_child(take_over_under_signals, NULL);
}
END_TEST

static void race_when_refused(void *nothing)
{
    (void)nothing;
    deny_call(SYS_membarrier, EPERM);
    race.asymmetric = barrier_register();
    MUST(!race.asymmetric);
    race.take_part = hammer_or_come;
    run_race(2, 1, 2000);
    race.take_part = come_at_once;
    run_race(3, 2, 500);
}

START_TEST(where_membarrier_is_refused_there_is_no_owner)
{
    passes_in_child(race_when_refused, NULL);
}
END_TEST

TEST_MAIN("owned_lock", who_comes_first_and_alone_stays_the_owner,
          after_a_plain_thread_nobody_is_the_owner, an_executor_without_a_barrier_is_no_owner,
          who_comes_second_takes_it_for_good, while_the_owner_is_in_it_others_wait,
          a_thread_comes_while_the_owner_is_at_it, two_threads_come_while_the_owner_is_at_it,
          an_executor_comes_while_the_owner_is_at_it, two_executors_come_at_once,
          two_executors_and_a_thread_come_at_once, membarrier_is_refused_after_there_is_an_owner,
          where_it_is_refused_signals_make_nobody_come_sooner,
          where_membarrier_is_refused_there_is_no_owner)
