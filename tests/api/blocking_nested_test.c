/* Work of the pool that has work done itself: that runs on the same thread, and may wait there. */
#include "suite.h"

#include <trale.h>

#include "settle.h"

static intptr_t sleep_a_little(void *arg)
{
    return trale_sleep(TRALE_US) == 0 ? (intptr_t)arg : -1;
}

static intptr_t have_it_done(void *arg)
{
    return trale_blocking(sleep_a_little, arg);
}

static intptr_t from_a_task(void *arg)
{
    return trale_blocking(have_it_done, arg);
}

START_TEST(it_may_wait)
{
    trale_task *task;

    ck_assert_int_eq(trale_blocking(have_it_done, (void *)5), 5);
    ck_assert_int_eq(trale_spawn(&task, from_a_task, (void *)6), 0);
    ck_assert_int_eq(join(task), 6);
}
END_TEST

/* Two futures in one; the first is woken while the poll of the second has its work done. */
struct both {
    trale_future future;
    trale_event_wait_future wait;
    trale_blocking_future work;
    bool waited, worked;
};

static trale_event event;

static intptr_t notify_and_wait(void *arg)
{
    (void)arg;
    trale_event_notify(&event);
    return sleep_a_little((void *)1);
}

static enum trale_poll both_poll(trale_future *self, trale_context *cx)
{
    struct both *b = (struct both *)self;

    if (!b->waited)
        b->waited = trale_future_poll(&b->wait.future, cx) == TRALE_READY;
    if (!b->worked)
        b->worked = trale_future_poll(&b->work.future, cx) == TRALE_READY;
    return b->waited && b->worked ? TRALE_READY : TRALE_PENDING;
}

static void both_drop(trale_future *self)
{
    struct both *b = (struct both *)self;

    trale_future_drop(&b->wait.future);
    trale_future_drop(&b->work.future);
}

static intptr_t await_both(void *arg)
{
    static const struct trale_future_ops ops = {both_poll, both_drop, "both"};
    struct both b = {.future = {.ops = &ops}};

    (void)arg;
    trale_event_wait_init(&b.wait, &event);
    trale_blocking_init(&b.work, notify_and_wait, NULL);
    trale_await(&b.future);
    return b.work.future.output;
}

START_TEST(its_waits_swallow_no_wake_of_what_is_polled_beside_it)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(trale_blocking(await_both, NULL), 1);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "blocking_nested", it_may_wait,
               its_waits_swallow_no_wake_of_what_is_polled_beside_it)
