/* A runtime on the calling thread, for as long as one function runs. */
#include <errno.h>

#include "base/futex.h"
#include "core/runtime.h"
#include "core/spawn.h"
#include "task/await.h"

static bool has_ended(const struct executor *ex, const void *task)
{
    (void)ex;
    return state_is_done(&((const trale_task *)task)->waker.state);
}

static bool has_no_tasks(const struct executor *ex, const void *unused)
{
    (void)unused;
    return !runtime_has_tasks(ex->runtime);
}

/* The process exits, and has stopped us: nothing that it would come back to may run any more. */
static _Noreturn void await_exit(void)
{
    uint32_t never = 0;

    for (;;)
        futex_wait(&never, 0, -1);
}

/* Until the task has ended, and then, cancelled, all that it has left. If exit has closed the runtime,
 * what is left still uses what it was lent. */
static void run(trale_runtime *rt, const trale_task *task)
{
    struct executor *ex = &rt->executors[0];
    bool ran;

    executor_begin(ex);
    ran = executor_run(ex, has_ended, task) && runtime_close(rt, true);
    if (ran) {
        executor_cancel_all(ex);
        ran = executor_run(ex, has_no_tasks, NULL);
    }
    executor_end(ex);
    if (!ran)
        await_exit();
}

/* The result of a task that has ended: it is there at once, and takes no waker, for which there might
 * be no memory. */
static void take_result(trale_task *task, intptr_t *result)
{
    trale_context nobody = {0};
    trale_join_future f;

    trale_join_init(&f, task, result);
    trale_future_poll(&f.future, &nobody);
}

int trale_run(trale_fn *fn, void *arg, intptr_t *result)
{
    const char *site = spawn_site();
    trale_spawn_options options = {0};
    trale_task *task;
    int error;

    await_check(__func__);
    if (!fn)
        return -EINVAL;
    if (trale_self())
        return -EDEADLK;
    error = runtime_new_inline(&options.runtime);
    if (error != 0)
        return error;
    trale_spawn_site_(site);
    error = (trale_spawn_with)(&task, &options, fn, arg);
    if (error == 0) {
        run(options.runtime, task);
        take_result(task, result);
    } else {
        runtime_close(options.runtime, true);
        executor_begin(&options.runtime->executors[0]); /* exit may wait for its end */
        executor_end(&options.runtime->executors[0]);
    }
    runtime_destroy(options.runtime);
    return error;
}
