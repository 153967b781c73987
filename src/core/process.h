/*
 * What happens to the whole process: fork and exit.
 *
 * A forked child has one thread and copies of everything else. It has no runtime, must not touch
 * the epoll set that it shares with its parent, and learns by the generation that what its ios
 * know of waiters and registrations is its parent's.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

/* Registers the handlers, once. 0 or -ENOMEM. */
int process_watch(void);

/* Counts the forks that lead to this process. */
unsigned process_generation(void);

/* The lock that is held across fork; guards the list of runtimes. Held for moments only. */
void process_lock(void);
void process_unlock(void);

#endif
