/*
 * A descriptor as tasks wait for it: what it was last known to be ready for, and who waits.
 *
 * The word:
 *      63      32   31        16   15   4     3       2        1          0
 *     +----------+---------------+------+--------+-------+----------+----------+
 *     |   tick   |     pins      |  0   | CLOSED | FINAL | WRITABLE | READABLE |
 *     +----------+---------------+------+--------+-------+----------+----------+
 *
 * READABLE, WRITABLE   An operation in this direction is worth trying. Set at first, for the
 *          first try costs no more than asking; then by the reactor; cleared by an operation that
 *          met EAGAIN.
 * FINAL    RDHUP, PRI, HUP or ERR was seen. Never cleared.
 * CLOSED   trale_close was called. Never cleared.
 * pins     Polls of operations that are under way. The close waits for them (they do not block),
 *          so the number cannot become another file under an operation's hands.
 * tick     Counts the reactor's reports. An operation that met EAGAIN clears readiness only if no
 *          report came since before its try: the report may be of what the try just missed.
 *
 * Any thread changes it, by read-modify-writes only. Fields: I: immutable.  L: lock.
 * Order of locks: a source's, then its reactor's.
 */
#ifndef CORE_IO_SOURCE_H
#define CORE_IO_SOURCE_H

#include <stdatomic.h>

#include <trale/io.h>

#include "base/list.h"
#include "base/lock.h"
#include "task/waker.h"

#define SOURCE_READABLE UINT64_C(0x1) /* equal to TRALE_READABLE */
#define SOURCE_WRITABLE UINT64_C(0x2) /* equal to TRALE_WRITABLE */
#define SOURCE_FINAL UINT64_C(0x4)
#define SOURCE_CLOSED UINT64_C(0x8)
#define SOURCE_PIN (UINT64_C(1) << 16)
#define SOURCE_PINS (UINT64_C(0xffff) << 16)
#define SOURCE_TICK (UINT64_C(1) << 32)

struct reactor;

struct source_kind {
    bool socket;
    bool stream; /* of bytes, not of messages; sockets only */
    bool tcp;
    bool file; /* epoll does not watch it, and its system calls block: they go through the pool */
    bool direct; /* such a file, past the page cache: O_DIRECT */
};

/* What an operation needs that waits comes first, in 64 bytes. */
struct trale_io {
    _Atomic(uint64_t) word;
    _Atomic(uint32_t) references; /* the owner, the reactor, every waiter that has waited */
    int fd;                       /* I: */
    struct source_kind kind;      /* I: */
    bool reports_writable : 1;    /* L: to the reactor its being writable is reported, too */
    bool detached : 1;            /* L: registered, but not watched until somebody waits */
    _Atomic(uint16_t) found;      /* receives since somebody waited, of datagrams: a hint */
    _Atomic(int) owed[2];         /* errors that come after a count: of reading, of writing */
    struct lock lock;
    /* Of fork: what follows is true in one process only. Written under the lock of process.h. */
    atomic_uint generation;
    struct reactor *reactor;   /* L: registered there; NULL: nowhere */
    struct trale_link waiters; /* L: */
    unsigned lent;             /* L: jobs that use the descriptor */
    bool close_later;          /* L: the last of these closes it */
    struct trale_link link;    /* on the reactor's sources, or its retired: reactor's lock */
};

/* An io without a descriptor yet; NULL: no memory. source_take gives it one, source_release frees
 * one that has none. */
trale_io *source_alloc(void);
void source_take(trale_io *io, int fd, struct source_kind kind);

/* The two halves of trale_io_open; flags are those of open(2). On failure nothing was made, and fd
 * is still the caller's. */
int source_new(trale_io **io);
int source_take_over(trale_io *io, int fd, int flags);

/*
 * One try of an operation: a non-blocking system call's result, or -errno. *drained is false; a
 * try that moved less than it could have sets it, and on TCP that saves the EAGAIN.
 */
typedef intptr_t source_try(const trale_io *io, void *operation, bool *drained);

/*
 * With an interest: such a try and those of others say nothing of each other. It is made whatever
 * is known, and its EAGAIN clears nothing: poll(2) may see no room where a write finds some.
 */
#define SOURCE_APART 0x10u

/*
 * The poll of every operation on an io: tries while the io seems ready, and waits with the given
 * waiter when it is not. PENDING, or READY with *output.
 */
enum trale_poll source_poll(struct trale_io_waiter *waiter, trale_io *io, unsigned interest,
                            source_try *attempt, void *operation, trale_context *cx,
                            intptr_t *output);

void source_forget_used(struct trale_io_waiter *waiter);

/* The drop of every operation on an io; of one on a file, too. Most have not waited. */
static inline void source_forget(struct trale_io_waiter *waiter)
{
    if (waiter->io || waiter->job)
        source_forget_used(waiter);
}

/*
 * By a try that received a datagram. A socket that epoll watches calls it at every packet that comes or
 * leaves, whether anybody waits or not (sock_def_readable and sock_wfree in the kernel). Whoever finds
 * so many in a row will not wait for long, and has the socket detached until somebody does.
 */
#ifndef SOURCE_FOUND_MANY /* fewer in the model */
#define SOURCE_FOUND_MANY 256
#endif
void source_detach(trale_io *io);

/* Relaxed: where several count, one may be forgotten, or the one who waits that made it 0. */
static inline void source_found(const trale_io *tried)
{
    trale_io *io = (trale_io *)(uintptr_t)tried; /* of which a try changes nothing else */
    unsigned found;

    if (io->kind.stream)
        return;
    found = atomic_load_explicit(&io->found, memory_order_relaxed) + 1u;
    atomic_store_explicit(&io->found, (uint16_t)found, memory_order_relaxed);
    if (found % SOURCE_FOUND_MANY == 0)
        source_detach(io);
}

/* The reactor reports; claims the waiters that are concerned. */
void source_ready(trale_io *io, uint64_t ready, struct wake_batch *batch);

/* The reactor goes away: waiters look again, and register elsewhere. Under the source's lock. */
void source_evict(trale_io *io, struct wake_batch *batch);

void source_retain(trale_io *io);
void source_release(trale_io *io);

/* A poll that gives way before it has looked keeps the io, for the call has begun. */
static inline void source_hold(struct trale_io_waiter *waiter, trale_io *io)
{
    if (waiter->io)
        return;
    source_retain(io);
    waiter->io = io;
}

/*
 * An error that a call met after it had moved bytes: the call returns the count, and the next
 * one in that direction, unless it stands apart, the error. (The kernel tells of a reset only
 * once.)
 */
void source_owe(trale_io *io, unsigned direction, int error);

/* 0: none is; source_poll asks by itself. Relaxed: whoever moved the bytes before has the error next;
 * others have no order with it. */
static inline int source_owed(trale_io *io, unsigned direction)
{
    _Atomic(int) *owed = &io->owed[direction == TRALE_WRITABLE];

    return atomic_load_explicit(owed, memory_order_relaxed)
               ? atomic_exchange_explicit(owed, 0, memory_order_relaxed)
               : 0;
}

/*
 * Around what uses io->fd for long, on another thread: a close does not wait for it, but leaves
 * the closing to the last one, which must not be pinned by its own thread. -EBADF: closed.
 */
int source_lend(trale_io *io);
void source_return(trale_io *io);
bool source_is_closed(const trale_io *io);
bool source_is_lent(trale_io *io); /* a hint */

/* Around a system call on io->fd that never waits, so that a close waits for it. -EBADF:
 * closed. */
int source_use(trale_io *io);
void source_unuse(trale_io *io);

#endif
