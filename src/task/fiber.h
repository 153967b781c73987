/*
 * A fiber is a future with a stack: polling it switches to the stack, where its function runs
 * until it waits or returns. Task, fiber and copied argument stand at the top of the stack's
 * mapping, so a fiber task is one mapping and no malloc.
 */
#ifndef TASK_FIBER_H
#define TASK_FIBER_H

#include "task/task.h"

struct fiber_options {
    trale_fn *fn;
    void *arg;
    const void *copied; /* if not NULL, the fiber's arg is a copy of so many bytes of this */
    size_t copy;
    size_t stack_size; /* bytes */
    bool handle;
    const char *name;
};

/* Largest stack, and largest copy, that may be asked for. */
#define FIBER_SIZE_MAX ((size_t)1 << 30)

/* NULL: no memory. Owned as by task_new. */
trale_task *fiber_new(const struct fiber_options *options);

/* Called on the fiber's stack: lets the poll that runs it return PENDING. */
void fiber_suspend(trale_future *fiber);

/* Is it a fiber whose function has started? Then it can only end by itself. */
bool fiber_is_running(const trale_future *future);

/* Is address on the guard page of this task's stack? If so, *size is the stack's size. */
bool fiber_overflowed(const trale_task *task, const void *address, size_t *size);

#endif
