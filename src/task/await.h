/* Waiting, for the library's own calls. */
#ifndef TASK_AWAIT_H
#define TASK_AWAIT_H

#include <trale/future.h>

/* trale_await, for a public call: its name, __func__, is for the message if it must not wait. */
intptr_t await_call(const char *function, trale_future *future);

/* Aborts if the caller is the poll or the drop of a future. */
void await_check(const char *function);

/* trale_await, but a cancelled fiber waits on. The future is well formed. */
intptr_t await_shielded(trale_future *future);

#endif
