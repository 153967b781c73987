#include "steps.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include <trale.h>

atomic_long steps;
atomic_bool steps_cancelled;

intptr_t step_for_ever(void *arg)
{
    while (atomic_fetch_add(&steps, 1) >= 0)
        if (trale_yield() == -ECANCELED)
            atomic_store(&steps_cancelled, true);
    return (intptr_t)arg;
}

void nothing_runs(void)
{
    long before = atomic_load(&steps);

    for (int i = 0; i < 50; i++)
        sched_yield();
    if (atomic_load(&steps) != before)
        _exit(99);
}
