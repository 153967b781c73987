/* A task that ignores its cancel until it is let go. */
#ifndef TESTS_OBSTINATE_H
#define TESTS_OBSTINATE_H

#include "gate.h"
#include <stdatomic.h>
#include <trale.h>

struct obstinate {
    struct gate begun;
    atomic_bool released;
};

#define OBSTINATE \
    { \
        .begun = GATE \
    }

/* Test thread. Spawns it there, and returns when it runs; its result will be 77. */
trale_task *spawn_obstinate(trale_runtime *runtime, struct obstinate *s);

void release_obstinate(struct obstinate *s);

#endif
