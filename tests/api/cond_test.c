/* Condition variables: nothing is missed, nobody returns without a signal, the mutex comes back. */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include "settle.h"
#include "waiters.h"

static trale_cond cond;
static trale_mutex mutex;
static int condition; /* guarded by mutex */

/* Waits once. What it returns beside errors: the condition as it was then, with the mutex held. */
static intptr_t wait_once(void *arg)
{
    int error, seen;

    (void)arg;
    error = trale_mutex_lock(&mutex);
    if (error == 0)
        error = trale_cond_wait(&cond, &mutex);
    seen = condition;
    if (trale_mutex_unlock(&mutex) != 0)
        return -1000;
    return error != 0 ? error : seen;
}

static void signal_with(int value)
{
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    condition = value;
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}

START_TEST(arguments_are_checked)
{
    trale_cond_wait_future f;

    ck_assert_int_eq(trale_cond_signal(NULL), -EINVAL);
    ck_assert_int_eq(trale_cond_broadcast(NULL), -EINVAL);
    ck_assert_int_eq(trale_cond_wait(NULL, &mutex), -EINVAL);
    ck_assert_int_eq(trale_cond_wait(&cond, NULL), -EINVAL);
    trale_cond_wait_init(&f, NULL, &mutex);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

static intptr_t wait_without_mutex(void *arg)
{
    (void)arg;
    return trale_cond_wait(&cond, &mutex);
}

START_TEST(the_mutex_must_be_the_callers)
{
    ck_assert_int_eq(trale_cond_wait(&cond, &mutex), -EPERM);
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(join(spawn_on(NULL, wait_without_mutex, NULL)), -EPERM);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}
END_TEST

START_TEST(a_signal_without_a_waiter_does_nothing)
{
    struct line line = LINE;

    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    ck_assert_int_eq(trale_cond_broadcast(&cond), 0);
    line_add(&line, NULL, wait_once, NULL);
    ck_assert_int_eq(line_through(&line), 0);
    signal_with(7);
    line_join(&line, 7);
}
END_TEST

START_TEST(signals_go_to_waiters_in_order)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;

    for (int i = 0; i < 6; i++)
        line_add(&line, i % 2 ? other : NULL, wait_once, NULL);
    for (int i = 0; i < 6; i++) {
        signal_with(i);
        line_expect(&line, i);
        ck_assert_int_eq(line_take(&line.waiters[i]), i);
    }
    free_runtime(other);
}
END_TEST

START_TEST(a_broadcast_lets_everybody_through)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;

    for (int i = 0; i < 6; i++)
        line_add(&line, i % 2 ? other : NULL, wait_once, NULL);
    condition = 3;
    ck_assert_int_eq(trale_cond_broadcast(&cond), 0);
    line_join(&line, 3);
    free_runtime(other);
}
END_TEST

/* A plain thread: the signaller gets the mutex only because the waiter gave it up. */
static void *wait_on_thread(void *result)
{
    *(intptr_t *)result = 99;
    if (trale_mutex_lock(&mutex) == 0) {
        condition = 1;
        while (condition != 2)
            if (trale_cond_wait(&cond, &mutex) != 0)
                return NULL;
        *(intptr_t *)result = trale_mutex_unlock(&mutex);
    }
    return NULL;
}

START_TEST(a_plain_thread_waits)
{
    intptr_t result;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, wait_on_thread, &result), 0);
    for (bool done = false; !done;) {
        ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
        done = condition == 1;
        if (done) {
            condition = 2;
            ck_assert_int_eq(trale_cond_signal(&cond), 0);
        }
        ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    }
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(cancelled_it_has_the_mutex)
{
    struct line line = LINE;
    struct line_waiter *w = line_add(&line, NULL, wait_once, NULL);

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    trale_cancel(w->task);
    settle();
    ck_assert_int_eq(line_through(&line),
                     0); /* it waits for the mutex, however long that takes */
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(line_take(w), -ECANCELED); /* wait_once could unlock */
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

static intptr_t wait_cancelled(void *arg)
{
    int errors[3];

    (void)arg;
    errors[0] = trale_mutex_lock(&mutex);
    trale_cancel(trale_self());
    errors[1] = trale_cond_wait(&cond, &mutex);
    errors[2] = trale_mutex_unlock(&mutex);
    return errors[0] == 0 && errors[1] == -ECANCELED && errors[2] == 0;
}

START_TEST(cancelled_before_it_keeps_the_mutex)
{
    ck_assert_int_eq(join(spawn_on(NULL, wait_cancelled, NULL)), 1);
}
END_TEST

START_TEST(a_signal_to_one_who_is_cancelled_goes_to_the_next)
{
    struct line line = LINE;
    struct hold h = HOLD;
    struct line_waiter *w = line_add(&line, NULL, wait_once, NULL);

    line_add(&line, NULL, wait_once, NULL);
    line_add(&line, NULL, wait_once, NULL);
    hold_executor(&h);
    signal_with(5);
    trale_cancel(w->task);
    release_executor(&h);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    gate_wait_for(&line.through, 2);
    settle();
    ck_assert_int_eq(line_through(&line), 2);
    ck_assert_int_eq(line_take(&line.waiters[1]), 5);
    signal_with(6);
    line_join(&line, 6);
}
END_TEST

/* The same if it has the signal already, and waits for the mutex. */
START_TEST(a_signal_to_one_who_is_cancelled_later_goes_to_the_next)
{
    struct line line = LINE;
    struct line_waiter *w = line_add(&line, NULL, wait_once, NULL);

    line_add(&line, NULL, wait_once, NULL);
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    condition = 5;
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    settle();
    trale_cancel(w->task);
    settle();
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    line_join(&line, 5);
}
END_TEST

/* Who comes after a broadcast does not get what others had of it. */
START_TEST(a_broadcast_to_one_who_is_cancelled_is_over)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;
    struct hold h = HOLD;
    struct line_waiter *w = line_add(&line, NULL, wait_once, NULL);

    hold_executor(&h);
    ck_assert_int_eq(trale_cond_broadcast(&cond), 0);
    trale_cancel(w->task);
    line_add(&line, other, wait_once, NULL);
    release_executor(&h);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    settle_on(other);
    ck_assert_int_eq(line_through(&line), 1);
    signal_with(4);
    line_join(&line, 4);
    free_runtime(other);
}
END_TEST

/* A stackless task: locks, waits, unlocks. */
struct stackless {
    trale_future future;
    trale_mutex_lock_future lock;
    trale_cond_wait_future wait;
    bool locked;
};

static enum trale_poll stackless_poll(trale_future *self, trale_context *cx)
{
    struct stackless *f = (struct stackless *)self;

    if (!f->locked && trale_future_poll(&f->lock.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    f->locked = true;
    if (trale_future_poll(&f->wait.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = f->wait.future.output == 0 ? condition : f->wait.future.output;
    if (trale_mutex_unlock(&mutex) != 0)
        self->output = -1000;
    return TRALE_READY;
}

static void stackless_drop(trale_future *self)
{
    struct stackless *f = (struct stackless *)self;

    trale_future_drop(&f->lock.future);
    trale_future_drop(&f->wait.future);
}

static trale_task *spawn_stackless(void)
{
    static const struct trale_future_ops ops = {stackless_poll, stackless_drop, "stackless"};
    struct stackless f = {.future = {&ops, 0}};
    trale_task *task;

    trale_mutex_lock_init(&f.lock, &mutex);
    trale_cond_wait_init(&f.wait, &cond, &mutex);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    return task;
}

START_TEST(a_stackless_task_waits)
{
    trale_task *one = spawn_stackless(), *two = spawn_stackless();

    signal_with(1);
    ck_assert_int_eq(join(one), 1);
    signal_with(2);
    ck_assert_int_eq(join(two), 2);
}
END_TEST

START_TEST(a_stackless_task_that_is_dropped_leaves_the_mutex)
{
    trale_task *one = spawn_stackless(), *two = spawn_stackless();

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    condition = 8;
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    settle(); /* the first has the signal, and waits for the mutex */
    trale_cancel(one);
    ck_assert_int_eq(join(one), -ECANCELED);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(join(two), 8); /* the signal went on */
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "cond", arguments_are_checked,
               the_mutex_must_be_the_callers, a_signal_without_a_waiter_does_nothing,
               signals_go_to_waiters_in_order, a_broadcast_lets_everybody_through,
               a_plain_thread_waits, cancelled_it_has_the_mutex,
               cancelled_before_it_keeps_the_mutex,
               a_signal_to_one_who_is_cancelled_goes_to_the_next,
               a_signal_to_one_who_is_cancelled_later_goes_to_the_next,
               a_broadcast_to_one_who_is_cancelled_is_over, a_stackless_task_waits,
               a_stackless_task_that_is_dropped_leaves_the_mutex)
