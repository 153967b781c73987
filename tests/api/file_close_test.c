/*
 * A close that crosses calls on a file at their narrowest places. The library's own system calls
 * stop at gates here, and so does its look at the caller's array of buffers: its page is taken
 * away, and the fault is the gate.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "files.h"
#include "gate.h"
#include "settle.h"
#include "syscalls.h"
#include "system.h"

static struct gate writing = GATE, write_on = GATE, looking = GATE, look_on = GATE;
static struct gate closing = GATE, written = GATE;
static atomic_int held;      /* stop at gates? */
static atomic_long yields;   /* of the thread that closes */
static atomic_bool released; /* trale_close has returned */
static _Thread_local bool closer, writer;

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    gate_open(&writing);
    gate_wait(&write_on);
    return syscall(SYS_pwritev, fd, iov, count, offset, 0);
}

__attribute__((visibility("default"))) int sched_yield(void)
{
    if (closer) {
        gate_open(&closing);
        atomic_fetch_add(&yields, 1);
    }
    if (writer)
        gate_open(&written);
    return (int)syscall(SYS_sched_yield);
}

enum { STOP = 1, TAKE_PAGE };
static long page_size;
static void *page;

/* A look into the page cache finds nothing. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long a[6];

    TAKE_ARGUMENTS(a, number);
    if (number != SYS_preadv2 || !atomic_load(&held))
        return real_syscall(number, a);
    gate_open(&looking);
    gate_wait(atomic_load(&held) == STOP ? &look_on : &closing);
    if (atomic_load(&held) == TAKE_PAGE)
        mprotect(page, (size_t)page_size, PROT_NONE);
    errno = EAGAIN;
    return -1;
}

/* The call looks at its buffers again. Is the io still there? The close goes on waiting, or it is
 * over. */
static void on_fault(int signal)
{
    long before = atomic_load(&yields);

    (void)signal;
    while (!atomic_load(&released) && atomic_load(&yields) < before + 10)
        syscall(SYS_sched_yield);
    mprotect(page, (size_t)page_size, PROT_READ | PROT_WRITE);
}

static void *write_it(void *io)
{
    ssize_t n;

    writer = true;
    n = trale_pwrite(io, "changed", 7, 0);
    gate_open(&written);
    return (void *)n;
}

static void *read_it(void *io)
{
    char buffer[8];

    return (void *)trale_pread(io, buffer, sizeof buffer, 0);
}

static void *close_it(void *io)
{
    int result;

    closer = true;
    result = trale_close(io);
    atomic_store(&released, true);
    return (void *)(intptr_t)result;
}

static pthread_t start(void *(*fn)(void *), trale_io *io)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, io), 0);
    return thread;
}

static intptr_t end(pthread_t thread)
{
    void *result;

    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return (intptr_t)result;
}

START_TEST(the_last_job_leaves_the_number_to_a_call_that_uses_it)
{
    trale_io *io = open_filled("contents");
    int fd = trale_io_fd(io);
    pthread_t write, read, close;

    write = start(write_it, io);
    gate_wait(&writing);
    atomic_store(&held, STOP);
    read = start(read_it, io);
    gate_wait(&looking);
    close = start(close_it, io);
    gate_wait(&closing);
    gate_open(&write_on);
    gate_wait(&written);
    ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
    gate_open(&look_on);
    ck_assert_int_eq(end(write), 7);
    ck_assert_int_eq(end(read), -EBADF);
    ck_assert_int_eq(end(close), 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

static atomic_bool gone_too_soon;

static void *readv_it(void *io)
{
    struct iovec *iov = page;
    char buffer[8];
    ssize_t n;

    iov[0] = (struct iovec){buffer, 4};
    iov[1] = (struct iovec){buffer + 4, 4};
    n = trale_readv(io, iov, 2);
    return (void *)n;
}

static void note_and_wait(int signal)
{
    on_fault(signal);
    if (atomic_load(&released))
        atomic_store(&gone_too_soon, true);
}

START_TEST(a_call_keeps_the_io_until_its_job_does)
{
    trale_io *io = open_filled("contents");
    struct sigaction action = {.sa_handler = note_and_wait};
    pthread_t read, close;

    if (under_valgrind()) {
        printf("# a call keeps the io: skipped, valgrind does not resume what faults\n");
        trale_close(io);
        return;
    }
    page_size = sysconf(_SC_PAGESIZE);
    page =
        mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
    atomic_store(&held, TAKE_PAGE);
    read = start(readv_it, io);
    gate_wait(&looking);
    close = start(close_it, io);
    ck_assert_int_eq(end(read), -EBADF);
    ck_assert_int_eq(end(close), 0);
    ck_assert(!atomic_load(&gone_too_soon));
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "file_close",
               the_last_job_leaves_the_number_to_a_call_that_uses_it,
               a_call_keeps_the_io_until_its_job_does)
