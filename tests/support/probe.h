/*
 * A future that counts what is done to it. The probe stays with the test; the future, which is
 * moved and dropped, only points to it:
 *
 *     struct probe p = PROBE;
 *     struct probe_future f = probe_future(&p);
 *     trale_spawn_future(&task, &f.future, sizeof f);
 *     probe_wait_polled(&p, 1);
 *     probe_finish(&p, 42);                          now the join gives 42
 *     ck_assert_int_eq(probe_drops(&p), 1);
 *     ck_assert_int_eq(probe_faults(&p), 0);
 *
 * Without a step it is pending until probe_finish.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include <pthread.h>
#include <stdbool.h>
#include <trale.h>

#include "inside.h"

struct probe {
    /* What a poll does, called without the lock; NULL: looks whether probe_finish was called.
     * On READY the future's output is p->output. */
    enum trale_poll (*step)(struct probe *p, trale_context *cx);
    /* What the drop does beside counting; may be NULL. */
    void (*dropping)(struct probe *p, trale_future *future);
    void *arg;       /* for step and dropping */
    intptr_t output; /* lock, if set while the task runs */

    pthread_mutex_t lock; /* guards the rest */
    struct changed changed;
    int polls, drops;
    int faults; /* polls at the same time, after READY, after the drop, at another address; drops
                   after a drop or during a poll */
    bool polling, ready, finish;
    intptr_t output_at_drop;
    const trale_future *place; /* where it was polled first */
    trale_waker *waker;        /* a clone, of the last poll; NULL after the drop */
};

#define PROBE \
    { \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = CHANGED \
    }
#define PROBE_STEP(function) \
    { \
        .step = (function), .lock = PTHREAD_MUTEX_INITIALIZER, .changed = CHANGED \
    }

struct probe_future {
    trale_future future;
    struct probe *probe;
};

struct probe_future probe_future(struct probe *p);

/* Spawns one on the caller's runtime, and asserts that this works: for test threads. */
trale_task *probe_spawn(struct probe *p);

/* Makes the next poll READY with this output, and wakes whoever polled last. */
void probe_finish(struct probe *p, intptr_t output);

/* Wakes whoever polled last. */
void probe_wake(struct probe *p);

/* A clone of the waker of the last poll; the caller's to drop. NULL: not polled, or dropped. */
trale_waker *probe_waker(struct probe *p);

/* Wait until a poll has begun so many times, until it was dropped. */
void probe_wait_polled(struct probe *p, int times);
void probe_wait_dropped(struct probe *p);

int probe_polls(struct probe *p);
int probe_drops(struct probe *p);
int probe_faults(struct probe *p);

/* Was probe_finish called? For steps. */
bool probe_finished(struct probe *p);

#endif
