/* For how long a poll has been running. */
#ifndef DEBUG_RUNNING_H
#define DEBUG_RUNNING_H

#include "core/executor.h"
#include "debug/text.h"

/*
 * The executor looks at the clock now and then, and counts its polls: the first one since its
 * last look began at that time. While it is frozen, in a poll.
 */
static inline void add_running_time(struct text *t, const struct executor *ex, int64_t now)
{
    uint32_t looked = atomic_load_explicit(&ex->queue.looked, memory_order_relaxed);
    uint32_t polls = atomic_load_explicit(&ex->queue.polls, memory_order_relaxed);
    int64_t then = atomic_load_explicit(&ex->queue.now, memory_order_relaxed);

    text_add(t, polls == looked + 1 ? "for " : "for at most ");
    text_add_time(t, now - then, 3);
}

#endif
