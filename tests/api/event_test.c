/* Events: as many waits go through as there were notifications, in the order of the waits. */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include "executors.h"
#include "settle.h"
#include "waiters.h"

static trale_event event;

static intptr_t wait_event(void *e)
{
    return trale_event_wait(e);
}

START_TEST(arguments_are_checked)
{
    trale_event_wait_future f;

    ck_assert_int_eq(trale_event_wait(NULL), -EINVAL);
    ck_assert_int_eq(trale_event_try_wait(NULL), -EINVAL);
    ck_assert_int_eq(trale_event_notify(NULL), -EINVAL);
    trale_event_wait_init(&f, NULL);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
}
END_TEST

START_TEST(notifications_are_counted)
{
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_wait(&event), 0);
    ck_assert_int_eq(join(spawn_on(NULL, wait_event, &event)), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
}
END_TEST

/* An event and a semaphore are the same but for the names: a short cut to the end. */
START_TEST(there_are_only_so_many)
{
    trale_semaphore semaphore = {0};
    trale_event full;

    ck_assert_int_eq(trale_semaphore_release(&semaphore, TRALE_COUNT_MAX), 0);
    memcpy(&full, &semaphore, sizeof full);
    ck_assert_int_eq(trale_event_notify(&full), -EOVERFLOW);
    ck_assert_int_eq(trale_event_wait(&full), 0);
    ck_assert_int_eq(trale_event_notify(&full), 0);
    ck_assert_int_eq(trale_event_notify(&full), -EOVERFLOW);
}
END_TEST

START_TEST(waiters_are_let_through_in_order)
{
    trale_runtime *other = new_runtime();
    trale_event_wait_future f[5];
    struct line line = LINE;

    for (int i = 0; i < 5; i++) {
        line_add(&line, NULL, wait_event, &event);
        line_add(&line, other, wait_event, &event);
        trale_event_wait_init(&f[i], &event);
        line_add_thread(&line, &f[i].future);
    }
    for (int i = 0; i < 15; i++) {
        ck_assert_int_eq(trale_event_notify(&event), 0);
        line_expect(&line, i);
    }
    line_join(&line, 0);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
    free_runtime(other);
}
END_TEST

/* Who comes while others wait gets nothing, also if there is something just now. */
START_TEST(nobody_jumps_the_queue)
{
    struct line line = LINE;
    struct hold h = HOLD;

    line_add(&line, NULL, wait_event, &event);
    hold_executor(&h);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN); /* it is granted, if not taken yet */
    release_executor(&h);
    line_join(&line, 0);
}
END_TEST

START_TEST(a_plain_thread_waits_for_a_task_and_a_task_for_a_thread)
{
    trale_event ping = {0}, pong = {0};
    trale_event *events[2] = {&ping, &pong};
    struct line line = LINE;

    for (int i = 0; i < 100; i++) {
        struct line_waiter *w;
        memset(&line, 0, sizeof line);
        line = (struct line)LINE;
        w = line_add(&line, NULL, wait_event, events[i % 2]);
        ck_assert_int_eq(trale_event_notify(events[i % 2]), 0);
        ck_assert_int_eq(line_take(w), 0);
    }
}
END_TEST

static intptr_t notify_event(void *e)
{
    return trale_event_notify(e);
}

START_TEST(a_task_wakes_a_plain_thread)
{
    for (int i = 0; i < 100; i++) {
        trale_task *task = spawn_on(NULL, notify_event, &event);
        ck_assert_int_eq(trale_event_wait(&event), 0);
        ck_assert_int_eq(join(task), 0);
    }
}
END_TEST

START_TEST(a_stackless_task_waits)
{
    trale_event_wait_future f;
    trale_task *tasks[3];

    for (int i = 0; i < 3; i++) {
        trale_event_wait_init(&f, &event);
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
        settle();
    }
    trale_cancel(tasks[1]);
    ck_assert_int_eq(join(tasks[1]), -ECANCELED);
    for (int i = 0; i < 3; i += 2) {
        ck_assert_int_eq(trale_event_notify(&event), 0);
        ck_assert_int_eq(join(tasks[i]), 0);
    }
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
}
END_TEST

/* One that always finds a notification, and how often it did before another task ran. */
static struct {
    bool other_ran;
    int before;
} greed;

static intptr_t wait_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        if (trale_event_notify(&event) != 0 || trale_event_wait(&event) != 0)
            return -1;
        greed.before += !greed.other_ran;
    }
    return 0;
}

static intptr_t other_runs(void *arg)
{
    (void)arg;
    greed.other_ran = true;
    return 0;
}

START_TEST(a_fiber_makes_so_many_operations_a_poll)
{
    struct hold h = HOLD;
    trale_task *task, *other;

    hold_executor(&h);
    task = spawn_at(NULL, 1, wait_often, NULL);
    other = spawn_at(NULL, 1, other_runs, NULL);
    release_executor(&h);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(join(other), 0);
    ck_assert_int_eq(greed.before, 128);
}
END_TEST

/* The same without a stack: the future is pending in between. */
struct often {
    trale_future future;
    int left, polls;
    trale_event_wait_future wait;
};

static enum trale_poll often_poll(trale_future *self, trale_context *cx)
{
    struct often *f = (struct often *)self;

    f->polls++;
    while (f->left > 0) {
        if (!f->wait.future.ops)
            trale_event_wait_init(&f->wait, &event);
        if (trale_future_poll(&f->wait.future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        trale_future_drop(&f->wait.future);
        f->wait.future.ops = NULL;
        f->left--;
    }
    self->output = f->polls;
    return TRALE_READY;
}

START_TEST(a_stackless_task_makes_so_many_operations_a_poll)
{
    static const struct trale_future_ops ops = {often_poll, NULL, "often"};
    struct often f = {.future = {&ops, 0}, .left = 3 * 128};
    trale_task *task;

    for (int i = 0; i < 3 * 128; i++)
        ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    ck_assert_int_eq(join(task), 3);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "event", arguments_are_checked,
               notifications_are_counted, there_are_only_so_many,
               waiters_are_let_through_in_order, nobody_jumps_the_queue,
               a_plain_thread_waits_for_a_task_and_a_task_for_a_thread,
               a_task_wakes_a_plain_thread, a_stackless_task_waits,
               a_fiber_makes_so_many_operations_a_poll,
               a_stackless_task_makes_so_many_operations_a_poll)
