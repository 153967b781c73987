/* Waiters that had been let through and are cancelled or dropped before they know. */
#include "suite.h"

#include <errno.h>

#include "settle.h"
#include "waiters.h"

static trale_event event;
static trale_mutex mutex;
static trale_rwlock rwlock;
static trale_semaphore semaphore;
static trale_cond cond;

static intptr_t wait_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&event);
}

static intptr_t acquire_two(void *arg)
{
    (void)arg;
    return trale_semaphore_acquire(&semaphore, 2);
}

static intptr_t lock_and_unlock(void *arg)
{
    int error = trale_mutex_lock(&mutex);

    (void)arg;
    return error == 0 ? trale_mutex_unlock(&mutex) : error;
}

static intptr_t read_and_unlock(void *arg)
{
    int error = trale_rwlock_rdlock(&rwlock);

    (void)arg;
    return error == 0 ? trale_rwlock_unlock(&rwlock) : error;
}

static int give_event(void)
{
    return trale_event_notify(&event);
}

static int give_two(void)
{
    return trale_semaphore_release(&semaphore, 2);
}

static int give_mutex(void)
{
    return trale_mutex_unlock(&mutex);
}

static int give_rwlock(void)
{
    return trale_rwlock_unlock(&rwlock);
}

/* Lets the first of three through who is cancelled before he knows, and the second in his place. */
static void cancel_the_first(intptr_t (*wait)(void *), int (*give)(void), bool third_too)
{
    struct line line = LINE;
    struct hold h = HOLD;

    for (int i = 0; i < 3; i++)
        line_add(&line, NULL, wait, NULL);
    hold_executor(&h);
    ck_assert_int_eq(give(), 0);
    trale_cancel(line.waiters[0].task);
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    ck_assert_int_eq(line_take(&line.waiters[1]), 0);
    settle();
    ck_assert_int_eq(line_through(&line), 2 + third_too);
    if (!third_too)
        ck_assert_int_eq(give(), 0);
    line_join(&line, 0);
}

START_TEST(a_notification_goes_to_the_next)
{
    cancel_the_first(wait_event, give_event, false);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
}
END_TEST

START_TEST(permits_go_to_the_next)
{
    cancel_the_first(acquire_two, give_two, false);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

START_TEST(a_mutex_goes_to_the_next)
{
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    cancel_the_first(lock_and_unlock, give_mutex, true);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

START_TEST(a_rwlock_goes_to_the_next)
{
    ck_assert_int_eq(trale_rwlock_wrlock(&rwlock), 0);
    cancel_the_first(read_and_unlock, give_rwlock, true);
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), 0);
}
END_TEST

/* All who waited are cancelled at once: what they had is there for who comes. */
START_TEST(what_nobody_wants_stays)
{
    struct line line = LINE;
    struct hold h = HOLD;

    for (int i = 0; i < 5; i++)
        line_add(&line, NULL, wait_event, NULL);
    hold_executor(&h);
    for (int i = 0; i < 3; i++)
        trale_event_notify(&event);
    for (int i = 0; i < 5; i++)
        trale_cancel(line.waiters[i].task);
    release_executor(&h);
    line_join(&line, -ECANCELED);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_event_try_wait(&event), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
}
END_TEST

START_TEST(a_dropped_stackless_task_passes_it_on)
{
    trale_event_wait_future f;
    trale_task *tasks[2];
    struct hold h = HOLD;

    trale_event_wait_init(&f, &event);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
        settle();
    }
    hold_executor(&h);
    trale_event_notify(&event);
    trale_cancel(tasks[0]);
    release_executor(&h);
    ck_assert_int_eq(join(tasks[0]), -ECANCELED);
    ck_assert_int_eq(join(tasks[1]), 0);
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
}
END_TEST

/* From a task to a plain thread, and to a task of another runtime. */
START_TEST(it_goes_across_threads)
{
    trale_runtime *other = new_runtime();
    trale_event_wait_future f;
    struct line line = LINE;
    struct hold h = HOLD;

    line_add(&line, NULL, wait_event, NULL);
    line_add(&line, NULL, wait_event, NULL);
    trale_event_wait_init(&f, &event);
    line_add_thread(&line, &f.future);
    line_add(&line, other, wait_event, NULL);
    hold_executor(&h);
    trale_event_notify(&event);
    trale_event_notify(&event);
    trale_cancel(line.waiters[0].task);
    trale_cancel(line.waiters[1].task);
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
    line_join(&line, 0);
    free_runtime(other);
}
END_TEST

/* A wait whose task locked the mutex by itself meanwhile fails, and leaves the signal. */
struct relocker {
    trale_future future;
    trale_cond_wait_future wait;
    bool begun;
};

static enum trale_poll relocker_poll(trale_future *self, trale_context *cx)
{
    struct relocker *f = (struct relocker *)self;

    if (!f->begun && trale_mutex_trylock(&mutex) != 0)
        return TRALE_READY;
    if (f->begun && trale_mutex_trylock(&mutex) != 0)
        return TRALE_READY;
    f->begun = true;
    if (trale_future_poll(&f->wait.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = f->wait.future.output;
    trale_mutex_unlock(&mutex);
    return TRALE_READY;
}

static void relocker_drop(trale_future *self)
{
    trale_future_drop(&((struct relocker *)self)->wait.future);
}

static intptr_t wait_cond(void *arg)
{
    int error = trale_mutex_lock(&mutex);

    (void)arg;
    if (error == 0)
        error = trale_cond_wait(&cond, &mutex);
    return trale_mutex_unlock(&mutex) == 0 ? error : -1000;
}

START_TEST(a_wait_that_cannot_lock_leaves_the_signal)
{
    static const struct trale_future_ops ops = {relocker_poll, relocker_drop, "relocker"};
    struct relocker f = {.future = {&ops, 1}};
    struct line line = LINE;
    trale_task *task;

    trale_cond_wait_init(&f.wait, &cond, &mutex);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    line_add(&line, NULL, wait_cond, NULL);
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    ck_assert_int_eq(join(task), -EDEADLK);
    line_join(&line, 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "sync_cancel", a_notification_goes_to_the_next,
               permits_go_to_the_next, a_mutex_goes_to_the_next, a_rwlock_goes_to_the_next,
               what_nobody_wants_stays, a_dropped_stackless_task_passes_it_on,
               it_goes_across_threads, a_wait_that_cannot_lock_leaves_the_signal)
