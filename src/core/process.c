#include "core/process.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/runtime.h"
#include "task/stack.h"
#include "task/thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int watch_error;     /* written once */
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
    watch_error = -pthread_atfork(before_fork, after_fork, after_fork_in_child);
    if (watch_error == 0 && atexit(runtime_stop_all) != 0)
        watch_error = -ENOMEM;
}

int process_watch(void)
{
    pthread_once(&once, watch);
    return watch_error;
}
