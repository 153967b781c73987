/* What a wake does, depending on when it comes and from where. */
#include "suite.h"

#include <pthread.h>
#include <trale.h>

#include "gate.h"
#include "probe.h"
#include "settle.h"

/* Ends the probe's task and checks what was done to the future in all. */
static void finish_and_check(struct probe *p, trale_task *task, int polls)
{
    ck_assert_int_eq(probe_polls(p), polls);
    probe_finish(p, 0);
    join(task);
    ck_assert_int_eq(probe_polls(p), polls + 1);
    ck_assert_int_eq(probe_drops(p), 1);
    ck_assert_int_eq(probe_faults(p), 0);
}

START_TEST(any_number_of_wakes_before_a_poll_cause_one_poll)
{
    struct probe p = PROBE;
    struct hold h = HOLD;
    trale_task *task = probe_spawn(&p);

    settle();
    hold_executor(&h);
    for (int i = 0; i < 100; i++)
        probe_wake(&p);
    release_executor(&h);
    settle();
    finish_and_check(&p, task, 2);
}
END_TEST

static intptr_t wake_often(void *probe)
{
    for (int i = 0; i < 100; i++)
        probe_wake(probe);
    return 0;
}

START_TEST(any_number_of_wakes_by_another_task_cause_one_poll)
{
    const trale_spawn_options first = {.executor = 1}; /* both, or it may be polled meanwhile */
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);
    trale_task *task, *waking;

    ck_assert_int_eq(trale_spawn_future_with(&task, &first, &f.future, sizeof f), 0);
    settle();
    ck_assert_int_eq(trale_spawn_with(&waking, &first, wake_often, &p), 0);
    join(waking);
    settle();
    finish_and_check(&p, task, 2);
}
END_TEST

static enum trale_poll wake_then_ready(struct probe *p, trale_context *cx)
{
    p->output = 3;
    trale_waker_wake(trale_context_waker(cx));
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_READY;
}

START_TEST(a_wake_in_the_poll_that_is_ready_does_nothing)
{
    struct probe p = PROBE_STEP(wake_then_ready);

    ck_assert_int_eq(join(probe_spawn(&p)), 3);
    settle();
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

static enum trale_poll wake_in_first_poll(struct probe *p, trale_context *cx)
{
    if (p->polls == 1)
        for (int i = 0; i < 3; i++)
            trale_waker_wake(trale_context_waker(cx));
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(wakes_by_the_poll_itself_cause_one_more_poll)
{
    struct probe p = PROBE_STEP(wake_in_first_poll);
    trale_task *task = probe_spawn(&p);

    settle(); /* the first poll */
    settle(); /* the second, which the first made ready */
    settle(); /* and there is no third */
    finish_and_check(&p, task, 2);
}
END_TEST

/* The first poll waits for a gate that p->arg is. */
static enum trale_poll stop_in_first_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    if (p->polls == 1)
        gate_wait(p->arg);
    return probe_finished(p) ? TRALE_READY : TRALE_PENDING;
}

START_TEST(wakes_by_a_thread_during_a_poll_cause_one_more_poll)
{
    struct gate go_on = GATE;
    struct probe p = PROBE_STEP(stop_in_first_poll);
    trale_task *task;

    p.arg = &go_on;
    task = probe_spawn(&p);
    probe_wait_polled(&p, 1);
    for (int i = 0; i < 3; i++)
        probe_wake(&p);
    ck_assert_int_eq(probe_polls(&p), 1);
    gate_open(&go_on);
    probe_wait_polled(&p, 2);
    settle();
    settle();
    finish_and_check(&p, task, 2);
}
END_TEST

static enum trale_poll stop_and_be_ready(struct probe *p, trale_context *cx)
{
    (void)cx;
    gate_wait(p->arg);
    return TRALE_READY;
}

START_TEST(a_wake_by_a_thread_during_the_poll_that_is_ready_does_nothing)
{
    struct gate go_on = GATE;
    struct probe p = PROBE_STEP(stop_and_be_ready);
    trale_task *task;

    p.arg = &go_on;
    task = probe_spawn(&p);
    probe_wait_polled(&p, 1);
    probe_wake(&p);
    gate_open(&go_on);
    join(task);
    settle();
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

/* Runs a probe to its end, and returns a waker of the task that is no more. */
static trale_waker *waker_of_the_past(struct probe *p)
{
    trale_task *task = probe_spawn(p);
    trale_waker *waker;

    probe_wait_polled(p, 1);
    waker = probe_waker(p);
    ck_assert_ptr_nonnull(waker);
    probe_finish(p, 0);
    join(task);
    return waker;
}

static void use_up(trale_waker *waker)
{
    trale_waker *clone = trale_waker_clone(waker);

    trale_waker_wake(waker);
    trale_waker_wake(clone);
    trale_waker_drop(waker);
    trale_waker_wake(clone);
    trale_waker_drop(clone);
}

START_TEST(a_waker_may_be_used_after_its_task_was_joined)
{
    struct probe p = PROBE;
    trale_waker *waker = waker_of_the_past(&p);
    int polls = probe_polls(&p);

    use_up(waker);
    settle();
    ck_assert_int_eq(probe_polls(&p), polls);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(a_waker_may_be_used_after_its_runtime_is_gone)
{
    struct probe p = PROBE;
    trale_waker *waker = waker_of_the_past(&p);

    free_default_runtime();
    use_up(waker);
    ck_assert_int_eq(probe_drops(&p), 1);
}
END_TEST

START_TEST(a_waker_of_a_detached_task_outlives_the_task)
{
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);
    trale_waker *waker;

    ck_assert_int_eq(trale_spawn_future(NULL, &f.future, sizeof f), 0);
    probe_wait_polled(&p, 1);
    waker = probe_waker(&p);
    probe_finish(&p, 0);
    probe_wait_dropped(&p);
    settle();
    use_up(waker);
}
END_TEST

START_TEST(a_runtime_that_is_freed_does_not_wait_for_wakers)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);
    trale_waker *waker;

    probe_wait_polled(&p, 1);
    waker = probe_waker(&p);
    free_default_runtime(); /* cancels the task */
    use_up(waker);
    ck_assert_int_eq(probe_drops(&p), 1);
    trale_detach(task);
}
END_TEST

static void *clone_it(void *waker)
{
    return trale_waker_clone(waker);
}

static void *wake_and_drop_it(void *waker)
{
    trale_waker_wake(waker);
    trale_waker_drop(waker);
    return NULL;
}

static void *in_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    void *result;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    pthread_join(thread, &result);
    return result;
}

START_TEST(a_waker_is_cloned_by_one_thread_and_dropped_by_another)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);
    trale_waker *first, *second;

    probe_wait_polled(&p, 1);
    settle();
    first = probe_waker(&p);
    second = in_thread(clone_it, first);
    trale_waker_drop(first);
    in_thread(wake_and_drop_it, second);
    settle();
    finish_and_check(&p, task, 2);
}
END_TEST

struct letter {
    int text, read; /* plain: the wake must carry it over */
};

static enum trale_poll read_letter(struct probe *p, trale_context *cx)
{
    struct letter *letter = p->arg;

    (void)cx;
    letter->read = letter->text;
    return letter->text == 100 ? TRALE_READY : TRALE_PENDING;
}

START_TEST(a_poll_sees_what_was_written_before_the_wake_that_caused_it)
{
    struct letter letter = {0};
    struct probe p = PROBE_STEP(read_letter);
    trale_task *task;
    trale_waker *waker;

    p.arg = &letter;
    task = probe_spawn(&p);
    settle();
    waker = probe_waker(&p);
    for (int i = 1; i <= 100; i++) {
        letter.text = i;
        trale_waker_wake(waker);
        settle();
        ck_assert_int_eq(letter.read, i);
    }
    trale_waker_drop(waker);
    join(task);
    ck_assert_int_eq(probe_polls(&p), 101);
}
END_TEST

START_TEST(no_waker_is_ignored)
{
    ck_assert_ptr_null(trale_waker_clone(NULL));
    trale_waker_wake(NULL);
    trale_waker_drop(NULL);
}
END_TEST

static void *await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);

    return (void *)trale_await(&f.future);
}

START_TEST(a_waker_of_a_thread_outlives_the_thread)
{
    struct probe p = PROBE;
    pthread_t thread;
    trale_waker *waker;
    void *output;

    ck_assert_int_eq(pthread_create(&thread, NULL, await_probe, &p), 0);
    probe_wait_polled(&p, 1);
    waker = probe_waker(&p);
    probe_finish(&p, 9);
    pthread_join(thread, &output);
    ck_assert_int_eq((intptr_t)output, 9);
    use_up(waker);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "waker",
               any_number_of_wakes_before_a_poll_cause_one_poll,
               any_number_of_wakes_by_another_task_cause_one_poll,
               a_wake_in_the_poll_that_is_ready_does_nothing,
               wakes_by_the_poll_itself_cause_one_more_poll,
               ON_THREAD(wakes_by_a_thread_during_a_poll_cause_one_more_poll,
                         "it stops a poll and goes on meanwhile"),
               ON_THREAD(a_wake_by_a_thread_during_the_poll_that_is_ready_does_nothing,
                         "it stops a poll and goes on meanwhile"),
               a_waker_may_be_used_after_its_task_was_joined,
               a_waker_may_be_used_after_its_runtime_is_gone,
               a_waker_of_a_detached_task_outlives_the_task,
               ON_THREAD(a_runtime_that_is_freed_does_not_wait_for_wakers,
                         "it ends the runtime that its tasks are in"),
               a_waker_is_cloned_by_one_thread_and_dropped_by_another,
               a_poll_sees_what_was_written_before_the_wake_that_caused_it, no_waker_is_ignored,
               a_waker_of_a_thread_outlives_the_thread)
