/* Standing still: what a test does to know where the executors of the default runtime are. */
#ifndef TESTS_SETTLE_H
#define TESTS_SETTLE_H

#include "gate.h"
#include <trale.h>

/*
 * Test thread. When it returns, every task that was ready before the call has been polled, and
 * that poll has returned: it is one more task, at the end of the FIFO queue, and its join. If there
 * are several executors, one that any of them takes, after those that came before, and then one on
 * each.
 */
void settle(void);

/* The same for another runtime; NULL: the default one. */
void settle_on(trale_runtime *runtime);

/* Test thread. Holds every executor up inside a task, so that what is spawned and woken meanwhile
 * queues up. `struct hold h = HOLD;` */
enum { HOLD_MAX = 16 };
struct hold {
    struct gate held, released;
    trale_task *task; /* on the first one */
    trale_task *others[HOLD_MAX];
    unsigned count; /* of these */
};

#define HOLD \
    { \
        .held = GATE, .released = GATE \
    }

void hold_executor(struct hold *h);
void release_executor(struct hold *h);

/* Joins, and asserts that this works: for test threads. */
intptr_t join(trale_task *task);

/* A teardown: frees the default runtime, made if there was none, and asserts that this works. */
void free_default_runtime(void);

#endif
