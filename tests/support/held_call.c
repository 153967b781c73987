#include "held_call.h"

#include <errno.h>
#include <pthread.h>

#include "gate.h"
#include "settle.h"
#include "suite.h"
#include "system.h"

/* No more than what it takes to get there: it passes while the call waits, or before. */
#define SHORTLY (2 * TRALE_MS)

struct attempt {
    const struct held_call *call;
    int64_t deadline; /* TRALE_NEVER: no scope */
    struct gate entered;
    intptr_t result;
    int left, after;
    bool early; /* it ended before the deadline */
};

static void attempt(struct attempt *a)
{
    trale_scope scope;

    if (a->deadline != TRALE_NEVER)
        trale_scope_enter(&scope, a->deadline);
    gate_open(&a->entered);
    a->result = a->call->call();
    a->early = a->deadline != TRALE_NEVER && trale_now() < a->deadline;
    if (a->deadline != TRALE_NEVER)
        a->left = trale_scope_leave(&scope);
    a->after = trale_yield();
}

static intptr_t attempt_in_fiber(void *arg)
{
    attempt(arg);
    return 0;
}

static void *attempt_on_thread(void *arg)
{
    attempt(arg);
    return NULL;
}

static struct attempt prepare(const struct held_call *c, int64_t deadline)
{
    trale_runtime_default(); /* is there, with all its descriptors */
    if (c->prepare)
        c->prepare();
    return (struct attempt){.call = c, .deadline = deadline, .entered = GATE};
}

/* When it returns, the timer of the scope has fired, for timers fire in order, and its task has
 * been polled since. */
static void pass(int64_t deadline)
{
    ck_assert_int_eq(trale_sleep_until(deadline + 1), 0);
    settle();
}

static void check(const struct attempt *a, intptr_t error, int after, int fds)
{
    const struct held_call *c = a->call;
    intptr_t wanted = c->outcome != 0 ? c->outcome : error;
    int left = error == -ETIMEDOUT && !c->release ? -ETIMEDOUT : 0;

    ck_assert_msg(a->result == wanted, "%s: %ld, not %ld", c->name, (long)a->result,
                  (long)wanted);
    ck_assert_msg(a->left == left, "%s: the scope says %d, not %d", c->name, a->left, left);
    ck_assert_msg(a->after == after, "%s: a yield after it gives %d", c->name, a->after);
    ck_assert_msg(!a->early, "%s: it ended early", c->name);
    ck_assert_msg(count_fds() == fds, "%s: %d descriptors, not %d", c->name, count_fds(), fds);
    if (c->finish)
        c->finish();
}

static trale_task *start(struct attempt *a)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, attempt_in_fiber, a), 0);
    gate_wait(&a->entered);
    return task;
}

static void attempt_somewhere(struct attempt *a, bool on_thread)
{
    trale_task *task;
    pthread_t thread;

    if (on_thread)
        ck_assert_int_eq(pthread_create(&thread, NULL, attempt_on_thread, a), 0);
    else
        task = start(a);
    pass(a->deadline);
    if (a->call->release)
        a->call->release();
    if (on_thread)
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    else
        ck_assert_int_eq(join(task), 0);
}

/* Where it matters that the call has begun, it may not have in time: then again, with more. */
static void until_deadline(const struct held_call *c, bool on_thread)
{
    bool must_begin = c->release || c->outcome != 0;
    int64_t patience = SHORTLY;
    struct attempt a;
    int fds;

    for (;; patience *= 2) {
        a = prepare(c, trale_now() + patience);
        fds = count_fds();
        attempt_somewhere(&a, on_thread);
        if (!must_begin || a.result != -ETIMEDOUT)
            break;
        if (c->too_late)
            c->too_late();
    }
    check(&a, -ETIMEDOUT, 0, fds);
}

void held_until_deadline(const struct held_call *c)
{
    until_deadline(c, false);
}

void held_until_deadline_on_thread(const struct held_call *c)
{
    until_deadline(c, true);
}

void held_too_late(const struct held_call *c)
{
    struct attempt a;
    int fds;

    if (c->outcome != 0 || c->release)
        return;
    a = prepare(c, trale_now());
    fds = count_fds();
    ck_assert_int_eq(join(start(&a)), 0);
    check(&a, -ETIMEDOUT, 0, fds);
}

static void begin(const struct held_call *c)
{
    settle();
    if (c->begun)
        c->begun();
}

void held_until_cancelled(const struct held_call *c)
{
    struct attempt a = prepare(c, TRALE_NEVER);
    int fds = count_fds();
    trale_task *task = start(&a);

    begin(c);
    trale_cancel(task);
    settle();
    if (c->release)
        c->release();
    ck_assert_int_eq(join(task), 0);
    check(&a, -ECANCELED, -ECANCELED, fds);
}
