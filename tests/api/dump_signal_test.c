#define _GNU_SOURCE /* syscall */
/* Dumps at a signal. Each in a child, whose stderr is looked at. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "dumped.h"
#include "gate.h"
#include "settle.h"
#include "system.h"

ENDS_AS_IT_IS

static atomic_int rings;

/* The library's, too: eight bytes are what an eventfd takes. */
ssize_t write(int fd, const void *bytes, size_t size)
{
    if (size == 8)
        atomic_fetch_add(&rings, 1);
    return syscall(SYS_write, fd, bytes, size);
}

/* The listener's, too: each time it begins to listen to its bell, this is opened once more. */
static struct gate listening = GATE;

ssize_t read(int fd, void *bytes, size_t size)
{
    if (size == 8)
        gate_open(&listening);
    return syscall(SYS_read, fd, bytes, size);
}

/* Makes stderr a pipe, to be read from what is returned. */
static FILE *catch_stderr(void)
{
    int ends[2];

    MUST(pipe(ends) == 0);
    MUST(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static void await_line(FILE *from, const char *part)
{
    char line[512];

    do
        MUST(fgets(line, sizeof line, from));
    while (!strstr(line, part));
}

static void signal_makes_a_dump(void *arg)
{
    trale_event event = {0};
    trale_task *task = NULL;
    FILE *dumps = catch_stderr();

    (void)arg;
    MUST(trale_spawn(&task, wait_for_event, &event) == 0);
    MUST(trale_dump_on_signal(SIGUSR1) == 0);
    MUST(trale_dump_on_signal(SIGUSR2) == 0);
    for (int i = 0; i < 3; i++) {
        MUST(kill(getpid(), i % 2 ? SIGUSR1 : SIGUSR2) == 0);
        await_line(dumps, "trale: runtime ");
        await_line(dumps, "dump_signal_test.c:");
    }
    MUST(trale_event_notify(&event) == 0);
    MUST(trale_join(task, NULL) == 0);
}

START_TEST(a_signal_makes_a_dump)
{
    int status = test_in_child(signal_makes_a_dump, NULL, NULL, 0);

    ck_assert_int_eq(status, 0);
}
END_TEST

static intptr_t hold_up(void *arg)
{
    struct hold *h = arg;

    gate_open(&h->held);
    gate_wait(&h->released);
    return 0;
}

/* The program's one thread waits in a join, and the executor is stuck. */
static void dump_while_stuck(void *arg)
{
    struct hold hold = HOLD;
    FILE *dumps = catch_stderr();

    (void)arg;
    MUST(trale_dump_on_signal(SIGUSR1) == 0);
    MUST(trale_spawn(&hold.task, hold_up, &hold) == 0);
    gate_wait(&hold.held);
    MUST(kill(getpid(), SIGUSR1) == 0);
    await_line(dumps, " old: running, for ");
    gate_open(&hold.released);
    MUST(trale_join(hold.task, NULL) == 0);
}

START_TEST(a_stuck_executor_holds_up_no_signal)
{
    ck_assert_int_eq(test_in_child(dump_while_stuck, NULL, NULL, 0), 0);
}
END_TEST

START_TEST(some_signals_are_refused)
{
    static const int bad[] = {0, -1, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
    int fds = count_fds(), threads = count_threads();

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(trale_dump_on_signal(bad[i]) == -EINVAL, "signal %d", bad[i]);
    forbid_fds();
    ck_assert_int_eq(trale_dump_on_signal(SIGUSR1), -EMFILE);
    allow_fds();
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_int_eq(count_threads(), threads);
    ck_assert_ptr_eq(signal(SIGUSR1, SIG_DFL), SIG_DFL);
}
END_TEST

static void listen_without_threads(void *arg)
{
    int fds = count_fds();

    (void)arg;
    deny_call(SYS_clone, EAGAIN);
#ifdef SYS_clone3
    deny_call(SYS_clone3, EAGAIN);
#endif
    MUST(trale_dump_on_signal(SIGUSR1) == -EAGAIN);
    MUST(count_fds() == fds);
    MUST(signal(SIGUSR1, SIG_DFL) == SIG_DFL);
}

START_TEST(without_a_thread_for_it_a_signal_is_refused)
{
    passes_in_child(listen_without_threads, NULL);
}
END_TEST

/* The child inherits the handler, and the parent hears nothing of it. */
static void raise_in_vain(void *arg)
{
    (void)arg;
    atomic_store(&rings, 0);
    MUST(raise(SIGUSR1) == 0);
    MUST(atomic_load(&rings) == 0);
}

static void raise_with_own(void *arg)
{
    FILE *dumps = catch_stderr();

    (void)arg;
    MUST(trale_dump_on_signal(SIGUSR1) == 0);
    MUST(raise(SIGUSR1) == 0);
    await_line(dumps, "trale: no runtime");
}

static intptr_t do_nothing(void *arg)
{
    return (intptr_t)arg;
}

static void in_children(void *arg)
{
    FILE *dumps = catch_stderr();

    (void)arg;
    MUST(trale_runtime_default() != NULL);
    MUST(trale_dump_on_signal(SIGUSR1) == 0);
    /* No thread is starting any more: it might have the checker's allocator locked at the fork. */
    MUST(trale_block_on(do_nothing, NULL, NULL) == 0);
    atomic_store(&rings, 0); /* an executor in epoll was rung for, too */
    MUST(raise(SIGUSR1) == 0);
    await_line(dumps, "trale: runtime ");
    /* Nor is one in the middle of a dump: in the child nobody would free what it had written. */
    gate_wait_for(&listening, 2);
    MUST(test_in_child(raise_in_vain, NULL, NULL, 0) == 0);
    if (!UNDER_TSAN) /* which allows no threads in a child of threads */
        MUST(test_in_child(raise_with_own, NULL, NULL, 0) == 0);
    MUST(raise(SIGUSR1) == 0);
    MUST(atomic_load(&rings) == 2);
    await_line(dumps, "trale: runtime ");
}

START_TEST(a_forked_childs_signal_is_its_own)
{
    ck_assert_int_eq(test_in_child(in_children, NULL, NULL, 0), 0);
}
END_TEST

static void keep_errno(void *arg)
{
    (void)arg;
    MUST(trale_dump_on_signal(SIGUSR1) == 0);
    errno = ENOTTY;
    raise(SIGUSR1);
    MUST(errno == ENOTTY);
}

START_TEST(errno_stays)
{
    ck_assert_int_eq(test_in_child(keep_errno, NULL, NULL, 0), 0);
}
END_TEST

TEST_MAIN("dump_signal", a_signal_makes_a_dump, a_stuck_executor_holds_up_no_signal,
          some_signals_are_refused, without_a_thread_for_it_a_signal_is_refused,
          a_forked_childs_signal_is_its_own, errno_stays)
