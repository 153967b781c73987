/*
 * yield_2, yield_1000: so many fibers take turns; one yield is one switch to the executor, one
 * turn of the run queue, and one switch to the next fiber.
 */
#include <stdatomic.h>

#include "bench.h"

#define WARM_UP 10

struct ring {
    long fibers, rounds;
    atomic_long entered, left; /* there may be several executors */
    struct span span;
};

/* All run the same code. The first one that is warm starts the clock, the last stops it. */
static intptr_t take_turns(void *arg)
{
    struct ring *ring = arg;

    for (int i = 0; i < WARM_UP; i++)
        trale_yield();
    if (ring->entered++ == 0)
        ring->span = span_start();
    for (long i = 0; i < ring->rounds; i++)
        trale_yield();
    if (++ring->left == ring->fibers)
        ring->span = span_since(ring->span);
    return 0;
}

static intptr_t run_ring(void *arg)
{
    const struct ring *ring = arg;
    trale_task **tasks = array(ring->fibers, sizeof(trale_task *));

    for (long i = 0; i < ring->fibers; i++)
        check(trale_spawn(&tasks[i], take_turns, arg), "spawn");
    for (long i = 0; i < ring->fibers; i++)
        check(trale_join(tasks[i], NULL), "join");
    free(tasks);
    return 0;
}

static void yield_among(long fibers, long count)
{
    struct ring ring = {.fibers = fibers, .rounds = (count + fibers - 1) / fibers};

    check(trale_block_on(run_ring, &ring, NULL), "block_on");
    report_each(ring.span, ring.rounds * fibers);
}

static void yield_2(long count)
{
    yield_among(2, count);
}

static void yield_1000(long count)
{
    yield_among(1000, count);
}

BENCH_MAIN({"yield_2", yield_2}, {"yield_1000", yield_1000})
