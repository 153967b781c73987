/*
 * The pool's threads: who gives them work, who sends them away, and what comes between. The
 * library's own calls stop at gates here.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <trale.h>
#include <unistd.h>

#include "fork.h"
#include "gate.h"
#include "settle.h"
#include "syscalls.h"
#include "system.h"

ENDS_AS_IT_IS

enum { WAIT = 128, WAKE = 129 }; /* private futexes */

static atomic_bool held;
static struct gate woken = GATE, submitted = GATE, begun = GATE, go = GATE;
static _Thread_local bool submits;

/* An idle thread, which is one that waits for five seconds at most, stops when it is woken, and
 * goes on when the submitter has called for one. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    const struct timespec *timeout;
    long a[6], result;

    TAKE_ARGUMENTS(a, number);
    if (number == SYS_futex && a[1] == WAKE && submits)
        gate_open(&submitted);
    result = real_syscall(number, a);
    timeout = (const struct timespec *)(uintptr_t)a[3];
    if (number == SYS_futex && a[1] == WAIT && timeout && timeout->tv_sec == 5 &&
        atomic_exchange(&held, false)) {
        gate_open(&woken);
        gate_wait(&submitted);
    }
    return result;
}

static atomic_int named_by_others;

__attribute__((visibility("default"))) int pthread_setname_np(pthread_t thread, const char *name)
{
    (void)name;
    if (!pthread_equal(thread, pthread_self()))
        atomic_fetch_add(&named_by_others, 1);
    return 0;
}

static intptr_t twice(void *arg)
{
    return 2 * (intptr_t)arg;
}

static intptr_t block(void *arg)
{
    (void)arg;
    gate_open(&begun);
    gate_wait(&go);
    return 7;
}

static void *submit(void *arg)
{
    submits = true;
    return (void *)trale_blocking(block, arg);
}

static void *free_default(void *arg)
{
    trale_runtime *rt = arg;

    return (void *)(intptr_t)trale_runtime_free(rt, TRALE_NEVER);
}

START_TEST(who_sends_the_threads_away_does_not_wait_for_new_work)
{
    pthread_t freer, submitter;
    void *result;

    ck_assert_ptr_nonnull(trale_runtime_default());
    ck_assert_int_eq(trale_blocking(twice, (void *)1), 2);
    atomic_store(&held, true);
    pthread_create(&freer, NULL, free_default, trale_runtime_default());
    gate_wait(&woken);
    pthread_create(&submitter, NULL, submit, NULL);
    gate_wait(&begun);
    pthread_join(freer, &result);
    ck_assert_ptr_null(result);
    gate_open(&go);
    pthread_join(submitter, &result);
    ck_assert_int_eq((intptr_t)result, 7);
}
END_TEST

static intptr_t ask_for_more(void *arg)
{
    struct stat status;

    if (trale_stat("/", &status) != 0)
        return -1;
    return trale_blocking(twice, arg);
}

START_TEST(work_may_have_work_done_though_no_thread_is_left)
{
    ck_assert_int_eq(trale_blocking_limit(1), 0);
    ck_assert_int_eq(trale_blocking(ask_for_more, (void *)4), 8);
}
END_TEST

/* It may have ended, and been joined, before its creator comes to name it. */
START_TEST(a_thread_takes_its_name_itself)
{
    ck_assert_ptr_nonnull(trale_runtime_default());
    ck_assert_int_eq(trale_blocking(twice, (void *)1), 2);
    ck_assert_int_eq(atomic_load(&named_by_others), 0);
}
END_TEST

static pthread_key_t mark;
static atomic_int ended;

static void count_end(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ended, 1);
}

static intptr_t twice_by_who_is_counted(void *arg)
{
    MUST(pthread_setspecific(mark, &mark) == 0);
    return twice(arg);
}

static void look_after_exit(void)
{
    MUST(atomic_load(&ended) == 1); /* leak checkers would find what is its own */
    MUST(trale_blocking(twice, (void *)1) == -ESHUTDOWN);
    _exit(21);
}

static void exit_after_blocking(void *arg)
{
    (void)arg;
    MUST(atexit(look_after_exit) == 0); /* before the library's, so that it runs after that */
    MUST(pthread_key_create(&mark, count_end) == 0);
    MUST(trale_blocking(twice_by_who_is_counted, (void *)1) == 2);
    exit(1);
}

START_TEST(blocking_alone_is_a_first_use_that_exit_concerns)
{
    char output[1024];
    int status = test_in_child(exit_after_blocking, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "wait status 0x%x: %s", (unsigned)status, output);
}
END_TEST

static pthread_t waits;

static void *have_it_doubled(void *arg)
{
    return (void *)trale_blocking(twice, arg);
}

static void join_after_exit(void)
{
    void *result;

    MUST(pthread_join(waits, &result) == 0);
    MUST((intptr_t)result == -ESHUTDOWN);
    _exit(21);
}

static void exit_while_one_is_queued(void *arg)
{
    pthread_t holds;

    (void)arg;
    MUST(atexit(join_after_exit) == 0); /* before the library's */
    MUST(trale_blocking_limit(1) == 0);
    MUST(pthread_create(&holds, NULL, submit, NULL) == 0);
    gate_wait(&begun);
    MUST(pthread_create(&waits, NULL, have_it_doubled, (void *)1) == 0);
    while (!others_sleep()) /* it is queued */
        sched_yield();
    exit(1);
}

START_TEST(who_waits_for_what_exit_lets_nobody_begin_is_told)
{
    char output[1024];
    int status = test_in_child(exit_while_one_is_queued, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "wait status 0x%x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN("pool", who_sends_the_threads_away_does_not_wait_for_new_work,
          work_may_have_work_done_though_no_thread_is_left, a_thread_takes_its_name_itself,
          ON_THREAD(blocking_alone_is_a_first_use_that_exit_concerns,
                    "it wants a process that has not used the library"),
          ON_THREAD(who_waits_for_what_exit_lets_nobody_begin_is_told,
                    "what it hands to atexit has to come before the library's own"))
