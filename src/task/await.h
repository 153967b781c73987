/* Waiting that a cancel does not end. */
#ifndef TASK_AWAIT_H
#define TASK_AWAIT_H

#include <trale/future.h>

/* trale_await, but a cancelled fiber waits on. The future is well formed. */
intptr_t await_shielded(trale_future *future);

#endif
