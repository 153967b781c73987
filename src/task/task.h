/*
 * A task: its memory, its polls, its end, its result.
 *
 * Fields: I: immutable.  X: executor thread only.  W: guarded by task_state, see there.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <trale/task.h>

#include "base/clock.h"
#include "task/run_queue.h"
#include "task/waker.h"

struct locals;

struct trale_context {
    trale_waker *waker;
    struct trale_select_future *select; /* what is polled is an arm of it; NULL: of none */
    size_t place;                       /* which arm */
};

/* Where a task's memory is from. */
enum { TASK_IN_BLOCK, TASK_IN_MALLOC, TASK_ON_STACK, TASK_ELSEWHERE };

/* What a poll, or a wake, looks at comes first, in 64 bytes. The future stands right behind it, aligned
 * for everything. */
struct trale_task {
    trale_waker waker;        /* W: first member: a task is its own waker */
    struct trale_link link;   /* S: on the ready or the waiting list of home, see there */
    struct run_queue *home;   /* I: once it is QUEUED no more; a new one's may change */
    uint32_t born;            /* I: task_clock at the spawn */
    uint16_t round;           /* I: of its runtime at the spawn */
    bool shared : 1;          /* I: new, it stands with others that any executor may take */
    unsigned char memory : 2; /* I: where it is from */
    unsigned char : 0;
    bool ready : 1;       /* S: it stands on the ready list, or is over */
    bool arrived : 1;     /* S: it is QUEUED, and was taken from the inbox since */
    bool over : 1;        /* S: it stands on no list any more */
    bool joined_here : 1; /* S: a task of the same executor waits for its end */
    union {
        struct locals *locals; /* X: until the future has been dropped; NULL: none are set */
        intptr_t result;       /* X: until DONE, then I: */
    };
    trale_waker *joiner; /* W: (JOINER) a reference; or X: (joined_here) borrowed */
    const char *name;    /* I: may be NULL */
    const char *site;    /* I: "file:line" of the spawn; may be NULL */
};
_Static_assert(sizeof(struct trale_task) % 16 == 0, "what follows is aligned");

static inline trale_future *task_future(const trale_task *task)
{
    return (trale_future *)(uintptr_t)(task + 1);
}

/* A clock in units of 2^24 ns, about a sixtieth of a second; it wraps after two years. */
#define TASK_CLOCK_UNIT ((int64_t)1 << 24)
static inline uint32_t task_clock(int64_t now)
{
    return (uint32_t)((uint64_t)now / TASK_CLOCK_UNIT);
}

/* A stackless task with a copy of the future; NULL: no memory. Owned by the executor, and by a
 * join handle if there is one. Not yet queued. */
trale_task *task_new(const trale_future *future, size_t size, bool handle, const char *name);

/* Fills in a new task; fibers bring their own memory. */
void task_init(trale_task *task, bool handle, const char *name, unsigned memory);

/* Of a task to which there is no reference any more. */
void task_free(trale_task *task);

/* Executor: a task that was woken, or is new, goes to the end of the run queue. The second form is
 * for who is in a section (freeze.h). */
static inline void task_ready_in_section(struct run_queue *home, trale_task *task)
{
    task->ready = true;
    list_remove(&task->link);
    list_push_back(&home->ready, &task->link);
}

static inline void task_ready(trale_task *task)
{
    struct run_queue *queue = task->home;

    section_begin(&queue->freeze);
    task_ready_in_section(queue, task);
    section_end(&queue->freeze);
}

/* Executor: the same if it is not there yet, nor on its way from another thread. */
static inline void task_wake_in_section(struct run_queue *home, trale_task *task)
{
    if (task->ready || state_is_queued(&task->waker.state))
        return;
    counter_add(&home->woken_here, 1);
    task_ready_in_section(home, task);
}

static inline void task_wake_here(trale_task *task)
{
    struct run_queue *queue = task->home;

    section_begin(&queue->freeze);
    task_wake_in_section(queue, task);
    section_end(&queue->freeze);
}

/* Executor: it came out of the inbox. False: it is over, and what it kept for that a reference of
 * the caller's, to be given back after the section. */
bool task_arrive_in_section(trale_task *task);

/*
 * Executor: makes so many polls at most, from the front of the run queue; the one of last is the
 * last one. Fewer if they do much: returns how much they did, in operations, see POLL_BUDGET. What
 * ended has to be accounted for afterwards.
 */
unsigned run_queue_poll(struct run_queue *queue, unsigned most, const struct trale_link *last);

/*
 * Executor, in a poll that is about to make a system call; from other threads, NULL: what the next
 * polls touch first is on its way meanwhile. It was in the cache when they were woken, but the
 * kernel has been there since, for others.
 */
void run_queue_prefetch(const struct run_queue *queue);

/* Sends a new task to its home; if that is here, it was born here (task_state.h). Any thread; the task
 * may have ended when it returns. */
void task_submit(trale_task *task);

/* Gives back a reference. Any thread. */
void task_release(trale_task *task);

#endif
