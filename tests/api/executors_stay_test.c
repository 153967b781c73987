/* A task that has started stays on its executor, whatever it waits for, and whoever wakes it. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>

#include "dumped.h"
#include "executors.h"
#include "probe.h"
#include "waiters.h"

enum { EXECUTORS = 3, TASKS = 12, ROUNDS = 100 };

static trale_runtime *runtime;
static trale_channel *channels[2];
static trale_mutex mutex;
static trale_semaphore semaphore;
static trale_barrier barrier = {.parties = TASKS};
static atomic_int seen_on[EXECUTORS + 1];

static void begin(void)
{
    static const size_t capacities[] = {0, 2};

    runtime = new_runtime_with(EXECUTORS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(trale_channel_new(&channels[i], sizeof(int), capacities[i]), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 2), 0);
}

static void end(void)
{
    free_runtime(runtime);
    for (int i = 0; i < 2; i++)
        trale_channel_free(channels[i]);
}

/* What a task waits for: a step each, which gives 0. All of them do the same, so they meet. */

static int yield_once(int number)
{
    (void)number;
    return trale_yield();
}

static int sleep_once(int number)
{
    return trale_sleep(number % 3 * TRALE_US);
}

static int join_another(int number)
{
    trale_task *task;
    int error = trale_spawn(&task, tell_executor, NULL);

    (void)number;
    return error ? error : trale_join(task, NULL);
}

static int lock_and_yield(int number)
{
    int error = trale_mutex_lock(&mutex);

    (void)number;
    error = error ? error : trale_yield();
    return error ? error : trale_mutex_unlock(&mutex);
}

static int acquire_and_yield(int number)
{
    int error = trale_semaphore_acquire(&semaphore, 1 + (unsigned)number % 2);

    error = error ? error : trale_yield();
    return error ? error : trale_semaphore_release(&semaphore, 1 + (unsigned)number % 2);
}

static int hand_over(trale_channel *ch, int number)
{
    return number % 2 ? trale_channel_send(ch, &number) : trale_channel_recv(ch, &number);
}

static int meet_in_channel(int number)
{
    return hand_over(channels[0], number);
}

static int meet_in_buffer(int number)
{
    return hand_over(channels[1], number);
}

static int meet_all(int number)
{
    int error = trale_barrier_wait(&barrier);

    (void)number;
    return error < 0 ? error : 0;
}

static int select_one(int number)
{
    trale_sleep_future sleep;
    trale_yield_future yield;

    trale_sleep_init(&sleep, number % 2 * TRALE_US);
    trale_yield_init(&yield);
    return TRALE_SELECT(&sleep.future, &yield.future) < 0 ? -EIO : 0;
}

static int time_out(int number)
{
    trale_event event = {0};
    trale_scope scope;
    int error;

    trale_scope_enter(&scope, trale_now() + number % 2 * TRALE_US);
    error = trale_event_wait(&event);
    return trale_scope_leave(&scope) == -ETIMEDOUT && error == -ETIMEDOUT ? 0 : -EIO;
}

static int (*const steps[])(int number) = {
    yield_once,      sleep_once,     join_another, lock_and_yield, acquire_and_yield,
    meet_in_channel, meet_in_buffer, meet_all,     select_one,     time_out};

/* A fiber: 0, or 1 + the step after which it was elsewhere, or in which something went wrong. */
static intptr_t take_steps(void *number)
{
    unsigned here = executor_here();

    atomic_fetch_add(&seen_on[here], 1);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < (int)(sizeof steps / sizeof *steps); i++)
            if (steps[i]((int)(intptr_t)number) != 0 || executor_here() != here)
                return 1 + i;
    return 0;
}

START_TEST(a_fiber_stays_where_it_began)
{
    trale_task *tasks[TASKS];

    for (intptr_t i = 0; i < TASKS; i++) /* half of them begin anywhere */
        tasks[i] =
            spawn_at(runtime, i % 2 ? 0 : 1 + (unsigned)i / 2 % EXECUTORS, take_steps, (void *)i);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
    for (int i = 1; i <= EXECUTORS; i++)
        ck_assert_int_gt(atomic_load(&seen_on[i]), 0);
}
END_TEST

/* Stackless: each poll, and the drop, notes where it is. */
struct watched_place {
    unsigned executor;
    int moves, polls;
};

static void note_place(struct probe *p)
{
    struct watched_place *place = p->arg;
    unsigned here = executor_here();

    if (place->executor == 0)
        place->executor = here;
    place->moves += place->executor != here;
    place->polls++;
}

static enum trale_poll poll_there(struct probe *p, trale_context *cx)
{
    (void)cx;
    note_place(p);
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

static void drop_there(struct probe *p, trale_future *future)
{
    (void)future;
    note_place(p);
}

struct stackless {
    struct probe probe;
    struct watched_place place;
    trale_task *task;
};

static void spawn_stackless(struct stackless *s, unsigned executor)
{
    struct probe_future f = probe_future(&s->probe);
    trale_spawn_options options = {.runtime = runtime, .executor = executor};

    s->probe = (struct probe)PROBE_STEP(poll_there);
    s->probe.dropping = drop_there;
    s->probe.arg = &s->place;
    ck_assert_int_eq(trale_spawn_future_with(&s->task, &options, &f.future, sizeof f), 0);
    probe_wait_polled(&s->probe, 1);
}

static intptr_t wake_it(void *probe)
{
    probe_wake(probe);
    return 0;
}

/* Woken from the test's thread, and from every executor. */
START_TEST(a_stackless_task_stays_where_it_began)
{
    static struct stackless all[TASKS];

    for (unsigned i = 0; i < TASKS; i++)
        spawn_stackless(&all[i], i % 2 ? 0 : 1 + i / 2 % EXECUTORS);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < TASKS; i++) {
            int polls = probe_polls(&all[i].probe);
            if (round % 2)
                probe_wake(&all[i].probe);
            else
                join(spawn_at(runtime, 1 + (unsigned)(i + round) % EXECUTORS, wake_it,
                              &all[i].probe));
            probe_wait_polled(&all[i].probe, polls + 1);
        }
    }
    for (int i = 0; i < TASKS; i++) {
        probe_finish(&all[i].probe, i);
        ck_assert_int_eq(join(all[i].task), i);
        ck_assert_int_eq(all[i].place.moves, 0);
        ck_assert_int_ge(all[i].place.polls, 21);
        ck_assert_int_eq(probe_faults(&all[i].probe), 0);
    }
}
END_TEST

static intptr_t cancel_it(void *task)
{
    return trale_cancel(task);
}

START_TEST(a_stackless_task_is_dropped_where_it_began_whoever_cancels_it)
{
    for (unsigned executor = 1; executor <= EXECUTORS; executor++) {
        for (unsigned from = 0; from <= EXECUTORS; from++) {
            struct stackless s = {0};
            spawn_stackless(&s, executor);
            if (from == 0)
                trale_cancel(s.task);
            else
                join(spawn_at(runtime, from, cancel_it, s.task));
            ck_assert_int_eq(join(s.task), -ECANCELED);
            ck_assert_int_eq(s.place.executor, executor);
            ck_assert_int_eq(s.place.moves, 0);
            ck_assert_int_eq(probe_drops(&s.probe), 1);
            ck_assert_int_eq(probe_faults(&s.probe), 0);
        }
    }
}
END_TEST

struct cancelled {
    trale_event event;
    struct gate began;
};

static intptr_t wait_and_tell(void *arg)
{
    struct cancelled *c = arg;
    unsigned here = executor_here();

    gate_open(&c->began);
    return trale_event_wait(&c->event) == -ECANCELED && executor_here() == here ? here : 0;
}

START_TEST(a_fiber_that_is_cancelled_goes_on_where_it_began)
{
    for (unsigned executor = 1; executor <= EXECUTORS; executor++) {
        for (unsigned from = 0; from <= EXECUTORS; from++) {
            struct cancelled c = {.began = GATE};
            trale_task *task = spawn_at(runtime, executor, wait_and_tell, &c);
            gate_wait(&c.began);
            if (from == 0)
                trale_cancel(task);
            else
                join(spawn_at(runtime, from, cancel_it, task));
            ck_assert_int_eq(join(task), executor);
        }
    }
}
END_TEST

TEST_MAIN_WITH(begin, end, "executors_stay", a_fiber_stays_where_it_began,
               a_stackless_task_stays_where_it_began,
               a_stackless_task_is_dropped_where_it_began_whoever_cancels_it,
               a_fiber_that_is_cancelled_goes_on_where_it_began)
