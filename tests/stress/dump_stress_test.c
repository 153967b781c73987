/*
 * Dumps from several threads, and from a task, while tasks of two runtimes begin, end, are
 * cancelled and wake one another. Tasks that live all the while stand in every dump exactly once,
 * and those that wait all the while with the words for it.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "dumped.h"
#include "settle.h"
#include "system.h"
#include "waiters.h"

enum { PLAYERS = 8, DUMPERS = 3, CHURNERS = 4, RUNTIMES = 2 };
enum { MEMBARRIER_REGISTER = 1 << 4 }; /* membarrier(2) */

static trale_runtime *runtimes[RUNTIMES];
static trale_event turns[PLAYERS], never;
static trale_mutex mutex, contended;
static trale_task *players[PLAYERS], *holder, *waiter;
static atomic_bool over, dumped_enough;
static atomic_long dumps, faults, ended;
static char waits[256];

static void check(bool good)
{
    if (!good)
        atomic_fetch_add(&faults, 1);
}

/* Hands the turn on, for ever: to a player in the other runtime. */
static intptr_t play(void *arg)
{
    const trale_event *turn = arg;
    size_t next = (size_t)(turn - turns + 1) % PLAYERS;

    while (!atomic_load(&over)) {
        check(trale_event_wait(arg) == 0);
        check(trale_event_notify(&turns[next]) == 0);
    }
    return 0;
}

static intptr_t hold_mutex(void *arg)
{
    int error = trale_mutex_lock(&mutex);

    if (error == 0)
        error = trale_event_wait(arg);
    trale_mutex_unlock(&mutex);
    return error;
}

static intptr_t lock_mutex(void *arg)
{
    return trale_mutex_lock(arg);
}

static intptr_t short_life(void *arg)
{
    if (trale_mutex_lock(&contended) == 0) {
        trale_yield();
        check(trale_mutex_unlock(&contended) == 0);
    }
    return arg ? trale_sleep(TRALE_NEVER) : trale_yield();
}

static void check_short_life(trale_task *task, bool cancel)
{
    intptr_t result = 0;

    if (cancel)
        trale_cancel(task);
    check(trale_join(task, &result) == 0);
    check(result == (cancel ? -ECANCELED : 0));
    atomic_fetch_add(&ended, 1);
}

static intptr_t churn(void *arg)
{
    trale_task *tasks[8];
    trale_sleep_future sleep;

    for (long i = *(const long *)arg; i > 0; i--) {
        for (int k = 0; k < 6; k++)
            check(trale_spawn(&tasks[k], short_life, k % 2 ? &never : NULL) == 0);
        trale_sleep_init(&sleep, 0);
        check(trale_spawn_future(&tasks[6], &sleep.future, sizeof sleep) == 0);
        trale_sleep_init(&sleep, TRALE_NEVER);
        check(trale_spawn_future(&tasks[7], &sleep.future, sizeof sleep) == 0);
        trale_yield();
        for (int k = 0; k < 8; k++)
            check_short_life(tasks[k], k % 2);
    }
    return 0;
}

static int count(const char *text, const char *part)
{
    int n = 0;

    while ((text = strstr(text, part))) {
        text += strlen(part);
        n++;
    }
    return n;
}

static bool has_line(const char *text, const trale_task *task)
{
    char handle[32];

    snprintf(handle, sizeof handle, "\n  %p ", (const void *)task);
    return count(text, handle) == 1;
}

static void dump_and_check(void)
{
    char *text = dump_text();

    for (int i = 0; i < PLAYERS; i++)
        check(has_line(text, players[i]));
    check(has_line(text, holder));
    check(has_line(text, waiter));
    check(count(text, waits) == 1);
    free(text);
    atomic_fetch_add(&dumps, 1);
}

static void *dump_in_thread(void *arg)
{
    while (!atomic_load(&dumped_enough))
        dump_and_check();
    return arg;
}

static intptr_t dump_in_task(void *arg)
{
    (void)arg;
    while (!atomic_load(&dumped_enough)) {
        dump_and_check();
        for (int i = 0; i < 20; i++) /* it holds its executor up for as long as it waits */
            trale_yield();
    }
    return 0;
}

/* What was registered before stays so. */
static void refuse_membarrier(void)
{
    deny_call_with(SYS_membarrier, 0, MEMBARRIER_REGISTER, EPERM);
}

static int refused_from = RUNTIMES; /* the first runtime that does without membarrier */

static void start_the_long_lived(void)
{
    char name[128];

    for (int i = 0; i < RUNTIMES; i++) {
        if (i == refused_from)
            refuse_membarrier();
        runtimes[i] = new_runtime();
    }
    for (int i = 0; i < PLAYERS; i++)
        players[i] = spawn_on(runtimes[i % 2], play, &turns[i]);
    holder = spawn_on(runtimes[0], hold_mutex, &never);
    settle_on(runtimes[0]);
    waiter = spawn_on(runtimes[1], lock_mutex, &mutex);
    settle_on(runtimes[1]);
    snprintf(name, sizeof name, "%p", (const void *)holder);
    snprintf(waits, sizeof waits, "old: waiting: mutex_lock %p, held by %s (", (void *)&mutex,
             name);
}

static void stop_the_long_lived(void)
{
    atomic_store(&over, true);
    for (int i = 0; i < PLAYERS; i++)
        ck_assert_int_eq(trale_event_notify(&turns[i]), 0);
    for (int i = 0; i < PLAYERS; i++)
        join(players[i]);
    end_task(waiter, -ECANCELED);
    end_task(holder, -ECANCELED);
}

static void dump_while_tasks_come_and_go(long rounds)
{
    trale_task *churners[CHURNERS], *dumper;
    pthread_t threads[DUMPERS];

    start_the_long_lived();
    for (int i = 0; i < CHURNERS; i++)
        churners[i] = spawn_on(runtimes[i % 2], churn, &rounds);
    ck_assert_int_eq(trale_event_notify(&turns[0]), 0);
    dumper = spawn_on(runtimes[0], dump_in_task, NULL);
    for (int i = 0; i < DUMPERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, dump_in_thread, NULL), 0);
    for (int i = 0; i < CHURNERS; i++)
        join(churners[i]);
    while (atomic_load(&dumps) < 10)
        settle_on(runtimes[0]);
    atomic_store(&dumped_enough, true);
    for (int i = 0; i < DUMPERS; i++)
        pthread_join(threads[i], NULL);
    join(dumper);
    stop_the_long_lived();
    for (int i = 0; i < 2; i++)
        free_runtime(runtimes[i]);
    printf("# %ld dumps while %ld tasks came and went\n", atomic_load(&dumps),
           atomic_load(&ended));
    ck_assert_int_eq(atomic_load(&faults), 0);
}

START_TEST(nobody_is_missing_and_nobody_is_told_of_twice)
{
    dump_while_tasks_come_and_go(test_scale(200));
}
END_TEST

static void dump_in_child(void *first_refused)
{
    refused_from = *(const int *)first_refused;
    dump_while_tasks_come_and_go(test_scale(100));
    fflush(stdout);
}

START_TEST(without_membarrier_it_is_the_same)
{
    passes_in_child(dump_in_child, &(int){0});
}
END_TEST

/* The kernel makes the barrier for one of them, the other pays for its own. */
START_TEST(with_and_without_membarrier_at_once_it_is_the_same)
{
    passes_in_child(dump_in_child, &(int){1});
}
END_TEST

/* Runtimes that come and go meanwhile. */
START_TEST(runtimes_are_made_and_freed_meanwhile)
{
    trale_runtime *runtime;
    pthread_t thread;

    start_the_long_lived();
    ck_assert_int_eq(pthread_create(&thread, NULL, dump_in_thread, NULL), 0);
    for (long i = test_scale(100); i > 0; i--) {
        char *text;

        runtime = new_runtime();
        trale_detach(spawn_on(runtime, short_life, NULL));
        text = dump_text();
        ck_assert_int_eq(count(text, "trale: runtime "), 3 + test_is_inside());
        free(text);
        free_runtime(runtime);
    }
    while (atomic_load(&dumps) == 0)
        settle_on(runtimes[0]);
    atomic_store(&dumped_enough, true);
    pthread_join(thread, NULL);
    stop_the_long_lived();
    for (int i = 0; i < 2; i++)
        free_runtime(runtimes[i]);
}
END_TEST

TEST_MAIN("dump_stress", nobody_is_missing_and_nobody_is_told_of_twice,
          without_membarrier_it_is_the_same, with_and_without_membarrier_at_once_it_is_the_same,
          runtimes_are_made_and_freed_meanwhile)
