/* Random numbers that can be had again: TRALE_SEED=n repeats the run that printed n. */
#ifndef TESTS_SEED_H
#define TESTS_SEED_H

#include <stdint.h>

/* From TRALE_SEED, or from the clock; prints it, where `make check` shows it. Never 0. */
uint64_t test_seed(void);

/* The next number below limit; the state is one thread's. */
uint32_t random_below(uint64_t *state, uint32_t limit);

/* A state of its own for the n-th thread. */
uint64_t random_fork(uint64_t seed, unsigned n);

#endif
