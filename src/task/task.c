#include "task/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/misuse.h"
#include "task/block.h"
#include "task/hand_over.h"
#include "task/local.h"
#include "task/thread.h"

_Thread_local struct thread this_thread;
atomic_bool executors_stopped;

/* AddressSanitizer knows better what happens to what malloc gave. */
#ifdef ANNOTATE_ADDRESS
#define IN_BLOCK 0
#else
#define IN_BLOCK BLOCK_MAX
#endif

void task_free(trale_task *task)
{
    if (task->memory == TASK_IN_BLOCK)
        block_put(task);
    else if (task->memory == TASK_ON_STACK)
        fiber_free(task);
    else
        free(task);
}

/* An executor has looked at the clock not long ago. */
static uint32_t born_now(void)
{
    const struct run_queue *queue = this_thread.queue;

    return task_clock(queue ? atomic_load_explicit(&queue->now, memory_order_relaxed)
                            : clock_coarse());
}

/* A new task is QUEUED: whoever makes it queues it. Its link is empty, it stands nowhere. Field by
 * field: to zero it first takes longer than all the rest. */
void task_init(trale_task *task, bool handle, const char *name, unsigned memory)
{
    list_init(&task->link);
    task->waker.next = NULL;
    task->home = NULL;
    task->locals = NULL;
    task->joiner = NULL;
    task->memory = memory & 3;
    task->name = name;
    task->site = NULL;
    task->born = born_now();
    task->round = 0;
    task->shared = task->ready = task->arrived = task->over = task->joined_here = false;
    atomic_init(&task->waker.state.word,
                STATE_QUEUED | (handle ? 2 * STATE_REFERENCE : STATE_REFERENCE));
}

trale_task *task_new(const trale_future *future, size_t size, bool handle, const char *name)
{
    const size_t header = sizeof(trale_task);
    bool large = size > IN_BLOCK || header + size > IN_BLOCK;
    trale_task *task = NULL;

    if (!large)
        task = block_get(header + size);
    else if (size <= SIZE_MAX - header)
        task = malloc(header + size);
    if (!task)
        return NULL;
    memcpy(task_future(task), future, size);
    task_init(task, handle, name, large ? TASK_IN_MALLOC : TASK_IN_BLOCK);
    return task;
}

void task_submit(trale_task *task)
{
    if (task->home == this_thread.queue) {
        task_ready(task);
        return;
    }
    task->waker.next = NULL;
    wake_batch_send(&(struct wake_batch){&task->waker, &task->waker});
}

void task_release(trale_task *task)
{
    if (state_release(&task->waker.state))
        task_free(task);
}

bool task_arrive_in_section(trale_task *task)
{
    if (task->over) {
        task->home->expected--;
        return false;
    }
    task->arrived = true;
    if (!task->ready)
        task_ready_in_section(task->home, task);
    return true;
}

static void wake_joiner(trale_task *task)
{
    trale_waker *joiner = task->joiner;

    trale_waker_wake(joiner);
    trale_waker_drop(joiner);
    task_release(task);
}

/* From here on nobody finds the task by the lists of its executor, and no wake puts it there. True:
 * a task of the same executor waits for its end, and is woken, to see it when it is polled. */
static bool leave(trale_task *task)
{
    struct run_queue *queue = task->home;
    bool joined_here = task->joined_here;

    section_begin(&queue->freeze);
    task->ready = task->over = true;
    task->joined_here = false;
    list_remove(&task->link);
    atomic_store_explicit(&queue->polled, NULL, memory_order_relaxed);
    if (joined_here)
        task_wake_in_section(queue, container_of(task->joiner, trale_task, waker));
    section_end(&queue->freeze);
    return joined_here;
}

/*
 * The future is done with, ready or cancelled; its output becomes the result. The drop of a
 * cancelled one may know that the operation took effect after all: see trale_future_ops.
 */
static void finish(trale_task *task, bool ready)
{
    struct run_queue *queue = task->home;
    trale_future *future = task_future(task);
    intptr_t result = future->output;
    unsigned finished;
    bool joined_here;

    if (future->ops->drop)
        future->ops->drop(future);
    locals_end(&task->locals);
    task->result = ready ? result : future->output;
    queue->ended++;
    joined_here = leave(task);
    if (state_is_sole(&task->waker.state)) {
        task_free(task);
        return;
    }
    /* Who learns of the end on another thread must find it accounted for. */
    if (!joined_here)
        queue->account(queue);
    finished = state_finish(&task->waker.state);
    if (finished & FINISHED_ON_ITS_WAY)
        queue->expected++;
    if (finished & FINISHED_WAKE_JOINER)
        wake_joiner(task);
    if (finished & FINISHED_FREE)
        task_free(task); /* race: the handle went since we looked */
}

/* Nearly every task is a fiber, and its poll is no call: see switch.h. */
ALWAYS_INLINE enum trale_poll poll(trale_task *task)
{
    trale_context cx = {.waker = &task->waker};

    if (task_future(task)->ops == &fiber_ops)
        return fiber_resume(container_of(task_future(task), struct fiber, future));
    return task_future(task)->ops->poll(task_future(task), &cx);
}

/* Polls, or drops if there is nothing to unwind. True: the task has ended; if it handed over to
 * others, the last one. */
static bool poll_or_cancel(trale_task *task, bool arrived)
{
    if (state_start(&task->waker.state, arrived) && !fiber_is_running(task_future(task))) {
        task_future(task)->output = -ECANCELED;
        finish(task, false);
        return true;
    }
    if (poll(task) == TRALE_PENDING)
        return false;
    finish(this_thread.task, true);
    return true;
}

static void task_wake_again(trale_task *task)
{
    this_thread.yielded = false;
    if (!task->ready)
        task_ready(task);
}

/* One poll of the task that stands first on the run queue, and those of the fibers that it hands
 * over to. */
static void run(struct run_queue *queue)
{
    trale_task *task = poll_next(queue);
    bool arrived, ended;

    section_begin(&queue->freeze);
    arrived = poll_begin_in_section(queue, task);
    section_end(&queue->freeze);
    this_thread.task = task;
    this_thread.polling = true;
    this_thread.spent = 0;
    ended = poll_or_cancel(task, arrived);
    task = this_thread.task;
    this_thread.polling = false;
    this_thread.task = NULL;
    if (!this_thread.queue)
        misuse("fork", "a child that was forked in a task must end with _exit, not return");
    queue->spent += this_thread.spent;
    if (ended)
        return;
    /* Before: what a fiber that yielded is said to wait for is of an earlier wait, and gone. */
    if (this_thread.yielded)
        task_wake_again(task);
    /* Release: pairs with the acquire of who walks the lists. */
    atomic_store_explicit(&queue->polled, NULL, memory_order_release);
}

unsigned run_queue_poll(struct run_queue *queue, unsigned most, const struct trale_link *last)
{
    uint32_t before = atomic_load_explicit(&queue->polls, memory_order_relaxed);

    queue->control = fiber_control();
    queue->until = before + most;
    queue->last = last;
    queue->spent = 0;
    while (poll_goes_on(queue, 0)) {
        poll_draw_first(queue);
        run(queue);
    }
    counter_add(&queue->polled_so_far,
                atomic_load_explicit(&queue->polls, memory_order_relaxed) - before);
    return queue->spent;
}

/* Of a fiber, the frame that it left, of which 128 bytes are not in use (switch.h); of what has no
 * stack, what follows the lines that are here already. */
static void prefetch_future(const trale_future *future)
{
    bool fiber = future->ops == &fiber_ops;
    const char *at =
        fiber ? container_of(future, const struct fiber, future)->sp : (const char *)(future + 1);

    __builtin_prefetch(at, 1);
    at += fiber ? 160 : 64;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + 64, 1);
    __builtin_prefetch(at + 128, 1);
}

/* In two steps: of the task after the next the lines that are known now, of the next what these
 * lead to. */
void run_queue_prefetch(const struct run_queue *queue)
{
    const struct trale_link *next;
    const char *second;

    if (!queue || list_empty(&queue->ready))
        return;
    next = queue->ready.next;
    second = (const char *)container_of(next->next, trale_task, link);
    __builtin_prefetch(second, 1);
    __builtin_prefetch(second + 64, 1);
    prefetch_future(task_future(container_of(next, const trale_task, link)));
}

int trale_cancel(trale_task *task)
{
    struct wake_batch batch = {0};

    if (!task)
        return -EINVAL;
    waker_claim_cancel(&task->waker, &batch);
    wake_batch_deliver(&batch);
    return 0;
}

void trale_detach(trale_task *task)
{
    if (task)
        task_release(task);
}

const char *trale_task_name(const trale_task *task)
{
    return task ? task->name : NULL;
}

void trale_spawn_site_(const char *site)
{
    this_thread.site = site;
}

trale_task *trale_self(void)
{
    return this_thread.task;
}

bool trale_cancelled(void)
{
    return this_thread.task && state_is_cancelled(&this_thread.task->waker.state);
}
