/* The order in which ready tasks run, and that none is starved by those that never stop. */
#include "suite.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"
#include "wait_task.h"

/* Of one executor, for what they do depends on each other's turns. */
static const trale_spawn_options same = {.executor = 1};

#define TASKS 200

/* Who ran, in order. Written by tasks, which run one at a time, and read after they were joined. */
static struct {
    int who[8 * TASKS];
    int length;
} record;

static void write_record(int who)
{
    if (record.length < (int)(sizeof record.who / sizeof *record.who))
        record.who[record.length++] = who;
}

static intptr_t record_one(void *arg)
{
    write_record((int)(intptr_t)arg);
    return 0;
}

START_TEST(tasks_run_in_the_order_of_their_spawns)
{
    struct hold h = HOLD;
    trale_task *tasks[TASKS];

    hold_executor(&h);
    for (intptr_t i = 0; i < TASKS; i++)
        ck_assert_int_eq(trale_spawn_with(&tasks[i], &same, record_one, (void *)i), 0);
    release_executor(&h);
    for (int i = 0; i < TASKS; i++)
        join(tasks[i]);
    ck_assert_int_eq(record.length, TASKS);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(record.who[i], i);
}
END_TEST

static enum trale_poll record_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    write_record((int)(intptr_t)p->arg);
    return p->polls == 1 ? TRALE_PENDING : TRALE_READY;
}

static trale_task *spawn_probe(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future_with(&task, &same, &f.future, sizeof f), 0);
    return task;
}

static void spawn_recorders(struct probe *probes, trale_task **tasks)
{
    for (intptr_t i = 0; i < TASKS; i++) {
        probes[i] = (struct probe)PROBE_STEP(record_poll);
        probes[i].arg = (void *)i;
        tasks[i] = spawn_probe(&probes[i]);
    }
    settle();
    record.length = 0;
}

/* 77 and TASKS have no common divisor: every task once, in an order that is neither's. */
static int shuffled(int i)
{
    return i * 77 % TASKS;
}

static void check_shuffled(const struct probe *probes, trale_task **tasks)
{
    for (int i = 0; i < TASKS; i++)
        join(tasks[i]);
    ck_assert_int_eq(record.length, TASKS);
    for (int i = 0; i < TASKS; i++) {
        ck_assert_int_eq(record.who[i], shuffled(i));
        ck_assert_int_eq(probes[i].faults, 0);
    }
}

START_TEST(tasks_run_in_the_order_in_which_a_thread_woke_them)
{
    static struct probe probes[TASKS];
    trale_task *tasks[TASKS];
    struct hold h = HOLD;

    spawn_recorders(probes, tasks);
    hold_executor(&h);
    for (int i = 0; i < TASKS; i++)
        probe_wake(&probes[shuffled(i)]);
    release_executor(&h);
    check_shuffled(probes, tasks);
}
END_TEST

static intptr_t wake_shuffled(void *probes)
{
    for (int i = 0; i < TASKS; i++)
        probe_wake((struct probe *)probes + shuffled(i));
    return 0;
}

START_TEST(tasks_run_in_the_order_in_which_a_task_woke_them)
{
    static struct probe probes[TASKS];
    trale_task *tasks[TASKS], *waking;

    spawn_recorders(probes, tasks);
    ck_assert_int_eq(trale_spawn_with(&waking, &same, wake_shuffled, probes), 0);
    join(waking);
    check_shuffled(probes, tasks);
}
END_TEST

static intptr_t record_and_yield(void *arg)
{
    int error = 0;

    for (int i = 0; i < TASKS && error == 0; i++) {
        write_record((int)(intptr_t)arg);
        error = trale_yield();
    }
    return error;
}

START_TEST(two_tasks_that_yield_alternate)
{
    struct hold h = HOLD;
    trale_task *one, *two;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn_with(&one, &same, record_and_yield, (void *)0), 0);
    ck_assert_int_eq(trale_spawn_with(&two, &same, record_and_yield, (void *)1), 0);
    release_executor(&h);
    ck_assert_int_eq(join(one), 0);
    ck_assert_int_eq(join(two), 0);
    ck_assert_int_eq(record.length, 2 * TASKS);
    for (int i = 0; i < 2 * TASKS; i++)
        ck_assert_int_eq(record.who[i], i % 2);
}
END_TEST

/* Spawns others and yields once: by then all of them must have run. */
static intptr_t spawn_and_yield(void *arg)
{
    (void)arg;
    for (intptr_t i = 0; i < TASKS; i++)
        if (trale_spawn_with(NULL, &same, record_one, (void *)i) != 0)
            return -1;
    if (record.length != 0 || trale_yield() != 0)
        return -2;
    return record.length;
}

START_TEST(a_yield_lets_every_other_ready_task_run_first)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn_with(&task, &same, spawn_and_yield, NULL), 0);
    ck_assert_int_eq(join(task), TASKS);
}
END_TEST

static atomic_bool stop;

static intptr_t yield_until_stopped(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop))
        if (trale_yield() != 0)
            return -1;
    return 0;
}

static enum trale_poll wake_until_stopped(struct probe *p, trale_context *cx)
{
    (void)p;
    if (atomic_load(&stop))
        return TRALE_READY;
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

static intptr_t sleep_often(void *arg)
{
    int error = 0;

    (void)arg;
    for (int i = 0; i < 20 && error == 0; i++)
        error = trale_sleep(100 * TRALE_US);
    return error;
}

/* Spawns from outside, yields, sleeps in tasks and of this thread: all must come to an end. */
static void check_that_others_go_on(void)
{
    trale_task *sleeper, *yielder;

    ck_assert_int_eq(trale_spawn_with(&sleeper, &same, sleep_often, NULL), 0);
    ck_assert_int_eq(trale_spawn_with(&yielder, &same, record_and_yield, NULL), 0);
    for (int i = 0; i < 100; i++)
        settle();
    ck_assert_int_eq(trale_sleep(TRALE_MS), 0);
    ck_assert_int_eq(join(sleeper), 0);
    ck_assert_int_eq(join(yielder), 0);
}

START_TEST(a_task_that_yields_for_ever_starves_nobody)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn_with(&task, &same, yield_until_stopped, NULL), 0);
    check_that_others_go_on();
    atomic_store(&stop, true);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

START_TEST(a_future_that_always_wakes_itself_starves_nobody)
{
    struct probe p = PROBE_STEP(wake_until_stopped);
    trale_task *task = spawn_probe(&p);

    check_that_others_go_on();
    atomic_store(&stop, true);
    join(task);
    ck_assert_int_eq(probe_faults(&p), 0);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(many_that_never_stop_starve_nobody)
{
    static struct probe probes[TASKS];
    trale_task *futures[TASKS], *fibers[TASKS];

    for (int i = 0; i < TASKS; i++) {
        probes[i] = (struct probe)PROBE_STEP(wake_until_stopped);
        futures[i] = spawn_probe(&probes[i]);
        ck_assert_int_eq(trale_spawn_with(&fibers[i], &same, yield_until_stopped, NULL), 0);
    }
    check_that_others_go_on();
    atomic_store(&stop, true);
    for (int i = 0; i < TASKS; i++) {
        join(futures[i]);
        join(fibers[i]);
        ck_assert_int_eq(probe_faults(&probes[i]), 0);
    }
}
END_TEST

struct patience {
    struct gate started, spawned;
    long yields;
};

/* Counts how often it yields until a task that already stands in the inbox has run. */
static intptr_t wait_by_yielding(void *arg)
{
    struct patience *p = arg;

    gate_open(&p->started);
    gate_wait(&p->spawned);
    while (!atomic_load(&stop) && trale_yield() == 0)
        p->yields++;
    return 0;
}

static intptr_t set_stop(void *arg)
{
    (void)arg;
    atomic_store(&stop, true);
    return 0;
}

START_TEST(the_inbox_is_looked_at_after_a_bounded_number_of_polls)
{
    struct patience p = {GATE, GATE, 0};
    trale_task *task, *other;

    ck_assert_int_eq(trale_spawn_with(&task, &same, wait_by_yielding, &p), 0);
    gate_wait(&p.started);
    ck_assert_int_eq(trale_spawn_with(&other, &same, set_stop, NULL), 0);
    gate_open(&p.spawned);
    join(other);
    join(task);
    ck_assert_int_le(p.yields, 1000);
}
END_TEST

/* Many whose operations never wait, on one descriptor that is always ready. */
struct crowd {
    trale_io *io;
    struct gate started, spawned;
    long operations; /* by tasks, one at a time */
    bool faulty;
};

static intptr_t operate(void *arg)
{
    struct crowd *c = arg;

    while (!atomic_load(&stop)) {
        c->faulty = c->faulty || trale_wait(c->io, TRALE_READABLE) != TRALE_READABLE;
        c->operations++;
    }
    return 0;
}

/* The first of them: while it is held up here, the others stand behind it. */
static intptr_t wait_and_operate(void *arg)
{
    struct crowd *c = arg;

    gate_open(&c->started);
    gate_wait(&c->spawned);
    return operate(c);
}

/* Those that stood in the queue before the new task have one turn each, and hardly one has two: the
 * inbox is looked at after a turn that was used up, not only after many. */
START_TEST(the_inbox_is_looked_at_after_a_bounded_number_of_operations)
{
    enum { COUNT = 64, TURN = 128 }; /* what one fiber may do before it yields by itself */
    struct crowd c = {open_io(eventfd(1, EFD_NONBLOCK)), GATE, GATE, 0, false};
    struct hold h = HOLD;
    trale_task *tasks[COUNT], *other;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn_with(&tasks[0], &same, wait_and_operate, &c), 0);
    for (int i = 1; i < COUNT; i++)
        ck_assert_int_eq(trale_spawn_with(&tasks[i], &same, operate, &c), 0);
    release_executor(&h);
    gate_wait(&c.started);
    ck_assert_int_eq(trale_spawn_with(&other, &same, set_stop, NULL), 0);
    gate_open(&c.spawned);
    join(other);
    for (int i = 0; i < COUNT; i++)
        join(tasks[i]);
    trale_close(c.io);
    ck_assert(!c.faulty);
    ck_assert_int_le(c.operations, (COUNT + 4) * TURN);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "fairness", tasks_run_in_the_order_of_their_spawns,
               tasks_run_in_the_order_in_which_a_thread_woke_them,
               tasks_run_in_the_order_in_which_a_task_woke_them, two_tasks_that_yield_alternate,
               a_yield_lets_every_other_ready_task_run_first,
               a_task_that_yields_for_ever_starves_nobody,
               a_future_that_always_wakes_itself_starves_nobody,
               many_that_never_stop_starve_nobody,
               ON_THREAD(the_inbox_is_looked_at_after_a_bounded_number_of_polls,
                         "it stops a poll and goes on meanwhile"),
               ON_THREAD(the_inbox_is_looked_at_after_a_bounded_number_of_operations,
                         "it stops a poll and goes on meanwhile"))
