/* Starting the runtime's threads. */
#ifndef CORE_THREAD_START_H
#define CORE_THREAD_START_H

#include <pthread.h>
#include <stdbool.h>

/* 0 or -EAGAIN. The thread has the name, at most 15 characters, and only faults reach it: every
 * other signal is blocked, so that handlers run on the program's own threads. Name NULL: it calls
 * thread_name itself, for others may have joined it by the time that this returns. */
int thread_start(pthread_t *thread, const char *name, void *(*main)(void *), void *arg);
void thread_name(const char *name);

/* Forked child on such a thread: it may become another program, which wants its signals. */
void thread_unblock_signals(void);

/* Is it a signal that the thread's own instructions cause? */
bool thread_is_fault(int signo);

#endif
