/*
 * Groups: tasks that begin and end together. Spawn into a group, then wait for all of it; the
 * first that fails cancels the rest.
 *
 *     TRALE_GROUP(group);
 *
 *     trale_group_spawn(&group, fetch, "one");
 *     trale_group_spawn(&group, fetch, "two");
 *     error = trale_group_wait(&group);
 *
 * A group is a plain struct, zeroed is a valid start; it must stay where it is while it has tasks.
 * Any thread and any task may spawn into it and cancel it; one at a time waits for it.
 */
#ifndef TRALE_GROUP_H
#define TRALE_GROUP_H

#include <trale/sync.h>
#include <trale/task.h>

TRALE_BEGIN

typedef struct trale_group {
    struct trale_wait_list list; /* private from here on */
    struct trale_link members;
    int error;
    bool cancelled;
} trale_group;

/*
 * Starts fn(arg) as a fiber of the group. Its result is the group's affair: a negative one is an
 * error. Never waits.
 *   -ECANCELED: the group was cancelled, or one of it failed, and it was not waited for since.
 *   -EINVAL: group or fn is NULL.      -EOVERFLOW: it has TRALE_COUNT_MAX tasks.
 *   Others as for trale_spawn.
 */
TRALE_API int trale_group_spawn(trale_group *group, trale_fn *fn, void *arg);

/*
 * Waits until every task of the group has ended, those too that are spawned meanwhile, and returns
 * 0, or the first negative result, which has cancelled the rest. The group may be used again. If
 * the caller is cancelled, or its deadline passes, the group is cancelled, and the call still waits
 * for its end, and returns what its tasks did (-ECANCELED, if that stopped one; the scope says that
 * it was its deadline): what they use may live on the caller's stack. The group may go as soon as
 * the call returns. As a future that is
 * dropped before it was ready, polled or not, it cancels the group and does not wait.
 *   -EINVAL: group is NULL.      -EDEADLK: the caller is a task of the group.
 *   -ENOMEM: (plain threads that never waited and did not spawn into a group either) no memory for
 *            the thread's waker. The group was cancelled, and is still to be waited for.
 *   -ESHUTDOWN: (plain threads) it would wait for ever, for the process exits.
 */
TRALE_API int trale_group_wait(trale_group *group);

/* Cancels every task of the group, and refuses new ones until it is waited for. Never waits. NULL
 * does nothing. */
TRALE_API void trale_group_cancel(trale_group *group);

/* Aborts if the group has tasks. */
TRALE_API void trale_group_check(trale_group *group);

/* A group of this block: leaving the block before its tasks have ended aborts, however it is left,
 * before they write to what is gone. */
#define TRALE_GROUP(name) trale_group name __attribute__((cleanup(trale_group_check))) = {0}

typedef struct trale_group_wait_future {
    trale_future future;
    trale_group *group;
    struct trale_waiter waiter; /* private */
} trale_group_wait_future;

TRALE_API void trale_group_wait_init(trale_group_wait_future *f, trale_group *group);

TRALE_END

#ifndef TRALE_NO_SPAWN_SITES
#define trale_group_spawn(...) (TRALE_SPAWN_SITE_, trale_group_spawn(__VA_ARGS__))
#endif

#endif
