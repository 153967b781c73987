/* trale_run: a runtime on the calling thread, without any other. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"
#include "system.h"

static intptr_t return_arg(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t count_threads_in_task(void *arg)
{
    *(int *)arg = count_threads();
    return trale_sleep(1);
}

START_TEST(it_returns_the_result_and_starts_no_thread)
{
    int fds = count_fds(), threads = count_threads(), within = 0;
    intptr_t result = 0;

    ck_assert_int_eq(trale_run(return_arg, (void *)INTPTR_MIN, &result), 0);
    ck_assert_int_eq(result, INTPTR_MIN);
    ck_assert_int_eq(trale_run(count_threads_in_task, &within, NULL), 0);
    ck_assert_int_eq(within, threads);
    ck_assert_int_eq(count_threads(), threads);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

static intptr_t run_again(void *arg)
{
    return trale_run(return_arg, arg, NULL);
}

START_TEST(no_function_and_a_run_in_a_task_are_refused)
{
    intptr_t result = 99;

    ck_assert_int_eq(trale_run(NULL, NULL, &result), -EINVAL);
    ck_assert_int_eq(result, 99);
    ck_assert_int_eq(trale_run(run_again, NULL, &result), 0);
    ck_assert_int_eq(result, -EDEADLK);
    ck_assert_int_eq(trale_block_on(run_again, NULL, &result), 0);
    ck_assert_int_eq(result, -EDEADLK);
    free_default_runtime();
}
END_TEST

static intptr_t tell_thread(void *arg)
{
    pthread_t *thread = arg;

    trale_yield();
    *thread = pthread_self();
    return 0;
}

static intptr_t tell_threads(void *arg)
{
    pthread_t *threads = arg;
    trale_task *task;
    int error = trale_spawn(&task, tell_thread, &threads[0]);

    if (error == 0)
        error = trale_join(task, NULL);
    threads[1] = pthread_self();
    return error;
}

START_TEST(its_tasks_run_on_the_calling_thread)
{
    pthread_t threads[2] = {0};
    intptr_t result = -1;

    ck_assert_int_eq(trale_run(tell_threads, threads, &result), 0);
    ck_assert_int_eq(result, 0);
    ck_assert(pthread_equal(threads[0], pthread_self()));
    ck_assert(pthread_equal(threads[1], pthread_self()));
}
END_TEST

static atomic_int cancelled;

static intptr_t sleep_for_ever(void *arg)
{
    int error = trale_sleep_until(TRALE_NEVER);

    (void)arg;
    if (error == -ECANCELED)
        cancelled++;
    return error;
}

static intptr_t leave_some_behind(void *arg)
{
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        if (trale_spawn(NULL, sleep_for_ever, NULL) != 0)
            return -1;
    trale_yield();
    return 5;
}

START_TEST(what_is_left_over_is_cancelled_and_waited_for)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_run(leave_some_behind, (void *)10, &result), 0);
    ck_assert_int_eq(result, 5);
    ck_assert_int_eq(cancelled, 10);
}
END_TEST

static intptr_t fail_to_spawn(void *arg)
{
    int *error = arg;

    trale_sleep_until(TRALE_NEVER);
    *error = trale_spawn(NULL, return_arg, NULL);
    return 0;
}

static intptr_t leave_one_that_spawns(void *arg)
{
    int error = trale_spawn(NULL, fail_to_spawn, arg);

    trale_yield();
    return error;
}

START_TEST(who_is_left_over_spawns_no_more)
{
    int error = 0;
    intptr_t result = -1;

    ck_assert_int_eq(trale_run(leave_one_that_spawns, &error, &result), 0);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(error, -ESHUTDOWN);
}
END_TEST

/* Another thread sends, and receives what comes back. */
struct exchange {
    trale_channel *there, *back;
    long count, sum;
};

static void *exchange_outside(void *arg)
{
    struct exchange *e = arg;

    for (long i = 0, got = 0; i < e->count; i++) {
        if (trale_channel_send(e->there, &i) != 0 || trale_channel_recv(e->back, &got) != 0)
            break;
        e->sum += got;
    }
    trale_channel_close(e->there);
    return NULL;
}

static intptr_t echo(void *arg)
{
    struct exchange *e = arg;
    long item = 0;

    while (trale_channel_recv(e->there, &item) == 0)
        if (trale_channel_send(e->back, &item) != 0)
            return -1;
    return 0;
}

START_TEST(another_thread_wakes_it)
{
    struct exchange e = {.count = test_scale(5000)};
    intptr_t result = -1;
    pthread_t thread;

    ck_assert_int_eq(trale_channel_new(&e.there, sizeof(long), 0), 0);
    ck_assert_int_eq(trale_channel_new(&e.back, sizeof(long), 1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, exchange_outside, &e), 0);
    ck_assert_int_eq(trale_run(echo, &e, &result), 0);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(e.sum, e.count * (e.count - 1) / 2);
    trale_channel_free(e.there);
    trale_channel_free(e.back);
}
END_TEST

static intptr_t await_probe(void *arg)
{
    struct probe_future f = probe_future(arg);
    trale_task *task;
    intptr_t result = -1;

    if (trale_spawn_future(&task, &f.future, sizeof f) != 0)
        return -1;
    return trale_join(task, &result) == 0 ? result : -1;
}

/* Ends the task, and wakes it before, then, and after its end, and after that of the run. */
static void *finish_and_wake(void *arg)
{
    struct probe *p = arg;
    trale_waker *waker;

    probe_wait_polled(p, 1);
    waker = probe_waker(p);
    for (int i = 0; i < 100; i++) {
        trale_waker_wake(waker);
        if (i == 10)
            probe_finish(p, 3);
    }
    trale_waker_drop(waker);
    return NULL;
}

static void *run_many(void *arg)
{
    long *failed = arg;

    for (long i = test_scale(200); i > 0; i--) {
        intptr_t result = 0;

        *failed += trale_run(return_arg, (void *)i, &result) != 0 || result != i;
    }
    return NULL;
}

START_TEST(several_threads_run_one_each)
{
    pthread_t threads[4];
    long failed[4] = {0};

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_many, &failed[i]), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(failed[i], 0);
    }
}
END_TEST

static intptr_t talk_to_itself(void *arg)
{
    trale_addr here;
    trale_io *io;
    char byte = 0;
    int error = trale_udp_bind(&io, "127.0.0.1:0");

    (void)arg;
    if (error != 0)
        return error;
    trale_addr_local(io, &here);
    for (char i = 1; i <= 100; i++)
        if (trale_sendto(io, &i, 1, &here) != 1 || trale_recvfrom(io, &byte, 1, NULL) != 1 ||
            byte != i)
            error = -EBADMSG;
    trale_close(io);
    return error;
}

static intptr_t use_everything(void *arg)
{
    trale_scope scope;
    int error;

    if (talk_to_itself(arg) != 0 || trale_blocking(return_arg, (void *)8) != 8)
        return 1;
    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    error = trale_sleep_until(TRALE_NEVER);
    if (trale_scope_leave(&scope) != -ETIMEDOUT || error != -ETIMEDOUT)
        return 2;
    return 0;
}

START_TEST(descriptors_timers_and_the_pool_work_in_it)
{
    intptr_t result = -1;

    ck_assert_int_eq(trale_run(use_everything, NULL, &result), 0);
    ck_assert_int_eq(result, 0);
}
END_TEST

/* Late wakes write to a descriptor of the runtime: it must not be closed under them. */
START_TEST(wakes_may_come_when_it_ends)
{
    for (long i = test_scale(300); i > 0; i--) {
        struct probe p = PROBE;
        intptr_t result = 0;
        pthread_t thread;

        ck_assert_int_eq(pthread_create(&thread, NULL, finish_and_wake, &p), 0);
        ck_assert_int_eq(trale_run(await_probe, &p, &result), 0);
        ck_assert_int_eq(result, 3);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(probe_drops(&p), 1);
    }
}
END_TEST

TESTS_ON_THREAD("they call trale_run, which a task may not")
TEST_MAIN("run", it_returns_the_result_and_starts_no_thread,
          no_function_and_a_run_in_a_task_are_refused, its_tasks_run_on_the_calling_thread,
          what_is_left_over_is_cancelled_and_waited_for, who_is_left_over_spawns_no_more,
          another_thread_wakes_it, several_threads_run_one_each,
          descriptors_timers_and_the_pool_work_in_it, wakes_may_come_when_it_ends)
