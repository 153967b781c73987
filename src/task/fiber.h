/*
 * A fiber is a future with a stack: polling it switches to the stack, where its function runs
 * until it waits or returns. Task, fiber and copied argument stand at the top of the stack's
 * mapping, so a fiber task is one mapping and no malloc.
 */
#ifndef TASK_FIBER_H
#define TASK_FIBER_H

#include "base/inline.h"
#include "task/fiber_annotate.h"
#include "task/stack.h"
#include "task/switch.h"
#include "task/task.h"
#include "task/thread.h"

/* What every switch needs comes first, in the line that the task's header ends in. */
struct fiber {
    trale_future future;
    void *sp;                  /* while it is suspended */
    struct trale_scope *scope; /* the innermost it is in */
    trale_future *awaits;      /* what it was suspended for last, unless it yielded */
    bool started, done;
    trale_fn *fn;
    void *arg;
    void (*ended)(void *arg, intptr_t result); /* may be NULL */
    struct stack *stack;
    struct annotation annotation;
};

struct fiber_options {
    trale_fn *fn;
    void *arg;
    const void *copied; /* if not NULL, the fiber's arg is a copy of so many bytes of this */
    size_t copy;
    size_t stack_size; /* bytes */
    bool handle;
    const char *name, *site;
    /* Called once on the executor, as the task ends, whether it ran or not; may be NULL. */
    void (*ended)(void *arg, intptr_t result);
};

/* Largest stack, and largest copy, that may be asked for. */
#define FIBER_SIZE_MAX ((size_t)1 << 30)

/* NULL: no memory. Owned as by task_new. */
trale_task *fiber_new(const struct fiber_options *options);

/* Of a fiber's task; see task_free. */
void fiber_free(trale_task *task);

/* What its function is called with. */
void *fiber_argument(const trale_task *task);

/* Is it a fiber with this as its ended? */
bool fiber_ends_by(const trale_task *task, void (*ended)(void *arg, intptr_t result));

extern const struct trale_future_ops fiber_ops;

/* next NULL: to the executor. */
UNINSTRUMENTED static void fiber_switch_out(struct fiber *f, struct run_queue *queue,
                                            struct fiber *next)
{
    if (next)
        annotate_hand_over(&f->annotation, &next->annotation, next->stack->low,
                           (size_t)((char *)(next->stack + 1) - next->stack->low));
    else
        annotate_leave(&f->annotation, f->done);
    fiber_switch(&f->sp, next ? next->sp : queue->sp, fiber_control());
    annotate_entered_fiber(&f->annotation);
}

/* Returns when a fiber was suspended, or is done, and has not handed over to another. */
UNINSTRUMENTED static void fiber_switch_in(struct fiber *f, struct run_queue *queue)
{
    annotate_enter(&f->annotation, f->stack->low,
                   (size_t)((char *)(f->stack + 1) - f->stack->low));
    fiber_switch(&queue->sp, f->sp, queue->control);
    f = container_of(task_future(this_thread.task), struct fiber, future);
    annotate_entered_executor(&f->annotation);
}

/* Before a switch to it, which may be the first. */
static inline void fiber_start(struct fiber *f)
{
    if (!f->started)
        annotate_create(&f->annotation);
    f->started = true;
}

/* The poll of a fiber: runs it until it is suspended or done, and then, if it hands over, others.
 * What it returns holds of the last one, this_thread.task. Inline: see switch.h. */
ALWAYS_INLINE enum trale_poll fiber_resume(struct fiber *f)
{
    this_thread.polling = false;
    fiber_start(f);
    fiber_switch_in(f, this_thread.queue);
    this_thread.polling = true;
    f = container_of(task_future(this_thread.task), struct fiber, future);
    if (!f->done)
        return TRALE_PENDING;
    annotate_destroy(&f->annotation);
    return TRALE_READY;
}

/* Called on the fiber's stack, before it is suspended: who freezes the executor then may look. */
static inline void fiber_note_wait(trale_future *fiber, trale_future *awaited)
{
    container_of(fiber, struct fiber, future)->awaits = awaited;
}

/* Is it a fiber whose function has started? Then it can only end by itself. */
static inline bool fiber_is_running(const trale_future *future)
{
    return future->ops == &fiber_ops && container_of(future, const struct fiber, future)->started;
}

/* Is it a fiber whose function has not started? */
bool fiber_is_new(const trale_future *future);

/* What a task that waits is waiting for: the fiber's future, or the task's own. */
const trale_future *fiber_awaits(const trale_future *future);

/* Is address on the guard page of this task's stack? If so, *size is the stack's size. */
bool fiber_overflowed(const trale_task *task, const void *address, size_t *size);

#endif
