#include "base/lots.h"

#ifdef TRALE_SCHEDULE_SEED
#include <stdatomic.h>

/* Relaxed: set while nobody draws. */
static _Atomic(uint64_t) seed_of_all;
static _Atomic(uint32_t) generation, plain_threads;

static _Thread_local struct {
    uint64_t state;
    uint32_t generation;
} mine;

static void begin(uint64_t number)
{
    uint64_t seed = atomic_load_explicit(&seed_of_all, memory_order_relaxed);

    mine.state = (seed ^ (number * UINT64_C(0x9e3779b97f4a7c15))) | 1;
    mine.generation = atomic_load_explicit(&generation, memory_order_relaxed);
}

void lots_seed(uint64_t seed)
{
    atomic_store_explicit(&seed_of_all, seed, memory_order_relaxed);
    atomic_store_explicit(&plain_threads, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

void lots_begin(unsigned executor)
{
    begin(1 + executor);
}

/* xorshift64* */
uint32_t lots_draw(uint32_t limit)
{
    if (atomic_load_explicit(&seed_of_all, memory_order_relaxed) == 0)
        return 0;
    if (mine.generation != atomic_load_explicit(&generation, memory_order_relaxed))
        begin((UINT64_C(1) << 32) +
              atomic_fetch_add_explicit(&plain_threads, 1, memory_order_relaxed));
    mine.state ^= mine.state >> 12;
    mine.state ^= mine.state << 25;
    mine.state ^= mine.state >> 27;
    return (uint32_t)((mine.state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % limit;
}
#endif
