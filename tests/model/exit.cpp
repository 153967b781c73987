/*
 * exit: src/core/process.c as it is, and what it has to do with the end of a runtime. Each runtime is
 * stopped by exit, or freed by whoever freed it before, and not both; what exit stops stays closed.
 */
#include "shutdown.hpp"

#define CORE_POOL_H
#define CORE_THREAD_START_H
#define TASK_BLOCK_H
#define TASK_SCOPE_H
#define TASK_STACK_H
#define TASK_THREAD_WAKER_H
#define TRALE_SEC INT64_C(1000000000)

namespace model
{
namespace
{

enum { WAS_FREED, WAS_STOPPED, GAVE_UP, NOT_MADE };

/* What it calls, of which nothing is asked here but that the runtime is still there. */
struct process_base {
    atomic_bool executors_stopped;
    struct {
        void *queue, *task, *stacks, *blocks;
        bool polling, blocks_signals;
    } this_thread = {};
    int stopped = 0; /* reactors */

    void executor_stop(executor *ex)
    {
        RL_ASSERT(!of(ex->runtime)->freed);
    }
    bool executor_wait_left(executor *ex, int64_t)
    {
        executor_stop(ex);
        return true;
    }
    template <typename R> void reactor_stop(R *reactor)
    {
        trale_runtime *rt = container_of(reactor, trale_runtime, reactor);

        RL_ASSERT(!of(rt)->freed);
        stopped++;
    }
};

} // namespace
} // namespace model

/* Forks have no scenario. */
#define runtime_before_fork() ((void)0)
#define runtime_after_fork(in_child) ((void)0)
#define stack_pool_lock() ((void)0)
#define stack_pool_unlock() ((void)0)
#define block_pool_lock() ((void)0)
#define block_pool_unlock() ((void)0)
#define pool_before_fork() ((void)0)
#define pool_after_fork(in_child) ((void)0)
#define thread_waker_forked() ((void)0)
#define thread_unblock_signals() ((void)0)
#define poller_close(poller) ((void)(poller))
#define pthread_atfork(before, after, in_child) 0

#define atexit(handler) 0
#define pthread_join(thread, result) ((void)0)
#define pool_exit() ((void)0)
#define scope_leave_executor() ((void)0)
#define pthread_mutex_t model::mutex
#undef PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_INITIALIZER model::mutex()
#define pthread_mutex_lock(m) STEP((m)->lock())
#define pthread_mutex_unlock(m) STEP((m)->unlock())
#define runtime_close(rt, round) STEP(runtime_close(rt, round))
#define runtime_wake_waiters(rt) STEP(runtime_wake_waiters(rt))
#undef process_lock
#undef process_unlock
#undef process_exits
#define static
#define __attribute__(...)
namespace
{
struct process : model::process_base {
#include "core/process.c"
};
} // namespace
#undef static
#undef __attribute__
#undef runtime_close
#undef runtime_wake_waiters

namespace model
{

static ::process *the_process;

static bool process_is_exiting()
{
    return the_process->process_exits();
}

static bool waits_in_vain()
{
    announce(&the_process->executors_stopped, false);
    return the_process->executors_stopped.cell.load(rl::mo_seq_cst, RL_INFO);
}

static void destroyed(trale_runtime *rt)
{
    bool last;

    if (the_process->process_remove(rt, &last))
        of(rt)->destroy();
}

namespace
{

struct with_process : with_runtime {
    ::process process;
    bool listed = true;

    with_process()
    {
        the_process = &process;
        the_lock = &process.lock;
        atomic_init(&process.exiting, false);
        atomic_init(&process.executors_stopped, false);
        rt.executors[0].threaded = true;
        rt.executors[0].is_inline = false;
    }
    void list_it()
    {
        RL_ASSERT(process.process_add(&rt) == 0);
    }
    void is_settled()
    {
        bool closed = rt.tasks.cell.debug_value() & 1;

        RL_ASSERT(process.stopped == (listed && !freed));
        RL_ASSERT(list_empty(&process.all) == !process.stopped);
        RL_ASSERT(closed == listed && process.executors_stopped.cell.debug_value());
        reached(freed ? WAS_FREED : WAS_STOPPED);
    }
};

/* Its last task ends meanwhile. */
struct freed_at_exit : suite<freed_at_exit, 3, 1 << WAS_FREED | 1 << WAS_STOPPED, 3>,
                       with_process {
    void before()
    {
        list_it();
        let_one_in();
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return process.at_exit();
        if (index == 1)
            return runtime_uncount(&rt, 1);
        int error = free_it();
        RL_ASSERT(error == 0 || error == -ESHUTDOWN);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(freed_at_exit, "exit: one frees, the last task ends");

/* A task is left, and the deadline has passed. */
struct gives_up_at_exit : suite<gives_up_at_exit, 2, 1 << WAS_STOPPED | 1 << GAVE_UP>,
                          with_process {
    void before()
    {
        list_it();
        let_one_in();
        the_time = 10;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return process.at_exit();
        int error = free_it(10);
        RL_ASSERT(error == -ETIMEDOUT || error == -ESHUTDOWN);
        if (error == -ETIMEDOUT)
            reached(GAVE_UP);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(gives_up_at_exit, "exit: a freeing gives up");

/* No task ends any more: who waits for that is told. */
struct waits_at_exit : suite<waits_at_exit, 3, 1 << WAS_STOPPED, 3>, with_process {
    void before()
    {
        list_it();
        let_one_in();
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return process.at_exit();
        RL_ASSERT((index == 1 ? free_it() : wait_for_all()) == -ESHUTDOWN);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(waits_at_exit, "exit: one frees, one waits, no task ends");

/* As trale_run does that could not begin, whether it closes its runtime or exit. */
struct run_fails_at_exit : suite<run_fails_at_exit, 2, 1 << WAS_FREED | 1 << WAS_STOPPED>,
                           with_process {
    void before()
    {
        list_it();
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return process.at_exit();
        runtime_close(&rt, true);
        destroyed(&rt);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(run_fails_at_exit, "exit: a trale_run fails");

struct made_at_exit : suite<made_at_exit, 2, 1 << WAS_STOPPED | 1 << NOT_MADE>, with_process {
    void thread(unsigned index)
    {
        if (index == 0)
            return process.at_exit();
        int error = process.process_add(&rt);
        RL_ASSERT(error == 0 || error == -ESHUTDOWN);
        listed = error == 0;
        if (!listed)
            reached(NOT_MADE);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(made_at_exit, "exit: a runtime is made");

} // namespace
} // namespace model
