/* What scopes mean for a wait. */
#ifndef TASK_SCOPE_H
#define TASK_SCOPE_H

#include <errno.h>

#include <trale/scope.h>

#include "base/clock.h"
#include "task/fiber.h"
#include "task/task.h"
#include "task/thread.h"

static inline trale_scope **scope_slot(void)
{
    trale_task *task = this_thread.task;

    return task ? &container_of(task_future(task), struct fiber, future)->scope
                : &this_thread.scope;
}

/* The innermost scope of the running fiber, or of the plain thread; NULL: none. Not in a poll. */
static inline trale_scope *scope_current(void)
{
    return *scope_slot();
}

/* The thread stops being an executor, with a task on it: it goes on in the task's scopes as a
 * plain thread. */
void scope_leave_executor(void);

/* Not by its timer: who computes past the deadline is to hear of it at his next call. */
static inline bool scope_has_passed(const trale_scope *scope)
{
    return scope->deadline != TRALE_NEVER && clock_now() >= scope->deadline;
}

/* Is the wait of who is in that scope to end, and why? 0, -ECANCELED or -ETIMEDOUT. task NULL: a
 * plain thread. */
static inline int scope_verdict(const trale_scope *scope, const trale_task *task)
{
    if (task && !(scope && scope->shields) && state_is_cancelled(&task->waker.state))
        return -ECANCELED;
    return scope && scope_has_passed(scope->nearest) ? -ETIMEDOUT : 0;
}

/* The wait ends for that: the scope whose deadline it was is going to say so. Returns the
 * verdict. */
int scope_carry_out(trale_scope *scope, int verdict);

/* A fiber is about to be suspended: it will be polled when the deadline passes. */
void scope_arm(trale_scope *scope, trale_task *task);

/* A plain thread is: the deadline; TRALE_NEVER. */
int64_t scope_deadline(const trale_scope *scope);

#endif
