/* After exit stopped the runtimes: what would wait for them says so, and nothing hangs. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "gate.h"
#include "system.h"
#include "wait_task.h"

ENDS_AS_IT_IS

static struct {
    trale_runtime *other;
    trale_io *pipe, *udp;
    trale_addr local;
    trale_task *sleeper, *waiter, *finished, *stuck;
    struct gate begun;
    atomic_bool released;
} left = {.begun = GATE};

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return trale_sleep(TRALE_NEVER);
}

static intptr_t five(void *arg)
{
    (void)arg;
    return 5;
}

static intptr_t never_yield(void *arg)
{
    gate_open(arg);
    while (!atomic_load(&left.released))
        sched_yield();
    return 0;
}

static void no_spawn(void)
{
    trale_spawn_options options = {.runtime = left.other};
    trale_runtime *runtime;
    trale_sleep_future f;
    trale_task *task;
    trale_sleep_init(&f, 0);
    MUST(trale_spawn(&task, five, NULL) == -ESHUTDOWN);
    MUST(trale_spawn(NULL, five, NULL) == -ESHUTDOWN);
    MUST(trale_spawn_copy(&task, five, "copy", 4) == -ESHUTDOWN);
    MUST(trale_spawn_with(&task, &options, five, NULL) == -ESHUTDOWN);
    MUST(trale_spawn_future(&task, &f.future, sizeof f) == -ESHUTDOWN);
    MUST(trale_spawn_future_with(&task, &options, &f.future, sizeof f) == -ESHUTDOWN);
    MUST(trale_block_on(five, NULL, NULL) == -ESHUTDOWN);
    MUST(trale_run(five, NULL, NULL) == -ESHUTDOWN);
    MUST(trale_runtime_new(&runtime, NULL) == -ESHUTDOWN);
    MUST(trale_runtime_default() == NULL);
}

static void no_wait(void)
{
    trale_interval interval;
    char byte;
    trale_interval_start(&interval, 3600 * TRALE_SEC);
    MUST(trale_sleep(TRALE_SEC) == -ESHUTDOWN);
    MUST(trale_sleep(TRALE_NEVER) == -ESHUTDOWN);
    MUST(trale_sleep(3600 * TRALE_SEC) == -ESHUTDOWN);
    MUST(trale_sleep_until(trale_now() + TRALE_SEC) == -ESHUTDOWN);
    MUST(trale_interval_wait(&interval) == -ESHUTDOWN);
    MUST(trale_wait(left.pipe, TRALE_READABLE) == -ESHUTDOWN);
    MUST(trale_recvfrom(left.udp, &byte, 1, NULL) == -ESHUTDOWN);
}

static void no_wait_for_each_other(void)
{
    trale_mutex mutex = {0};
    trale_cond cond = {0};
    trale_channel *channel;
    char item;
    MUST(trale_mutex_lock(&mutex) == 0);
    MUST(trale_cond_wait(&cond, &mutex) == -ESHUTDOWN);
    MUST(trale_mutex_unlock(&mutex) == 0);
    MUST(trale_channel_new(&channel, 1, 1) == 0);
    MUST(trale_channel_recv(channel, &item) == -ESHUTDOWN);
    MUST(trale_channel_send(channel, "x") == 0);
    MUST(trale_channel_send(channel, "y") == -ESHUTDOWN);
    trale_channel_free(channel);
}

/* What needs nobody goes on. */
static void works(void)
{
    char byte = 0;
    MUST(trale_yield() == 0);
    MUST(trale_sendto(left.udp, "x", 1, &left.local) == 1);
    MUST(trale_recvfrom(left.udp, &byte, 1, NULL) == 1 && byte == 'x');
    MUST(trale_cancel(left.sleeper) == 0);
    MUST(trale_close(left.pipe) == 0);
    MUST(trale_close(left.udp) == 0);
}

static void no_join(void)
{
    intptr_t result = 0;
    MUST(trale_join(left.sleeper, &result) == -ESHUTDOWN);
    MUST(trale_join(left.waiter, NULL) == -ESHUTDOWN);
    if (left.stuck)
        MUST(trale_join(left.stuck, NULL) == -ESHUTDOWN);
    MUST(trale_join(left.sleeper, NULL) == -ESHUTDOWN); /* the handle stayed valid */
    trale_detach(left.sleeper);
    MUST(trale_join(left.finished, &result) == 0 && result == 5);
    MUST(trale_runtime_wait(left.other) == -ESHUTDOWN);
    MUST(trale_runtime_free(left.other, TRALE_NEVER) != 0);
}

static void look_after_exit(void)
{
    no_spawn();
    no_wait();
    no_wait_for_each_other();
    no_join();
    works();
    _exit(21); /* it came to the end of the list */
}

static void start(void)
{
    trale_spawn_options options = {0};
    int ends[2];
    MUST(atexit(look_after_exit) == 0); /* before the library's, so that it runs after that */
    MUST(pipe(ends) == 0 && trale_io_open(&left.pipe, ends[0]) == 0);
    MUST(trale_udp_bind(&left.udp, "127.0.0.1:0") == 0);
    MUST(trale_addr_local(left.udp, &left.local) == 0);
    MUST(trale_runtime_new(&left.other, NULL) == 0);
    options.runtime = left.other;
    MUST(trale_spawn(&left.finished, five, NULL) == 0);
    MUST(trale_spawn(&left.sleeper, sleep_for_ever, NULL) == 0);
    MUST(trale_spawn_with(&left.waiter, &options, sleep_for_ever, NULL) == 0);
    MUST(trale_block_on(five, NULL, NULL) == 0); /* what was ready before has run */
}

static void looks_well(void (*fn)(void *))
{
    char output[1024];
    int status = test_in_child(fn, NULL, output, sizeof output);
    ck_assert_msg(status == 21 << 8, "wait status 0x%x: %s", (unsigned)status, output);
}

static void exit_idle(void *arg)
{
    (void)arg;
    start();
    exit(1);
}

START_TEST(what_would_wait_says_that_the_process_exits)
{
    looks_well(exit_idle);
}
END_TEST

/* The registrations of the ios, too, are with a reactor that is gone. */
static void exit_after_waits(void *arg)
{
    (void)arg;
    start();
    trale_io *ios[] = {left.pipe, left.udp};
    for (int i = 0; i < 2; i++) {
        trale_wait_future f;
        trale_wait_init(&f, ios[i], TRALE_READABLE);
        MUST(trale_spawn_future(NULL, &f.future, sizeof f) == 0);
    }
    MUST(trale_block_on(five, NULL, NULL) == 0);
    exit(1);
}

START_TEST(it_does_so_on_ios_that_were_waited_for)
{
    looks_well(exit_after_waits);
}
END_TEST

static void exit_beside_a_stuck_task(void *arg)
{
    (void)arg;
    start();
    MUST(trale_spawn(&left.stuck, never_yield, &left.begun) == 0);
    gate_wait(&left.begun);
    exit(1);
}

START_TEST(it_does_so_where_a_task_could_not_be_stopped)
{
    looks_well(exit_beside_a_stuck_task);
}
END_TEST

static void *exit_on_thread(void *arg)
{
    (void)arg;
    exit(1);
}

static void exit_from_another_thread(void *arg)
{
    pthread_t thread;
    start();
    MUST(pthread_create(&thread, NULL, exit_on_thread, arg) == 0);
    pthread_join(thread, NULL);
}

START_TEST(it_does_so_on_whatever_thread)
{
    looks_well(exit_from_another_thread);
}
END_TEST

TESTS_ON_THREAD("what it hands to atexit has to come before the library's own")
TEST_MAIN("after_exit", what_would_wait_says_that_the_process_exits,
          it_does_so_on_ios_that_were_waited_for, it_does_so_where_a_task_could_not_be_stopped,
          it_does_so_on_whatever_thread)
