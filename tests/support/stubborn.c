#include "stubborn.h"

#include "suite.h"

static intptr_t hold_out(void *arg)
{
    struct stubborn *s = arg;

    gate_open(&s->begun);
    while (!atomic_load(&s->released))
        trale_yield();
    return 77;
}

trale_task *spawn_stubborn(trale_runtime *runtime, struct stubborn *s)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, hold_out, s), 0);
    gate_wait(&s->begun);
    return task;
}

void release_stubborn(struct stubborn *s)
{
    atomic_store(&s->released, true);
}
