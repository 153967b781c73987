/* The dump: what tasks wait for, in words. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

#include "dumped.h"
#include "executors.h"
#include "probe.h"
#include "settle.h"
#include "waiters.h"

#define HOUR (3600 * TRALE_SEC)

static void expect_wait(trale_fn *fn, void *arg, const char *words)
{
    trale_task *task = spawn_waiting(fn, arg);

    expect_doing(task, "waiting: %s %p", words, arg);
    end_task(task, -ECANCELED);
}

static intptr_t sleep_for(void *duration)
{
    return trale_sleep(*(int64_t *)duration);
}

static intptr_t wait_tick(void *interval)
{
    return trale_interval_wait(interval);
}

/* "3599.123 s left" is right, from 3000 to 3600. */
static void expect_left(const trale_task *task, const char *words)
{
    const char *text = dump_doing(task);
    size_t length = strlen(words);
    char *rest;
    double left;

    ck_assert_msg(strncmp(text, words, length) == 0, "%s", text);
    left = strtod(text + length, &rest);
    ck_assert_msg(left > 3000 && left <= 3600, "%s", text);
    ck_assert_str_eq(rest, " s left");
}

START_TEST(a_sleep_tells_what_is_left)
{
    int64_t hour = HOUR, never = TRALE_NEVER;
    trale_interval interval;
    trale_task *task;

    task = spawn_waiting(sleep_for, &hour);
    expect_left(task, "waiting: sleep, ");
    end_task(task, -ECANCELED);
    task = spawn_waiting(sleep_for, &never);
    expect_doing(task, "waiting: sleep, for ever");
    end_task(task, -ECANCELED);
    trale_interval_start(&interval, HOUR);
    task = spawn_waiting(wait_tick, &interval);
    expect_left(task, "waiting: interval_wait, ");
    end_task(task, -ECANCELED);
}
END_TEST

static intptr_t acquire(void *semaphore)
{
    return trale_semaphore_acquire(semaphore, 2);
}

static intptr_t rdlock(void *rwlock)
{
    return trale_rwlock_rdlock(rwlock);
}

static intptr_t wrlock(void *rwlock)
{
    return trale_rwlock_wrlock(rwlock);
}

static intptr_t wait_all_done(void *group)
{
    return trale_wait_group_wait(group);
}

static intptr_t wait_barrier(void *barrier)
{
    return trale_barrier_wait(barrier);
}

static intptr_t do_once(void *once)
{
    static trale_event never;

    return trale_once_do(once, wait_for_event, &never);
}

START_TEST(what_tasks_wait_for_of_one_another)
{
    trale_event event = {0};
    trale_semaphore semaphore = {0};
    trale_rwlock rwlock = {0};
    trale_wait_group group = {0};
    trale_barrier barrier = {.parties = 2};
    trale_once once = {0};
    trale_task *first;

    expect_wait(wait_for_event, &event, "event_wait");
    expect_wait(acquire, &semaphore, "semaphore_acquire");
    ck_assert_int_eq(trale_rwlock_wrlock(&rwlock), 0);
    expect_wait(rdlock, &rwlock, "rwlock_rdlock");
    expect_wait(wrlock, &rwlock, "rwlock_wrlock");
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
    expect_wait(wait_all_done, &group, "wait_group_wait");
    expect_wait(wait_barrier, &barrier, "barrier_wait");
    first = spawn_waiting(do_once, &once);
    expect_begins(dump_doing(first), "waiting: event_wait");
    expect_wait(do_once, &once, "once_do");
    end_task(first, -ECANCELED);
}
END_TEST

static intptr_t send_item(void *channel)
{
    return trale_channel_send(channel, "x");
}

static intptr_t receive_item(void *channel)
{
    char item;

    return trale_channel_recv(channel, &item);
}

static intptr_t wait_group(void *group)
{
    return trale_group_wait(group);
}

START_TEST(channels_and_groups)
{
    static trale_event never;
    trale_channel *channel;
    trale_group group = {0};
    trale_task *task;

    ck_assert_int_eq(trale_channel_new(&channel, 1, 0), 0);
    expect_wait(send_item, channel, "channel_send");
    expect_wait(receive_item, channel, "channel_recv");
    trale_channel_free(channel);
    ck_assert_int_eq(trale_group_spawn(&group, wait_for_event, &never), 0);
    task = spawn_waiting(wait_group, &group);
    expect_doing(task, "waiting: group_wait %p", (void *)&group);
    end_task(task, -ECANCELED);
}
END_TEST

static intptr_t lock_mutex(void *mutex)
{
    return trale_mutex_lock(mutex);
}

static intptr_t lock_and_sleep(void *mutex)
{
    int error = trale_mutex_lock(mutex);

    if (error == 0)
        error = trale_sleep(HOUR);
    trale_mutex_unlock(mutex);
    return error;
}

static void expect_holder(trale_mutex *mutex, const char *holder)
{
    trale_task *task = spawn_waiting(lock_mutex, mutex);

    expect_doing(task, "waiting: mutex_lock %p, %s", (void *)mutex, holder);
    end_task(task, -ECANCELED);
}

START_TEST(a_mutex_tells_who_holds_it)
{
    trale_mutex mutex = {0};
    char name[256], held[300];
    trale_task *holder = spawn_waiting(lock_and_sleep, &mutex);

    dump_name(name, holder);
    snprintf(held, sizeof held, "held by %s", name);
    expect_holder(&mutex, held);
    end_task(holder, -ECANCELED);
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    expect_holder(&mutex, "held by a plain thread, or a task that has ended");
}
END_TEST

START_TEST(a_holder_in_another_runtime_is_named)
{
    trale_runtime *other = new_runtime();
    trale_mutex mutex = {0};
    char name[256], held[300];
    trale_task *holder = spawn_on(other, lock_and_sleep, &mutex);

    settle_on(other);
    dump_name(name, holder);
    snprintf(held, sizeof held, "held by %s", name);
    expect_holder(&mutex, held);
    end_task(holder, -ECANCELED);
    free_runtime(other);
}
END_TEST

START_TEST(a_holder_that_is_gone_is_not_looked_at)
{
    trale_mutex mutex = {0};
    trale_task *gone[100];

    for (int i = 0; i < 100; i++) /* those that come later cannot have their memory */
        gone[i] = spawn_at(NULL, 1, lock_mutex, &mutex);
    ck_assert_int_eq(join(gone[0]), 0);
    for (int i = 1; i < 100; i++)
        end_task(gone[i], -ECANCELED);
    expect_holder(&mutex, "held by a plain thread, or a task that has ended");
}
END_TEST

struct condition {
    trale_mutex mutex;
    trale_cond cond;
};

static intptr_t wait_condition(void *arg)
{
    struct condition *c = arg;
    int error = trale_mutex_lock(&c->mutex);

    if (error == 0)
        error = trale_cond_wait(&c->cond, &c->mutex);
    trale_mutex_unlock(&c->mutex);
    return error;
}

START_TEST(a_condition_and_then_its_mutex)
{
    struct condition c = {0};
    trale_task *task = spawn_waiting(wait_condition, &c);

    expect_doing(task, "waiting: cond_wait %p", (void *)&c.cond);
    ck_assert_int_eq(trale_mutex_lock(&c.mutex), 0);
    ck_assert_int_eq(trale_cond_signal(&c.cond), 0);
    settle();
    expect_doing(
        task,
        "waiting: cond_wait %p, signalled: mutex_lock %p, held by a plain thread, or a task "
        "that has ended",
        (void *)&c.cond, (void *)&c.mutex);
    ck_assert_int_eq(trale_mutex_unlock(&c.mutex), 0);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t join_task(void *task)
{
    return trale_join(task, NULL);
}

static intptr_t block_on_event(void *event)
{
    return trale_block_on(wait_for_event, event, NULL);
}

START_TEST(a_join_tells_of_whom)
{
    trale_event event = {0};
    char name[256];
    trale_task *joined = spawn_waiting(wait_for_event, &event),
               *joiner = spawn_waiting(join_task, joined);

    dump_name(name, joined);
    expect_doing(joiner, "waiting: join of %s", name);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(joiner), 0);
    joiner = spawn_waiting(block_on_event, &event);
    expect_begins(dump_doing(joiner), "waiting: join of ");
    ck_assert_ptr_nonnull(strstr(dump_doing(joiner), "dump_waits_test.c:"));
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(joiner), 0);
}
END_TEST

static intptr_t wait_runtime(void *runtime)
{
    return trale_runtime_wait(runtime);
}

START_TEST(a_wait_for_a_runtime)
{
    trale_runtime *other = new_runtime();
    trale_event event = {0};
    trale_task *task = spawn_on(other, wait_for_event, &event);

    expect_wait(wait_runtime, other, "runtime_wait");
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(task), 0);
    free_runtime(other);
}
END_TEST

static intptr_t select_two(void *event)
{
    trale_event_wait_future one;
    trale_sleep_future two;

    trale_event_wait_init(&one, event);
    trale_sleep_init(&two, TRALE_NEVER);
    return TRALE_SELECT(&one.future, &two.future);
}

static intptr_t join_two(void *event)
{
    trale_event_wait_future one;
    trale_sleep_future two;

    trale_event_wait_init(&one, event);
    trale_sleep_init(&two, TRALE_NEVER);
    return TRALE_JOIN_ALL(&one.future, &two.future);
}

START_TEST(several_at_once)
{
    trale_event event = {0};
    trale_task *task = spawn_waiting(select_two, &event);

    expect_doing(task, "waiting: select of (event_wait %p; sleep, for ever)", (void *)&event);
    end_task(task, -ECANCELED);
    task = spawn_waiting(join_two, &event);
    expect_doing(task, "waiting: join_all of (event_wait %p; sleep, for ever)", (void *)&event);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    settle();
    expect_doing(task, "waiting: join_all of (sleep, for ever)");
    end_task(task, -ECANCELED);
}
END_TEST

struct step {
    trale_async async;
    trale_event *event;
    trale_event_wait_future wait;
};

TRALE_ASYNC(step, struct step)
{
    TRALE_ASYNC_BEGIN;
    trale_event_wait_init(&self->wait, self->event);
    TRALE_AWAIT(&self->wait.future);
    TRALE_ASYNC_END;
}

START_TEST(tasks_without_a_stack)
{
    trale_event event = {0};
    struct step step = {.async = TRALE_ASYNC_INIT(step), .event = &event};
    trale_sleep_future sleep;
    trale_task *task;

    ck_assert_int_eq(trale_spawn_future(&task, &step.async.future, sizeof step), 0);
    settle();
    expect_doing(task, "waiting: step: event_wait %p", (void *)&event);
    end_task(task, -ECANCELED);
    trale_sleep_init(&sleep, TRALE_NEVER);
    ck_assert_int_eq(trale_spawn_future(&task, &sleep.future, sizeof sleep), 0);
    settle();
    expect_doing(task, "waiting: sleep, for ever");
    end_task(task, -ECANCELED);
}
END_TEST

START_TEST(a_programs_own_future_is_told_by_its_name)
{
    struct probe probe = PROBE;
    trale_task *task = probe_spawn(&probe);

    probe_wait_polled(&probe, 1);
    settle();
    expect_doing(task, "waiting: probe");
    probe_finish(&probe, 7);
    ck_assert_int_eq(join(task), 7);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "dump_waits", a_sleep_tells_what_is_left,
               what_tasks_wait_for_of_one_another, channels_and_groups,
               ON_THREAD(a_mutex_tells_who_holds_it, "a plain thread is to hold it"),
               a_holder_in_another_runtime_is_named, a_holder_that_is_gone_is_not_looked_at,
               ON_THREAD(a_condition_and_then_its_mutex, "a plain thread is to hold it"),
               a_join_tells_of_whom, a_wait_for_a_runtime, several_at_once, tasks_without_a_stack,
               a_programs_own_future_is_told_by_its_name)
