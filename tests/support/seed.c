#include "seed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <trale.h>

uint64_t test_seed(void)
{
    const char *text = getenv("TRALE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)trale_now();

    seed = seed ? seed : 1;
    printf("# TRALE_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

/* xorshift64* */
uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % limit;
}

uint64_t random_fork(uint64_t seed, unsigned n)
{
    uint64_t state = seed ^ (UINT64_C(0x9e3779b97f4a7c15) * (n + 1));

    return state ? state : 1;
}
