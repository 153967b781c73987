/*
 * How polls follow each other. The executor polls what stands first on its run queue. A fiber that
 * is suspended need not go back to it for that: if what stands there now is a fiber too, the poll of
 * the one ends here, that of the other begins, and one switch leads from stack to stack. The
 * executor has its turn when there is something else to poll, a fiber has ended, or it is to look
 * around.
 */
#ifndef TASK_HAND_OVER_H
#define TASK_HAND_OVER_H

#include "base/inline.h"
#include "base/lots.h"
#include "base/misuse.h"
#include "task/fiber.h"
#include "task/task.h"
#include "task/thread.h"

/* What stands first on the run queue, if anything does. */
ALWAYS_INLINE trale_task *poll_next(const struct run_queue *queue)
{
    return container_of(queue->ready.next, trale_task, link);
}

/* By lot, in tests: one of the next few becomes the first. */
static inline void poll_draw_first(struct run_queue *queue)
{
    struct trale_link *link = queue->ready.next;

    for (uint32_t n = lots_draw(8); n > 0 && link->next != &queue->ready; n--)
        link = link->next;
    if (link == queue->ready.next)
        return;
    section_begin(&queue->freeze);
    list_remove(link);
    list_push_front(&queue->ready, link);
    section_end(&queue->freeze);
}

/* May one more poll begin, when so much more has been spent? */
ALWAYS_INLINE bool poll_goes_on(const struct run_queue *queue, unsigned spent)
{
    return !list_empty(&queue->ready) &&
           atomic_load_explicit(&queue->polls, memory_order_relaxed) != queue->until &&
           queue->spent + spent < POLL_BUDGET;
}

/* A poll begins: the task that stands first on the run queue waits, until it is woken. Returns
 * whether it has arrived, for state_start. */
ALWAYS_INLINE bool poll_begin_in_section(struct run_queue *queue, trale_task *task)
{
    uint32_t polls = atomic_load_explicit(&queue->polls, memory_order_relaxed) + 1;
    bool arrived = task->arrived;

    if (&task->link == queue->last)
        queue->until = polls;
    task->ready = task->arrived = false;
    list_remove(&task->link);
    list_push_back(&queue->waiting, &task->link);
    atomic_store_explicit(&queue->polled, task, memory_order_relaxed);
    atomic_store_explicit(&queue->polls, polls, memory_order_relaxed);
    return arrived;
}

/* Not one that was cancelled before it started: that does not start. */
ALWAYS_INLINE bool can_be_handed_to(const trale_task *task)
{
    return task_future(task)->ops == &fiber_ops &&
           (fiber_is_running(task_future(task)) || !state_is_cancelled(&task->waker.state));
}

/*
 * The running fiber is about to be suspended. Returns the fiber to switch to, whose poll has begun;
 * NULL: the executor.
 */
ALWAYS_INLINE struct fiber *hand_over(struct run_queue *queue, bool yields)
{
    trale_task *task = this_thread.task, *next;
    bool arrived;

    poll_draw_first(queue);
    next = poll_next(queue);
    if (!poll_goes_on(queue, this_thread.spent) || next == task || !can_be_handed_to(next)) {
        this_thread.yielded = yields;
        return NULL;
    }
    section_begin(&queue->freeze);
    if (yields && !task->ready)
        task_ready_in_section(queue, task);
    arrived = poll_begin_in_section(queue, next);
    section_end(&queue->freeze);
    queue->spent += this_thread.spent;
    this_thread.spent = 0;
    this_thread.task = next;
    state_start(&next->waker.state, arrived);
    fiber_start(container_of(task_future(next), struct fiber, future));
    return container_of(task_future(next), struct fiber, future);
}

/* Called on the fiber's stack: lets its poll return PENDING. yields: it is to be polled again at
 * once. */
ALWAYS_INLINE void fiber_suspend(trale_future *fiber, bool yields)
{
    struct run_queue *queue = this_thread.queue;

    if (queue)
        fiber_switch_out(container_of(fiber, struct fiber, future), queue,
                         hand_over(queue, yields));
    else
        misuse("fork", "a child that was forked in a task has no runtime to go on with");
}

#endif
