/* Tasks that count their steps, and a look whether any is taken after the exit. For children that end. */
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern atomic_long steps;           /* below 0: they end */
extern atomic_bool steps_cancelled; /* one goes on that was cancelled */

/* As a task's function: a step, a yield, and so on, whether it is cancelled or not. */
intptr_t step_for_ever(void *arg);

/* For atexit, before the library registers its own handler: so it runs after that. Where others want the
 * processors a yield may take some milliseconds. _exit(99) if there was a step. */
void nothing_runs(void);

#endif
