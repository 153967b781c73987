/*
 * Where readiness and the passing of time come from: a handful of functions, behind which is
 * epoll, an eventfd and a timerfd (poller_epoll.c), and could be anything.
 */
#ifndef CORE_POLLER_H
#define CORE_POLLER_H

#include <trale/base.h>

struct poller {
    int epoll, interrupt, alarm;
};

/* What poller_wait reports about a descriptor: io_source.h has the bits. */
struct poller_event {
    void *tag;
    uint64_t ready;
};

/* 0 or -errno; on failure nothing is open. */
int poller_open(struct poller *p);
void poller_close(struct poller *p);

/*
 * Reports every change of fd's readiness under that tag, beginning with what it is now; to be
 * written, only if asked to: a datagram socket, or a Unix one, becomes writable again with everything
 * that its peer has read. poller_write does it later. Any thread. -EPERM: epoll does not watch such
 * files. -ENOMEM, -ENOSPC.
 */
int poller_add(struct poller *p, int fd, void *tag, bool write);
int poller_write(struct poller *p, int fd, void *tag);

/* Must come before the descriptor is closed, for a duplicate would keep the events coming. No
 * later wait reports the tag; one that has returned already may have. 0 or -errno, as below. */
int poller_remove(struct poller *p, int fd);

/* Makes a wait that blocks return at deadline. Replaces the deadline set before. Any thread. 0 or
 * -errno: something filters system calls (seccomp(2)). */
int poller_set_alarm(struct poller *p, int64_t deadline);

/* Makes a wait that blocks, or the next one that would, return. Any thread. */
void poller_interrupt(struct poller *p);

/* Collects events, after waiting for the first, for so long at most; -1: for ever. Returns how
 * many; may be none. */
int poller_wait(struct poller *p, struct poller_event *events, int room, int timeout_ms);

#endif
