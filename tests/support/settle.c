#include "settle.h"

#include "executors.h"
#include "suite.h"

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

void settle(void)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, nothing, NULL), 0);
    join(task);
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
    hold_executor_at(h, NULL, 0);
}

void release_executor(struct hold *h)
{
    gate_open(&h->released);
    join(h->task);
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
