/* Waiters that are polled again for something else: they wait on, and are let through all the same. */
#include "suite.h"

#include <errno.h>
#include <trale.h>

#include "probe.h"
#include "settle.h"

static trale_event other, go;
static trale_barrier barrier = {.parties = 2};
static trale_mutex mutex;
static trale_cond cond;
static trale_once once;

/* Who is woken for one of the two polls both. */
static intptr_t with_other(trale_future *future)
{
    trale_event_wait_future event;

    trale_event_wait_init(&event, &other);
    TRALE_JOIN_ALL(future, &event.future);
    return future->output;
}

static trale_task *spawn_and_disturb(trale_fn *fn)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, fn, NULL), 0);
    settle();
    ck_assert_int_eq(trale_event_notify(&other), 0);
    settle();
    return task;
}

static intptr_t wait_barrier(void *arg)
{
    trale_barrier_wait_future f;

    (void)arg;
    trale_barrier_wait_init(&f, &barrier);
    return with_other(&f.future);
}

START_TEST(at_a_barrier_it_has_come_once)
{
    trale_task *task = spawn_and_disturb(wait_barrier);

    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t wait_cond(void *arg)
{
    trale_cond_wait_future f;
    intptr_t result;

    (void)arg;
    if (trale_mutex_lock(&mutex) != 0)
        return -1;
    trale_cond_wait_init(&f, &cond, &mutex);
    result = with_other(&f.future);
    return trale_mutex_unlock(&mutex) == 0 ? result : -1;
}

START_TEST(a_condition_is_waited_for_without_the_mutex)
{
    trale_task *task = spawn_and_disturb(wait_cond);

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t wait_for_signal(void *arg)
{
    int result = trale_mutex_lock(&mutex);

    (void)arg;
    result = result == 0 ? trale_cond_wait(&cond, &mutex) : -1;
    trale_mutex_unlock(&mutex);
    return result;
}

/* It has the signal, but not the mutex, and there is nobody who could have the signal instead. */
START_TEST(a_signal_that_nobody_else_waits_for_is_lost)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, wait_for_signal, NULL), 0);
    settle();
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    settle();
    trale_cancel(task);
    settle();
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

static intptr_t wait_to_go(void *arg)
{
    (void)arg;
    return trale_event_wait(&go);
}

static intptr_t do_once(void *arg)
{
    (void)arg;
    return trale_once_do(&once, wait_to_go, NULL);
}

static intptr_t do_once_with_other(void *arg)
{
    trale_once_do_future f;

    (void)arg;
    trale_once_do_init(&f, &once, wait_to_go, NULL);
    return with_other(&f.future);
}

START_TEST(what_another_does_is_not_done_twice)
{
    trale_task *first, *second;

    ck_assert_int_eq(trale_spawn(&first, do_once, NULL), 0);
    settle();
    second = spawn_and_disturb(do_once_with_other);
    ck_assert_int_eq(trale_event_notify(&go), 0);
    ck_assert_int_eq(join(first), 0);
    ck_assert_int_eq(join(second), 0);
}
END_TEST

/* A channel: items enough to go on for longer than a share. */
enum { ITEMS = 300 };

static trale_channel *channel;

static intptr_t send_all(void *arg)
{
    trale_channel_send_future f;
    intptr_t error = 0;
    int item = 0;

    (void)arg;
    for (; item < ITEMS && error == 0; item++) {
        trale_channel_send_init(&f, channel, &item);
        error = trale_await(&f.future);
    }
    return error;
}

/* Without a stack it does not come to an end of its share by itself. */
static enum trale_poll receive_all(struct probe *p, trale_context *cx)
{
    trale_channel_recv_future f;
    enum trale_poll poll;
    int item = -1;

    for (; p->output < ITEMS; p->output++) {
        trale_channel_recv_init(&f, channel, &item);
        poll = trale_future_poll(&f.future, cx);
        trale_future_drop(&f.future);
        if (poll == TRALE_PENDING)
            return TRALE_PENDING;
        if (f.future.output != 0 || item != p->output)
            return TRALE_READY;
    }
    return TRALE_READY;
}

START_TEST(who_never_has_to_wait_at_a_channel_makes_room_all_the_same)
{
    struct probe p = PROBE_STEP(receive_all);
    trale_task *task;

    ck_assert_int_eq(trale_channel_new(&channel, sizeof(int), ITEMS), 0);
    ck_assert_int_eq(trale_spawn(&task, send_all, NULL), 0);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(join(probe_spawn(&p)), ITEMS);
    ck_assert_int_gt(probe_polls(&p), 1);
    trale_channel_free(channel);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "sync_again", at_a_barrier_it_has_come_once,
               a_condition_is_waited_for_without_the_mutex,
               a_signal_that_nobody_else_waits_for_is_lost, what_another_does_is_not_done_twice,
               who_never_has_to_wait_at_a_channel_makes_room_all_the_same)
