/*
 * futex(2), private to the process. A wait returns when it was woken, when the word no longer
 * holds the expected value, on a signal, or after the time-out: the caller looks again.
 *
 * A wake uses the address only: it may come after the word's memory was freed, and is then at
 * worst a spurious wake-up of somebody else, which every futex user must bear (futex(2)).
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* From <linux/futex.h>, which is not there for every libc. */
enum { FUTEX_WAIT_ON = 0 | 128, FUTEX_WAKE_ON = 1 | 128 /* FUTEX_PRIVATE_FLAG */ };

/* timeout_ns < 0: none. False: the time is over. */
static inline bool futex_wait(void *word, uint32_t expected, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};

    return syscall(SYS_futex, word, FUTEX_WAIT_ON, expected, timeout_ns < 0 ? NULL : &timeout,
                   NULL, 0) == 0 ||
           errno != ETIMEDOUT;
}

static inline void futex_wake(void *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_ON, 1, NULL, NULL, 0);
}

static inline void futex_wake_all(void *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_ON, INT_MAX, NULL, NULL, 0);
}

#endif
