/*
 * A gate: threads wait at it until it was opened. It counts how often that was, so it is also the
 * way to wait for the n-th time that something happened. A task that waits at a gate holds up its
 * whole executor thread, which is what some tests want; the test itself does not: inside.h.
 */
#ifndef TESTS_GATE_H
#define TESTS_GATE_H

#include <pthread.h>
#include <stdint.h>

#include "inside.h"

struct gate {
    pthread_mutex_t lock;
    struct changed changed;
    long opened;
};

/* A closed gate: `struct gate g = GATE;` */
#define GATE \
    { \
        PTHREAD_MUTEX_INITIALIZER, CHANGED, 0 \
    }

void gate_open(struct gate *gate);
void gate_wait(struct gate *gate);
void gate_wait_for(struct gate *gate, long times);
long gate_opened(struct gate *gate);

/* As a task's function: opens the gate, returns 0. */
intptr_t gate_open_in_task(void *gate);

#endif
