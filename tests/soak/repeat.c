/*
 * The same seed, the same run: bosses and racers in one trale_run, with neither clock nor descriptors,
 * and a trace of what everybody did and what came of it. Other lots, or another seed for what is
 * done, give another.
 */
#include "base/lots.h"
#include "seed.h"
#include "soak.h"

enum { BOSSES = 4, BATCHES = 12 };

struct run {
    uint64_t seed, trace;
};

static intptr_t run_all(void *arg)
{
    struct run *run = arg;
    struct boss bosses[BOSSES];
    trale_task *tasks[BOSSES];

    for (uint32_t i = 0; i < BOSSES; i++) {
        bosses[i] = (struct boss){.batches = BATCHES,
                                  .actor = {.random = random_fork(run->seed, i),
                                            .timeless = true,
                                            .trace = &run->trace,
                                            .id = i}};
        must(trale_spawn(&tasks[i], be_boss, &bosses[i]) == 0);
    }
    for (int i = 0; i < BOSSES; i++)
        must(join_always(tasks[i]) == 0);
    return 0;
}

static uint64_t trace_of(uint64_t seed, uint64_t lots)
{
    struct run run = {seed, 1};

    lots_seed(lots);
    atomic_store(&round_over, false);
    arena_open(seed, true);
    must(trale_run(run_all, &run, NULL) == 0);
    arena_settle();
    arena_close(true);
    ledger_settle("after a run that is repeated");
    return run.trace;
}

void repeat_check(uint64_t seed)
{
    uint64_t trace = trace_of(seed, seed);

    must(trace_of(seed, seed) == trace);
    must(trace_of(seed, seed + 2) != trace);
    must(trace_of(seed + 2, seed) != trace);
}
