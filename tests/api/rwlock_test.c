/* Reader-writer locks: readers together, writers alone, and nobody overtakes a writer. */
#include "suite.h"

#include <errno.h>

#include "settle.h"
#include "waiters.h"

static trale_rwlock rwlock;
static trale_event read_on, write_on;

static intptr_t hold_it(int error, trale_event *go_on)
{
    if (error == 0)
        error = trale_event_wait(go_on);
    else
        return error;
    return trale_rwlock_unlock(&rwlock) != 0 ? -1000 : error;
}

static intptr_t reads(void *arg)
{
    (void)arg;
    return hold_it(trale_rwlock_rdlock(&rwlock), &read_on);
}

static intptr_t writes(void *arg)
{
    (void)arg;
    return hold_it(trale_rwlock_wrlock(&rwlock), &write_on);
}

static int lock_by_future(trale_rwlock *l, bool write)
{
    trale_rwlock_rdlock_future f;

    if (write)
        trale_rwlock_wrlock_init(&f, l);
    else
        trale_rwlock_rdlock_init(&f, l);
    return (int)trale_await(&f.future);
}

static void is_free(void)
{
    settle();
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
}

START_TEST(arguments_are_checked)
{
    ck_assert_int_eq(trale_rwlock_rdlock(NULL), -EINVAL);
    ck_assert_int_eq(trale_rwlock_wrlock(NULL), -EINVAL);
    ck_assert_int_eq(trale_rwlock_tryrdlock(NULL), -EINVAL);
    ck_assert_int_eq(trale_rwlock_trywrlock(NULL), -EINVAL);
    ck_assert_int_eq(trale_rwlock_unlock(NULL), -EINVAL);
    ck_assert_int_eq(lock_by_future(NULL, false), -EINVAL);
    ck_assert_int_eq(lock_by_future(NULL, true), -EINVAL);
}
END_TEST

START_TEST(what_nobody_has_cannot_be_unlocked)
{
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), -EPERM);
    for (int write = 0; write < 2; write++) {
        ck_assert_int_eq(lock_by_future(&rwlock, write), 0);
        ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
        ck_assert_int_eq(trale_rwlock_unlock(&rwlock), -EPERM);
    }
}
END_TEST

START_TEST(readers_share_and_writers_do_not)
{
    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_tryrdlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), -EBUSY);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_wrlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), -EBUSY);
    ck_assert_int_eq(trale_rwlock_tryrdlock(&rwlock), -EBUSY);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    is_free();
}
END_TEST

/* Readers come and go all the time, but none that came later than the writer. */
START_TEST(a_writer_is_not_starved)
{
    struct line line = LINE;

    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
    line_add(&line, NULL, writes, NULL);
    for (int i = 0; i < 4; i++)
        line_add(&line, NULL, reads, NULL);
    ck_assert_int_eq(trale_rwlock_tryrdlock(&rwlock), -EBUSY);
    for (int i = 0; i < 4; i++)
        trale_event_notify(&read_on);
    settle();
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    trale_event_notify(&write_on);
    line_expect_first(&line, 0);
    line_join(&line, 0);
    is_free();
}
END_TEST

START_TEST(readers_behind_a_writer_are_let_through_together)
{
    struct line line = LINE;

    line_add(&line, NULL, writes, NULL);
    for (int i = 0; i < 3; i++)
        line_add(&line, NULL, reads, NULL);
    line_add(&line, NULL, writes, NULL);
    line_add(&line, NULL, reads, NULL);
    trale_event_notify(&write_on);
    line_expect(&line, 0);
    settle();
    for (int i = 0; i < 3; i++) { /* each has it, for none has to wait for another's unlocking */
        ck_assert_int_eq(trale_rwlock_tryrdlock(&rwlock), -EBUSY);
        trale_event_notify(&read_on);
        line_expect(&line, 1 + i);
    }
    trale_event_notify(&read_on); /* the last reader is behind a writer */
    settle();
    ck_assert_int_eq(line_through(&line), 4);
    trale_event_notify(&write_on);
    line_expect_first(&line, 4);
    line_join(&line, 0);
    is_free();
}
END_TEST

START_TEST(readers_behind_a_writer_who_is_cancelled_go_on)
{
    struct line line = LINE;
    struct line_waiter *writer;

    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
    writer = line_add(&line, NULL, writes, NULL);
    line_add(&line, NULL, reads, NULL);
    line_add(&line, NULL, reads, NULL);
    trale_cancel(writer->task);
    ck_assert_int_eq(line_take(writer), -ECANCELED);
    trale_event_notify(&read_on);
    trale_event_notify(&read_on);
    line_join(&line, 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    is_free();
}
END_TEST

/* The lock that was handed to a writer who is cancelled goes to all who can have it then. */
START_TEST(a_handed_over_lock_goes_on)
{
    struct line line = LINE;
    struct hold h = HOLD;
    struct line_waiter *writer;

    ck_assert_int_eq(trale_rwlock_wrlock(&rwlock), 0);
    writer = line_add(&line, NULL, writes, NULL);
    line_add(&line, NULL, reads, NULL);
    line_add(&line, NULL, reads, NULL);
    hold_executor(&h);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), -EPERM); /* the writer does not have it yet */
    trale_cancel(writer->task);
    release_executor(&h);
    ck_assert_int_eq(line_take(writer), -ECANCELED);
    trale_event_notify(&read_on);
    trale_event_notify(&read_on);
    line_join(&line, 0);
    is_free();
}
END_TEST

static intptr_t lock_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_rwlock_rdlock(&rwlock) == -ECANCELED &&
           trale_rwlock_wrlock(&rwlock) == -ECANCELED &&
           lock_by_future(&rwlock, false) == -ECANCELED && trale_rwlock_tryrdlock(&rwlock) == 0 &&
           trale_rwlock_unlock(&rwlock) == 0;
}

START_TEST(a_cancelled_task_does_not_lock_what_is_free)
{
    ck_assert_int_eq(join(spawn_on(NULL, lock_cancelled, NULL)), 1);
    is_free();
}
END_TEST

START_TEST(stackless_tasks_and_threads_wait)
{
    trale_rwlock_wrlock_future f, on_thread;
    struct line line = LINE;
    trale_task *task;

    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
    trale_rwlock_wrlock_init(&f, &rwlock);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    trale_rwlock_rdlock_init(&on_thread, &rwlock);
    line_add_thread(&line, &on_thread.future);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(join(task), 0); /* it has it still: a lock belongs to nobody in particular */
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    line_join(&line, 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    is_free();
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "rwlock", arguments_are_checked,
               what_nobody_has_cannot_be_unlocked, readers_share_and_writers_do_not,
               a_writer_is_not_starved, readers_behind_a_writer_are_let_through_together,
               readers_behind_a_writer_who_is_cancelled_go_on, a_handed_over_lock_goes_on,
               a_cancelled_task_does_not_lock_what_is_free, stackless_tasks_and_threads_wait)
