/*
 * Those who push to an executor that parks in epoll_wait: what they call it out of there by is its
 * poller's, and who frees the runtime must not take it from under their hands.
 *
 * Who is about to push counts itself first, and until it has called. What is pushed keeps the
 * executor until it has taken it, and the push orders the count before that (inbox_push,
 * inbox_take): so who frees the runtime, after all tasks have ended, finds everybody counted who may
 * still be here, and nobody comes any more.
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef TASK_PUSHERS_H
#define TASK_PUSHERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pushers {
    _Atomic(uint32_t) count;
};

/* Any thread, before the push. Relaxed: the push orders it. */
static inline void pushers_enter(struct pushers *p)
{
    atomic_fetch_add_explicit(&p->count, 1, memory_order_relaxed);
}

/* After the call. Release: pairs with pushers_are_gone. */
static inline void pushers_leave(struct pushers *p)
{
    atomic_fetch_sub_explicit(&p->count, 1, memory_order_release);
}

/* Who frees it: acquire: pairs with pushers_leave. */
static inline bool pushers_are_gone(const struct pushers *p)
{
    return atomic_load_explicit(&p->count, memory_order_acquire) == 0;
}

#endif
