/*
 * Scopes: a deadline for everything that is awaited inside, and protection of what must be
 * finished from a cancel.
 *
 *     trale_scope scope;
 *
 *     trale_scope_enter(&scope, trale_now() + 5 * TRALE_SEC);
 *     ... calls that wait: each of them returns -ETIMEDOUT once the five seconds are over ...
 *     if (trale_scope_leave(&scope) == -ETIMEDOUT)
 *         ... one of them did ...
 *
 * A scope belongs to the task, or to the plain thread, that entered it. Scopes nest, the nearest
 * deadline counts. They are for straight-line code: entering one in the poll of a future aborts.
 * A task that was spawned inside a scope does not inherit it.
 */
#ifndef TRALE_SCOPE_H
#define TRALE_SCOPE_H

#include <trale/future.h>

TRALE_BEGIN

typedef struct trale_scope {
    int64_t deadline; /* private from here on */
    struct trale_scope *outer, *nearest;
    struct trale_timer timer;
    bool shields, armed, cut;
} trale_scope;

/*
 * Enters a scope: from now on every call that waits gives -ETIMEDOUT when the deadline has passed,
 * and has had no effect then, or its contract says which. What is ready at once may still succeed
 * in the moment of the deadline. TRALE_NEVER: no deadline of its own. The scope stays where it is
 * until it is left; to enter it again before that aborts.
 */
TRALE_API void trale_scope_enter(trale_scope *scope, int64_t deadline);

/*
 * The same, and outside is kept out: until the scope is left, neither a cancel of the task nor the
 * deadline of a scope around it ends a wait. For cleaning up. Its own deadline bounds it.
 */
TRALE_API void trale_scope_enter_shielded(trale_scope *scope, int64_t deadline);

/*
 * Leaves the innermost scope; another one aborts, and so does a task, or work of trale_blocking,
 * that returns inside of one.
 *   -ETIMEDOUT: a wait was ended by this scope's deadline (not by that of another): a call returned
 *               -ETIMEDOUT, or its contract says what instead.
 */
TRALE_API int trale_scope_leave(trale_scope *scope);

TRALE_END

#endif
