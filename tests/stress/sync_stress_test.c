/*
 * Everything that waits at once: tasks of two runtimes and plain threads, some of them cancelled
 * at any moment, and a ledger in which what was taken and what was given back must agree.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "seed.h"
#include "settle.h"
#include "waiters.h"

enum { BATCH = 50, PERMITS = 3 };

static trale_mutex mutex;
static trale_event event;
static trale_semaphore semaphore;
static trale_rwlock rwlock;
static trale_cond cond;

/* What must hold. Counted by everybody, looked at by the test's thread at the end. */
static struct {
    long guarded; /* plain, under the mutex: whoever breaks in loses a count */
    atomic_long locked, taken, notified, acquired, read, written, signalled, cancelled, faults;
    atomic_int owners, readers, writers, holders;
} ledger;

static void check(bool good)
{
    if (!good)
        atomic_fetch_add(&ledger.faults, 1);
}

/* Was it cancelled? Nothing else may go wrong. */
static bool got(int result)
{
    check(result == 0 || result == -ECANCELED);
    if (result == -ECANCELED)
        atomic_fetch_add(&ledger.cancelled, 1);
    return result == 0;
}

static void lock_once(bool yield)
{
    if (!got(trale_mutex_lock(&mutex)))
        return;
    check(atomic_fetch_add(&ledger.owners, 1) == 0);
    ledger.guarded++;
    if (yield)
        trale_yield();
    atomic_fetch_add(&ledger.locked, 1);
    check(atomic_fetch_sub(&ledger.owners, 1) == 1);
    check(trale_mutex_unlock(&mutex) == 0);
}

static void wait_once(void)
{
    if (got(trale_event_wait(&event)))
        atomic_fetch_add(&ledger.taken, 1);
}

static void notify_once(void)
{
    atomic_fetch_add(&ledger.notified, 1);
    check(trale_event_notify(&event) == 0);
}

static void acquire_some(unsigned count, bool yield)
{
    if (!got(trale_semaphore_acquire(&semaphore, count)))
        return;
    check(atomic_fetch_add(&ledger.holders, (int)count) + (int)count <= PERMITS);
    if (yield)
        trale_yield();
    atomic_fetch_add(&ledger.acquired, 1);
    atomic_fetch_sub(&ledger.holders, (int)count);
    check(trale_semaphore_release(&semaphore, count) == 0);
}

static void read_once(bool yield)
{
    if (!got(trale_rwlock_rdlock(&rwlock)))
        return;
    atomic_fetch_add(&ledger.readers, 1);
    check(atomic_load(&ledger.writers) == 0);
    if (yield)
        trale_yield();
    atomic_fetch_add(&ledger.read, 1);
    atomic_fetch_sub(&ledger.readers, 1);
    check(trale_rwlock_unlock(&rwlock) == 0);
}

static void write_once(bool yield)
{
    if (!got(trale_rwlock_wrlock(&rwlock)))
        return;
    check(atomic_fetch_add(&ledger.writers, 1) == 0);
    check(atomic_load(&ledger.readers) == 0);
    if (yield)
        trale_yield();
    atomic_fetch_add(&ledger.written, 1);
    atomic_fetch_sub(&ledger.writers, 1);
    check(trale_rwlock_unlock(&rwlock) == 0);
}

/* Cancelled or not, it has the mutex afterwards. */
static void wait_for_signal(void)
{
    if (!got(trale_mutex_lock(&mutex)))
        return;
    if (got(trale_cond_wait(&cond, &mutex)))
        atomic_fetch_add(&ledger.signalled, 1);
    check(atomic_fetch_add(&ledger.owners, 1) == 0);
    ledger.guarded++;
    atomic_fetch_add(&ledger.locked, 1);
    atomic_fetch_sub(&ledger.owners, 1);
    check(trale_mutex_unlock(&mutex) == 0);
}

/* What a racer does; those that may wait for ever are for those who are cancelled. */
static void act(uint64_t random, bool cancelled)
{
    bool yield = random_below(&random, 2);

    switch (random_below(&random, cancelled ? 8 : 6)) {
    case 0:
        return lock_once(yield);
    case 1:
        return acquire_some(1 + random_below(&random, PERMITS), yield);
    case 2:
        return read_once(yield);
    case 3:
        return write_once(yield);
    case 4:
        return notify_once();
    case 5:
        check(trale_cond_signal(&cond) == 0);
        return;
    case 6:
        return wait_once();
    default:
        return wait_for_signal();
    }
}

static intptr_t race(void *random)
{
    act((uint64_t)(uintptr_t)random, true);
    return 0;
}

/* A racer without a stack: what it got when it ends by itself is one notification. */
static int spawn_stackless(trale_task **task, const trale_spawn_options *options)
{
    trale_event_wait_future f;

    trale_event_wait_init(&f, &event);
    return trale_spawn_future_with(task, options, &f.future, sizeof f);
}

static atomic_bool over;

/* Plain threads, and tasks that are not cancelled: they keep all of it busy until the end. */
static intptr_t keep_busy(void *seed)
{
    uint64_t random = (uint64_t)(uintptr_t)seed;

    while (!atomic_load(&over)) {
        random_below(&random, 2);
        act(random, false);
        trale_yield();
    }
    return 0;
}

static void *keep_busy_on_thread(void *seed)
{
    keep_busy(seed);
    return NULL;
}

/* Spawns racers on both runtimes, and cancels each a random while later. */
static void one_batch(uint64_t *random, trale_runtime *other)
{
    trale_task *tasks[BATCH];
    bool stackless[BATCH];

    for (int i = 0; i < BATCH; i++) {
        trale_spawn_options options = {.runtime = i % 2 ? other : NULL};
        stackless[i] = random_below(random, 8) == 0;
        uintptr_t seed = 1 + random_below(random, UINT32_MAX);
        ck_assert_int_eq(stackless[i] ? spawn_stackless(&tasks[i], &options)
                                      : trale_spawn_with(&tasks[i], &options, race, (void *)seed),
                         0);
    }
    for (int i = 0; i < BATCH; i++) {
        for (uint32_t n = random_below(random, 1u << random_below(random, 12)); n > 0; n--)
            atomic_load(&over);
        trale_cancel(tasks[i]);
    }
    for (int i = 0; i < BATCH; i++) {
        intptr_t result = join(tasks[i]);
        ck_assert(result == 0 || result == -ECANCELED);
        if (stackless[i] && got((int)result))
            atomic_fetch_add(&ledger.taken, 1);
    }
}

static void settle_the_ledger(void)
{
    long left = 0;

    while (trale_event_try_wait(&event) == 0)
        left++;
    ck_assert_int_eq(ledger.faults, 0);
    ck_assert_int_eq(ledger.guarded, ledger.locked);
    ck_assert_int_eq(ledger.notified, ledger.taken + left);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, PERMITS), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), 0);
    printf("# locked %ld, taken %ld of %ld, acquired %ld, read %ld, written %ld, signalled %ld\n",
           ledger.locked, ledger.taken, ledger.notified, ledger.acquired, ledger.read,
           ledger.written, ledger.signalled);
}

START_TEST(cancels_lose_nothing)
{
    uint64_t seed = test_seed(), random = random_fork(seed, 0);
    long batches = test_scale(200000) / BATCH + 1;
    trale_runtime *other = new_runtime();
    pthread_t threads[2];
    trale_task *tasks[2];

    ck_assert_int_eq(trale_semaphore_release(&semaphore, PERMITS), 0);
    for (unsigned i = 0; i < 2; i++) {
        void *own[2] = {(void *)(uintptr_t)random_fork(seed, 1 + i),
                        (void *)(uintptr_t)random_fork(seed, 3 + i)};
        tasks[i] = spawn_on(i ? other : NULL, keep_busy, own[0]);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, keep_busy_on_thread, own[1]), 0);
    }
    for (long i = 0; i < batches; i++)
        one_batch(&random, other);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        join(tasks[i]);
    }
    printf("# %ld cancels, %ld found a wait\n", batches * BATCH, ledger.cancelled);
    settle_the_ledger();
    free_runtime(other);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "sync_stress", cancels_lose_nothing)
