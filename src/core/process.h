/*
 * What happens to the whole process: fork and exit.
 *
 * A forked child has one thread and copies of everything else. It has no runtime, must not touch
 * the epoll set that it shares with its parent, and learns by the generation that what its ios
 * know of waiters and registrations is its parent's.
 */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include <trale/runtime.h>

/* Before the first use of anything that fork or exit concern. 0 or -ENOMEM. */
int process_watch(void);

/* Has exit come to us? Then runtimes are closed, and their tasks are to end where they are. */
bool process_exits(void);

/* Every runtime is on a list: a child forgets it, exit stops it. -ESHUTDOWN: the process exits. */
int process_add(trale_runtime *rt);

/* False: the process exits, and stops it; nobody may free it any more. *last: no other is left. */
bool process_remove(trale_runtime *rt, bool *last);

/* Under the lock, or by exit: the runtime after that one, or the first if it is NULL; NULL: no more. */
trale_runtime *process_next(const trale_runtime *rt);

/* Counts the forks that lead to this process. Written by a forked child while it has one thread. */
extern unsigned process_forks;

static inline unsigned process_generation(void)
{
    return process_forks;
}

/* The lock that is held across fork; also guards who waits for a runtime, because it outlives
 * every runtime. Held for moments only. */
void process_lock(void);
void process_unlock(void);

#endif
