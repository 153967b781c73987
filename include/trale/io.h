/*
 * File descriptors that tasks and plain threads can wait for.
 *
 * A trale_io owns its descriptor from trale_io_open to trale_close. Any number of tasks and
 * threads may use one at once, in both directions. It belongs to no runtime: it is registered
 * with the reactor of the runtime that first waits on it, and moves on when that one is freed.
 * One trale_io per descriptor: to use a file in two, dup(2) it.
 */
#ifndef TRALE_IO_H
#define TRALE_IO_H

#include <trale/future.h>

TRALE_BEGIN

#define TRALE_READABLE 1u
#define TRALE_WRITABLE 2u

/*
 * Takes the descriptor over and makes it non-blocking (fcntl(2) O_NONBLOCK, which every process
 * that shares the open file sees). On failure the caller still owns fd, unchanged.
 *   -EINVAL: io is NULL.      -EBADF: fd is not open.      -ENOMEM.
 */
TRALE_API int trale_io_open(trale_io **io, int fd);

/* The descriptor, still owned by io: do not close it. -EINVAL: io is NULL. */
TRALE_API int trale_io_fd(const trale_io *io);

/*
 * Waits until at least one of events (TRALE_READABLE | TRALE_WRITABLE) is there, as by poll(2),
 * and returns those that are. End of file, a hang-up and an error count as both: the operation
 * that was waited for will say which. Files that are always ready are so here.
 *   -EINVAL: io is NULL, or events is empty or has unknown bits.
 *   -EBADF: io was closed while the call waited.
 *   -ENOMEM, -ENOSPC: no memory or no room (epoll_ctl(2)) to register the descriptor.
 *   -EPERM: it is not ready, and epoll does not watch such files.
 *   Errors of trale_runtime_new: a plain thread needs the default runtime to wait.
 *   -ECANCELED, -ETIMEDOUT.
 */
TRALE_API int trale_wait(trale_io *io, unsigned events);

/*
 * Closes the descriptor. Every call that waits on io, or has begun, returns -EBADF; none may
 * start on it afterwards, as after free. The number may be used again at once. Never waits for
 * events. Returns what close(2) reports (-EIO, -ENOSPC, -EDQUOT: data was lost), but io is gone
 * always.
 *   -EINVAL: io is NULL.
 */
TRALE_API int trale_close(trale_io *io);

/* Private: one call that waits on an io. */
struct trale_io_waiter {
    struct trale_link link;
    trale_waker *waker;
    trale_io *io;
    unsigned interest;
    bool linked;
};

typedef struct trale_wait_future {
    trale_future future;
    trale_io *io;
    unsigned events;
    struct trale_io_waiter waiter; /* private */
} trale_wait_future;

TRALE_API void trale_wait_init(trale_wait_future *f, trale_io *io, unsigned events);

TRALE_END

#endif
