#include "core/process.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/runtime.h"
#include "core/thread_start.h"
#include "task/stack.h"
#include "task/thread.h"
#include "task/waker.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fork_error;      /* written once, before main */
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
    thread_waker_forked();
    if (this_thread.queue)
        thread_unblock_signals();
    this_thread.queue = NULL;
    this_thread.task = NULL;
    this_thread.polling = false;
    this_thread.stacks = NULL;
}

/* Before there is a second thread: a fork must never miss a lock that is held. */
__attribute__((constructor)) static void watch_fork(void)
{
    fork_error = -pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* At the first use only, so that what the program registers later runs earlier. */
int process_watch(void)
{
    static atomic_bool exit_watched;

    if (fork_error != 0)
        return fork_error;
    if (!atomic_exchange(&exit_watched, true) && atexit(runtime_stop_all) != 0) {
        atomic_store(&exit_watched, false);
        return -ENOMEM;
    }
    return 0;
}
