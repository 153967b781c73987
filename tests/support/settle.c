#include "settle.h"

#include <errno.h>

#include "executors.h"
#include "suite.h"

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int spawn_nothing(trale_task **task, trale_runtime *runtime, unsigned executor)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};

    return trale_spawn_with(task, &options, nothing, NULL);
}

void settle_on(trale_runtime *runtime)
{
    trale_task *task, *second;
    int error;

    if (test_is_inside())
        test_yield(); /* what other threads have sent is taken in */
    ck_assert_int_eq(spawn_nothing(&task, runtime, 0), 0);
    join(task);
    if (spawn_nothing(&second, runtime, 2) != 0) /* there is one */
        return;
    join(second);
    for (unsigned n = 1; (error = spawn_nothing(&task, runtime, n)) == 0; n++)
        join(task);
    ck_assert_int_eq(error, -EINVAL);
}

void settle(void)
{
    settle_on(NULL);
}

static intptr_t hold(void *arg)
{
    struct hold *h = arg;

    gate_open(&h->held);
    gate_wait(&h->released);
    return 0;
}

void hold_executor_at(struct hold *h, trale_runtime *runtime, unsigned executor)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};

    ck_assert_int_eq(trale_spawn_with(&h->task, &options, hold, h), 0);
    gate_wait(&h->held);
}

void hold_executor(struct hold *h)
{
    trale_spawn_options options = {.executor = 2};

    if (test_is_inside())
        return; /* it holds up the only one */
    hold_executor_at(h, NULL, 1);
    for (; h->count < HOLD_MAX; h->count++, options.executor++) {
        if (trale_spawn_with(&h->others[h->count], &options, hold, h) != 0)
            break;
        gate_wait_for(&h->held, h->count + 2);
    }
}

void release_executor(struct hold *h)
{
    if (!h->task)
        return;
    gate_open(&h->released);
    join(h->task);
    while (h->count > 0)
        join(h->others[--h->count]);
}

intptr_t join(trale_task *task)
{
    intptr_t result = 0;

    ck_assert_int_eq(trale_join(task, &result), 0);
    return result;
}

void free_default_runtime(void)
{
    int64_t deadline = trale_now() + 10 * TRALE_SEC;

    ck_assert_int_eq(trale_runtime_free(trale_runtime_default(), deadline), 0);
}
