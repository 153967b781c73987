/*
 * libfaketime shifts the absolute times of every timerfd, also of those on the monotonic clock,
 * which it was told to leave alone: loaded before it, this leaves them alone.
 */
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int fd, int flags, const struct itimerspec *time, struct itimerspec *old)
{
    return (int)syscall(SYS_timerfd_settime, fd, flags, time, old);
}
