#include <errno.h>

#include <trale/metrics.h>

#include "core/runtime.h"

int trale_metrics_read(const trale_runtime *runtime, trale_metrics *metrics)
{
    const struct reactor *r;

    if (!runtime || !metrics)
        return -EINVAL;
    r = &runtime->reactor;
    *metrics = (trale_metrics){
        .executors = runtime->count,
        .tasks = runtime_count_tasks(runtime),
        .timers = counter_read(&r->timers.pending),
        .fds = atomic_load_explicit(&r->registered, memory_order_relaxed),
        .turns = counter_read(&r->turns),
        .waits = counter_read(&r->waits),
        .events = counter_read(&r->events),
    };
    return 0;
}

int trale_executor_metrics_read(const trale_runtime *runtime, unsigned executor,
                                trale_executor_metrics *metrics)
{
    const struct run_queue *queue;
    const struct executor *ex;

    if (!runtime || !metrics || executor == 0 || executor > runtime->count)
        return -EINVAL;
    ex = &runtime->executors[executor - 1];
    queue = &ex->queue;
    *metrics = (trale_executor_metrics){
        .polls = counter_read(&queue->polled_so_far),
        .woken_here = counter_read(&queue->woken_here),
        .woken_outside = counter_read(&ex->counts.woken_outside),
        .batches = counter_read(&ex->counts.batches),
        .newcomers = counter_read(&ex->counts.newcomers),
        .stolen = counter_read(&ex->counts.stolen),
        .parks = counter_read(&ex->counts.parks),
        .futex_wakes = counter_read(&ex->counts.futex_wakes),
        .longest = (int64_t)counter_read(&ex->counts.longest),
    };
    return 0;
}
