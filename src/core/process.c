#include "core/process.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/pool.h"
#include "core/runtime.h"
#include "core/thread_start.h"
#include "task/block.h"
#include "task/scope.h"
#include "task/stack.h"
#include "task/thread.h"
#include "task/thread_waker.h"

/* How long exit waits for polls that do not come back. */
#define EXIT_PATIENCE_NS TRALE_SEC

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trale_link all = {&all, &all}; /* lock: every runtime */
static atomic_bool exiting;                  /* set under the lock: see take_list */
static int fork_error;                       /* written once, before main */
unsigned process_forks;

void process_lock(void)
{
    pthread_mutex_lock(&lock);
}

void process_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

bool process_exits(void)
{
    return atomic_load(&exiting);
}

static void before_fork(void)
{
    runtime_before_fork();
    process_lock();
    stack_pool_lock();
    block_pool_lock();
    pool_before_fork();
}

static void after_fork(void)
{
    pool_after_fork(false);
    block_pool_unlock();
    stack_pool_unlock();
    process_unlock();
    runtime_after_fork(false);
}

/*
 * Closing our copies of their descriptors does nothing to the parent's. Their memory cannot be
 * freed, for the parent's threads may have been changing it; leak checkers still find it.
 */
static void forget_all(void)
{
    static struct trale_link forgotten = {&forgotten, &forgotten};
    struct trale_link *link;

    for (link = all.next; link != &all; link = link->next)
        poller_close(&container_of(link, trale_runtime, link)->reactor.poller);
    list_append(&forgotten, &all);
}

/* On a task's thread that will run no task any more: what is still called on it, by exit or in a
 * forked child, is called by a plain thread. */
static void leave_executor(void)
{
    scope_leave_executor();
    this_thread.queue = NULL;
    this_thread.task = NULL;
    this_thread.polling = false;
    this_thread.stacks = NULL;
    this_thread.blocks = NULL;
}

/* If a task called fork, its function goes on here, on its own stack, as a plain thread. */
static void after_fork_in_child(void)
{
    process_forks++;
    forget_all();
    pool_after_fork(true);
    block_pool_unlock();
    stack_pool_unlock();
    process_unlock();
    runtime_after_fork(true);
    thread_waker_forked();
    if (this_thread.blocks_signals)
        thread_unblock_signals();
    this_thread.blocks_signals = false;
    leave_executor();
}

/* Before there is a second thread: a fork must never miss a lock that is held. */
__attribute__((constructor)) static void watch_fork(void)
{
    fork_error = -pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

int process_add(trale_runtime *rt)
{
    bool exits;

    process_lock();
    exits = process_exits();
    if (!exits)
        list_push_back(&all, &rt->link);
    process_unlock();
    return exits ? -ESHUTDOWN : 0;
}

bool process_remove(trale_runtime *rt, bool *last)
{
    bool exits;

    process_lock();
    exits = process_exits();
    if (!exits)
        list_remove(&rt->link);
    *last = list_empty(&all);
    process_unlock();
    return !exits;
}

trale_runtime *process_next(const trale_runtime *rt)
{
    const struct trale_link *next = rt ? rt->link.next : all.next;

    return next != &all ? container_of(next, trale_runtime, link) : NULL;
}

/*
 * Not freed, and the default one stays the default: other threads may be about to use it. A poll
 * that does not come back is left to its fate.
 */
static void stop(trale_runtime *rt)
{
    struct executor *own = executor_current();
    int64_t until = clock_now() + EXIT_PATIENCE_NS, left;
    bool all_left = true;

    for_each_executor(ex, rt)
        if (ex != own)
            executor_stop(ex);
    for_each_executor(ex, rt) {
        left = until - clock_now();
        if (ex == own || !executor_wait_left(ex, left > 0 ? left : 0) || !ex->threaded)
            all_left = false;
        else
            pthread_join(ex->thread, NULL);
    }
    if (own && own->runtime == rt)
        leave_executor();
    if (all_left && !rt->executors[0].is_inline)
        reactor_stop(&rt->reactor);
}

/* From now on it stays as it is. */
static void take_list(void)
{
    process_lock();
    atomic_store(&exiting, true);
    process_unlock();
}

/* One that somebody is freeing stays closed, and there: see process_remove, runtime_reopen. */
static void at_exit(void)
{
    trale_runtime *rt = NULL;

    take_list();
    while ((rt = process_next(rt))) {
        runtime_close(rt, false);
        stop(rt);
    }
    atomic_store(&executors_stopped, true);
    while ((rt = process_next(rt)))
        runtime_wake_waiters(rt);
    pool_exit();
}

/* At the first use only, so that what the program registers later runs earlier. */
int process_watch(void)
{
    static atomic_bool exit_watched;

    if (fork_error != 0)
        return fork_error; /* unreachable: for want of memory, before main */
    if (!atomic_exchange(&exit_watched, true) && atexit(at_exit) != 0) {
        atomic_store(&exit_watched, false);
        return -ENOMEM;
    }
    return 0;
}
