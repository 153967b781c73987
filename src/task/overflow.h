/* Naming the fiber whose stack overflowed, before the process dies of it. */
#ifndef TASK_OVERFLOW_H
#define TASK_OVERFLOW_H

#include <signal.h>

/* Installs the SIGSEGV handler, once in a process. */
void overflow_watch(void);

/* The calling thread's alternate signal stack: a handler cannot run on a stack that is full. */
struct overflow_stack {
    void *memory;
    stack_t old;
};

/* Without memory for one the message is missing, and nothing else. */
void overflow_stack_enter(struct overflow_stack *s);
void overflow_stack_leave(struct overflow_stack *s);

#endif
