/* Threads, descriptors, and waiting. */
#define _GNU_SOURCE /* pthread_setname_np, cpu_set_t */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "syscalls.h"
#include "wrap.h"

#define FUTEX_COMMAND 127 /* without flags; 0 is a wait */

/* The library's own descriptors: those that no io brought. */
static atomic_bool own[1024];

static int opened(int fd)
{
    if (fd >= 0 && fd < 1024)
        atomic_store_explicit(&own[fd], true, memory_order_relaxed);
    return fd;
}

static bool is_own(int fd)
{
    return fd >= 0 && fd < 1024 && atomic_load_explicit(&own[fd], memory_order_relaxed);
}

WRAP(int, pthread_create, pthread_t *thread, const pthread_attr_t *attributes,
     void *(*start)(void *), void *argument)
{
    RETURN_IF_STRUCK(FAULT_THREAD);
    return __real_pthread_create(thread, attributes, start, argument);
}

WRAP(int, pthread_setname_np, pthread_t thread, const char *name)
{
    RETURN_IF_STRUCK(FAULT_THREAD_NAME);
    return __real_pthread_setname_np(thread, name);
}

WRAP(int, epoll_create1, int flags)
{
    FAIL_IF_STRUCK(FAULT_EPOLL_CREATE, -1);
    return opened(__real_epoll_create1(flags));
}

WRAP(int, eventfd, unsigned initial, int flags)
{
    FAIL_IF_STRUCK(FAULT_EVENTFD, -1);
    return opened(__real_eventfd(initial, flags));
}

WRAP(int, timerfd_create, int clock, int flags)
{
    FAIL_IF_STRUCK(FAULT_TIMERFD, -1);
    return opened(__real_timerfd_create(clock, flags));
}

WRAP(int, epoll_ctl, int epoll, int operation, int fd, struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD)
        FAIL_IF_STRUCK(is_own(fd) ? FAULT_EPOLL_ADD_OWN_FD : FAULT_EPOLL_ADD, -1);
    return __real_epoll_ctl(epoll, operation, fd, event);
}

WRAP(int, epoll_wait, int epoll, struct epoll_event *events, int room, int timeout)
{
    FAIL_IF_STRUCK(FAULT_EPOLL_WAIT, -1);
    return __real_epoll_wait(epoll, events, room, timeout);
}

WRAP(int, timerfd_settime, int fd, int flags, const struct itimerspec *when,
     struct itimerspec *old)
{
    FAIL_IF_STRUCK(FAULT_SETTIME, -1);
    return __real_timerfd_settime(fd, flags, when, old);
}

/* Where nobody reads, the kernel says it twice. */
UNINSTRUMENTED static int broken(int error)
{
    if (error == EPIPE)
        pthread_kill(pthread_self(), SIGPIPE);
    return error;
}

WRAP(ssize_t, write, int fd, const void *buffer, size_t size)
{
    int error = broken(fault_strikes(is_own(fd) ? FAULT_WRITE_OWN_FD : FAULT_WRITE));

    if (error == 0)
        return __real_write(fd, buffer, size);
    errno = error;
    return -1;
}

WRAP(ssize_t, writev, int fd, const struct iovec *iov, int count)
{
    bool file = has_offsets(fd);
    struct iovec byte;

    count = buffers_unless_struck(file ? FAULT_WRITEV_FILE : FAULT_WRITEV, &iov, count, &byte);
    if (count < 0)
        return broken(errno), -1;
    return __real_writev(fd, iov, count);
}

WRAP(ssize_t, read, int fd, void *buffer, size_t size)
{
    FAIL_IF_STRUCK(FAULT_READ, -1);
    return __real_read(fd, buffer, size);
}

WRAP(ssize_t, readv, int fd, const struct iovec *iov, int count)
{
    bool file = has_offsets(fd);
    struct iovec byte;

    count = buffers_unless_struck(file ? FAULT_READV_FILE : FAULT_READV, &iov, count, &byte);
    return count < 0 ? -1 : __real_readv(fd, iov, count);
}

WRAP(int, sigtimedwait, const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    FAIL_IF_STRUCK(FAULT_SIGTIMEDWAIT, -1);
    return __real_sigtimedwait(set, info, timeout);
}

WRAP(int, fstat, int fd, struct stat *status)
{
    FAIL_IF_STRUCK(FAULT_FSTAT, -1);
    return __real_fstat(fd, status);
}

/* True: it was. */
UNINSTRUMENTED static bool futex_is_struck(long *result)
{
    int error = fault_strikes(FAULT_FUTEX_WAIT);

    if (error == 0)
        return false;
    *result = error == SPURIOUS ? 0 : -1;
    errno = error == SPURIOUS ? errno : error;
    return true;
}

WRAP(long, syscall, long number, ...)
{
    const struct iovec *iov;
    struct iovec byte;
    long a[6], result;

    TAKE_ARGUMENTS(a, number);
    if (number == SYS_futex && (a[1] & FUTEX_COMMAND) == 0 && futex_is_struck(&result))
        return result;
    if (number == SYS_membarrier)
        FAIL_IF_STRUCK(FAULT_MEMBARRIER, -1);
    if (number == SYS_preadv2) {
        iov = (const struct iovec *)a[1];
        a[2] = buffers_cached(&iov, (int)a[2], &byte);
        if (a[2] < 0)
            return -1;
        a[1] = (long)iov;
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* As Linux does it: the descriptor is closed, whatever close says. */
WRAP(int, close, int fd)
{
    int error = fault_strikes(is_own(fd) ? FAULT_CLOSE_OWN_FD : FAULT_CLOSE), result;

    if (is_own(fd))
        atomic_store_explicit(&own[fd], false, memory_order_relaxed);
    result = __real_close(fd);
    if (error == 0)
        return result;
    errno = error;
    return -1;
}

WRAP(int, fcntl, int fd, int command, ...)
{
    va_list list;
    long argument;

    va_start(list, command);
    argument = va_arg(list, long);
    va_end(list);
    FAIL_IF_STRUCK(FAULT_FCNTL, -1);
    return __real_fcntl(fd, command, argument);
}

WRAP(int, poll, struct pollfd *fds, nfds_t count, int timeout)
{
    FAIL_IF_STRUCK(FAULT_POLL, -1);
    return __real_poll(fds, count, timeout);
}

WRAP(int, sigaltstack, const stack_t *stack, stack_t *old)
{
    if (old) /* putting back what was there cannot fail */
        FAIL_IF_STRUCK(FAULT_SIGALTSTACK, -1);
    return __real_sigaltstack(stack, old);
}

WRAP(int, sigaction, int number, const struct sigaction *action, struct sigaction *old)
{
    FAIL_IF_STRUCK(FAULT_SIGACTION, -1);
    return __real_sigaction(number, action, old);
}

/* The library opens files that tell its cgroup, and how much of the processors that has. */
WRAP(FILE *, fopen, const char *path, const char *mode)
{
    static char group[] = "0::/none\n", quota[] = "100000 100000\n";
    int error = fault_strikes(FAULT_FOPEN);

    if (error == 0)
        return __real_fopen(path, mode);
    if (error == PARTLY)
        return strstr(path, "cpu.max") ? fmemopen(quota, strlen(quota), "r")
                                       : fmemopen(group, strlen(group), "r");
    errno = error;
    return NULL;
}

WRAP(int, sched_getaffinity, pid_t pid, size_t size, cpu_set_t *cpus)
{
    FAIL_IF_STRUCK(FAULT_GETAFFINITY, -1);
    return __real_sched_getaffinity(pid, size, cpus);
}
