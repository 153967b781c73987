/* Standing still: what a test does to know where the default runtime's executor is. */
#ifndef TESTS_SETTLE_H
#define TESTS_SETTLE_H

#include "gate.h"
#include <trale.h>

/*
 * Test thread. When it returns, every task that was ready before the call has been polled, and
 * that poll has returned: it is one more task, at the end of the FIFO queue, and its join.
 */
void settle(void);

/* Test thread. Holds the executor up inside a task, so that what is spawned and woken meanwhile
 * queues up. `struct hold h = HOLD;` */
struct hold {
    struct gate held, released;
    trale_task *task;
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
