/* What the library knows about the calling thread. */
#ifndef TASK_THREAD_H
#define TASK_THREAD_H

#include <stdatomic.h>

#include <trale/base.h>

#include "base/spin.h"

struct run_queue;
struct stack_cache;
struct block_cache;
struct locals;

struct thread {
    struct run_queue *queue;    /* executor threads: their own; else NULL */
    trale_task *task;           /* the task that is being polled; else NULL */
    bool polling;               /* inside the poll or drop of a future: nothing may wait */
    unsigned spent;             /* operations in this poll that did not have to wait */
    bool yielded;               /* the fiber that just suspended wants to run again at once */
    struct trale_scope *scope;  /* plain threads: the innermost they are in */
    trale_waker *waker;         /* plain threads: what to wake when they wait; else NULL */
    struct spin spin;           /* plain threads: how their recent waits went */
    struct stack_cache *stacks; /* executor threads: stacks that are ready for use */
    struct block_cache *blocks; /* likewise: blocks for stackless tasks */
    bool blocks_signals;        /* a thread of ours: every signal that is not a fault */
    struct locals *locals;      /* plain threads: their locals; NULL: none are set */
    const char *site;           /* of the spawn that is about to be called; else NULL */
};

/*
 * How many operations one poll may make that do not have to wait. Then it lets others run: a task
 * that always finds something to do must not keep the executor.
 */
#define POLL_BUDGET 128

/* The address may be cached across a fiber switch: a fiber never changes its thread. */
extern _Thread_local struct thread this_thread;

/* Set when exit has stopped every executor: whoever would wait for one now waits for nothing.
 * Never cleared. */
extern atomic_bool executors_stopped;

/* Is the caller a plain thread that would wait for an executor for ever? */
static inline bool wait_is_vain(void)
{
    return !this_thread.queue && atomic_load(&executors_stopped);
}

#endif
