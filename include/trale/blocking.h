/*
 * Work that blocks its thread: system calls without a non-blocking form, libraries, long
 * computations. It runs on the threads of a pool, which start when they are needed, 64 at most,
 * and leave when they have had nothing to do for some seconds. The pool is the process's, not a
 * runtime's. Its threads block every signal that is not a fault; a child that is forked there has
 * none blocked, and must not return from the function.
 */
#ifndef TRALE_BLOCKING_H
#define TRALE_BLOCKING_H

#include <trale/future.h>

TRALE_BEGIN

struct trale_job; /* private */

/*
 * Runs fn(arg) on a thread of the pool, waits for its end and returns what it returned. In fn the
 * caller is a plain thread, and what it has done here or by file.h runs on that same thread, so
 * that it never waits for others to leave the pool. If the calling task is cancelled before fn has
 * begun, it does not run; once it runs, the call waits for its end all the same and returns its
 * result, so arg may live on the caller's stack.
 *   -ECANCELED, -ETIMEDOUT: fn did not run, and will not.
 *   -EINVAL: fn is NULL.      -ENOMEM.      -EAGAIN: not even one thread could be started.
 *   -ESHUTDOWN: the process exits.
 * What fn returns is indistinguishable from these.
 */
TRALE_API intptr_t trale_blocking(trale_fn *fn, void *arg);

/* How many threads the pool may have, 1 to 4096; more than that wait for a thread. Those that it
 * has above a new limit leave when they have nothing to do.
 *   -EINVAL: threads is out of range. */
TRALE_API int trale_blocking_limit(unsigned threads);

/* Dropped while fn runs, it lets fn go on and forgets its result: what arg points to must live
 * until fn has ended. */
typedef struct trale_blocking_future {
    trale_future future;
    trale_fn *fn;
    void *arg;
    struct trale_job *job; /* private */
} trale_blocking_future;

TRALE_API void trale_blocking_init(trale_blocking_future *f, trale_fn *fn, void *arg);

TRALE_END

#endif
