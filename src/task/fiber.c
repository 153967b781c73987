#include "task/fiber.h"

#include <string.h>

#include "base/misuse.h"
#include "task/stack.h"
#include "task/thread.h"

/* The task is at the beginning of a line of the cache: two lines have all that waking and polling it
 * takes. */
struct fiber_task {
    trale_task task;
    struct fiber fiber;
};
_Static_assert(offsetof(struct fiber_task, fiber.future) == sizeof(trale_task), "its future");

#define LINE 64

_Noreturn void fiber_main(struct fiber *fiber);

/* On the fiber's stack; the trampoline has nothing to return to. */
ENTERED_BY_SWITCH void fiber_main(struct fiber *f)
{
    annotate_entered_fiber(&f->annotation);
    f->future.output = f->fn(f->arg);
    if (!this_thread.queue)
        misuse("fork", "a child that was forked in a task must end with _exit, not return");
    if (f->scope)
        misuse("trale_scope_leave", "a task must leave its scopes before it returns");
    f->done = true;
    fiber_switch_out(f, this_thread.queue, NULL);
    __builtin_unreachable();
}

static void fiber_drop(trale_future *self)
{
    struct fiber *f = container_of(self, struct fiber, future);

    if (f->ended)
        f->ended(f->arg, self->output);
}

/* It is polled by fiber_resume, which is no call. */
const struct trale_future_ops fiber_ops = {NULL, fiber_drop, "fiber"};

bool fiber_is_new(const trale_future *future)
{
    return future->ops == &fiber_ops && !fiber_is_running(future);
}

const trale_future *fiber_awaits(const trale_future *future)
{
    return future->ops == &fiber_ops ? container_of(future, const struct fiber, future)->awaits
                                     : future;
}

void *fiber_argument(const trale_task *task)
{
    return container_of(task_future(task), const struct fiber, future)->arg;
}

bool fiber_ends_by(const trale_task *task, void (*ended)(void *arg, intptr_t result))
{
    return task_future(task)->ops == &fiber_ops &&
           container_of(task_future(task), const struct fiber, future)->ended == ended;
}

bool fiber_overflowed(const trale_task *task, const void *address, size_t *size)
{
    const struct stack *stack;

    if (task_future(task)->ops != &fiber_ops)
        return false;
    stack = container_of(task_future(task), const struct fiber, future)->stack;
    *size = stack->size;
    return stack_guards(stack, address);
}

void fiber_free(trale_task *task)
{
    stack_put(container_of(task, struct fiber_task, task)->fiber.stack);
}

/* The frame that the first fiber_switch finds; word by word, as that reads it: a copy would wait for
 * what it was copied from. */
static void *first_frame(void *top, struct fiber *f)
{
    const uintptr_t frame[] = FIRST_FRAME(f);
    uintptr_t *words = (uintptr_t *)top - sizeof frame / sizeof *frame;

    for (size_t i = 0; i < sizeof frame / sizeof *frame; i++)
        words[i] = frame[i];
    return words;
}

static char *take(char **top, size_t size)
{
    return *top = (char *)((uintptr_t)(*top - size) & ~(uintptr_t)15);
}

static struct fiber_task *take_task(char **top)
{
    take(top, sizeof(struct fiber_task));
    *top = (char *)((uintptr_t)*top & ~(uintptr_t)(LINE - 1));
    return (struct fiber_task *)(void *)*top;
}

/* A few bytes do not make a stack of another size, which would have free stacks of its own. */
#define SMALL_COPY 512

trale_task *fiber_new(const struct fiber_options *o)
{
    struct stack *stack = stack_get(o->stack_size + (o->copy > SMALL_COPY ? o->copy : 0));
    struct fiber_task *new;
    struct fiber *f;
    char *top;

    if (!stack)
        return NULL;
    top = stack_top(stack);
    new = take_task(&top);
    f = &new->fiber;
    *f = (struct fiber){.future = {.ops = &fiber_ops},
                        .fn = o->fn,
                        .arg = o->arg,
                        .ended = o->ended,
                        .stack = stack};
    task_init(&new->task, o->handle, o->name, TASK_ON_STACK);
    new->task.site = o->site;
    if (o->copied)
        f->arg = memcpy(take(&top, o->copy), o->copied, o->copy);
    f->sp = first_frame(top, f);
    return &new->task;
}
