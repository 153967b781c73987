/*
 * Task locals: a value for each task, and for each plain thread; what pthread_setspecific(3) is
 * for threads. Thread-local variables are shared by the tasks of an executor; these are not.
 *
 *     static const trale_local request = {.destructor = free};
 *
 *     trale_local_set(&request, r);        in the task
 *     ... trale_local_get(&request) ...    in whatever it calls, also after it has waited
 *
 * A local is a plain struct that is known by its address; it must live as long as tasks that have
 * set it. A task that sets none pays nothing. Work on the pool (blocking.h) runs on other threads,
 * and sees theirs. A child that is forked in a task is a plain thread there, and has none.
 */
#ifndef TRALE_LOCAL_H
#define TRALE_LOCAL_H

#include <trale/base.h>

TRALE_BEGIN

typedef struct trale_local {
    /*
     * Called with the value, unless that is NULL, when the task has ended or the thread ends. The
     * value is NULL then; destructors may set values, and run again for those, four times at most.
     * In a task it must not wait, and runs before a join of the task returns. It does not run for
     * the main thread, nor for tasks that are pending at exit(3). NULL: none.
     */
    void (*destructor)(void *value);
} trale_local;

/* The value that the running task, or plain thread, has set; NULL: none, or local is NULL. */
TRALE_API void *trale_local_get(const trale_local *local);

/* Sets it. What was there before is forgotten, without its destructor.
 *   -EINVAL: local is NULL.     -ENOMEM. */
TRALE_API int trale_local_set(const trale_local *local, void *value);

TRALE_END

#endif
