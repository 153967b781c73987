/*
 * Walking the tasks of executors that are frozen: which there are, and what each does.
 *
 * Freezing comes first, of all executors or of one; until the end of it the lock of process.h is
 * held, so no runtime goes away, and nobody else freezes.
 */
#ifndef DEBUG_WALK_H
#define DEBUG_WALK_H

#include "core/executor.h"

enum doing { DOING_NEW, DOING_READY, DOING_RUNNING, DOING_WAITING };

struct found_task {
    trale_task *task;
    enum doing doing;
};

/* Zeroed is empty. cut: there was no memory for more. */
struct found {
    struct found_task *tasks;
    size_t count, room;
    bool cut, sorted;
};

/* False: the kernel does not let us. Then nothing is frozen, and the lock is not held. */
bool freeze_all(void);
void thaw_all(void);

/* Under the lock of process.h: likewise, one. */
bool freeze_one(struct executor *ex);
void thaw_one(struct executor *ex);

/* Adds every task of the executor. */
void walk(trale_runtime *rt, struct found *found);

/* Is it a task that was found? By its address only. Sorts the tasks by addresses. */
bool found_has(struct found *found, uintptr_t task);

#endif
