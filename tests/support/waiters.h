/*
 * Who waits for an object of trale/sync.h, in a task of any runtime or on a plain thread, and the
 * order in which they were let through. For test threads, asserting.
 *
 *     struct line line = LINE;
 *     line_add(&line, NULL, wait_event, &event);          a task of the default runtime
 *     line_add(&line, other, wait_event, &event);         of another one
 *     line_add_thread(&line, &wait.future);               a plain thread
 *     trale_event_notify(&event);
 *     line_expect(&line, 0);                              the first one is through, nobody else
 *     line_join(&line);
 *
 * When line_add returns, the new one waits, and stands behind those that were added before. The
 * tasks of a runtime are all on its first executor: so they go through in the order in which they
 * were let.
 */
#ifndef TESTS_WAITERS_H
#define TESTS_WAITERS_H

#include <pthread.h>
#include <trale.h>

#include "gate.h"
#include "settle.h"

enum { LINE_MAX_WAITERS = 64 };

struct line_waiter {
    struct line *line;
    intptr_t (*call)(void *object); /* tasks */
    void *object;
    trale_future *future; /* plain threads */
    struct gate waits;
    trale_task *task;
    pthread_t thread;
    intptr_t result;
};

struct line {
    struct line_waiter waiters[LINE_MAX_WAITERS];
    int count, seen;
    pthread_mutex_t lock; /* guards order */
    int order[LINE_MAX_WAITERS];
    struct gate through; /* opened by each as it returns */
};

#define LINE \
    { \
        .lock = PTHREAD_MUTEX_INITIALIZER, .through = GATE \
    }

struct line_waiter *line_add(struct line *line, trale_runtime *runtime,
                             intptr_t (*call)(void *object), void *object);
struct line_waiter *line_add_thread(struct line *line, trale_future *future);

/* Waits until one more has returned, and wants it to be this one. */
void line_expect(struct line *line, int number);

/* The same, but others may have returned meanwhile too. */
void line_expect_first(struct line *line, int number);

/* How many have returned? */
int line_through(struct line *line);

/* Waits for the end of all that were added, and wants each to have returned this. */
void line_join(struct line *line, intptr_t result);

/* Waits for the end of one of them, which gives its result; line_join passes it over. */
intptr_t line_take(struct line_waiter *w);

trale_task *spawn_on(trale_runtime *runtime, trale_fn *fn, void *arg);
trale_runtime *new_runtime(void);
void free_runtime(trale_runtime *runtime);

/*
 * Polls the inner future, and opens the gate, if there is one, whenever it was pending. The inner
 * one is dropped with it; the struct is for trale_await and trale_spawn_future.
 */
struct watched_future {
    trale_future future;
    trale_future *inner;
    struct gate *pending;
};
struct watched_future watched(trale_future *inner, struct gate *pending);

#endif
