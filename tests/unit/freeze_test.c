/*
 * Sections against who freezes them: while they are frozen none is begun, and none is half done;
 * where the kernel makes the barrier (membarrier(2)), and where it refuses to.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/barrier.h"
#include "base/spin.h"
#include "race.h"
#include "seed.h"
#include "system.h"
#include "task/freeze.h"

static struct {
    _Alignas(64) struct freeze freeze;
    _Alignas(64) volatile long first, second; /* plain: the same but for a section */
    _Alignas(64) atomic_long sections;
    atomic_bool over;
} shared;

static void *run_sections(void *arg)
{
    move_to_cpu(true);
    while (!atomic_load_explicit(&shared.over, memory_order_relaxed)) {
        dirty_lines();
        section_begin(&shared.freeze);
        shared.first++;
        for (int i = 0; i < 5; i++)
            spin_relax();
        shared.second++;
        section_end(&shared.freeze);
        atomic_fetch_add_explicit(&shared.sections, 1, memory_order_relaxed);
    }
    return arg;
}

/* Frozen: nothing moves. */
static bool stands_still(void)
{
    long first = shared.first;
    bool still = true;

    for (int i = 0; i < 30; i++)
        still = still && shared.first == first && shared.second == first;
    return still;
}

/* Was it in a section when it was frozen? */
static bool freeze(void)
{
    bool busy;

    dirty_lines();
    freeze_begin(&shared.freeze);
    if (shared.freeze.asymmetric)
        MUST(barrier_issue());
    busy = atomic_load(&shared.freeze.busy);
    freeze_await(&shared.freeze);
    return busy;
}

/* Between two freezes there are sections. */
static void await_sections(long more)
{
    long target = atomic_load(&shared.sections) + more;

    for (int i = 0; atomic_load(&shared.sections) < target; i++)
        if (i > 1000)
            sched_yield();
}

static void freeze_often(uint64_t seed)
{
    uint64_t random = random_fork(seed, 0);
    long count = test_scale(2000), busy = 0;

    for (long i = 0; i < count; i++) {
        await_sections(1 + random_below(&random, 4));
        for (uint32_t n = random_below(&random, 100); n > 0; n--)
            spin_relax();
        busy += freeze();
        MUST(stands_still());
        freeze_end(&shared.freeze);
    }
    printf("# %s: frozen %ld times, %ld of them in a section\n",
           shared.freeze.asymmetric ? "membarrier" : "both pay", count, busy);
    fflush(stdout);
}

static void race(uint64_t seed)
{
    pthread_t thread;

    MUST(pthread_create(&thread, NULL, run_sections, NULL) == 0);
    move_to_cpu(false);
    freeze_often(seed);
    atomic_store(&shared.over, true);
    pthread_join(thread, NULL);
    MUST(shared.first == shared.second);
    MUST(shared.first == atomic_load(&shared.sections));
}

START_TEST(with_membarrier_nothing_moves_while_frozen)
{
    uint64_t seed = test_seed();

    shared.freeze.asymmetric = barrier_register();
    ck_assert_int_eq(shared.freeze.asymmetric, !UNDER_TSAN);
    if (shared.freeze.asymmetric)
        race(seed);
}
END_TEST

static void race_when_refused(void *seed)
{
    deny_call(SYS_membarrier, EPERM);
    shared.freeze.asymmetric = barrier_register();
    MUST(!shared.freeze.asymmetric);
    MUST(!barrier_issue());
    race(*(const uint64_t *)seed);
}

START_TEST(without_membarrier_nothing_moves_while_frozen)
{
    uint64_t seed = test_seed();

    passes_in_child(race_when_refused, &seed);
}
END_TEST

TEST_MAIN("freeze", with_membarrier_nothing_moves_while_frozen,
          without_membarrier_nothing_moves_while_frozen)
