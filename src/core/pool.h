/*
 * Threads for what blocks. Each lane has threads of its own: looking up names, which may take a
 * minute when the network is down, never holds up files and the program's own work.
 *
 * A job is a block of its own that outlives who waits for it: once it runs it cannot be stopped,
 * and a future that is dropped must not wait.
 *
 * Fields: I: immutable.  L: the lane's lock.  R: whoever runs it, then who waits for it.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include <trale/blocking.h>

#include "base/list.h"

enum pool_lane { POOL_WORK, POOL_NAMES, POOL_LANES };

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct trale_job {
    struct trale_link link;              /* L: on the queue */
    intptr_t (*run)(struct trale_job *); /* I: on a thread of the pool */
    void (*free)(struct trale_job *);    /* I: by whoever is the last to know it */
    intptr_t result;                     /* R: */
    trale_waker *waker;                  /* L: of who waits; borrowed; NULL: nobody does */
    enum job_state state;                /* L: */
    bool abandoned;                      /* L: nobody will ask for the result */
    enum pool_lane lane;                 /* I: */
};

/*
 * Queues a new job whose run and free are filled in, for whom *slot belongs to; its result is
 * -EAGAIN if there is no thread for it and none can be started. -ESHUTDOWN: the process exits,
 * and the job was freed; so it was with errors of process_watch.
 */
int pool_begin(struct trale_job **slot, struct trale_job *job, enum pool_lane index);

/* READY: it is done, and result is there. Else that waker is woken when it is. */
enum trale_poll pool_poll(struct trale_job *job, trale_waker *waker);

/* Has nobody begun it, or is there no job (NULL)? Then nobody will; it is done, its result is what
 * it was at first. */
bool pool_withdraw(struct trale_job *job);

/* The caller is finished with the job: it does not begin any more; if it runs, it is freed at its
 * end; else it is freed now. NULL does nothing. */
void pool_leave(struct trale_job *job);

/* Ends the threads that have nothing to do, and waits until they have ended. One that had nothing to do
 * for so long that it left by itself may still be on its way out. */
void pool_empty(void);

/* process_exits() is true: nobody begins what is queued, and who waits for it is told so,
 * -ESHUTDOWN. Ends the threads as pool_empty does. */
void pool_exit(void);

/* Around fork. The child has none of the threads and none of the jobs. */
void pool_before_fork(void);
void pool_after_fork(bool in_child);

#endif
