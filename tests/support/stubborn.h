/* A task that ignores its cancel until it is let go. */
#ifndef TESTS_STUBBORN_H
#define TESTS_STUBBORN_H

#include "gate.h"
#include <stdatomic.h>
#include <trale.h>

struct stubborn {
    struct gate begun;
    atomic_bool released;
};

#define STUBBORN \
    { \
        .begun = GATE \
    }

/* Test thread. Spawns it there, and returns when it runs; its result will be 77. */
trale_task *spawn_stubborn(trale_runtime *runtime, struct stubborn *s);

void release_stubborn(struct stubborn *s);

#endif
