/* Barriers: nobody is through before all have come, one of them came last. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static trale_barrier barrier = {.parties = 3};

static intptr_t wait_barrier(void *arg)
{
    (void)arg;
    return trale_barrier_wait(&barrier);
}

START_TEST(arguments_are_checked)
{
    trale_barrier bad[3] = {{.parties = 0}, {.parties = TRALE_COUNT_MAX + 1u}, {.parties = ~0u}};
    trale_barrier_wait_future f;

    ck_assert_int_eq(trale_barrier_wait(NULL), -EINVAL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_barrier_wait(&bad[i]), -EINVAL);
        trale_barrier_wait_init(&f, &bad[i]);
        ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    }
}
END_TEST

START_TEST(a_barrier_of_one_holds_up_nobody)
{
    trale_barrier alone = {.parties = 1};

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_barrier_wait(&alone), 1);
}
END_TEST

START_TEST(the_last_one_is_told)
{
    trale_runtime *other = new_runtime();
    trale_barrier_wait_future f;
    struct line line = LINE;

    line_add(&line, other, wait_barrier, NULL);
    trale_barrier_wait_init(&f, &barrier);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(join(spawn_on(NULL, wait_barrier, NULL)), 1);
    line_join(&line, 0);
    free_runtime(other);
}
END_TEST

/* Rounds, of tasks on two runtimes and threads: who is through finds all others in this round. */
enum { ROUNDS = 200 };

static atomic_int came[ROUNDS], last[ROUNDS], wrong;

static intptr_t go_round(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int result;
        atomic_fetch_add(&came[i], 1);
        result = trale_barrier_wait(&barrier);
        if (result < 0 || atomic_load(&came[i]) != 3)
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&last[i], result);
    }
    return 0;
}

static void *go_round_on_thread(void *arg)
{
    go_round(arg);
    return NULL;
}

START_TEST(it_may_be_used_again_at_once)
{
    trale_runtime *other = new_runtime();
    trale_task *tasks[2] = {spawn_on(NULL, go_round, NULL), spawn_on(other, go_round, NULL)};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, go_round_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    join(tasks[0]);
    join(tasks[1]);
    ck_assert_int_eq(wrong, 0);
    for (int i = 0; i < ROUNDS; i++)
        ck_assert_int_eq(last[i], 1);
    free_runtime(other);
}
END_TEST

START_TEST(who_is_cancelled_has_not_come)
{
    struct line line = LINE;
    struct line_waiter *w = line_add(&line, NULL, wait_barrier, NULL);

    line_add(&line, NULL, wait_barrier, NULL);
    trale_cancel(w->task);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    line_add(&line, NULL, wait_barrier, NULL);
    ck_assert_int_eq(line_through(&line), 1);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    line_join(&line, 0);
}
END_TEST

/* All had come: that cannot be taken back, and the barrier is as new. */
START_TEST(who_is_cancelled_too_late_has_come)
{
    struct line line = LINE;
    struct hold h = HOLD;

    line_add(&line, NULL, wait_barrier, NULL);
    line_add(&line, NULL, wait_barrier, NULL);
    hold_executor(&h);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    trale_cancel(line.waiters[0].task);
    release_executor(&h);
    line_join(&line, 0);
    line = (struct line)LINE;
    line_add(&line, NULL, wait_barrier, NULL);
    line_add(&line, NULL, wait_barrier, NULL);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    line_join(&line, 0);
}
END_TEST

static intptr_t wait_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_barrier_wait(&barrier);
}

START_TEST(a_cancelled_task_does_not_come)
{
    struct line line = LINE;

    line_add(&line, NULL, wait_barrier, NULL);
    line_add(&line, NULL, wait_barrier, NULL);
    ck_assert_int_eq(join(spawn_on(NULL, wait_cancelled, NULL)), -ECANCELED);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    line_join(&line, 0);
}
END_TEST

START_TEST(stackless_tasks_wait)
{
    trale_barrier_wait_future f;
    trale_task *tasks[4];
    struct hold h = HOLD;

    trale_barrier_wait_init(&f, &barrier);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
        settle();
        if (i == 0) {
            trale_cancel(tasks[0]);
            ck_assert_int_eq(join(tasks[0]), -ECANCELED);
        }
    }
    hold_executor(&h);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    trale_cancel(tasks[1]); /* too late */
    release_executor(&h);
    ck_assert_int_eq(join(tasks[1]), 0);
    ck_assert_int_eq(join(tasks[2]), 0);
}
END_TEST

/* After exit: who comes last, and who was let through, have not waited in vain. */
static struct gate waits = GATE;
static pthread_t waiting;
static trale_barrier pair = {.parties = 2};

static void *wait_on_thread(void *arg)
{
    trale_barrier_wait_future f;
    struct watched_future w;

    trale_barrier_wait_init(&f, &pair);
    w = watched(&f.future, &waits);
    MUST(trale_await(&w.future) == 0);
    return arg;
}

static void come_after_exit(void)
{
    MUST(trale_barrier_wait(&barrier) == -ESHUTDOWN);
    MUST(trale_barrier_wait(&pair) == 1);
    MUST(pthread_join(waiting, NULL) == 0);
    MUST(trale_barrier_wait(&pair) == -ESHUTDOWN);
    _exit(21);
}

static void exit_while_somebody_waits(void *arg)
{
    (void)arg;
    signal(SIGALRM, SIG_DFL);
    alarm(10);
    MUST(atexit(come_after_exit) == 0);
    MUST(trale_spawn(NULL, wait_barrier, NULL) == 0);
    MUST(pthread_create(&waiting, NULL, wait_on_thread, NULL) == 0);
    gate_wait(&waits);
    exit(0);
}

START_TEST(after_exit_only_those_wait_in_vain_who_would_wait)
{
    char output[1000];
    int status = test_in_child(exit_while_somebody_waits, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "barrier", arguments_are_checked,
               a_barrier_of_one_holds_up_nobody, the_last_one_is_told,
               it_may_be_used_again_at_once, who_is_cancelled_has_not_come,
               who_is_cancelled_too_late_has_come, a_cancelled_task_does_not_come,
               stackless_tasks_wait,
               ON_THREAD(after_exit_only_those_wait_in_vain_who_would_wait,
                         "what it hands to atexit has to come before the library's own"))
