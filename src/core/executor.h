/*
 * The executor: one thread that polls tasks.
 *
 * Fields: X: executor thread only.  I: immutable.  A: any thread, atomically.
 */
#ifndef CORE_EXECUTOR_H
#define CORE_EXECUTOR_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/spin.h"
#include "core/reactor.h"
#include "core/share.h"
#include "core/steal_queue.h"
#include "task/block.h"
#include "task/overflow.h"
#include "task/run_queue.h"
#include "task/stack.h"
#include "task/task.h"
#include "task/thread.h"

/* What the stall watch knows of an executor; zeroed at first. */
struct stall_seen {
    uint32_t polls; /* when it looked last */
    int64_t since;  /* when it first found them so many */
    bool reported;
};

/* For metrics; written by the executor. */
struct executor_counts {
    counter woken_outside, batches, newcomers, stolen, parks, futex_wakes, longest;
};

struct executor {
    struct run_queue queue;
    struct steal_queue spawned;      /* A: new ones of its own tasks; with one executor unused */
    struct share share;              /* X: */
    trale_runtime *runtime;          /* I: */
    unsigned number;                 /* I: in its name */
    struct reactor *reactor;         /* I: */
    struct stack_cache stacks;       /* X: */
    struct block_cache blocks;       /* X: */
    struct spin spin;                /* X: how the recent waits went */
    struct executor_counts counts;   /* A: */
    _Atomic(uint32_t) credit;        /* A: by the executor; see runtime.h */
    int64_t turned;                  /* X: when it last turned the reactor */
    struct overflow_stack alternate; /* X: for signal handlers */
    /*
     * What other threads want done here: they set a flag and wake the janitor, a task whose poll
     * looks at the flags. It is never DONE and not counted.
     */
    trale_task janitor;
    trale_future janitor_future; /* behind it, as every task's */
    atomic_bool cancel_wanted;   /* A: cancel the tasks; cleared by the janitor */
    atomic_bool stop_wanted;     /* A: leave the loop */
    bool stopping;               /* X: */
    bool keeps_time;             /* X: it sleeps until the next timer; see timer_queue.h */
    int64_t alarmed;             /* X: when a timer ended its sleep last */
    bool is_inline;          /* I: the thread is its own reactor, and holds the baton for good */
    _Atomic(uint32_t) left;  /* A: futex; set as the last thing the thread does here */
    bool threaded;           /* I: the thread was started by executor_start: */
    pthread_t thread;        /* I: */
    struct stall_seen stall; /* P: process.h, by the stall watch */
};

void executor_init(struct executor *ex, trale_runtime *runtime, unsigned number);
int executor_start(struct executor *ex);

/* Before it starts: its thread is to be its reactor, too. */
void executor_make_inline(struct executor *ex);

/*
 * In place of executor_start: the calling thread is the executor, between begin and end. run polls
 * until over says so, or it is to stop (false).
 */
void executor_begin(struct executor *ex);
bool executor_run(struct executor *ex, bool (*over)(const struct executor *, const void *),
                  const void *arg);
void executor_end(struct executor *ex);

/* Asks for it, and returns at once. Any thread. Tasks of the runtime's round are spared. */
void executor_cancel_all(struct executor *ex);
void executor_stop(struct executor *ex);

/* After executor_stop: waits until the thread has left its loop. False: not within timeout_ns. */
bool executor_wait_left(struct executor *ex, int64_t timeout_ns);

/* The executor that runs on the calling thread; NULL: none. */
static inline struct executor *executor_current(void)
{
    return this_thread.queue ? container_of(this_thread.queue, struct executor, queue) : NULL;
}

#endif
