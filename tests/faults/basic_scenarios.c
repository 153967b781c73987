/* Runtimes, tasks, time. */
#include "scenarios.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "steps.h"

static void free_runtime(trale_runtime *rt)
{
    CALL(trale_runtime_free(rt, TRALE_NEVER), true);
}

static intptr_t forty_two(void *arg)
{
    (void)arg;
    return 42;
}

void own_runtime(void)
{
    const trale_config config = {.executors = 1, .stack_size = 20000};
    trale_spawn_options options = {0};
    trale_runtime *rt = NULL;
    trale_task *task = NULL;

    CALL(trale_runtime_new(&rt, &config), !rt);
    options.runtime = rt;
    CALL(trale_spawn_with(&task, &options, forty_two, NULL), !task);
    join_for(task, 42);
    CALL(trale_runtime_wait(rt), true);
    free_runtime(rt);
}

/* The threads are started one after the other: with the second the first one must go too. */
void several_executors(void)
{
    const trale_config config = {.executors = 3};
    trale_spawn_options options = {0};
    trale_runtime *rt = NULL;
    trale_task *task = NULL;

    CALL(trale_runtime_new(&rt, &config), !rt);
    options.runtime = rt;
    for (options.executor = 0; options.executor <= 3; options.executor++) {
        CALL(trale_spawn_with(&task, &options, forty_two, NULL), !task);
        join_for(task, 42);
        task = NULL;
    }
    CALL(trale_runtime_wait(rt), true);
    free_runtime(rt);
}

static intptr_t sleep_then_forty_two(void *arg)
{
    CALL(trale_sleep(100 * TRALE_US), true);
    return forty_two(arg);
}

void inline_runs(void)
{
    intptr_t result = 0;

    CALL(trale_run(sleep_then_forty_two, NULL, &result), result == 0);
    EXPECT(result == 42);
}

static intptr_t count_up(void *arg)
{
    CALL(trale_sleep(0), true);
    return atomic_fetch_add((atomic_int *)arg, 1) + 1;
}

static intptr_t family(void *arg)
{
    trale_task *child = NULL;

    CALL(trale_spawn(&child, count_up, arg), !child);
    CALL(trale_yield(), true);
    join_for(child, 1);
    CALL(trale_sleep(200 * TRALE_US), true);
    return 7;
}

void default_runtime(void)
{
    trale_runtime *rt;
    trale_task *task = NULL;
    atomic_int counter = 0;

    CALL(trale_spawn(&task, family, &counter), !task);
    CALL(trale_sleep(TRALE_MS), true);
    join_for(task, 7);
    rt = trale_runtime_default();
    EXPECT(rt);
    CALL(trale_spawn(NULL, count_up, &counter), true);
    CALL(trale_runtime_wait(rt), true);
    EXPECT(atomic_load(&counter) == 2);
}

struct numbers {
    int n[25];
};

static intptr_t sum(void *arg)
{
    const struct numbers *numbers = arg;
    int sum = 0;

    for (int i = 0; i < 25; i++)
        sum += numbers->n[i];
    return sum;
}

static intptr_t fill_half_a_megabyte(void *arg)
{
    char much[512 << 10];

    memset(much, *(const char *)arg, sizeof much);
    return ((volatile char *)much)[sizeof much / 2];
}

void spawns(void)
{
    const trale_spawn_options large = {.stack_size = (size_t)1 << 20, .name = "large"};
    struct numbers numbers;
    trale_task *task = NULL;
    trale_sleep_future sleep;

    for (int i = 0; i < 25; i++)
        numbers.n[i] = i;
    CALL(trale_spawn_copy(&task, sum, &numbers, sizeof numbers), !task);
    memset(&numbers, 0, sizeof numbers);
    join_for(task, 300);

    task = NULL;
    trale_sleep_init(&sleep, 100 * TRALE_US);
    CALL(trale_spawn_future(&task, &sleep.future, sizeof sleep), !task);
    join_for(task, 0);

    task = NULL;
    CALL(trale_spawn_with(&task, &large, fill_half_a_megabyte, "x"), !task);
    join_for(task, 'x');

    task = NULL;
    trale_sleep_init(&sleep, 0);
    CALL(trale_spawn_future_with(&task, &large, &sleep.future, sizeof sleep), !task);
    trale_detach(task);
}

static intptr_t three_ticks(void *arg)
{
    trale_interval interval;

    (void)arg;
    trale_interval_start(&interval, 500 * TRALE_US);
    for (int i = 0; i < 3; i++)
        CALL(trale_interval_wait(&interval), true);
    return trale_now() >= interval.next - interval.period;
}

static intptr_t sleep_long(void *arg)
{
    atomic_store((atomic_bool *)arg, true);
    return CALL(trale_sleep(3600 * TRALE_SEC) == -ECANCELED ? 1 : -EIO, true);
}

struct obstinate {
    sem_t started, end;
};

/* Its executor stands still meanwhile. */
static intptr_t hold_on(void *arg)
{
    struct obstinate *obstinate = arg;

    sem_post(&obstinate->started);
    sem_wait(&obstinate->end);
    return 9;
}

static void free_in_vain(trale_runtime *rt)
{
    int error = trale_runtime_free(rt, trale_now() + TRALE_MS);

    if (error != -ETIMEDOUT) {
        EXPECT(error < 0);
        call_failed(error, "trale_runtime_free in vain");
        error = trale_runtime_free(rt, trale_now() + TRALE_MS);
    }
    EXPECT(error == -ETIMEDOUT);
}

void timers(void)
{
    /* Not the default: there is to be a reactor while the executor is held up. */
    const trale_config config = {.executors = 1};
    trale_spawn_options options = {0};
    trale_task *ticker = NULL, *sleeper = NULL, *holder = NULL;
    atomic_bool sleeps = false;
    struct obstinate obstinate;

    sem_init(&obstinate.started, 0, 0);
    sem_init(&obstinate.end, 0, 0);
    CALL(trale_runtime_new(&options.runtime, &config), !options.runtime);
    CALL(trale_spawn_with(&sleeper, &options, sleep_long, &sleeps), !sleeper);
    CALL(trale_spawn_with(&ticker, &options, three_ticks, NULL), !ticker);
    join_for(ticker, 1);
    EXPECT(atomic_load(&sleeps));
    CALL(trale_cancel(sleeper), true);
    join_for(sleeper, 1);

    CALL(trale_spawn_with(&holder, &options, hold_on, &obstinate), !holder);
    while (sem_wait(&obstinate.started) != 0)
        ;
    free_in_vain(options.runtime);
    sem_post(&obstinate.end);
    join_for(holder, 9);
    free_runtime(options.runtime);
    sem_destroy(&obstinate.started);
    sem_destroy(&obstinate.end);
}

/* A thread that has spawned can wait for the end, whatever happens. */
static intptr_t begin_and_end_together(void *arg)
{
    TRALE_GROUP(group);
    atomic_int counter = 0;

    CALL(trale_group_spawn(&group, count_up, &counter), counter == 0);
    CALL(trale_group_spawn(&group, count_up, &counter), true);
    EXPECT(trale_group_wait(&group) == 0);
    EXPECT(counter == 2);
    return (intptr_t)arg;
}

void groups(void)
{
    struct plain plain;

    begin_and_end_together(NULL);
    plain_start(&plain, begin_and_end_together, NULL);
    plain_join(&plain);
}
