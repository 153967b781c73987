/*
 * Which task next, and which executor: drawn by lot, for tests. Only a library that is compiled with
 * -DTRALE_SCHEDULE_SEED draws, and only once it was given a seed; in any other every draw is 0, which
 * the compiler knows, and 0 is what happens otherwise.
 *
 * Each thread draws lots of its own. An executor's follow from the seed and its number; a plain
 * thread's from the seed and how many plain threads drew before it. So a seed gives every executor
 * the same lots in the same order. It says nothing of what the kernel decides: when a thread runs,
 * and so how many tasks are ready when it draws. With one executor that is its own reactor
 * (trale_run), and nothing from outside, the whole schedule follows from the seed.
 */
#ifndef BASE_LOTS_H
#define BASE_LOTS_H

#include <stdint.h>

#ifdef TRALE_SCHEDULE_SEED
/* From now on; 0: no lots. Nobody may draw meanwhile. */
void lots_seed(uint64_t seed);

/* The calling thread becomes the executor of that number. */
void lots_begin(unsigned executor);

/* Less than limit. */
uint32_t lots_draw(uint32_t limit);
#else
static inline void lots_begin(unsigned executor)
{
    (void)executor;
}

static inline uint32_t lots_draw(uint32_t limit)
{
    (void)limit;
    return 0;
}
#endif

#endif
