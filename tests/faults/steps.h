/* Steps that scenarios have in common. */
#ifndef TESTS_FAULTS_STEPS_H
#define TESTS_FAULTS_STEPS_H

#include <stdatomic.h>

#include "sweep.h"

/* Joins the task, whose result must be this. */
void join_for(trale_task *task, intptr_t expected);

/* The io is gone, whatever closing it says. */
void close_io(trale_io *io);

/* fn(arg), which must give this, in a task; then on the calling thread. */
void both_ways(trale_fn *fn, void *arg, intptr_t expected);

/* "127.0.0.1:8080" */
void local_endpoint(trale_io *io, char text[TRALE_ADDR_TEXT]);

/* Awaits the future, and says when it is on its way: who is to come after it may not come before.
 * */
intptr_t await_announced(trale_future *future, atomic_bool *pending);

/* Polls the future once and drops it: 0 if it was on its way, and, if begun is not NULL,
 * after that is set; else its output. */
intptr_t poll_and_drop(trale_future *future, const atomic_bool *begun);

/* The default runtime is there, and a thread in the pool: for want of another one work comes
 * later, but it comes. */
void have_threads(void);

void wait_until(const atomic_bool *flag);

#endif
