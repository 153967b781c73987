/* Mutexes: one owner at a time, who alone can unlock; handed over in the order of the calls. */
#include "suite.h"

#include <errno.h>

#include "settle.h"
#include "waiters.h"

static trale_mutex mutex;
static trale_event go_on;
static int owners;

/* Locks, waits to be told, unlocks. Positive: there was somebody else. */
static intptr_t own(void *arg)
{
    int error = trale_mutex_lock(&mutex), found;

    (void)arg;
    if (error != 0)
        return error;
    found = owners++;
    error = trale_event_wait(&go_on);
    owners--;
    return trale_mutex_unlock(&mutex) != 0 ? -1000 : error != 0 ? error : found;
}

static intptr_t lock(void *arg)
{
    (void)arg;
    return trale_mutex_lock(&mutex);
}

static intptr_t trylock(void *arg)
{
    (void)arg;
    return trale_mutex_trylock(&mutex);
}

static intptr_t unlock(void *arg)
{
    (void)arg;
    return trale_mutex_unlock(&mutex);
}

static int lock_by_future(trale_mutex *m)
{
    trale_mutex_lock_future f;

    trale_mutex_lock_init(&f, m);
    return (int)trale_await(&f.future);
}

START_TEST(arguments_are_checked)
{
    ck_assert_int_eq(trale_mutex_lock(NULL), -EINVAL);
    ck_assert_int_eq(lock_by_future(NULL), -EINVAL);
    ck_assert_int_eq(trale_mutex_trylock(NULL), -EINVAL);
    ck_assert_int_eq(trale_mutex_unlock(NULL), -EINVAL);
}
END_TEST

START_TEST(only_the_owner_unlocks)
{
    ck_assert_int_eq(trale_mutex_unlock(&mutex), -EPERM);
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(join(spawn_on(NULL, unlock, NULL)), -EPERM);
    ck_assert_int_eq(join(spawn_on(NULL, trylock, NULL)), -EBUSY);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), -EPERM);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), -EBUSY);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(lock_by_future(&mutex), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}
END_TEST

static void *unlock_on_thread(void *result)
{
    *(intptr_t *)result = trale_mutex_unlock(&mutex);
    return NULL;
}

START_TEST(a_thread_is_not_the_owner_of_what_another_locked)
{
    intptr_t result = 0;
    pthread_t thread;

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, unlock_on_thread, &result), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(result, -EPERM);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}
END_TEST

static intptr_t lock_twice(void *arg)
{
    int errors[4];

    (void)arg;
    errors[0] = trale_mutex_lock(&mutex);
    errors[1] = trale_mutex_lock(&mutex);
    errors[2] = lock_by_future(&mutex);
    errors[3] = trale_mutex_unlock(&mutex);
    return errors[0] == 0 && errors[1] == -EDEADLK && errors[2] == -EDEADLK && errors[3] == 0;
}

START_TEST(the_owner_cannot_lock_it_again)
{
    ck_assert_int_eq(lock_twice(NULL), 1);
    ck_assert_int_eq(join(spawn_on(NULL, lock_twice, NULL)), 1);
    ck_assert_int_eq(lock_twice(NULL), 1);
}
END_TEST

START_TEST(it_is_handed_over_in_order)
{
    trale_runtime *other = new_runtime();
    struct line line = LINE;

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    for (int i = 0; i < 10; i++)
        line_add(&line, i % 2 ? other : NULL, own, NULL);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(trale_mutex_trylock(&mutex), -EBUSY);
        ck_assert_int_eq(trale_event_notify(&go_on), 0);
        line_expect(&line, i);
    }
    line_join(&line, 0);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    free_runtime(other);
}
END_TEST

/* Locks, and dies as the owner: the thread's address in the mutex means nothing then. */
static void *lock_on_thread(void *gates)
{
    struct gate *g = gates;
    trale_mutex_lock_future f;
    struct watched_future w;

    trale_mutex_lock_init(&f, &mutex);
    w = watched(&f.future, &g[0]);
    if (trale_await(&w.future) == 0 && ++owners == 1) {
        gate_open(&g[1]);
        owners--;
        trale_mutex_unlock(&mutex);
    }
    return NULL;
}

START_TEST(plain_threads_and_tasks_take_turns)
{
    struct gate gates[2] = {GATE, GATE};
    struct line line = LINE;
    pthread_t thread;

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, lock_on_thread, gates), 0);
    gate_wait(&gates[0]);
    line_add(&line, NULL, own, NULL);
    ck_assert_int_eq(gate_opened(&gates[1]), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(gate_opened(&gates[1]), 1);
    ck_assert_int_eq(line_through(&line), 0);
    trale_event_notify(&go_on);
    line_join(&line, 0);
}
END_TEST

static intptr_t lock_cancelled(void *arg)
{
    (void)arg;
    trale_cancel(trale_self());
    return trale_mutex_lock(&mutex) == -ECANCELED && lock_by_future(&mutex) == -ECANCELED &&
           trale_mutex_trylock(&mutex) == 0 && trale_mutex_unlock(&mutex) == 0;
}

START_TEST(a_cancelled_task_does_not_lock_what_is_free)
{
    ck_assert_int_eq(join(spawn_on(NULL, lock_cancelled, NULL)), 1);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

START_TEST(a_cancelled_waiter_is_passed_over)
{
    struct line line = LINE;
    struct line_waiter *w;

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    w = line_add(&line, NULL, lock, NULL);
    line_add(&line, NULL, own, NULL);
    trale_cancel(w->task);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    trale_event_notify(&go_on);
    line_join(&line, 0);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

/* A stackless task owns it from the poll that was ready. */
struct locker {
    trale_future future;
    trale_mutex_lock_future lock, again;
    trale_event_wait_future wait;
    bool locked;
};

static enum trale_poll locker_poll(trale_future *self, trale_context *cx)
{
    struct locker *f = (struct locker *)self;

    if (!f->locked) {
        if (trale_future_poll(&f->lock.future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        f->locked = true;
        if (trale_future_poll(&f->again.future, cx) != TRALE_READY ||
            f->again.future.output != -EDEADLK)
            return TRALE_READY;
    }
    if (trale_future_poll(&f->wait.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    self->output = trale_mutex_unlock(&mutex) == 0 ? 17 : -1;
    return TRALE_READY;
}

static void locker_drop(trale_future *self)
{
    struct locker *f = (struct locker *)self;

    trale_future_drop(&f->lock.future);
    trale_future_drop(&f->again.future);
    trale_future_drop(&f->wait.future);
}

START_TEST(a_stackless_task_owns_it)
{
    static const struct trale_future_ops ops = {locker_poll, locker_drop, "locker"};
    const trale_spawn_options first = {.executor = 1}; /* they lock in their order */
    struct locker f = {.future = {&ops, 0}};
    trale_task *tasks[3];

    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
    trale_mutex_lock_init(&f.lock, &mutex);
    trale_mutex_lock_init(&f.again, &mutex);
    trale_event_wait_init(&f.wait, &go_on);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(trale_spawn_future_with(&tasks[i], &first, &f.future, sizeof f), 0);
    settle();
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    for (int i = 0; i < 3; i++) {
        settle();
        ck_assert_int_eq(trale_mutex_unlock(&mutex), -EPERM);
        trale_event_notify(&go_on);
        ck_assert_int_eq(join(tasks[i]), 17);
    }
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "mutex", arguments_are_checked, only_the_owner_unlocks,
               a_thread_is_not_the_owner_of_what_another_locked, the_owner_cannot_lock_it_again,
               it_is_handed_over_in_order, plain_threads_and_tasks_take_turns,
               a_cancelled_task_does_not_lock_what_is_free, a_cancelled_waiter_is_passed_over,
               a_stackless_task_owns_it)
