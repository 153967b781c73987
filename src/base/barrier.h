/*
 * A memory barrier on every thread of the process that runs, at the cost of a system call
 * (membarrier(2)), so that the other side of a protocol needs none: a compiler barrier will do
 * there.
 */
#ifndef BASE_BARRIER_H
#define BASE_BARRIER_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

/* From <linux/membarrier.h>, which is not there for every libc. */
enum { MEMBARRIER_ISSUE = 1 << 3, MEMBARRIER_REGISTER = 1 << 4 }; /* PRIVATE_EXPEDITED */

/* Once before, in each process. False: it is not to be had. ThreadSanitizer would not see it. */
static inline bool barrier_register(void)
{
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
    return false;
#else
    return syscall(SYS_membarrier, MEMBARRIER_REGISTER, 0, 0) == 0;
#endif
}

/* False: something filters system calls since (seccomp(2)). */
static inline bool barrier_issue(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_ISSUE, 0, 0) == 0;
}

#endif
