#include "task/waker.h"

#include "task/task.h"
#include "task/thread.h"
#include "task/thread_waker.h"

static trale_task *as_task(trale_waker *waker)
{
    return container_of(waker, trale_task, waker);
}

/* The batch grows at its newest end, as an inbox does. */
static void batch_add(struct wake_batch *batch, trale_waker *waker)
{
    waker->next = batch->newest;
    batch->newest = waker;
    if (!batch->oldest)
        batch->oldest = waker;
}

static bool is_here(const trale_task *task)
{
    return task->home == this_thread.queue;
}

void waker_claim(trale_waker *waker, struct wake_batch *batch)
{
    if (state_is_thread(&waker->state)) {
        if (state_thread_wake(&waker->state))
            batch_add(batch, waker);
    } else if (is_here(as_task(waker))) {
        task_wake_here(as_task(waker));
    } else if (state_wake(&waker->state)) {
        batch_add(batch, waker);
    }
}

/* Its neighbours on the wait queue may be anywhere. */
void waker_prefetch(const trale_waker *waker)
{
    const trale_task *task = container_of(waker, trale_task, waker);

    if (state_is_thread(&waker->state) || !is_here(task))
        return;
    __builtin_prefetch(task->link.prev, 1);
    __builtin_prefetch(task->link.next, 1);
}

void waker_claim_cancel(trale_waker *task, struct wake_batch *batch)
{
    if (state_cancel(&task->state))
        batch_add(batch, task);
}

static void push_and_interrupt(struct wake_batch *batch, struct run_queue *home)
{
    pushers_enter(&home->pushers);
    if (inbox_push(&home->inbox, batch->newest, batch->oldest))
        home->interrupt(home);
    pushers_leave(&home->pushers);
}

/* home NULL: there is nothing to push yet. */
static void batch_push(struct wake_batch *batch, struct run_queue *home)
{
    if (!home)
        return;
    if (home->interrupt)
        push_and_interrupt(batch, home);
    else if (inbox_push(&home->inbox, batch->newest, batch->oldest))
        inbox_wake(&home->inbox);
    *batch = (struct wake_batch){0};
}

/* Other executors' tasks are pushed in runs, oldest first, each run at once. */
void wake_batch_send(struct wake_batch *batch)
{
    struct wake_batch run = {0};
    struct run_queue *home = NULL;
    trale_waker *oldest = NULL, *next;

    for (trale_waker *w = batch->newest; w; w = next) {
        next = w->next;
        w->next = oldest;
        oldest = w;
    }
    *batch = (struct wake_batch){0};
    for (trale_waker *w = oldest; w; w = next) {
        next = w->next;
        if (state_is_thread(&w->state)) {
            thread_waker_deliver(w);
            continue;
        }
        if (is_here(as_task(w))) { /* it was cancelled */
            state_take_back(&w->state);
            task_wake_here(as_task(w));
            continue;
        }
        if (as_task(w)->home != home) {
            batch_push(&run, home);
            home = as_task(w)->home;
        }
        batch_add(&run, w);
    }
    batch_push(&run, home);
}

void trale_waker_wake(trale_waker *waker)
{
    struct wake_batch batch = {0};

    if (!waker)
        return;
    waker_claim(waker, &batch);
    wake_batch_deliver(&batch);
}

trale_waker *trale_waker_clone(trale_waker *waker)
{
    if (waker)
        state_retain(&waker->state);
    return waker;
}

void trale_waker_drop(trale_waker *waker)
{
    if (!waker)
        return;
    if (state_is_thread(&waker->state))
        thread_waker_release(waker);
    else
        task_release(as_task(waker));
}

trale_waker *trale_context_waker(trale_context *cx)
{
    return cx->waker;
}
