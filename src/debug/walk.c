#include "debug/walk.h"

#include <stdlib.h>

#include "base/barrier.h"
#include "base/clock.h"
#include "base/futex.h"
#include "core/process.h"
#include "core/runtime.h"
#include "task/fiber.h"

/* One dump after the other would hardly let the executors run: between two of them they have as
 * long as the first one took, within these bounds. */
#define PAUSE_MIN_NS 200000
#define PAUSE_MAX_NS 1000000

static int64_t began, due; /* under the lock of process.h: of the last freeze, of the next */

static void lock_when_due(void)
{
    uint32_t never = 0;
    int64_t left;

    for (;;) {
        process_lock();
        began = clock_now();
        left = due - began;
        if (left <= 0)
            return;
        process_unlock();
        futex_wait(&never, 0, left);
    }
}

static void set_due(void)
{
    int64_t now = clock_now(), pause = now - began;

    if (pause < PAUSE_MIN_NS)
        pause = PAUSE_MIN_NS;
    due = now + (pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
}

static void thaw_runtimes(void)
{
    for (trale_runtime *rt = NULL; (rt = process_next(rt));)
        for_each_executor(ex, rt)
            freeze_end(&ex->queue.freeze);
}

bool freeze_all(void)
{
    bool asymmetric = false;
    trale_runtime *rt = NULL;

    lock_when_due();
    while ((rt = process_next(rt))) {
        for_each_executor(ex, rt) {
            freeze_begin(&ex->queue.freeze);
            asymmetric = asymmetric || ex->queue.freeze.asymmetric;
        }
    }
    if (asymmetric && !barrier_issue()) {
        thaw_all();
        return false;
    }
    while ((rt = process_next(rt)))
        for_each_executor(ex, rt)
            freeze_await(&ex->queue.freeze);
    return true;
}

void thaw_all(void)
{
    thaw_runtimes();
    set_due();
    process_unlock();
}

bool freeze_one(struct executor *ex)
{
    struct freeze *freeze = &ex->queue.freeze;

    freeze_begin(freeze);
    if (freeze->asymmetric && !barrier_issue()) {
        freeze_end(freeze);
        return false;
    }
    freeze_await(freeze);
    return true;
}

void thaw_one(struct executor *ex)
{
    freeze_end(&ex->queue.freeze);
}

static void add(struct found *found, trale_task *task, enum doing doing)
{
    size_t room = found->room ? 2 * found->room : 64;
    struct found_task *tasks = found->tasks;

    if (found->count == found->room) {
        tasks = realloc(tasks, room * sizeof *tasks);
        found->cut = !tasks;
        if (!tasks)
            return;
        found->tasks = tasks;
        found->room = room;
    }
    tasks[found->count++] = (struct found_task){task, doing};
}

/* What is polled stands on either queue. What was woken by another thread stands on the wait queue
 * until the executor takes its inbox. A fiber tells whether it has begun, other futures do not.
 * Acquire: pairs with the end of the poll, after which the task is as it was left. */
static enum doing what(const struct executor *ex, const trale_task *task)
{
    if (task == atomic_load_explicit(&ex->queue.polled, memory_order_acquire))
        return DOING_RUNNING;
    if (task->ready && fiber_is_new(task_future(task)))
        return DOING_NEW;
    return task->ready || state_is_queued(&task->waker.state) ? DOING_READY : DOING_WAITING;
}

/* The chain as it is now, newest first. Acquire: pairs with inbox_push. */
static const trale_waker *newest(const struct inbox *inbox)
{
    uintptr_t head = atomic_load_explicit(&inbox->head, memory_order_acquire);

    return head == INBOX_PARKED ? NULL : (const trale_waker *)head;
}

/* Of those in the inbox, the new ones stand nowhere else. Nobody but the executor takes them. */
static void walk_inbox(struct executor *ex, struct found *found)
{
    for (const trale_waker *w = newest(&ex->queue.inbox); w && !found->cut; w = w->next) {
        trale_task *task = container_of(w, trale_task, waker);

        if (list_empty(&task->link) && !task->over)
            add(found, task, DOING_NEW);
    }
}

static void walk_list(struct executor *ex, const struct trale_link *head, struct found *found)
{
    for (const struct trale_link *l = head->next; l != head && !found->cut; l = l->next) {
        trale_task *task = container_of(l, trale_task, link);

        if (task != &ex->janitor)
            add(found, task, what(ex, task));
    }
}

/* The poll that goes on may add to it, but nothing is taken: that is done in sections. */
static void walk_spawned(struct steal_queue *q, struct found *found)
{
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

    for (uint64_t n = steal_count(q); n > 0 && !found->cut; n--, head++)
        add(found, atomic_load_explicit(&q->slots[head % STEAL_ROOM], memory_order_relaxed),
            DOING_NEW);
}

/* They are added to meanwhile, but not taken. */
static void walk_newcomers(struct newcomers *n, struct found *found)
{
    pthread_mutex_lock(&n->lock);
    for (struct trale_link *l = n->tasks.next; l != &n->tasks && !found->cut; l = l->next)
        add(found, container_of(l, trale_task, link), DOING_NEW);
    pthread_mutex_unlock(&n->lock);
}

void walk(trale_runtime *rt, struct found *found)
{
    for_each_executor(ex, rt) {
        walk_list(ex, &ex->queue.waiting, found);
        walk_list(ex, &ex->queue.ready, found);
        walk_inbox(ex, found);
        walk_spawned(&ex->spawned, found);
    }
    walk_newcomers(&rt->newcomers, found);
}

static int by_address(const void *left, const void *right)
{
    uintptr_t l = (uintptr_t)((const struct found_task *)left)->task;
    uintptr_t r = (uintptr_t)((const struct found_task *)right)->task;

    return (l > r) - (l < r);
}

bool found_has(struct found *found, uintptr_t task)
{
    const struct found_task key = {.task = (trale_task *)task};

    if (!found->sorted && found->count > 0)
        qsort(found->tasks, found->count, sizeof key, by_address);
    found->sorted = true;
    return found->count > 0 &&
           bsearch(&key, found->tasks, found->count, sizeof key, by_address) != NULL;
}
