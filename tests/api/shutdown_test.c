/*
 * Runtimes that are freed with everything in flight, again and again: descriptors, threads,
 * mappings and memory come back to where they were.
 */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "executors.h"
#include "gate.h"
#include "settle.h"
#include "streams.h"
#include "system.h"
#include "waiters.h"

enum { WARM_UP = 50, ROUNDS = 950, KINDS = 9, EACH = 2 };

#define GROWTH_MAX (2L << 20) /* bytes that all rounds together may leave resident */

/* What the tasks of one round use. */
static trale_io *ends[2];
static trale_event event;
static trale_mutex mutex;
static trale_channel *empty, *full;
static struct gate go;

static intptr_t sleep_long(void *arg)
{
    (void)arg;
    return trale_sleep(3600 * TRALE_SEC);
}

static intptr_t sleep_in_scope(void *arg)
{
    trale_scope scope;
    int error;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + 3600 * TRALE_SEC);
    error = trale_event_wait(&event);
    trale_scope_leave(&scope);
    return error;
}

static intptr_t read_what_never_comes(void *arg)
{
    char byte;

    (void)arg;
    return trale_read(ends[0], &byte, 1);
}

static intptr_t lock_what_is_locked(void *arg)
{
    (void)arg;
    return trale_mutex_lock(&mutex);
}

static intptr_t receive(void *arg)
{
    int item;

    (void)arg;
    return trale_channel_recv(empty, &item);
}

static intptr_t send_it(void *arg)
{
    return trale_channel_send(full, &arg);
}

static intptr_t select_between(void *arg)
{
    trale_channel_recv_future recv;
    trale_event_wait_future wait;
    int item;

    (void)arg;
    trale_channel_recv_init(&recv, empty, &item);
    trale_event_wait_init(&wait, &event);
    return TRALE_SELECT(&recv.future, &wait.future);
}

static intptr_t pass_gate(void *arg)
{
    (void)arg;
    gate_wait(&go);
    return -ECANCELED;
}

/* It has begun, or is going to, and ends when another task has been cancelled. */
static intptr_t work(void *arg)
{
    return trale_blocking(pass_gate, arg);
}

static intptr_t let_work_end(void *arg)
{
    int error = trale_sleep_until(TRALE_NEVER);

    (void)arg;
    gate_open(&go);
    return error;
}

/* Who lets the work end comes first: that has been polled if the work has. */
static trale_fn *const kinds[KINDS] = {let_work_end,
                                       sleep_long,
                                       sleep_in_scope,
                                       read_what_never_comes,
                                       lock_what_is_locked,
                                       receive,
                                       send_it,
                                       select_between,
                                       work};

static void open_world(void)
{
    open_sockets(ends);
    go = (struct gate)GATE;
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(trale_channel_new(&empty, sizeof(int), 1), 0);
    ck_assert_int_eq(trale_channel_new(&full, sizeof(void *), 0), 0);
}

static void close_world(void)
{
    close_both(ends);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    trale_channel_free(empty);
    trale_channel_free(full);
}

/* Half of the handles are kept, half of the tasks are stackless where that is possible. */
static void one_round(int round)
{
    trale_task *tasks[KINDS];
    trale_sleep_future sleep;
    trale_runtime *runtime;

    open_world();
    runtime = new_runtime_with(1);
    trale_sleep_init(&sleep, 3600 * TRALE_SEC);
    for (int i = 0; i < KINDS; i++) {
        const trale_spawn_options options = {.runtime = runtime};

        tasks[i] = spawn_on(runtime, kinds[i], NULL);
        for (int n = 1; n < EACH; n++)
            ck_assert_int_eq(trale_spawn_with(NULL, &options, kinds[i], NULL), 0);
        ck_assert_int_eq(trale_spawn_future_with(NULL, &options, &sleep.future, sizeof sleep), 0);
    }
    if (round % 2)
        settle_on(runtime); /* else some have not been polled */
    free_runtime(runtime);
    for (int i = 0; i < KINDS; i++)
        ck_assert_int_eq(join(tasks[i]), -ECANCELED);
    close_world();
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0, size;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* Allocators that keep what was freed tell nothing. */
static bool memory_can_be_told(void)
{
    return !UNDER_ASAN && !UNDER_TSAN && !under_valgrind();
}

START_TEST(a_thousand_runtimes_leave_nothing)
{
    int rounds = (int)test_scale(ROUNDS), fds, threads, mappings;
    trale_runtime *first = new_runtime_with(1);
    long before, after;

    threads = count_threads() - 2; /* with a sanitizer's */
    free_runtime(first);
    for (int i = 0; i < WARM_UP; i++)
        one_round(i);
    fds = count_fds();
    await_threads(threads);
    mappings = count_mappings();
    before = resident();
    for (int i = 0; i < rounds; i++)
        one_round(i);
    await_threads(threads);
    after = resident();
    printf("# shutdown: %d rounds, %ld KiB more\n", rounds, (after - before) / 1024);
    ck_assert_int_eq(count_fds(), fds);
    if (!memory_can_be_told()) /* the build maps for itself */
        return;
    ck_assert_int_le(count_mappings(), mappings + 2); /* the heap's own */
    ck_assert_int_lt(after - before, GROWTH_MAX);
}
END_TEST

TEST_MAIN("shutdown", ON_THREAD(a_thousand_runtimes_leave_nothing,
                                "the last runtime that ends takes the pool with it"))
