/*
 * Tasks on a run queue that is driven by hand, without any thread: how often a wake schedules a
 * task, where it stands meanwhile, and when its memory goes.
 */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include "probe.h"
#include "task/block.h"
#include "task/fiber_annotate.h"
#include "task/task.h"
#include "task/thread.h"

static struct run_queue queue;
static struct block_cache blocks; /* that are free */
static trale_task *made[16];
static unsigned made_count;
static unsigned ended; /* of tasks, as they are accounted for */

static void count_ended(struct run_queue *q)
{
    ended += q->ended;
    q->ended = 0;
}

/* How many tasks have ended in so many polls. */
static unsigned poll_queue(unsigned most)
{
    ended = 0;
    run_queue_poll(&queue, most, NULL);
    count_ended(&queue);
    return ended;
}

static void setup(void)
{
    memset(&queue, 0, sizeof queue);
    list_init(&queue.ready);
    list_init(&queue.waiting);
    queue.account = count_ended;
    this_thread.queue = &queue;
    this_thread.blocks = &blocks;
}

#ifdef ANNOTATE_ADDRESS
int __asan_address_is_poisoned(const volatile void *address);

/* Of how many tasks the memory has gone. */
static int freed(void)
{
    int n = 0;

    for (unsigned i = 0; i < made_count; i++)
        n += __asan_address_is_poisoned(made[i]);
    return n;
}

static void note_made(trale_task *task)
{
    ck_assert_uint_lt(made_count, sizeof made / sizeof *made);
    made[made_count++] = task;
}
#else
static unsigned blocks_at_first;

static unsigned free_blocks(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BLOCK_KINDS; i++)
        n += blocks.count[i];
    return n;
}

/* Of how many tasks the memory has gone. */
static int freed(void)
{
    return (int)(free_blocks() + made_count - blocks_at_first);
}

/* The first one brings some more home. */
static void note_made(trale_task *task)
{
    ck_assert_uint_lt(made_count, sizeof made / sizeof *made);
    made[made_count++] = task;
    if (made_count == 1)
        blocks_at_first = free_blocks() + 1;
}
#endif

/* With a handle; spawned on the executor's own thread. */
static trale_task *new_task(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_task *task = task_new(&f.future, sizeof f, true, "probe");

    ck_assert_ptr_nonnull(task);
    task->home = &queue;
    note_made(task);
    state_born_here(&task->waker.state);
    task_submit(task);
    return task;
}

static int length(const struct trale_link *list)
{
    int n = 0;

    for (const struct trale_link *l = list->next; l != list; l = l->next)
        n++;
    return n;
}

/* On which queue how many tasks are; taking the inbox empties it. */
static void check_queues(int ready, int waiting)
{
    ck_assert_int_eq(length(&queue.ready), ready);
    ck_assert_int_eq(length(&queue.waiting), waiting);
}

static int take_inbox(void)
{
    struct trale_waker *w = inbox_take(&queue.inbox), *next;
    int n = 0;

    for (; w; w = next, n++) {
        next = w->next;
        if (!task_arrive_in_section(container_of(w, trale_task, waker)))
            trale_waker_drop(w);
    }
    return n;
}

/* Does it as a thread that is no executor would. */
static void as_stranger(void (*fn)(struct probe *), struct probe *p)
{
    struct run_queue *mine = this_thread.queue;

    this_thread.queue = NULL;
    fn(p);
    this_thread.queue = mine;
}

static void cancel_arg(struct probe *p)
{
    trale_cancel(p->arg);
}

static void finish(struct probe *p)
{
    probe_finish(p, 5);
}

/* Runs everything to the end: the task ends in its next poll, and is joined by hand. */
static void end(struct probe *p, trale_task *task, int polls)
{
    finish(p);
    ck_assert_uint_eq(poll_queue(10), 1);
    check_queues(0, 0);
    ck_assert_int_eq(probe_polls(p), polls);
    ck_assert_int_eq(probe_drops(p), 1);
    ck_assert_int_eq(probe_faults(p), 0);
    ck_assert_int_eq(freed(), 0);
    ck_assert_int_eq(task->result, 5);
    trale_detach(task);
    ck_assert_int_eq(freed(), 1);
}

START_TEST(a_new_task_is_polled_once_and_then_waits)
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);

    check_queues(1, 0);
    ck_assert_uint_eq(poll_queue(10), 0);
    check_queues(0, 1);
    ck_assert_int_eq(probe_polls(&p), 1);
    end(&p, task, 2);
}
END_TEST

static enum trale_poll note_queues(struct probe *p, trale_context *cx)
{
    (void)cx;
    p->output = 10 * length(&queue.ready) + length(&queue.waiting);
    return TRALE_READY;
}

START_TEST(a_task_stands_on_the_wait_queue_while_it_is_polled)
{
    struct probe p = PROBE_STEP(note_queues);
    trale_task *task = new_task(&p);

    ck_assert_uint_eq(poll_queue(1), 1);
    ck_assert_int_eq(task->result, 1);
    trale_detach(task);
}
END_TEST

START_TEST(wakes_on_the_executor_schedule_once_without_the_inbox)
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);

    poll_queue(10);
    for (int i = 0; i < 3; i++)
        probe_wake(&p);
    check_queues(1, 0);
    ck_assert_int_eq(take_inbox(), 0);
    poll_queue(10);
    ck_assert_int_eq(probe_polls(&p), 2);
    end(&p, task, 3);
}
END_TEST

START_TEST(wakes_from_elsewhere_schedule_once_through_the_inbox)
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);

    poll_queue(10);
    for (int i = 0; i < 3; i++)
        as_stranger(probe_wake, &p);
    probe_wake(&p); /* here, but it is on its way already */
    check_queues(0, 1);
    ck_assert_int_eq(take_inbox(), 1);
    check_queues(1, 0);
    as_stranger(probe_wake, &p);
    ck_assert_int_eq(take_inbox(), 0);
    poll_queue(10);
    ck_assert_int_eq(probe_polls(&p), 2);
    end(&p, task, 3);
}
END_TEST

static enum trale_poll wake_here_and_elsewhere(struct probe *p, trale_context *cx)
{
    (void)cx;
    if (p->polls == 1) {
        probe_wake(p);
        as_stranger(probe_wake, p);
        as_stranger(probe_wake, p);
    }
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(wakes_during_a_poll_schedule_once)
{
    struct probe p = PROBE_STEP(wake_here_and_elsewhere);
    trale_task *task = new_task(&p);

    poll_queue(1);
    check_queues(1, 0);
    ck_assert_int_eq(take_inbox(), 1);
    check_queues(1, 0);
    poll_queue(10);
    ck_assert_int_eq(probe_polls(&p), 2);
    check_queues(0, 1);
    end(&p, task, 3);
}
END_TEST

static enum trale_poll wake_and_be_ready(struct probe *p, trale_context *cx)
{
    wake_here_and_elsewhere(p, cx);
    return TRALE_READY;
}

START_TEST(wakes_during_the_poll_that_is_ready_schedule_nothing)
{
    struct probe p = PROBE_STEP(wake_and_be_ready);
    trale_task *task = new_task(&p);

    ck_assert_uint_eq(poll_queue(10), 1);
    check_queues(0, 0);
    ck_assert_uint_eq(queue.expected, 1);
    trale_detach(task);
    ck_assert_int_eq(freed(), 0); /* it is on its way */
    ck_assert_int_eq(take_inbox(), 1);
    ck_assert_uint_eq(queue.expected, 0);
    check_queues(0, 0);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(freed(), 1);
}
END_TEST

/* Ends a task, keeping handle and waker; then fn is done to it, here and from elsewhere. */
static void after_the_end(void (*fn)(struct probe *))
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);
    trale_waker *waker;

    poll_queue(10);
    waker = probe_waker(&p);
    finish(&p);
    poll_queue(10);
    p.waker = waker; /* what probe_wake wakes */
    p.arg = task;
    as_stranger(fn, &p);
    fn(&p);
    ck_assert_int_eq(take_inbox(), 0);
    check_queues(0, 0);
    ck_assert_int_eq(probe_polls(&p), 2);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(task->result, 5);
    trale_detach(task);
    ck_assert_int_eq(freed(), 0);
    trale_waker_drop(waker);
    ck_assert_int_eq(freed(), 1);
}

START_TEST(wakes_after_the_end_schedule_nothing)
{
    after_the_end(probe_wake);
}
END_TEST

START_TEST(cancels_after_the_end_schedule_nothing)
{
    after_the_end(cancel_arg);
}
END_TEST

START_TEST(a_cancel_and_wakes_schedule_once)
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);

    p.arg = task;
    poll_queue(10);
    as_stranger(cancel_arg, &p);
    as_stranger(probe_wake, &p);
    as_stranger(cancel_arg, &p);
    cancel_arg(&p);
    ck_assert_int_eq(take_inbox(), 1);
    check_queues(1, 0);
    ck_assert_uint_eq(poll_queue(10), 1);
    check_queues(0, 0);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(task->result, -ECANCELED);
    trale_detach(task);
    ck_assert_int_eq(freed(), 1);
}
END_TEST

static enum trale_poll wake_self(struct probe *p, trale_context *cx)
{
    (void)p;
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

START_TEST(tasks_that_wake_themselves_take_turns_and_a_bound_holds)
{
    struct probe probes[3];
    trale_task *tasks[3];

    for (int i = 0; i < 3; i++) {
        probes[i] = (struct probe)PROBE_STEP(wake_self);
        tasks[i] = new_task(&probes[i]);
    }
    ck_assert_uint_eq(poll_queue(7), 0);
    ck_assert_int_eq(probe_polls(&probes[0]), 3);
    ck_assert_int_eq(probe_polls(&probes[1]), 2);
    ck_assert_int_eq(probe_polls(&probes[2]), 2);
    for (int i = 0; i < 3; i++)
        trale_cancel(tasks[i]);
    ck_assert_uint_eq(poll_queue(10), 3);
    for (int i = 0; i < 3; i++)
        trale_detach(tasks[i]);
    ck_assert_int_eq(freed(), 3);
}
END_TEST

START_TEST(whoever_is_last_frees_the_memory)
{
    struct probe p = PROBE;
    trale_task *task = new_task(&p);
    trale_waker *one, *two;

    poll_queue(10);
    one = probe_waker(&p);
    two = trale_waker_clone(one);
    trale_waker_drop(one);
    trale_detach(task);
    ck_assert_int_eq(freed(), 0);
    trale_waker_drop(two); /* the executor's own is left */
    ck_assert_int_eq(freed(), 0);
    finish(&p);
    ck_assert_uint_eq(poll_queue(10), 1);
    ck_assert_int_eq(freed(), 1);
}
END_TEST

static uint64_t references(trale_task *task)
{
    return atomic_load(&task->waker.state.word) / STATE_REFERENCE;
}

/* A join by the task of `joiner` that is polled, dropped, polled by another, and fires. */
START_TEST(a_join_holds_the_waker_of_whoever_polled_it_last)
{
    struct probe target = PROBE, probes[2] = {PROBE, PROBE};
    trale_task *task = new_task(&target),
               *joiners[2] = {new_task(&probes[0]), new_task(&probes[1])};
    trale_context cx[2] = {{.waker = &joiners[0]->waker}, {.waker = &joiners[1]->waker}};
    trale_join_future f;
    uint64_t before;

    poll_queue(10);
    before = references(joiners[0]);
    trale_join_init(&f, task, NULL);
    ck_assert_int_eq(trale_future_poll(&f.future, &cx[0]), TRALE_PENDING);
    ck_assert_int_eq(trale_future_poll(&f.future, &cx[0]), TRALE_PENDING);
    ck_assert_uint_eq(references(joiners[0]), before + 1);
    trale_future_drop(&f.future);
    ck_assert_uint_eq(references(joiners[0]), before);

    trale_join_init(&f, task, NULL);
    ck_assert_int_eq(trale_future_poll(&f.future, &cx[0]), TRALE_PENDING);
    ck_assert_int_eq(trale_future_poll(&f.future, &cx[1]), TRALE_PENDING);
    ck_assert_uint_eq(references(joiners[0]), before);
    ck_assert_uint_eq(references(joiners[1]), before + 1);

    finish(&target);
    ck_assert_uint_eq(poll_queue(1), 1);
    ck_assert_uint_eq(references(joiners[1]), before);
    check_queues(1, 1); /* the last one was woken */
    ck_assert_ptr_eq(queue.ready.next, &joiners[1]->link);
    ck_assert_int_eq(trale_future_poll(&f.future, &cx[1]), TRALE_READY);
    ck_assert_int_eq(freed(), 1);
    trale_future_drop(&f.future);
    for (int i = 0; i < 2; i++)
        finish(&probes[i]);
    poll_queue(10);
    for (int i = 0; i < 2; i++)
        trale_detach(joiners[i]);
    ck_assert_int_eq(freed(), 3);
}
END_TEST

TEST_MAIN_WITH(setup, NULL, "task_run", a_new_task_is_polled_once_and_then_waits,
               a_task_stands_on_the_wait_queue_while_it_is_polled,
               wakes_on_the_executor_schedule_once_without_the_inbox,
               wakes_from_elsewhere_schedule_once_through_the_inbox,
               wakes_during_a_poll_schedule_once,
               wakes_during_the_poll_that_is_ready_schedule_nothing,
               wakes_after_the_end_schedule_nothing, cancels_after_the_end_schedule_nothing,
               a_cancel_and_wakes_schedule_once,
               tasks_that_wake_themselves_take_turns_and_a_bound_holds,
               whoever_is_last_frees_the_memory, a_join_holds_the_waker_of_whoever_polled_it_last)
