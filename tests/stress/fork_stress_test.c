/* fork at any moment: while runtimes are made and freed, while the forking thread is woken. */
#include "suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <trale.h>
#include <unistd.h>

#include "probe.h"
#include "settle.h"
#include "system.h"

ENDS_AS_IT_IS

static atomic_bool stop;

/* The sanitizers' own locks do not survive it; for valgrind, what belonged to the parent's other
 * threads is a leak in the child. */
static bool checker_cannot_fork(void)
{
    bool cannot = UNDER_TSAN || UNDER_ASAN || under_valgrind();

    if (cannot)
        printf("# fork at any moment: skipped under this checker\n");
    return cannot;
}

static intptr_t doze(void *arg)
{
    return trale_sleep(TRALE_US) == 0 ? (intptr_t)arg : -1;
}

/* The child must not hang; if it does, its alarm says so. */
static void fork_once(void)
{
    pid_t child = fork();
    int status;
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        intptr_t result = 0;
        signal(SIGALRM, SIG_DFL); /* the test's own would end it all */
        alarm(TEST_TIMEOUT / 4);
        MUST(trale_block_on(doze, (void *)5, &result) == 0 && result == 5);
        MUST(trale_sleep(TRALE_US) == 0);
        _exit(0);
    }
    ck_assert_int_eq(await_process(child, &status), child);
    ck_assert_msg(status == 0, "the child's wait status is 0x%x", (unsigned)status);
}

static void *make_and_free(void *arg)
{
    while (!atomic_load(&stop)) {
        trale_runtime *runtime = trale_runtime_default();
        if (!runtime || trale_runtime_free(runtime, TRALE_NEVER) != 0)
            return (void *)1;
    }
    return arg;
}

START_TEST(fork_while_another_thread_makes_and_frees_runtimes)
{
    if (checker_cannot_fork())
        return;
    atomic_store(&stop, false);
    pthread_t thread;
    void *failed;
    ck_assert_int_eq(pthread_create(&thread, NULL, make_and_free, NULL), 0);
    for (long n = test_scale(500); n > 0; n--)
        fork_once();
    atomic_store(&stop, true);
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
}
END_TEST

/* Keeps the waker of the thread that polls it. */
static enum trale_poll ready_at_once(struct probe *p, trale_context *cx)
{
    p->arg = trale_waker_clone(trale_context_waker(cx));
    return TRALE_READY;
}

static void *wake_all_the_time(void *waker)
{
    while (!atomic_load(&stop))
        trale_waker_wake(waker);
    return NULL;
}

START_TEST(fork_while_the_forking_thread_is_being_woken)
{
    if (checker_cannot_fork())
        return;
    atomic_store(&stop, false);
    struct probe probe = PROBE_STEP(ready_at_once);
    struct probe_future f = probe_future(&probe);
    pthread_t thread;
    trale_await(&f.future);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_all_the_time, probe.arg), 0);
    for (long n = test_scale(500); n > 0; n--)
        fork_once();
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    trale_waker_drop(probe.arg);
}
END_TEST

static intptr_t churn(void *arg)
{
    while (!atomic_load(&stop))
        if (trale_block_on(doze, NULL, NULL) != 0)
            return -1;
    return (intptr_t)arg;
}

START_TEST(fork_while_tasks_come_and_go)
{
    if (checker_cannot_fork())
        return;
    atomic_store(&stop, false);
    trale_task *tasks[20];
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(trale_spawn(&tasks[i], churn, NULL), 0);
    for (long n = test_scale(300); n > 0; n--)
        fork_once();
    atomic_store(&stop, true);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "fork_stress",
               fork_while_another_thread_makes_and_frees_runtimes,
               fork_while_the_forking_thread_is_being_woken, fork_while_tasks_come_and_go)
