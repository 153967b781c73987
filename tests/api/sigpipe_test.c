/* SIGPIPE: whoever writes to nobody gets -EPIPE, and the program no signal. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "system.h"

static volatile sig_atomic_t handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void handle(void (*handler)(int number))
{
    MUST(sigaction(SIGPIPE, &(struct sigaction){.sa_handler = handler}, NULL) == 0);
}

static bool is_pending(void)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE);
}

static bool is_blocked(void)
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    return sigismember(&set, SIGPIPE);
}

static void set_blocked(bool blocked)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static intptr_t write_in_every_way(void *io)
{
    struct iovec iov[] = {{"ab", 2}, {"c", 1}};
    intptr_t error = 0;
    if (trale_write(io, "x", 1) != -EPIPE)
        error |= 1;
    if (trale_write_all(io, "xyz", 3) != -EPIPE)
        error |= 2;
    if (trale_writev(io, iov, 2) != -EPIPE)
        error |= 4;
    return error;
}

/* On this thread, in a fiber, in stackless tasks; a pipe, a Unix socket, TCP. */
static void write_to_nobody(void)
{
    for (int kind = 0; kind < 3; kind++) {
        trale_io *ends[2];
        trale_task *task;
        char byte;
        (kind == 0 ? open_pipe : kind == 1 ? open_sockets : open_tcp)(ends);
        trale_close(ends[0]);
        if (kind == 2) { /* the other side refuses the first byte, and then there is nobody */
            MUST(trale_write(ends[1], "x", 1) == 1);
            MUST(trale_read(ends[1], &byte, 1) <= 0);
            trale_read(ends[1], &byte, 1);
            while (trale_write(ends[1], "x", 1) != -EPIPE)
                ;
        }
        MUST(write_in_every_way(ends[1]) == 0);
        MUST(trale_spawn(&task, write_in_every_way, ends[1]) == 0);
        MUST(join(task) == 0);
        MUST(join(spawn_write(ends[1], "x", 1)) == -EPIPE);
        MUST(join(spawn_write_all(ends[1], "xy", 2)) == -EPIPE);
        trale_close(ends[1]);
    }
}

static void with_the_default(void *unused)
{
    (void)unused;
    handle(SIG_DFL);
    write_to_nobody();
    MUST(!is_pending() && !is_blocked());
    free_default_runtime();
}

START_TEST(the_default_does_not_kill)
{
    passes_in_child(with_the_default, NULL);
}
END_TEST

START_TEST(a_handler_is_not_called_and_stays)
{
    struct sigaction now;
    handle(count_signal);
    write_to_nobody();
    ck_assert_int_eq(handled, 0);
    ck_assert(!is_pending() && !is_blocked());
    sigaction(SIGPIPE, NULL, &now);
    ck_assert(now.sa_handler == count_signal);
    raise(SIGPIPE);
    ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(ignored_or_blocked_it_stays_so)
{
    struct sigaction now;
    handle(SIG_IGN);
    write_to_nobody();
    sigaction(SIGPIPE, NULL, &now);
    ck_assert(now.sa_handler == SIG_IGN);
    handle(count_signal);
    set_blocked(true);
    write_to_nobody();
    ck_assert(is_blocked() && !is_pending());
    set_blocked(false);
    ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(one_that_was_pending_before_is_kept)
{
    handle(count_signal);
    set_blocked(true);
    pthread_kill(pthread_self(), SIGPIPE);
    write_to_nobody();
    ck_assert(is_blocked() && is_pending());
    ck_assert_int_eq(handled, 0);
    set_blocked(false);
    ck_assert_int_eq(handled, 1);
}
END_TEST

/* The process's, not the thread's: the kernel keeps these apart. */
START_TEST(one_that_was_pending_for_the_process_stays_one)
{
    handle(count_signal);
    set_blocked(true);
    ck_assert_ptr_nonnull(trale_runtime_default()); /* its threads block it too */
    kill(getpid(), SIGPIPE);
    write_to_nobody();
    ck_assert(is_blocked() && is_pending());
    set_blocked(false);
    ck_assert_int_eq(handled, 1);
}
END_TEST

static void *write_many(void *io)
{
    for (int i = 0; i < 2000; i++)
        if (trale_write(io, "x", 1) != -EPIPE)
            return "no";
    return is_pending() || is_blocked() ? "left" : NULL;
}

START_TEST(many_threads_at_once)
{
    pthread_t threads[4];
    trale_io *ends[2];
    void *result;
    handle(count_signal);
    open_pipe(ends);
    trale_close(ends[0]);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, ends[1]), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_null(result);
    }
    ck_assert_int_eq(handled, 0);
    trale_close(ends[1]);
}
END_TEST

START_TEST(a_writer_that_waits_gets_no_signal_either)
{
    trale_io *ends[2];
    static char bytes[1 << 20];
    handle(count_signal);
    for (int i = 0; i < 4; i++) {
        (i % 2 ? open_sockets : open_pipe)(ends);
        struct transfer t = {call_write_all, ends[1], bytes, sizeof bytes};
        trale_task *task = i >= 2 ? spawn_transfer(&t) : spawn_write_all(ends[1], bytes, t.size);
        settle();
        trale_close(ends[0]);
        ck_assert_int_gt(join(task), 0);
        ck_assert_int_eq(trale_write(ends[1], "x", 1), -EPIPE);
        trale_close(ends[1]);
    }
    ck_assert_int_eq(handled, 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "sigpipe", the_default_does_not_kill,
               a_handler_is_not_called_and_stays, ignored_or_blocked_it_stays_so,
               one_that_was_pending_before_is_kept,
               one_that_was_pending_for_the_process_stays_one, many_threads_at_once,
               a_writer_that_waits_gets_no_signal_either)
