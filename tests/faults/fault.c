#include "fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define ERRORS 8

/*
 * Not here, because no kernel answers so to this library: EAGAIN of a socket that is ready, which
 * with edge-triggered readiness nothing would ever end; EINTR of calls that cannot block; errors
 * of EPOLL_CTL_DEL, of a futex wake and of a write to an eventfd, for which there is no reason;
 * ENOTCONN of a socket that is connected.
 */
static const struct row {
    const char *name;
    enum fault_effect effect;
    int errors[ERRORS];
} table[FAULT_POINTS] = {
    [FAULT_MALLOC] = {"malloc", REPORTED, {ENOMEM}},
    [FAULT_SIGNAL_STACK] = {"malloc of a signal stack", HIDDEN, {ENOMEM}},
    [FAULT_CALLOC] = {"calloc", REPORTED, {ENOMEM}},
    [FAULT_REALLOC] = {"realloc", REPORTED, {ENOMEM}},
    [FAULT_ALIGNED_ALLOC] = {"aligned_alloc", REPORTED, {ENOMEM}},
    [FAULT_POSIX_MEMALIGN] = {"posix_memalign", REPORTED, {ENOMEM}},
    [FAULT_MMAP] = {"mmap", REPORTED, {ENOMEM}},
    /* It splits a mapping, and there may be too many. */
    [FAULT_MUNMAP] = {"munmap", HIDDEN, {ENOMEM}},
    [FAULT_MPROTECT] = {"mprotect on an old kernel", REPORTED, {ENOMEM}},
    /* mprotect does it. EINVAL: an old kernel. */
    [FAULT_GUARD] = {"madvise for a guard", HIDDEN, {EINVAL, ENOMEM, EPERM, ENOSYS, EINTR}},
    [FAULT_MADVISE] = {"madvise", HIDDEN, {EINVAL}},
    [FAULT_ATEXIT] = {"atexit", AS_ENOMEM, {ENOMEM}},
    [FAULT_THREAD] = {"pthread_create", REPORTED, {EAGAIN}},
    [FAULT_THREAD_NAME] = {"pthread_setname_np", HIDDEN, {ENOENT, EMFILE}},
    [FAULT_MUTEX_INIT] = {"pthread_mutex_init", REPORTED, {ENOMEM}},
    [FAULT_KEY_CREATE] = {"pthread_key_create", AS_ENOMEM, {EAGAIN, ENOMEM}},
    [FAULT_SETSPECIFIC] = {"pthread_setspecific", REPORTED, {ENOMEM}},
    [FAULT_EPOLL_CREATE] = {"epoll_create1", REPORTED, {EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM}},
    [FAULT_EVENTFD] = {"eventfd", REPORTED, {EMFILE, ENFILE, ENOMEM, ENODEV, ENOSYS, EPERM}},
    [FAULT_TIMERFD] = {"timerfd_create",
                       REPORTED,
                       {EMFILE, ENFILE, ENOMEM, ENODEV, ENOSYS, EPERM}},
    [FAULT_EPOLL_ADD_OWN_FD] = {"epoll_ctl for itself", REPORTED, {ENOMEM, ENOSPC, EPERM}},
    [FAULT_EPOLL_ADD] = {"epoll_ctl for an io", REPORTED, {ENOMEM, ENOSPC, EPERM}},
    [FAULT_EPOLL_WAIT] = {"epoll_wait", HIDDEN, {EINTR}},
    /* Only what filters system calls fails it; a sleep must then fail or end, but not hang. */
    [FAULT_SETTIME] = {"timerfd_settime", EITHER, {ENOSYS, EPERM}},
    [FAULT_WRITE_OWN_FD] = {"write to itself", HIDDEN, {EINTR}},
    [FAULT_READ] = {"read", REPORTED, {EINTR, EIO, ECONNRESET, ENOMEM, ETIMEDOUT}},
    [FAULT_READV] = {"readv", REPORTED, {EINTR, EIO, ECONNRESET, ENOMEM}},
    [FAULT_READV_FILE] = {"readv of a file", REPORTED, {EINTR, EIO, ENOMEM, PARTLY}},
    [FAULT_WRITE] = {"write", REPORTED, {EINTR, EIO, ENOSPC, EPIPE}},
    [FAULT_WRITEV] = {"writev", REPORTED, {EINTR, EIO, ENOSPC, EPIPE}},
    [FAULT_WRITEV_FILE] = {"writev of a file",
                           REPORTED,
                           {EINTR, EIO, ENOSPC, EDQUOT, EFBIG, ENOMEM, PARTLY}},
    [FAULT_FUTEX_WAIT] = {"futex wait", HIDDEN, {EINTR, EAGAIN, SPURIOUS}},
    [FAULT_CLOSE_OWN_FD] = {"close of its own", HIDDEN, {EINTR, EIO}},
    [FAULT_CLOSE] = {"close", REPORTED, {EINTR, EIO, ENOSPC, EDQUOT}},
    [FAULT_FCNTL] = {"fcntl", REPORTED, {EPERM, ENOSYS}},
    [FAULT_SOCKET] = {"socket",
                      REPORTED,
                      {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT}},
    [FAULT_BIND] = {"bind", REPORTED, {EADDRINUSE, EACCES, ENOMEM}},
    [FAULT_GETSOCKNAME] = {"getsockname", REPORTED, {ENOBUFS}},
    [FAULT_RECVFROM] = {"recvfrom", REPORTED, {EINTR, ENOMEM, ECONNREFUSED}},
    [FAULT_SENDTO] = {"sendto",
                      REPORTED,
                      {EINTR, ENOBUFS, ENOMEM, EPERM, ECONNREFUSED, ENETUNREACH}},
    [FAULT_SEND] = {"send", REPORTED, {EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, ETIMEDOUT}},
    [FAULT_SENDMSG] = {"sendmsg", REPORTED, {EINTR, ECONNRESET, EPIPE, ENOBUFS, ENOMEM}},
    [FAULT_RECVMMSG] = {"recvmmsg", REPORTED, {EINTR, ENOMEM, ECONNREFUSED, PARTLY}},
    [FAULT_SENDMMSG] = {"sendmmsg",
                        REPORTED,
                        {EINTR, ENOBUFS, ENOMEM, EPERM, ECONNREFUSED, ENETUNREACH, PARTLY}},
    [FAULT_SIGTIMEDWAIT] = {"sigtimedwait", HIDDEN, {EINTR}},
    [FAULT_FSTAT] = {"fstat", REPORTED, {ENOMEM, EPERM, ENOSYS}},
    /* It is then written to as to a pipe. */
    [FAULT_SOCKET_KIND] = {"getsockopt for the kind", HIDDEN, {ENOPROTOOPT, EPERM, ENOSYS}},
    [FAULT_SOCKET_ERROR] = {"getsockopt of SO_ERROR", REPORTED, {EACCES, EPERM, ENOSYS}},
    [FAULT_SETSOCKOPT] = {"setsockopt", REPORTED, {ENOMEM, ENOBUFS, EPERM, ENOSYS}},
    [FAULT_LISTEN] = {"listen", REPORTED, {EADDRINUSE, ENOMEM, EACCES}},
    [FAULT_ACCEPT] = {"accept4",
                      REPORTED,
                      {EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO}},
    [FAULT_CONNECT] = {"connect",
                       REPORTED,
                       {EINTR, EPERM, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, ENETUNREACH, ETIMEDOUT,
                        ENOBUFS}},
    [FAULT_CONNECT_UNIX] = {"connect to a path",
                            REPORTED,
                            {EAGAIN, EACCES, ECONNREFUSED, ENOENT, ENOMEM}},
    [FAULT_CONNECT_UDP] = {"connect of a datagram socket",
                           REPORTED,
                           {EACCES, EPERM, EADDRNOTAVAIL, EAGAIN, ENETUNREACH, EHOSTUNREACH,
                            ENOBUFS, ENOMEM}},
    [FAULT_GETPEERNAME] = {"getpeername", REPORTED, {ENOBUFS, EACCES}},
    [FAULT_SHUTDOWN] = {"shutdown", REPORTED, {ENOTCONN, EACCES}},
    [FAULT_GETADDRINFO] = {"getaddrinfo",
                           REPORTED,
                           {EAGAIN, EIO, ENOENT, ENOMEM, EMFILE, EINVAL}},
    [FAULT_POLL] = {"poll", REPORTED, {EINTR, ENOMEM}},
    [FAULT_OPEN] = {"open",
                    REPORTED,
                    {EINTR, EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, EROFS}},
    [FAULT_PREADV] = {"preadv", REPORTED, {EINTR, EIO, ENOMEM, PARTLY}},
    [FAULT_PWRITEV] = {"pwritev",
                       REPORTED,
                       {EINTR, EIO, ENOSPC, EDQUOT, EFBIG, EPERM, ENOMEM, PARTLY}},
    /* Whatever it says, the pool does it. EPERM, ENOSYS: what filters system calls, old kernels. */
    [FAULT_READ_CACHED] = {"preadv2",
                           HIDDEN,
                           {EAGAIN, EINTR, EOPNOTSUPP, ENOSYS, EIO, ENOMEM, EPERM, PARTLY}},
    [FAULT_LSEEK] = {"lseek", HIDDEN, {EOVERFLOW, ESPIPE, EPERM}},
    [FAULT_FSYNC] = {"fsync", REPORTED, {EINTR, EIO, ENOSPC, EDQUOT, EROFS, EINVAL}},
    [FAULT_MKDIR] = {"mkdir",
                     REPORTED,
                     {EINTR, EACCES, EDQUOT, EMLINK, ENOENT, ENOMEM, ENOSPC, EROFS}},
    /* Not ENOMEM: where memory is out for all, a failed listen could not take its file back. */
    [FAULT_UNLINK] = {"unlink", REPORTED, {EINTR, EACCES, EBUSY, EIO, EPERM, EROFS}},
    [FAULT_RENAME] = {"rename",
                      REPORTED,
                      {EINTR, EACCES, EBUSY, EDQUOT, ENOMEM, ENOSPC, EROFS, EXDEV}},
    [FAULT_STAT] = {"stat", REPORTED, {EINTR, EACCES, ELOOP, ENOENT, ENOMEM, EOVERFLOW}},
    [FAULT_SIGALTSTACK] = {"sigaltstack", HIDDEN, {ENOMEM, EPERM}},
    [FAULT_SIGACTION] = {"sigaction", HIDDEN, {EPERM}},
    [FAULT_FOPEN] = {"fopen", HIDDEN, {ENOENT, EMFILE, ENOMEM, PARTLY}},
    [FAULT_GETAFFINITY] = {"sched_getaffinity", HIDDEN, {ENOSYS, EPERM}},
    [FAULT_MEMBARRIER] = {"membarrier", HIDDEN, {ENOSYS, EPERM}},
};

static struct fault fault; /* written while not armed */
static atomic_bool armed, struck, may_hide,
    might_hide;                               /* relaxed, all of these: they must not order */
static _Atomic(unsigned) count[FAULT_POINTS]; /* what a race detector should see */
static _Atomic(unsigned) memory_count;
static _Atomic(enum fault_point) may_hide_at, last_struck; /* FAULT_POINTS: none */
static _Atomic(long) blocks, mapped;

static bool contains(const int errors[ERRORS], int error)
{
    for (int i = 0; i < ERRORS && errors[i] != 0; i++)
        if (errors[i] == error)
            return true;
    return false;
}

static bool takes_memory(enum fault_point point)
{
    return contains(table[point].errors, ENOMEM);
}

/* To be interrupted means nothing, ever, and who is given a part asks for the rest. */
static bool is_tried_again(enum fault_point point, int error)
{
    return error == EINTR || error == PARTLY ||
           (point == FAULT_ACCEPT && error == ECONNABORTED) ||
           (point == FAULT_CONNECT_UNIX && error == EAGAIN);
}

static enum fault_effect effect_of(enum fault_point point, int error)
{
    return is_tried_again(point, error) ? HIDDEN : table[point].effect;
}

static size_t add(struct fault *list, size_t used, struct fault new)
{
    if (list)
        list[used] = new;
    return used + 1;
}

static size_t add_point(struct fault *list, size_t used, enum fault_point point, unsigned calls)
{
    const struct row *row = &table[point];

    for (int i = 0; i < ERRORS && row->errors[i] != 0; i++) {
        int error = row->errors[i];
        struct fault new = {CALL_OF_POINT, point, error, effect_of(point, error), 0};

        for (new.call = 1; new.call <= calls; new.call++)
            used = add(list, used, new);
    }
    return used;
}

static unsigned at_most(unsigned n, unsigned max)
{
    return n < max ? n : max;
}

size_t fault_list(struct fault *list, const unsigned calls_of[FAULT_POINTS], unsigned calls)
{
    struct fault memory = {OUT_OF_MEMORY, FAULT_POINTS, ENOMEM, EITHER, 1};
    unsigned all = 0, n;
    size_t used = 0;

    for (enum fault_point point = 0; point < FAULT_POINTS; point++) {
        /* On an old kernel there is an mprotect for each guard. */
        n = calls_of[point == FAULT_MPROTECT ? FAULT_GUARD : point];
        used = add_point(list, used, point, at_most(n, calls));
        all += takes_memory(point) ? at_most(calls_of[point], calls) : 0;
    }
    for (; memory.call <= all; memory.call++)
        used = add(list, used, memory);
    return add(list, used, (struct fault){INTERRUPTIONS, FAULT_POINTS, EINTR, HIDDEN, 1});
}

void fault_describe(const struct fault *f, char *text, size_t size)
{
    const char *error = f->error == SPURIOUS ? "spurious success"
                        : f->error == PARTLY ? "done in part"
                                             : strerror(f->error);

    if (f->kind == OUT_OF_MEMORY)
        snprintf(text, size, "no memory from call %u of those that take some", f->call);
    else if (f->kind == INTERRUPTIONS)
        snprintf(text, size, "every second call that can be is interrupted");
    else
        snprintf(text, size, "call %u of %s: %s", f->call, table[f->point].name, error);
}

const char *fault_point_name(enum fault_point point)
{
    return table[point].name;
}

void fault_arm(const struct fault *new)
{
    const struct fault none = {CALL_OF_POINT, FAULT_POINTS, 0, HIDDEN, 0};

    fault = new ? *new : none;
    for (int i = 0; i < FAULT_POINTS; i++)
        atomic_store_explicit(&count[i], 0, memory_order_relaxed);
    atomic_store_explicit(&memory_count, 0, memory_order_relaxed);
    atomic_store_explicit(&struck, false, memory_order_relaxed);
    atomic_store_explicit(&may_hide, false, memory_order_relaxed);
    atomic_store_explicit(&might_hide, false, memory_order_relaxed);
    atomic_store_explicit(&may_hide_at, FAULT_POINTS, memory_order_relaxed);
    atomic_store_explicit(&last_struck, FAULT_POINTS, memory_order_relaxed);
    atomic_store_explicit(&armed, true, memory_order_relaxed);
}

void fault_lift(void)
{
    atomic_store_explicit(&armed, false, memory_order_relaxed);
}

void fault_may_hide(bool may)
{
    atomic_store_explicit(&may_hide, may, memory_order_relaxed);
}

void fault_may_hide_at(enum fault_point point)
{
    atomic_store_explicit(&may_hide_at, point, memory_order_relaxed);
}

bool fault_might_hide(void)
{
    return atomic_load_explicit(&might_hide, memory_order_relaxed);
}

bool fault_has_struck(void)
{
    return atomic_load_explicit(&struck, memory_order_relaxed);
}

enum fault_point fault_last_struck(void)
{
    return atomic_load_explicit(&last_struck, memory_order_relaxed);
}

void fault_counts(unsigned counts[FAULT_POINTS])
{
    for (int i = 0; i < FAULT_POINTS; i++)
        counts[i] = atomic_load_explicit(&count[i], memory_order_relaxed);
}

static unsigned next_of(_Atomic(unsigned) *counter)
{
    return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
}

static bool is_struck(enum fault_point point, unsigned n)
{
    switch (fault.kind) {
    case CALL_OF_POINT:
        return fault.point == point && fault.call == n;
    case OUT_OF_MEMORY:
        return takes_memory(point) && next_of(&memory_count) >= fault.call;
    case INTERRUPTIONS:
        return point != FAULT_GUARD && contains(table[point].errors, EINTR) && n % 2 == 1;
    }
    return false;
}

/* Does a sanitizer's run-time library call it as well? */
UNINSTRUMENTED static bool is_shared(enum fault_point point)
{
    return RUNTIME_LINKED_IN &&
           (point == FAULT_ATEXIT || point == FAULT_KEY_CREATE || point == FAULT_SETSPECIFIC ||
            point == FAULT_SIGALTSTACK || point == FAULT_SIGACTION || point == FAULT_GETAFFINITY);
}

UNINSTRUMENTED int fault_strikes(enum fault_point point)
{
    if (is_shared(point) || !atomic_load_explicit(&armed, memory_order_relaxed))
        return 0;
    if (point == FAULT_GUARD && fault.kind == CALL_OF_POINT && fault.point == FAULT_MPROTECT)
        return EINVAL;
    if (!is_struck(point, next_of(&count[point])))
        return 0;
    atomic_store_explicit(&last_struck, point, memory_order_relaxed);
    if (atomic_load_explicit(&may_hide, memory_order_relaxed) ||
        atomic_load_explicit(&may_hide_at, memory_order_relaxed) == point)
        atomic_store_explicit(&might_hide, true, memory_order_relaxed);
    atomic_store_explicit(&struck, true, memory_order_relaxed);
    return fault.error;
}

struct taken taken_now(void)
{
    return (struct taken){atomic_load_explicit(&blocks, memory_order_relaxed),
                          atomic_load_explicit(&mapped, memory_order_relaxed)};
}

void taken_block(long change)
{
    atomic_fetch_add_explicit(&blocks, change, memory_order_relaxed);
}

void taken_mapping(long change)
{
    atomic_fetch_add_explicit(&mapped, change, memory_order_relaxed);
}
