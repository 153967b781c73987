#include "obstinate.h"

#include "suite.h"

static intptr_t hold_out(void *arg)
{
    struct obstinate *s = arg;

    gate_open(&s->begun);
    while (!atomic_load(&s->released))
        trale_yield();
    return 77;
}

trale_task *spawn_obstinate(trale_runtime *runtime, struct obstinate *s)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, hold_out, s), 0);
    gate_wait(&s->begun);
    return task;
}

void release_obstinate(struct obstinate *s)
{
    atomic_store(&s->released, true);
}
