/* What scopes mean for a wait. */
#ifndef TASK_SCOPE_H
#define TASK_SCOPE_H

#include <trale/scope.h>

/* The innermost scope of the running fiber, or of the plain thread; NULL: none. Not in a poll. */
trale_scope *scope_current(void);

/* The thread stops being an executor, with a task on it: it goes on in the task's scopes as a
 * plain thread. */
void scope_leave_executor(void);

/* Is the wait of who is in that scope to end, and why? 0, -ECANCELED or -ETIMEDOUT. task NULL: a
 * plain thread. */
int scope_verdict(const trale_scope *scope, const trale_task *task);

/* The wait ends for that: the scope whose deadline it was is going to say so. Returns the
 * verdict. */
int scope_carry_out(trale_scope *scope, int verdict);

/* A fiber is about to be suspended: it will be polled when the deadline passes. */
void scope_arm(trale_scope *scope, trale_task *task);

/* A plain thread is: the deadline; TRALE_NEVER. */
int64_t scope_deadline(const trale_scope *scope);

#endif
