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

#include <sys/uio.h>

#include <trale/future.h>

TRALE_BEGIN

struct trale_job; /* private */

#define TRALE_READABLE 1u
#define TRALE_WRITABLE 2u

/*
 * Takes the descriptor over and makes it non-blocking (fcntl(2) O_NONBLOCK, which every process
 * that shares the open file sees). Any descriptor will do; see file.h for those that epoll does
 * not watch. On failure the caller still owns fd, unchanged.
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
 *   -ENOMEM, -ENOSPC: no memory or no room (epoll_ctl(2)) to register the descriptor; of a datagram
 *     socket at any wait, for one that is busy is registered anew.
 *   -EPERM: it is not ready, and epoll does not watch such files.
 *   Errors of trale_runtime_new: a plain thread needs the default runtime to wait.
 *   -ECANCELED, -ETIMEDOUT.
 */
TRALE_API int trale_wait(trale_io *io, unsigned events);

/*
 * Reads what there is, up to size bytes, as read(2); waits while there is nothing. Returns the
 * count, 0 at the end of a stream (and for size 0).
 *   -EINVAL: io is NULL, or buffer is NULL and size is not 0.   -EBADF: closed meanwhile.
 *   -ECONNRESET, -EIO, -EISDIR, ...: as for read(2).
 *   -ENOMEM, -ENOSPC, -EPERM: as for trale_wait.
 *   -ECANCELED, -ETIMEDOUT: nothing was read.
 */
TRALE_API ssize_t trale_read(trale_io *io, void *buffer, size_t size);

/*
 * Writes what there is room for, up to size bytes, as write(2); waits while there is none.
 * Returns the count, which may be less than size. SIGPIPE is never raised. Errors as for
 * trale_read, and
 *   -EPIPE: nobody reads any more.
 *   -ECANCELED, -ETIMEDOUT: nothing was written.
 */
TRALE_API ssize_t trale_write(trale_io *io, const void *buffer, size_t size);

/*
 * The same with several buffers, as readv(2) and writev(2). The array and what it points to stay
 * the caller's, and as they are, until the call returns.
 *   -EINVAL: also if count is negative or over IOV_MAX (1024), or iov is NULL and count is not 0.
 */
TRALE_API ssize_t trale_readv(trale_io *io, const struct iovec *iov, int count);
TRALE_API ssize_t trale_writev(trale_io *io, const struct iovec *iov, int count);

/*
 * Reads until size bytes are there. Returns the count: less than size only at the end of the
 * stream, or if an error, a cancel or a deadline came after some bytes; the next call then gives
 * that error again, if it is to move any. If no byte was moved, the error.
 */
TRALE_API ssize_t trale_read_full(trale_io *io, void *buffer, size_t size);

/* Writes all of size bytes; counts and errors as for trale_read_full. */
TRALE_API ssize_t trale_write_all(trale_io *io, const void *buffer, size_t size);

/*
 * Closes the descriptor. Every call that waits on io, or has begun, returns -EBADF; none may
 * start on it afterwards, as after free. The number may be used again at once. Never waits for
 * events. Returns what close(2) reports (-EIO, -ENOSPC, -EDQUOT: data was lost), but io is gone
 * always. While a call on a file is under way the descriptor is closed when that ends, see file.h;
 * this returns 0 then, and errors of close(2) are lost: trale_fsync tells of them before.
 *   -EINVAL: io is NULL.
 */
TRALE_API int trale_close(trale_io *io);

/* Private: one call that waits on an io. */
struct trale_io_waiter {
    struct trale_link link;
    trale_waker *waker;
    trale_io *io;
    struct trale_job *job; /* of a file */
    unsigned interest;
    bool linked;
    bool to_end; /* of a file: the caller waits for the end of what has begun */
};

typedef struct trale_wait_future {
    trale_future future;
    trale_io *io;
    unsigned events;
    struct trale_io_waiter waiter; /* private */
} trale_wait_future;

TRALE_API void trale_wait_init(trale_wait_future *f, trale_io *io, unsigned events);

typedef struct trale_read_future {
    trale_future future;
    trale_io *io;
    void *buffer;
    size_t size;
    struct trale_io_waiter waiter; /* private */
} trale_read_future;

TRALE_API void trale_read_init(trale_read_future *f, trale_io *io, void *buffer, size_t size);

typedef struct trale_write_future {
    trale_future future;
    trale_io *io;
    const void *buffer;
    size_t size;
    struct trale_io_waiter waiter; /* private */
} trale_write_future;

TRALE_API void trale_write_init(trale_write_future *f, trale_io *io, const void *buffer,
                                size_t size);

typedef struct trale_readv_future {
    trale_future future;
    trale_io *io;
    const struct iovec *iov;
    int count;
    struct trale_io_waiter waiter; /* private */
} trale_readv_future;
typedef trale_readv_future trale_writev_future;

TRALE_API void trale_readv_init(trale_readv_future *f, trale_io *io, const struct iovec *iov,
                                int count);
TRALE_API void trale_writev_init(trale_writev_future *f, trale_io *io, const struct iovec *iov,
                                 int count);

typedef struct trale_read_full_future {
    trale_future future;
    trale_read_future read; /* private from here on: of what is left */
    size_t moved;
    bool held; /* a reference to the io */
    bool to_end;
    bool timed_out; /* after some bytes */
} trale_read_full_future;

TRALE_API void trale_read_full_init(trale_read_full_future *f, trale_io *io, void *buffer,
                                    size_t size);

typedef struct trale_write_all_future {
    trale_future future;
    trale_write_future write; /* private from here on: of what is left */
    size_t moved;
    bool held; /* a reference to the io */
    bool to_end;
    bool timed_out; /* after some bytes */
} trale_write_all_future;

TRALE_API void trale_write_all_init(trale_write_all_future *f, trale_io *io, const void *buffer,
                                    size_t size);

TRALE_END

#endif
