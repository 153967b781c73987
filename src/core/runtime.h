/*
 * A runtime: a reactor, its executor, and how many tasks they have.
 *
 * Fields: I: immutable.  A: any thread, atomically.  P: process.h.
 */
#ifndef CORE_RUNTIME_H
#define CORE_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>

#include <trale/runtime.h>

#include "core/executor.h"
#include "core/newcomers.h"

struct trale_runtime {
    struct reactor reactor;
    struct newcomers newcomers; /* from outside; with one executor unused */
    atomic_uint parked;         /* A: executors that are, or are about to be */
    atomic_uint thieves;        /* A: those of them that would start other executors' new tasks */
    /*
     * A: twice the number of tasks that have been let in and not ended, and of the executors'
     * credit (see runtime_tasks_ended), plus CLOSED while the runtime is being freed, and for good
     * once the process exits; in the upper bits the round, which is how often a freeing began.
     * Only by read-modify-writes, so a task is either let in before the runtime closes, counted,
     * and of an earlier round, or not let in at all. One that an executor lets in on credit was
     * counted before; if it missed the closing, it is there before that executor is asked to
     * cancel those of earlier rounds, or meets that when it arrives at another. Rounds wrap, and
     * are only compared for equality.
     */
    _Atomic(uint64_t) tasks;
    struct trale_link waiters; /* P: futures that wait for the last task to end */
    size_t stack_size;         /* I: of fibers, bytes */
    struct trale_link link;    /* P: on the list of all runtimes */
    unsigned count;            /* I: of executors */
    struct executor executors[];
};

#define CREDIT 64 /* taken at once */
#define CREDIT_MAX 256

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared bears none */
#define for_each_executor(ex, rt) \
    for (struct executor *ex = (rt)->executors; ex < (rt)->executors + (rt)->count; ex++)
/* NOLINTEND(bugprone-macro-parentheses) */

/*
 * Lets one more task in: 0, and it has a home and its round, or -ESHUTDOWN. executor: as in
 * trale_spawn_options. Then it has to be sent.
 */
int runtime_enter(trale_runtime *rt, trale_task *new, unsigned executor);
void runtime_send(trale_task *new);

/* The half of it that lets in: counts one more task, which is of that round. */
int runtime_count_in(trale_runtime *rt, uint16_t *round);

/* Does the caller run on one of its executors? */
bool runtime_is_here(const trale_runtime *rt);

/*
 * So many tasks have been let in that will not run, or have ended elsewhere than on an executor.
 */
void runtime_uncount(trale_runtime *rt, unsigned count);

/*
 * Executor: so many of its tasks have ended. That many new ones may be let in without touching what
 * all executors share: it keeps a credit, at most so much, which counts as tasks that have not ended.
 * An executor that runs dry, or lets somebody else know of an end, keeps none.
 */
void runtime_tasks_ended(struct executor *ex, unsigned count, unsigned most_credit);

/* Tasks of another round are to be cancelled: they were there when a freeing began. */
uint16_t runtime_round(const trale_runtime *rt);

/* The caller's runtime, or the default one, made if need be. 0 or -errno. */
int runtime_current(trale_runtime **runtime);

/* Futures that wait for the last task to end; false: there is none left to wait for. */
bool runtime_wait_enlist(trale_runtime_wait_future *f, trale_waker *waker);
void runtime_wait_delist(trale_runtime_wait_future *f);

/* They look again, and are told if the process exits. */
void runtime_wake_waiters(trale_runtime *rt);

/* The gate for new tasks. Closing fails if it is closed already; it may begin a round. */
bool runtime_close(trale_runtime *rt, bool round);
void runtime_reopen(trale_runtime *rt);

/* Tasks that have not ended: about how many; whether there are any, or is credit. Acquire: pairs
 * with runtime_uncount. */
uint64_t runtime_count_tasks(const trale_runtime *rt);
bool runtime_has_tasks(const trale_runtime *rt);

/* One without threads; its executor is run by the caller: 0 or -errno, as trale_runtime_new. */
int runtime_new_inline(trale_runtime **runtime);

/* Ends the threads and frees everything, unless the process exits. It is closed and has no tasks. */
void runtime_destroy(trale_runtime *rt);

/* So that a child never finds the default runtime half made; it finds none. */
void runtime_before_fork(void);
void runtime_after_fork(bool in_child);

#endif
