/*
 * Calls that fail on purpose.
 *
 * The program is linked so that every call of a symbol in wrapped.txt arrives at a wrapper here
 * (wrap_*.c). A wrapper that stands for a fault point asks fault_strikes, while a fault is armed,
 * whether this call is to fail, and with what. Which points there are, with which errors a kernel
 * or a libc really answers there, and what the library makes of each, is a table in fault.c.
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Where calls can fail: a symbol, or one use of it. OWN_FD: the library's epoll, event and timer
 * descriptors, in contrast to those of ios. */
enum fault_point {
    FAULT_MALLOC,
    FAULT_SIGNAL_STACK, /* malloc for one: the only block of that size */
    FAULT_CALLOC,
    FAULT_REALLOC,
    FAULT_ALIGNED_ALLOC,
    FAULT_POSIX_MEMALIGN,
    FAULT_MMAP,
    FAULT_MUNMAP,
    FAULT_MPROTECT,
    FAULT_GUARD, /* madvise that installs one */
    FAULT_MADVISE,
    FAULT_ATEXIT,
    FAULT_THREAD,
    FAULT_THREAD_NAME,
    FAULT_MUTEX_INIT,
    FAULT_KEY_CREATE,
    FAULT_SETSPECIFIC,
    FAULT_EPOLL_CREATE,
    FAULT_EVENTFD,
    FAULT_TIMERFD,
    FAULT_EPOLL_ADD_OWN_FD,
    FAULT_EPOLL_ADD,
    FAULT_EPOLL_WAIT,
    FAULT_SETTIME,
    FAULT_WRITE_OWN_FD,
    FAULT_READ,
    FAULT_READV,
    FAULT_READV_FILE, /* of what has offsets */
    FAULT_WRITE,
    FAULT_WRITEV,
    FAULT_WRITEV_FILE,
    FAULT_FUTEX_WAIT,
    FAULT_CLOSE_OWN_FD,
    FAULT_CLOSE,
    FAULT_FCNTL,
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_GETSOCKNAME,
    FAULT_RECVFROM,
    FAULT_SENDTO,
    FAULT_SEND,
    FAULT_SENDMSG,
    FAULT_RECVMMSG,
    FAULT_SENDMMSG,
    FAULT_SIGTIMEDWAIT,
    FAULT_FSTAT,
    FAULT_SOCKET_KIND, /* getsockopt of SO_DOMAIN, SO_PROTOCOL */
    FAULT_SOCKET_ERROR,
    FAULT_SETSOCKOPT,
    FAULT_LISTEN,
    FAULT_ACCEPT,
    FAULT_CONNECT,
    FAULT_CONNECT_UNIX,
    FAULT_CONNECT_UDP, /* which only notes the address */
    FAULT_GETPEERNAME,
    FAULT_SHUTDOWN,
    FAULT_GETADDRINFO,
    FAULT_POLL,
    FAULT_OPEN,
    FAULT_PREADV,
    FAULT_PWRITEV,
    FAULT_READ_CACHED, /* preadv2 that does not wait */
    FAULT_LSEEK,
    FAULT_FSYNC,
    FAULT_MKDIR,
    FAULT_UNLINK,
    FAULT_RENAME,
    FAULT_STAT,
    FAULT_SIGALTSTACK,
    FAULT_SIGACTION,
    FAULT_FOPEN,
    FAULT_GETAFFINITY,
    FAULT_MEMBARRIER,
    FAULT_POINTS,
};

/* Not an errno: the call succeeds without having done anything. */
#define SPURIOUS 1000

/* Nor this: the call does a part, a byte or a datagram, of what it was asked for; the file that it
 * opens says that there is but a part of the processors. */
#define PARTLY 1001

/* What becomes of a failure. */
enum fault_effect {
    HIDDEN,    /* nothing: the library does without, or tries again */
    REPORTED,  /* the public call fails with the same error */
    AS_ENOMEM, /* the public call fails with -ENOMEM */
    EITHER,    /* REPORTED, or HIDDEN */
};

/* Which calls fail. */
struct fault {
    enum { CALL_OF_POINT, OUT_OF_MEMORY, INTERRUPTIONS } kind;
    enum fault_point point; /* if CALL_OF_POINT */
    int error;
    enum fault_effect effect;
    unsigned call; /* from 1: this one; if OUT_OF_MEMORY: this and all that follow, of all points
                    * that take memory; if INTERRUPTIONS: every second of all that can be */
};

/*
 * Fills list, for calls counted as in count, with every fault there is; at most so many calls of a
 * point. Returns how many; list may be NULL.
 */
size_t fault_list(struct fault *list, const unsigned count[FAULT_POINTS], unsigned calls);

/* "call 3 of close: Input/output error" */
void fault_describe(const struct fault *fault, char *text, size_t size);
const char *fault_point_name(enum fault_point point);

/* Counts from now on, and lets this fault strike; NULL: only counts. */
void fault_arm(const struct fault *fault);
void fault_lift(void);

/* What is REPORTED may as well be hidden from now on: there is another way, or the same error
 * comes in any case. */
void fault_may_hide(bool may);

/* The same for one point only. */
void fault_may_hide_at(enum fault_point point);

/* Since fault_arm: did it strike, and might it hide then; how often was each point called. */
bool fault_has_struck(void);
enum fault_point fault_last_struck(void);
bool fault_might_hide(void);
void fault_counts(unsigned count[FAULT_POINTS]);

/*
 * Clang links the sanitizers' run-time libraries into the program, so the wrappers get their calls
 * too: some come before the sanitizer is ready for instrumented code, and none may fail.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#define RUNTIME_LINKED_IN 1
#endif
#endif
#ifndef UNINSTRUMENTED
#define UNINSTRUMENTED
#define RUNTIME_LINKED_IN 0
#endif

/* Wrappers: 0, or what this call is to fail with. */
UNINSTRUMENTED int fault_strikes(enum fault_point point);

/* From now on it has but the first byte of what is looked for in it. */
void page_cache_is_cold(bool is);

/* What the library has taken and not given back: blocks of memory, bytes of mappings. */
struct taken {
    long blocks, mapped;
};
struct taken taken_now(void);
void taken_block(long change);
void taken_mapping(long change);

#endif
