#include "task/scope.h"

#include "base/misuse.h"
#include "task/await.h"

void scope_leave_executor(void)
{
    trale_task *task = this_thread.task;

    if (task && fiber_is_running(task_future(task)))
        this_thread.scope = scope_current();
}

static bool is_around(const trale_scope *inner, const trale_scope *scope)
{
    while (inner && inner != scope)
        inner = inner->outer;
    return inner != NULL;
}

/* Whose deadline passes first: the scope's own, or one of those around it that it lets in. */
static void enter(const char *function, trale_scope *scope, int64_t deadline, bool shielded)
{
    trale_scope **slot = scope_slot(), *outer;

    await_check(function);
    outer = *slot;
    if (!scope)
        misuse(function, "give it a scope");
    if (is_around(outer, scope))
        misuse(function, "leave a scope before you enter it again");
    *scope = (trale_scope){.deadline = deadline, .outer = outer, .nearest = scope};
    scope->shields = shielded || (outer && outer->shields);
    if (outer && !shielded && outer->nearest->deadline <= deadline)
        scope->nearest = outer->nearest;
    *slot = scope;
}

void trale_scope_enter(trale_scope *scope, int64_t deadline)
{
    enter(__func__, scope, deadline, false);
}

void trale_scope_enter_shielded(trale_scope *scope, int64_t deadline)
{
    enter(__func__, scope, deadline, true);
}

int trale_scope_leave(trale_scope *scope)
{
    trale_scope **slot = scope_slot();

    await_check(__func__);
    if (!*slot || *slot != scope)
        misuse(__func__, "leave the innermost scope first, in the task that entered it");
    if (scope->armed && this_thread.queue) /* else there is no timer queue any more */
        this_thread.queue->deadlines->disarm(&scope->timer);
    *slot = scope->outer;
    return scope->cut ? -ETIMEDOUT : 0;
}

int scope_carry_out(trale_scope *scope, int verdict)
{
    if (verdict == -ETIMEDOUT)
        scope->nearest->cut = true;
    return verdict;
}

void scope_arm(trale_scope *scope, trale_task *task)
{
    trale_scope *nearest = scope->nearest;

    if (nearest->armed || nearest->deadline == TRALE_NEVER)
        return;
    nearest->armed = true;
    nearest->timer.deadline = nearest->deadline;
    this_thread.queue->deadlines->arm(task->home, &nearest->timer, &task->waker);
}

int64_t scope_deadline(const trale_scope *scope)
{
    return scope ? scope->nearest->deadline : TRALE_NEVER;
}
