/* Signals: handlers run on the program's own threads only, and no call shows an EINTR. */
#define _GNU_SOURCE /* gettid */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "wait_task.h"

static atomic_long handled, elsewhere;
static pid_t program;

static void handler(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
    if (gettid() != program)
        atomic_fetch_add(&elsewhere, 1);
}

/* A thousand signals a second, and system calls are not restarted. */
static void start_signals(void)
{
    struct sigaction action = {.sa_handler = handler};
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    program = gettid();
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void stop_signals(void)
{
    struct itimerval timer = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    ck_assert_int_gt(atomic_load(&handled), 0);
    ck_assert_int_eq(atomic_load(&elsewhere), 0);
}

static bool enough(void)
{
    return atomic_load(&handled) >= test_scale(200);
}

static intptr_t sleep_a_while(void *arg)
{
    int64_t deadline = trale_now() + 3 * TRALE_MS;
    int error = trale_sleep_until(deadline);
    (void)arg;
    return error != 0 ? error : trale_now() >= deadline;
}

START_TEST(sleeps_on_a_plain_thread_are_not_cut_short)
{
    start_signals();
    while (!enough()) {
        int64_t deadline = trale_now() + 3 * TRALE_MS;
        ck_assert_int_eq(trale_sleep_until(deadline), 0);
        ck_assert_int_ge(trale_now(), deadline);
    }
    stop_signals();
}
END_TEST

START_TEST(joins_are_not_cut_short)
{
    start_signals();
    while (!enough()) {
        intptr_t result = 0;
        ck_assert_int_eq(trale_block_on(sleep_a_while, NULL, &result), 0);
        ck_assert_int_eq(result, 1);
    }
    stop_signals();
}
END_TEST

struct sender {
    trale_io *io;
    trale_addr to;
};

static intptr_t send_later(void *arg)
{
    const struct sender *s = arg;
    trale_sleep(3 * TRALE_MS);
    return trale_sendto(s->io, "x", 1, &s->to);
}

START_TEST(receiving_is_not_cut_short)
{
    struct sender s;
    ck_assert_int_eq(trale_udp_bind(&s.io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(s.io, &s.to), 0);
    start_signals();
    while (!enough()) {
        trale_task *task;
        char byte;
        ck_assert_int_eq(trale_spawn(&task, send_later, &s), 0);
        ck_assert_int_eq(trale_wait(s.io, TRALE_READABLE), TRALE_READABLE);
        ck_assert_int_eq(trale_recvfrom(s.io, &byte, 1, NULL), 1);
        ck_assert_int_eq(join(task), 1);
    }
    stop_signals();
    trale_close(s.io);
}
END_TEST

START_TEST(making_and_freeing_runtimes_is_not_cut_short)
{
    start_signals();
    while (!enough()) {
        trale_runtime *runtime;
        ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
        trale_spawn_options options = {.runtime = runtime};
        ck_assert_int_eq(trale_spawn_with(NULL, &options, sleep_a_while, NULL), 0);
        ck_assert_int_eq(trale_runtime_wait(runtime), 0);
        ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
    }
    stop_signals();
}
END_TEST

START_TEST(no_runtime_thread_takes_a_signal_that_the_program_blocks)
{
    static const int numbers[] = {SIGUSR1, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE, SIGPROF};
    sigset_t all, pending;
    settle(); /* the threads are there, made with the mask that was before */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        signal(numbers[i], handler);
        ck_assert_int_eq(kill(getpid(), numbers[i]), 0);
    }
    settle();
    ck_assert_int_eq(trale_sleep(TRALE_MS), 0);
    sigpending(&pending);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ck_assert_msg(sigismember(&pending, numbers[i]), "signal %d", numbers[i]);
    ck_assert_int_eq(atomic_load(&handled), 0);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
    ck_assert_int_eq(atomic_load(&handled), sizeof numbers / sizeof *numbers);
}
END_TEST

START_TEST(the_mask_of_the_program_stays_as_it_was)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    settle();
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < 32; number++)
        ck_assert_int_eq(sigismember(&after, number), sigismember(&before, number));
}
END_TEST

static intptr_t send_to_nobody(void *io)
{
    return trale_sendto(io, "x", 1, NULL);
}

static void send_into_a_closed_socket(void *arg)
{
    int ends[2];
    trale_io *io;
    intptr_t result = 0;
    sigset_t all;
    (void)arg;
    signal(SIGPIPE, SIG_DFL);
    sigfillset(&all);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    MUST(close(ends[1]) == 0);
    MUST(trale_io_open(&io, ends[0]) == 0);
    MUST(trale_sendto(io, "x", 1, NULL) == -EPIPE);
    MUST(trale_block_on(send_to_nobody, io, &result) == 0);
    MUST(result == -EPIPE);
    MUST(trale_close(io) == 0);
}

START_TEST(sigpipe_is_never_raised)
{
    passes_in_child(send_into_a_closed_socket, NULL);
}
END_TEST

TEST_MAIN("signals", sleeps_on_a_plain_thread_are_not_cut_short, joins_are_not_cut_short,
          receiving_is_not_cut_short, making_and_freeing_runtimes_is_not_cut_short,
          no_runtime_thread_takes_a_signal_that_the_program_blocks,
          the_mask_of_the_program_stays_as_it_was, sigpipe_is_never_raised)
