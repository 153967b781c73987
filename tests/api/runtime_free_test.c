/* Freeing runtimes: with work in flight, again and again, and with tasks that do not end. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "settle.h"
#include "obstinate.h"
#include "system.h"
#include "wait_task.h"

static trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

static intptr_t be_busy(void *arg)
{
    for (;;) {
        if (trale_yield() != 0 || trale_sleep(TRALE_US) != 0)
            return (intptr_t)arg;
    }
}

/* Work of every kind, some of it with handles that are given back only later. */
static void start_work(trale_runtime *runtime, trale_io *io, trale_task *tasks[4])
{
    trale_spawn_options options = {.runtime = runtime};
    trale_sleep_future sleep;
    trale_sleep_init(&sleep, 3600 * TRALE_SEC);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(trale_spawn_with(NULL, &options, be_busy, NULL), 0);
        ck_assert_int_eq(trale_spawn_future_with(NULL, &options, &sleep.future, sizeof sleep), 0);
        trale_detach(spawn_wait_on(runtime, io, TRALE_READABLE));
    }
    ck_assert_int_eq(trale_spawn_with(&tasks[0], &options, be_busy, (void *)5), 0);
    ck_assert_int_eq(trale_spawn_future_with(&tasks[1], &options, &sleep.future, sizeof sleep),
                     0);
    tasks[2] = spawn_wait_on(runtime, io, TRALE_READABLE);
    ck_assert_int_eq(trale_spawn_with(&tasks[3], &options, be_busy, (void *)6), 0);
}

static void make_and_free(trale_io *io, int round)
{
    trale_runtime *runtime = new_runtime();
    trale_task *tasks[4];
    start_work(runtime, io, tasks);
    if (round % 3 == 0)
        ck_assert_int_eq(trale_sleep(TRALE_MS), 0);
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
    intptr_t first = join(tasks[0]);
    ck_assert(first == 5 || first == -ECANCELED); /* or it never started */
    ck_assert_int_eq(join(tasks[1]), -ECANCELED);
    ck_assert_int_eq(join(tasks[2]), -ECANCELED);
    trale_detach(tasks[3]);
}

START_TEST(two_hundred_runtimes_leave_nothing_behind)
{
    int ends[2], rounds = (int)test_scale(200);
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    settle();
    int threads = count_threads(); /* with the default runtime's, and a sanitizer's */
    for (int i = 0; i < 20; i++)   /* until malloc and the threads' stacks have their size */
        make_and_free(io, i);
    int fds = count_fds(), mappings = count_mappings();
    await_threads(threads);
    for (int i = 0; i < rounds; i++)
        make_and_free(io, i);
    ck_assert_int_eq(count_fds(), fds);
    await_threads(threads);
    if (!UNDER_ASAN && !UNDER_TSAN && !under_valgrind()) /* which map for themselves */
        ck_assert_int_le(count_mappings(), mappings + 10);
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(a_runtime_with_nothing_to_do_is_freed_at_once_whatever_the_deadline)
{
    static const int64_t deadlines[] = {0, -1, INT64_MIN, 1, TRALE_NEVER, TRALE_NEVER - 1};
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(trale_runtime_free(new_runtime(), deadlines[i]), 0);
}
END_TEST

START_TEST(a_deadline_that_passes_leaves_the_runtime_standing)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime};
    struct gate gate = GATE;
    static const int64_t waits[] = {0, -TRALE_SEC, TRALE_MS, 20 * TRALE_MS};
    for (int i = 0; i < 4; i++) {
        struct obstinate s = OBSTINATE;
        trale_task *task = spawn_obstinate(runtime, &s), *after;
        int64_t deadline = trale_now() + waits[i];
        ck_assert_int_eq(trale_runtime_free(runtime, deadline), -ETIMEDOUT);
        ck_assert_int_ge(trale_now(), deadline);
        ck_assert_int_eq(trale_spawn_with(&after, &options, gate_open_in_task, &gate), 0);
        release_obstinate(&s);
        ck_assert_int_eq(join(task), 77);
        ck_assert_int_eq(join(after), 0);
        ck_assert_int_eq(gate_opened(&gate), i + 1);
    }
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}
END_TEST

static trale_event event;

static intptr_t wait_for_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&event);
}

struct stuck {
    struct gate held, released;
    trale_task *spawned;
};

static intptr_t be_stuck_and_spawn(void *arg)
{
    struct stuck *s = arg;

    gate_open(&s->held);
    gate_wait(&s->released);
    return trale_spawn(&s->spawned, wait_for_event, NULL);
}

static trale_task *spawn_there(trale_runtime *runtime, trale_fn *fn, void *arg)
{
    trale_spawn_options options = {.runtime = runtime};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_with(&task, &options, fn, arg), 0);
    return task;
}

/* The executor learns of it only when it is over, with newer tasks before and behind the word. */
START_TEST(a_free_that_was_given_up_has_cancelled_what_was_there_and_nothing_else)
{
    trale_runtime *runtime = new_runtime();
    struct stuck s = {.held = GATE, .released = GATE};
    trale_task *waits = spawn_there(runtime, wait_for_event, NULL), *stuck, *new, *later, *after;

    stuck = spawn_there(runtime, be_stuck_and_spawn, &s);
    gate_wait(&s.held);
    new = spawn_there(runtime, wait_for_event, NULL);
    ck_assert_int_eq(trale_runtime_free(runtime, 0), -ETIMEDOUT);
    later = spawn_there(runtime, wait_for_event, NULL);
    ck_assert_int_eq(trale_runtime_free(runtime, 0), -ETIMEDOUT);
    after = spawn_there(runtime, wait_for_event, NULL);
    gate_open(&s.released);
    ck_assert_int_eq(join(stuck), 0);
    join(spawn_there(runtime, gate_open_in_task, &s.held)); /* they had time to end by a cancel */
    for (int i = 0; i < 5; i++)
        trale_event_notify(&event);
    ck_assert_int_eq(join(waits), -ECANCELED);
    ck_assert_int_eq(join(new), -ECANCELED);
    ck_assert_int_eq(join(later), -ECANCELED);
    ck_assert_int_eq(join(after), 0);
    ck_assert_int_eq(join(s.spawned), 0);
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}
END_TEST

static void *free_on_thread(void *runtime)
{
    return (void *)(intptr_t)trale_runtime_free(runtime, TRALE_NEVER);
}

START_TEST(nothing_is_spawned_into_a_runtime_that_is_being_freed)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime};
    struct obstinate s = OBSTINATE;
    struct gate gate = GATE;
    trale_sleep_future sleep;
    trale_task *task = spawn_obstinate(runtime, &s), *untouched = task;
    pthread_t thread;
    void *result;
    int error;
    trale_sleep_init(&sleep, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, free_on_thread, runtime), 0);
    while ((error = trale_spawn_with(NULL, &options, gate_open_in_task, &gate)) == 0)
        sched_yield();
    ck_assert_int_eq(error, -ESHUTDOWN);
    ck_assert_int_eq(trale_spawn_with(&untouched, &options, gate_open_in_task, &gate),
                     -ESHUTDOWN);
    ck_assert_int_eq(trale_spawn_future_with(&untouched, &options, &sleep.future, sizeof sleep),
                     -ESHUTDOWN);
    ck_assert_ptr_eq(untouched, task);
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), -EBUSY);
    release_obstinate(&s);
    pthread_join(thread, &result);
    ck_assert_ptr_null(result);
    ck_assert_int_eq(join(task), 77);
}
END_TEST

static intptr_t free_in_task(void *runtime)
{
    return trale_runtime_free(runtime, TRALE_NEVER);
}

START_TEST(a_free_that_is_cancelled_leaves_the_runtime_standing)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime};
    struct obstinate s = OBSTINATE;
    struct gate gate = GATE;
    trale_task *task = spawn_obstinate(runtime, &s), *freeing, *after;
    ck_assert_int_eq(trale_spawn(&freeing, free_in_task, runtime), 0);
    settle();
    trale_cancel(freeing);
    ck_assert_int_eq(join(freeing), -ECANCELED);
    ck_assert_int_eq(trale_spawn_with(&after, &options, gate_open_in_task, &gate), 0);
    release_obstinate(&s);
    join(after);
    ck_assert_int_eq(join(task), 77);
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}
END_TEST

START_TEST(the_default_runtime_is_freed_and_made_again)
{
    for (int i = 0; i < 20; i++) {
        struct gate gate = GATE;
        trale_task *task;
        ck_assert_int_eq(trale_spawn(&task, gate_open_in_task, &gate), 0);
        ck_assert_int_eq(trale_runtime_free(trale_runtime_default(), TRALE_NEVER), 0);
        intptr_t result = join(task);
        ck_assert(result == 0 ? gate_opened(&gate) == 1 : result == -ECANCELED);
    }
}
END_TEST

START_TEST(tasks_of_one_runtime_outlive_another)
{
    trale_runtime *stays = new_runtime(), *goes = new_runtime();
    trale_spawn_options options = {.runtime = stays};
    trale_task *task;
    ck_assert_int_eq(trale_spawn_with(&task, &options, be_busy, (void *)3), 0);
    ck_assert_int_eq(trale_runtime_free(goes, TRALE_NEVER), 0);
    trale_cancel(task);
    intptr_t result = join(task);
    ck_assert(result == 3 || result == -ECANCELED);
    ck_assert_int_eq(trale_runtime_free(stays, TRALE_NEVER), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "runtime_free",
               two_hundred_runtimes_leave_nothing_behind,
               a_runtime_with_nothing_to_do_is_freed_at_once_whatever_the_deadline,
               a_deadline_that_passes_leaves_the_runtime_standing,
               a_free_that_was_given_up_has_cancelled_what_was_there_and_nothing_else,
               nothing_is_spawned_into_a_runtime_that_is_being_freed,
               a_free_that_is_cancelled_leaves_the_runtime_standing,
               the_default_runtime_is_freed_and_made_again, tasks_of_one_runtime_outlive_another)
