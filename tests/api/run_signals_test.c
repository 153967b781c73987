/* trale_run on a thread of the program: its signals stay the program's own. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "streams.h"
#include "system.h"

ENDS_AS_IT_IS

static bool is_blocked(int number)
{
    sigset_t set;

    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, number);
}

static intptr_t write_to_nobody(void *arg)
{
    trale_io **ends = arg;

    trale_close(ends[0]);
    MUST(trale_write(ends[1], "x", 1) == -EPIPE);
    MUST(trale_write_all(ends[1], "xy", 2) == -EPIPE);
    trale_close(ends[1]);
    return is_blocked(SIGPIPE);
}

static void run_that_writes(void *unused)
{
    trale_io *ends[2];
    intptr_t result = 0;

    (void)unused;
    signal(SIGPIPE, SIG_DFL);
    open_pipe(ends);
    MUST(trale_run(write_to_nobody, ends, &result) == 0);
    MUST(result == 0);
}

START_TEST(a_pipe_that_nobody_reads_does_not_kill)
{
    passes_in_child(run_that_writes, NULL);
}
END_TEST

static void has_the_mask_of_its_parent(void *unused)
{
    (void)unused;
    MUST(is_blocked(SIGTERM) && !is_blocked(SIGINT));
}

static intptr_t fork_inside(void *unused)
{
    (void)unused;
    passes_in_child(has_the_mask_of_its_parent, NULL);
    return is_blocked(SIGTERM);
}

START_TEST(a_child_of_a_task_has_the_mask_of_its_parent)
{
    intptr_t result = 0;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    ck_assert_int_eq(trale_run(fork_inside, NULL, &result), 0);
    ck_assert_int_eq(result, true);
}
END_TEST

TESTS_ON_THREAD("they call trale_run, which a task may not")
TEST_MAIN("run_signals", a_pipe_that_nobody_reads_does_not_kill,
          a_child_of_a_task_has_the_mask_of_its_parent)
