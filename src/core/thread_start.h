/* Starting the runtime's threads. */
#ifndef CORE_THREAD_START_H
#define CORE_THREAD_START_H

#include <pthread.h>
#include <stdbool.h>

/* 0 or -EAGAIN. Only faults reach the thread: every other signal is blocked, so that handlers run
 * on the program's own threads. */
int thread_start(pthread_t *thread, void *(*main)(void *), void *arg);

/* Names the calling thread, with at most 15 characters. Each does it itself: for others it takes a
 * descriptor and a file in /proc, and they may have joined it meanwhile. */
void thread_name(const char *name);

/* What the calling thread waits for with a time-out is not put off; otherwise it is, by up to 50 us,
 * to save power (prctl(2)). It may be filtered. */
void thread_be_punctual(void);

/* Forked child on such a thread: it may become another program, which wants its signals. */
void thread_unblock_signals(void);

/* Is it a signal that the thread's own instructions cause? */
bool thread_is_fault(int signo);

#endif
