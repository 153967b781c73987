/* Joining: the holder of the handle leaves its waker in the task, and takes the result. */
#include <errno.h>

#include "task/await_fiber.h"
#include "task/ops.h"
#include "task/task.h"
#include "task/thread.h"

/*
 * The call of a fiber, which is over before the fiber is, on the thread that ends the task: then
 * the waker is borrowed, and no other thread can come by meanwhile. A new task that any executor may
 * start could be started by another.
 */
static bool is_call_here(const trale_join_future *f)
{
    return f->call && !f->task->shared && f->task->home == this_thread.queue;
}

/* In a section: who walks the lists reads its neighbours in the same word. */
static void set_joined_here(trale_task *task, bool here)
{
    section_begin(&task->home->freeze);
    task->joined_here = here;
    section_end(&task->home->freeze);
}

/* True: the slot was ours, or there was none; false: the task is done. */
static bool disarm(trale_join_future *f)
{
    if (!f->armed)
        return true;
    f->armed = false;
    if (is_call_here(f) && f->task->joined_here) {
        set_joined_here(f->task, false);
        return true;
    }
    if (!state_join_disarm(&f->task->waker.state))
        return false;
    trale_waker_drop(f->task->joiner);
    return true;
}

static bool arm(trale_join_future *f, trale_waker *waker)
{
    if (f->armed && f->task->joiner == waker && !state_is_done(&f->task->waker.state))
        return true;
    if (!disarm(f))
        return false; /* race: it has ended since it was looked at */
    if (is_call_here(f)) {
        f->task->joiner = waker;
        set_joined_here(f->task, true);
        return f->armed = true;
    }
    f->task->joiner = trale_waker_clone(waker);
    f->armed = state_join_arm(&f->task->waker.state);
    if (!f->armed)
        trale_waker_drop(waker);
    return f->armed;
}

static enum trale_poll join_poll(trale_future *self, trale_context *cx)
{
    trale_join_future *f = container_of(self, trale_join_future, future);

    if (!f->task)
        return future_ready(&f->future, -EINVAL);
    if (f->task == this_thread.task)
        return future_ready(&f->future, -EDEADLK);
    if (!state_is_done(&f->task->waker.state)) {
        if (wait_is_vain())
            return future_ready(&f->future, -ESHUTDOWN);
        if (arm(f, trale_context_waker(cx)))
            return TRALE_PENDING;
    }
    f->armed = false;
    if (f->result)
        *f->result = f->task->result;
    task_release(f->task);
    f->task = NULL;
    return future_ready(&f->future, 0);
}

static void join_drop(trale_future *self)
{
    disarm(container_of(self, trale_join_future, future));
}

const struct trale_future_ops join_ops = {join_poll, join_drop, "join"};

void trale_join_init(trale_join_future *f, trale_task *task, intptr_t *result)
{
    *f = (trale_join_future){.future = {.ops = &join_ops}, .task = task, .result = result};
}

int trale_join(trale_task *task, intptr_t *result)
{
    trale_join_future f;

    f = (trale_join_future){
        .future = {.ops = &join_ops}, .task = task, .result = result, .call = true};
    return (int)await_known(__func__, &f.future, join_poll, join_drop);
}
