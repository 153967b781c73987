/* A child that was forked on one of the library's threads cannot go back to it, and is told so. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork.h"
#include "probe.h"
#include "settle.h"
#include "system.h"

ENDS_AS_IT_IS

static int said[2]; /* a pipe: the child's stderr */
static pid_t child;

/* True: the caller is the child. */
static bool forked(void)
{
    const struct rlimit none = {0, 0};

    child = test_fork();
    if (child != 0)
        return false;
    dup2(said[1], STDERR_FILENO);
    setrlimit(RLIMIT_CORE, &none);
    return true;
}

static void setup(void)
{
    ck_assert_int_eq(pipe(said), 0);
}

static int child_status(void)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    return status;
}

static void expect_misuse(const char *words)
{
    char text[1024] = "";
    int status = child_status();

    while (read(said[0], text, sizeof text - 1) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status,
                  text);
    ck_assert_msg(strstr(text, ": fork: ") && strstr(text, words), "%s", text);
}

static intptr_t fork_and_return(void *arg)
{
    (void)arg;
    forked();
    return 0;
}

START_TEST(a_fiber_cannot_return_in_the_child)
{
    ck_assert_int_eq(trale_block_on(fork_and_return, NULL, NULL), 0);
    expect_misuse("_exit");
}
END_TEST

static enum trale_poll fork_in_poll(struct probe *p, trale_context *cx)
{
    (void)p, (void)cx;
    return forked() ? TRALE_PENDING : TRALE_READY;
}

START_TEST(a_stackless_task_cannot_either)
{
    struct probe p = PROBE_STEP(fork_in_poll);

    ck_assert_int_eq(join(probe_spawn(&p)), 0);
    expect_misuse("_exit");
}
END_TEST

static intptr_t await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);

    return trale_await(&f.future);
}

START_TEST(a_fiber_that_forked_in_a_poll_cannot_wait_there)
{
    struct probe p = PROBE_STEP(fork_in_poll);

    ck_assert_int_eq(trale_block_on(await_probe, &p, NULL), 0);
    expect_misuse("no runtime");
}
END_TEST

START_TEST(blocking_work_cannot_return)
{
    ck_assert_int_eq(trale_blocking(fork_and_return, NULL), 0);
    expect_misuse("_exit");
}
END_TEST

/* The pool's threads block signals; the child is a process of its own. */
static intptr_t fork_and_look(void *arg)
{
    sigset_t blocked;

    (void)arg;
    if (forked()) {
        pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        _exit(sigismember(&blocked, SIGTERM) != 0);
    }
    return 0;
}

START_TEST(in_the_child_of_blocking_work_signals_come_through)
{
    ck_assert_int_eq(trale_blocking(fork_and_look, NULL), 0);
    ck_assert_int_eq(child_status(), 0);
}
END_TEST

TEST_MAIN_WITH(setup, free_default_runtime, "fork_misuse", a_fiber_cannot_return_in_the_child,
               a_stackless_task_cannot_either, a_fiber_that_forked_in_a_poll_cannot_wait_there,
               blocking_work_cannot_return, in_the_child_of_blocking_work_signals_come_through)
