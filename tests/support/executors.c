#define _GNU_SOURCE /* pthread_getname_np */
#include "executors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

int reactor_threads(void)
{
    const char *shape = getenv("EXECUTORS");

    return shape && strcmp(shape, "inline") == 0 ? 0 : 1;
}

unsigned default_executors(void)
{
    trale_metrics metrics = {0};

    ck_assert_int_eq(trale_metrics_read(trale_runtime_default(), &metrics), 0);
    return metrics.executors;
}

trale_runtime *new_runtime_with(unsigned executors)
{
    trale_runtime *runtime = NULL;

    ck_assert_int_eq(trale_runtime_new(&runtime, &(trale_config){.executors = executors}), 0);
    return runtime;
}

trale_task *spawn_at(trale_runtime *runtime, unsigned executor, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.runtime = runtime, .executor = executor};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

unsigned executor_here(void)
{
    char name[16] = "";
    unsigned number;

    pthread_getname_np(pthread_self(), name, sizeof name);
    return sscanf(name, "trale-exec-%u", &number) == 1 ? number + 1 : 0;
}

intptr_t tell_executor(void *nothing)
{
    (void)nothing;
    return executor_here();
}

void hold_executors(struct hold *holds, trale_runtime *runtime, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        hold_executor_at(&holds[i], runtime, i + 1);
}

void release_executors(struct hold *holds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        release_executor(&holds[i]);
}
