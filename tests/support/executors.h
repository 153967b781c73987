/* Runtimes with several executors: for test threads, asserting. */
#ifndef TESTS_EXECUTORS_H
#define TESTS_EXECUTORS_H

#include "settle.h"

/*
 * The shape of the default runtime, and of others whose config does not say, is the library's
 * when it was built: `make check EXECUTORS=...`, which tells the tests, too. How many threads it has
 * for its reactor.
 */
int reactor_threads(void);

/* How many executors the default runtime has; it is made if need be. */
unsigned default_executors(void);

trale_runtime *new_runtime_with(unsigned executors);

/* On that executor, as in trale_spawn_options. */
trale_task *spawn_at(trale_runtime *runtime, unsigned executor, trale_fn *fn, void *arg);

/* On which executor the caller is: n on trale-exec-(n-1), 0 on any other thread. Asserts nothing. */
unsigned executor_here(void);

/* As a task's function. */
intptr_t tell_executor(void *nothing);

/* settle.h's, of one executor, and of the first so many; holds: HOLD each. */
void hold_executor_at(struct hold *h, trale_runtime *runtime, unsigned executor);
void hold_executors(struct hold *holds, trale_runtime *runtime, unsigned count);
void release_executors(struct hold *holds, unsigned count);

#endif
