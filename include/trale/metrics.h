/*
 * What a runtime has done so far, in numbers, for monitoring. Reading stops nobody and waits for
 * nothing but a lock that is held for moments; each number is right for some moment of the call, but
 * not all for the same one. Only tasks may be wrong for that moment while some come and go, by some
 * hundred for each executor: these count many at once. The numbers only grow, unless it says "now".
 */
#ifndef TRALE_METRICS_H
#define TRALE_METRICS_H

#include <trale/base.h>

TRALE_BEGIN

typedef struct trale_metrics {
    unsigned executors;
    uint64_t tasks;  /* now: spawned and not ended */
    uint64_t timers; /* now: sleeps and deadlines that are armed */
    uint64_t fds;    /* now: descriptors that are registered with epoll */
    uint64_t turns;  /* looks for events and due timers, whoever made them */
    uint64_t waits;  /* calls of epoll_wait: a turn without descriptors needs none */
    uint64_t events; /* that epoll_wait returned */
} trale_metrics;

typedef struct trale_executor_metrics {
    uint64_t polls;
    uint64_t woken_here;    /* tasks that became ready by what ran on the executor's own thread */
    uint64_t woken_outside; /* tasks, new ones included, that came from other threads */
    uint64_t batches;       /* in which they came */
    uint64_t newcomers;     /* new tasks that any executor could have taken */
    uint64_t stolen;        /* those of them that another executor's task had spawned */
    uint64_t parks;         /* times that it went to sleep */
    uint64_t futex_wakes;   /* times that another thread had to wake it from that */
    int64_t longest; /* ns between two looks at the clock with at most 64 polls in between: no
                               poll took longer */
} trale_executor_metrics;

/*   -EINVAL: runtime or metrics is NULL. */
TRALE_API int trale_metrics_read(const trale_runtime *runtime, trale_metrics *metrics);

/*
 * executor counts from 1, as in trale_spawn_options.
 *   -EINVAL: runtime or metrics is NULL, or there is no such executor.
 */
TRALE_API int trale_executor_metrics_read(const trale_runtime *runtime, unsigned executor,
                                          trale_executor_metrics *metrics);

TRALE_END

#endif
