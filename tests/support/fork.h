/* Forking while other threads run. */
#ifndef TESTS_FORK_H
#define TESTS_FORK_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * fork(2). AddressSanitizer's allocator (gcc 12) may be locked in the child by a thread that is
 * not there, and the child hang at its next malloc: there it waits first until every other thread
 * sleeps. What is tested is that the library's own locks are looked after, so elsewhere it does not.
 */
pid_t test_fork(void);

/* Does every other thread of the process sleep, at this moment? */
bool others_sleep(void);

#endif
