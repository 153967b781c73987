#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/io_source.h"
#include "core/poller.h"

#define ROOM_MAX 256

/*
 * The alarm and the interrupt are edge-triggered and never read: arming a timerfd again clears it
 * (timerfd_create(2)), and every write to an eventfd is an edge. They carry no tag.
 */
static int watch(struct poller *p, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

    return fd < 0 ? -1 : epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void close_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

int poller_open(struct poller *p)
{
    int error;

    *p = (struct poller){-1, -1, -1};
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll >= 0)
        p->interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (p->interrupt >= 0)
        p->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (p->alarm >= 0 && watch(p, p->interrupt) == 0 && watch(p, p->alarm) == 0)
        return 0;
    error = -errno;
    poller_close(p);
    return error;
}

void poller_close(struct poller *p)
{
    close_open(p->alarm);
    close_open(p->interrupt);
    close_open(p->epoll);
    *p = (struct poller){-1, -1, -1};
}

#define EVENTS_READ (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

int poller_add(struct poller *p, int fd, void *tag, bool write)
{
    struct epoll_event event = {.events = EVENTS_READ | (write ? EPOLLOUT : 0), .data.ptr = tag};

    return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int poller_write(struct poller *p, int fd, void *tag)
{
    struct epoll_event event = {.events = EVENTS_READ | EPOLLOUT, .data.ptr = tag};

    return epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : -errno;
}

int poller_remove(struct poller *p, int fd)
{
    struct epoll_event unused = {0};

    return epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, &unused) == 0 ? 0 : -errno;
}

int poller_set_alarm(struct poller *p, int64_t deadline)
{
    struct itimerspec when = {0};

    /* A zero time would disarm, a negative one is EINVAL; both mean "at once". TRALE_NEVER is 292
     * years of up-time away. */
    if (deadline < 1)
        deadline = 1;
    when.it_value.tv_sec = (time_t)(deadline / TRALE_SEC);
    when.it_value.tv_nsec = (long)(deadline % TRALE_SEC);
    return timerfd_settime(p->alarm, TFD_TIMER_ABSTIME, &when, NULL) == 0 ? 0 : -errno;
}

void poller_interrupt(struct poller *p)
{
    uint64_t one = 1;

    while (write(p->interrupt, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static uint64_t ready_bits(uint32_t events)
{
    uint64_t ready = 0;

    if (events & EPOLLIN)
        ready |= SOURCE_READABLE;
    if (events & EPOLLOUT)
        ready |= SOURCE_WRITABLE;
    if (events & (EPOLLRDHUP | EPOLLPRI))
        ready |= SOURCE_READABLE | SOURCE_FINAL;
    if (events & (EPOLLHUP | EPOLLERR)) /* both sides are to find out */
        ready |= SOURCE_READABLE | SOURCE_WRITABLE | SOURCE_FINAL;
    return ready;
}

int poller_wait(struct poller *p, struct poller_event *events, int room, int timeout_ms)
{
    struct epoll_event got[ROOM_MAX];
    int count = 0, n;

    n = epoll_wait(p->epoll, got, room < ROOM_MAX ? room : ROOM_MAX, timeout_ms);
    for (int i = 0; i < n; i++)
        if (got[i].data.ptr)
            events[count++] = (struct poller_event){got[i].data.ptr, ready_bits(got[i].events)};
    return count;
}
