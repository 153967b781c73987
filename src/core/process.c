#include "core/process.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/runtime.h"
#include "task/stack.h"
#include "task/thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_bool watched; /* both handlers are registered */
static atomic_bool failed;  /* registering them has failed before */
static unsigned generation; /* written by a forked child while it has one thread */

void process_lock(void)
{
    pthread_mutex_lock(&lock);
}

void process_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

unsigned process_generation(void)
{
    return generation;
}

static void before_fork(void)
{
    runtime_before_fork();
    process_lock();
    stack_pool_lock();
}

static void after_fork(void)
{
    stack_pool_unlock();
    process_unlock();
    runtime_after_fork();
}

/* If a task called fork, its function goes on here, on its own stack, as a plain thread. */
static void after_fork_in_child(void)
{
    generation++;
    runtime_forget_all();
    after_fork();
    this_thread.queue = NULL;
    this_thread.task = NULL;
    this_thread.polling = false;
    this_thread.stacks = NULL;
}

static void watch(void)
{
    static bool fork_watched;

    if (!fork_watched)
        fork_watched = pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0;
    if (fork_watched && atexit(runtime_stop_all) == 0)
        atomic_store(&watched, true);
    else
        atomic_store(&failed, true);
}

/* Once, and again at every later call if it failed. A child that is forked meanwhile begins anew
 * with pthread_once; with the lock of the second try it could not. */
int process_watch(void)
{
    static pthread_mutex_t again = PTHREAD_MUTEX_INITIALIZER;

    bool retry = atomic_load(&failed);

    if (atomic_load(&watched))
        return 0;
    pthread_once(&once, watch);
    if (retry) {
        pthread_mutex_lock(&again);
        if (!atomic_load(&watched))
            watch();
        pthread_mutex_unlock(&again);
    }
    return atomic_load(&watched) ? 0 : -ENOMEM;
}
