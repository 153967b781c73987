/* What is read through descriptors that are neither sockets nor pipes. */
#define _GNU_SOURCE /* posix_openpt, ptsname_r */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "wait_task.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* A read that waits, in a fiber or a stackless task. */
static trale_task *spawn_reader(bool fiber, trale_io *io, void *buffer, size_t size)
{
    trale_task *task = fiber ? spawn_transfer(&(struct transfer){trale_read, io, buffer, size})
                             : spawn_read(io, buffer, size);
    settle();
    return task;
}

/* ends[0]: the terminal. ends[1]: who types and looks at it. */
static void open_tty(trale_io *ends[2], bool raw)
{
    struct termios mode;
    char name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    ck_assert_int_eq(ptsname_r(master, name, sizeof name), 0);
    int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(slave, 0);
    ck_assert_int_eq(tcgetattr(slave, &mode), 0);
    if (raw)
        cfmakeraw(&mode);
    else
        mode.c_lflag &= ~(tcflag_t)ECHO;
    ck_assert_int_eq(tcsetattr(slave, TCSANOW, &mode), 0);
    ends[0] = open_io(slave);
    ends[1] = open_io(master);
}

START_TEST(a_terminal_is_read_by_lines)
{
    trale_io *ends[2];
    open_tty(ends, false);
    for (int i = 0; i < 20; i++) {
        char line[16], shown[16];
        trale_task *task = spawn_reader(i % 2, ends[0], line, sizeof line);
        ck_assert_int_eq(trale_write(ends[1], "abc", 3), 3); /* no line yet */
        settle();
        ck_assert_int_eq(trale_write(ends[1], "def\n", 4), 4);
        ck_assert_int_eq(join(task), 7);
        ck_assert_mem_eq(line, "abcdef\n", 7);
        task = spawn_reader(i % 2, ends[1], shown, sizeof shown);
        ck_assert_int_eq(trale_write(ends[0], "ok", 2), 2);
        ck_assert_int_eq(join(task), 2);
        ck_assert_mem_eq(shown, "ok", 2);
    }
    trale_task *task = spawn_reader(false, ends[0], (char[4]){0}, 4);
    ck_assert_int_eq(trale_write(ends[1], "\4", 1), 1); /* end of file, as typed */
    ck_assert_int_eq(join(task), 0);
    close_both(ends);
}
END_TEST

START_TEST(a_raw_terminal_carries_every_byte_both_ways)
{
    enum { SIZE = 256 << 10 };
    size_t size = (size_t)test_scale(SIZE);
    static char sent[2][SIZE], got[2][SIZE];
    trale_task *readers[2], *writers[2];
    trale_io *ends[2];
    open_tty(ends, true);
    for (size_t i = 0; i < size; i++) {
        sent[0][i] = (char)(i * 7 + i / 251);
        sent[1][i] = (char)(i * 11 + i / 241);
    }
    for (int i = 0; i < 2; i++) {
        readers[i] = spawn_read_full(ends[!i], got[i], size);
        writers[i] = spawn_write_all(ends[i], sent[i], size);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(join(writers[i]), (intptr_t)size);
        ck_assert_int_eq(join(readers[i]), (intptr_t)size);
        ck_assert_int_eq(memcmp(sent[i], got[i], size), 0);
    }
    close_both(ends);
}
END_TEST

/* tty_ioctl(4) does not say it, but so it is: the one side sees an end, the other an error. */
START_TEST(a_terminal_whose_other_side_is_gone_ends_its_reader)
{
    for (int i = 0; i < 8; i++) {
        trale_io *ends[2];
        char byte;
        int left = i / 4;
        open_tty(ends, i / 2 % 2);
        trale_task *task = spawn_reader(i % 2, ends[left], &byte, 1);
        ck_assert_int_eq(trale_close(ends[!left]), 0);
        ck_assert_int_eq(join(task), left == 0 ? 0 : -EIO);
        ck_assert_int_eq(trale_read(ends[left], &byte, 1), left == 0 ? 0 : -EIO);
        ck_assert_int_eq(trale_close(ends[left]), 0);
    }
}
END_TEST

START_TEST(an_eventfd_gives_its_count)
{
    trale_io *io = open_io(eventfd(0, EFD_CLOEXEC));
    for (uint64_t i = 1; i < 50; i++) {
        uint64_t count = 0;
        trale_task *task = spawn_reader(i % 2, io, &count, sizeof count);
        ck_assert_int_eq(write(trale_io_fd(io), &i, sizeof i), sizeof i);
        ck_assert_int_eq(join(task), sizeof count);
        ck_assert_uint_eq(count, i);
    }
    trale_close(io);
}
END_TEST

START_TEST(a_semaphore_lets_as_many_readers_go_as_it_has_counts)
{
    enum { READERS = 9 };
    trale_io *io = open_io(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC));
    trale_task *tasks[READERS];
    uint64_t counts[READERS] = {0}, more = READERS - 2;
    for (int i = 0; i < READERS; i++)
        tasks[i] = spawn_reader(i % 2, io, &counts[i], sizeof counts[i]);
    ck_assert_int_eq(write(trale_io_fd(io), &more, sizeof more), sizeof more);
    write_count(trale_io_fd(io));
    write_count(trale_io_fd(io));
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(join(tasks[i]), sizeof counts[i]);
        ck_assert_uint_eq(counts[i], 1);
    }
    trale_close(io);
}
END_TEST

START_TEST(a_timerfd_gives_its_expirations)
{
    const struct itimerspec once = {.it_value = {.tv_nsec = TRALE_MS}},
                            often = {{.tv_nsec = TRALE_MS}, {.tv_nsec = TRALE_MS}};
    trale_io *io = open_io(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    uint64_t count;
    for (int i = 0; i < 10; i++) {
        count = 0;
        trale_task *task = spawn_reader(i % 2, io, &count, sizeof count);
        ck_assert_int_eq(timerfd_settime(trale_io_fd(io), 0, &once, NULL), 0);
        ck_assert_int_eq(join(task), sizeof count);
        ck_assert_uint_eq(count, 1);
    }
    int64_t start = trale_now();
    ck_assert_int_eq(timerfd_settime(trale_io_fd(io), 0, &often, NULL), 0);
    for (uint64_t sum = 0; sum < 10; sum += count)
        ck_assert_int_eq(join(spawn_reader(sum % 2, io, &count, sizeof count)), sizeof count);
    ck_assert_int_ge(trale_now() - start, 10 * TRALE_MS);
    trale_close(io);
}
END_TEST

START_TEST(a_signalfd_gives_signals)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    trale_io *io = open_io(signalfd(-1, &set, SFD_CLOEXEC));
    for (int i = 0; i < 20; i++) {
        struct signalfd_siginfo info = {0};
        int number = i % 3 ? SIGUSR1 : SIGUSR2;
        trale_task *task = spawn_reader(i % 2, io, &info, sizeof info);
        ck_assert_int_eq(kill(getpid(), number), 0);
        ck_assert_int_eq(join(task), sizeof info);
        ck_assert_uint_eq(info.ssi_signo, number);
        ck_assert_uint_eq(info.ssi_pid, getpid());
    }
    trale_close(io);
}
END_TEST

/* Until the other end of the pipe is closed. */
static bool waits_for_end(const int ends[2])
{
    char byte;
    ssize_t n;

    close(ends[1]);
    do {
        n = read(ends[0], &byte, 1);
    } while (n < 0 && errno == EINTR);
    return n == 0;
}

/* It becomes readable when the process ends; but there is nothing in it, pidfd_open(2). */
START_TEST(a_pidfd_tells_the_end_of_a_process)
{
    for (int i = 0; i < 6; i++) {
        char byte;
        int ends[2], status;
        make_pipe(ends);
        fcntl(ends[0], F_SETFL, 0);
        pid_t child = fork();
        if (child == 0)
            _exit(waits_for_end(ends) ? 7 : 1);
        ck_assert_int_gt(child, 0);
        long fd = syscall(SYS_pidfd_open, child, 0);
        if (fd < 0 && errno == ENOSYS) {
            printf("# pidfd_open: skipped, this kernel has none\n");
            kill(child, SIGKILL);
            i = 6;
        } else {
            trale_io *io = open_io((int)fd);
            ck_assert_int_eq(join(spawn_reader(i % 2, io, &byte, 1)), -EINVAL);
            trale_task *task = spawn_wait(io, TRALE_READABLE);
            settle();
            close(ends[1]); /* now it ends */
            ck_assert_int_eq(join(task), TRALE_READABLE);
            ck_assert_int_eq(join(spawn_reader(i % 2, io, &byte, 1)), -EINVAL);
            ck_assert_int_eq(waitpid(child, &status, WNOHANG), child);
            ck_assert_int_eq(WEXITSTATUS(status), 7);
            trale_close(io);
        }
        close(ends[0]);
    }
}
END_TEST

START_TEST(inotify_gives_events)
{
    char directory[] = "/tmp/trale-inotify-XXXXXX", path[64];
    union {
        struct inotify_event event;
        char room[512];
    } got;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    trale_io *io = open_io(inotify_init1(IN_CLOEXEC));
    int watch = inotify_add_watch(trale_io_fd(io), directory, IN_CREATE | IN_DELETE);
    ck_assert_int_ge(watch, 0);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "%s/file%d", directory, i / 2);
        trale_task *task = spawn_reader(i / 2 % 2, io, &got, sizeof got);
        if (i % 2)
            ck_assert_int_eq(unlink(path), 0);
        else
            close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        ck_assert_int_ge(join(task), sizeof got.event);
        ck_assert_int_eq(got.event.wd, watch);
        ck_assert_uint_eq(got.event.mask, i % 2 ? IN_DELETE : IN_CREATE);
        ck_assert_str_eq(got.event.name, path + sizeof directory);
    }
    trale_close(io);
    rmdir(directory);
}
END_TEST

/* inotify(7) has EAGAIN for a read of nothing. */
START_TEST(size_0_is_0_where_the_kernel_would_wait)
{
    trale_io *io = open_io(inotify_init1(IN_CLOEXEC));
    ck_assert_int_eq(trale_read(io, NULL, 0), 0);
    ck_assert_int_eq(trale_read_full(io, NULL, 0), 0);
    ck_assert_int_eq(trale_readv(io, NULL, 0), 0);
    ck_assert_int_eq(join(spawn_reader(false, io, NULL, 0)), 0);
    trale_close(io);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "special_files", a_terminal_is_read_by_lines,
               a_raw_terminal_carries_every_byte_both_ways,
               a_terminal_whose_other_side_is_gone_ends_its_reader, an_eventfd_gives_its_count,
               a_semaphore_lets_as_many_readers_go_as_it_has_counts,
               a_timerfd_gives_its_expirations, a_signalfd_gives_signals,
               a_pidfd_tells_the_end_of_a_process, inotify_gives_events,
               size_0_is_0_where_the_kernel_would_wait)
