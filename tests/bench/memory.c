/*
 * parked_fiber, parked_stackless: what a task that waits keeps in memory, page tables beside it.
 * The future that is waited for has no state of its own, so all of it is the library's cost.
 */
#include <stdatomic.h>

#include "bench.h"
#include "resident.h"

static atomic_long parked;

static enum trale_poll park_poll(trale_future *self, trale_context *cx)
{
    (void)self;
    (void)cx;
    atomic_fetch_add(&parked, 1);
    return TRALE_PENDING;
}

static const struct trale_future_ops park_ops = {park_poll, NULL, "park"};

static intptr_t park(void *arg)
{
    trale_future future = {.ops = &park_ops};

    (void)arg;
    return trale_await(&future);
}

static void spawn(trale_runtime *runtime, bool stackless)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_future future = {.ops = &park_ops};

    check(stackless ? trale_spawn_future_with(NULL, &options, &future, sizeof future)
                    : trale_spawn_with(NULL, &options, park, NULL),
          "spawn");
}

static void wait_parked(long count)
{
    while (atomic_load(&parked) < count)
        pause_ns(TRALE_MS);
    pause_ns(10 * TRALE_MS);
}

static void measure(long count, bool stackless)
{
    trale_runtime *runtime;
    long resident, tables;
    int64_t start;

    check(trale_runtime_new(&runtime, NULL), "runtime_new");
    spawn(runtime, stackless);
    wait_parked(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    for (long i = 0; i < count; i++)
        spawn(runtime, stackless);
    wait_parked(count + 1);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
    start = trale_now();
    check(trale_runtime_free(runtime, TRALE_NEVER), "runtime_free");
    report("cancel", (double)(trale_now() - start) / (double)count, "ns");
}

static void parked_fiber(long count)
{
    measure(count, false);
}

static void parked_stackless(long count)
{
    measure(count, true);
}

BENCH_MAIN({"parked_fiber", parked_fiber}, {"parked_stackless", parked_stackless})
