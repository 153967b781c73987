/* Semaphores: permits in order, many at once, and never more than there can be. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "settle.h"
#include "waiters.h"

#define MOST TRALE_COUNT_MAX

static trale_semaphore semaphore;

static intptr_t acquire(void *count)
{
    return trale_semaphore_acquire(&semaphore, (unsigned)(uintptr_t)count);
}

static struct line_waiter *add(struct line *line, unsigned count)
{
    return line_add(line, NULL, acquire, (void *)(uintptr_t)count);
}

static int acquire_by_future(trale_semaphore *s, unsigned count)
{
    trale_semaphore_acquire_future f;

    trale_semaphore_acquire_init(&f, s, count);
    return (int)trale_await(&f.future);
}

START_TEST(arguments_are_checked)
{
    const unsigned bad[] = {0, MOST + 1u, ~0u};

    ck_assert_int_eq(trale_semaphore_acquire(NULL, 1), -EINVAL);
    ck_assert_int_eq(acquire_by_future(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_semaphore_try_acquire(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_semaphore_release(NULL, 1), -EINVAL);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(trale_semaphore_acquire(&semaphore, bad[i]), -EINVAL);
        ck_assert_int_eq(acquire_by_future(&semaphore, bad[i]), -EINVAL);
        ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, bad[i]), -EINVAL);
        ck_assert_int_eq(trale_semaphore_release(&semaphore, bad[i]), -EINVAL);
    }
}
END_TEST

START_TEST(permits_are_counted)
{
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 5), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 6), -EAGAIN);
    ck_assert_int_eq(trale_semaphore_acquire(&semaphore, 2), 0);
    ck_assert_int_eq(acquire_by_future(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 3), -EAGAIN);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 2), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

START_TEST(there_are_only_so_many)
{
    ck_assert_int_eq(trale_semaphore_release(&semaphore, MOST), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), -EOVERFLOW);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, MOST), -EOVERFLOW);
    ck_assert_int_eq(trale_semaphore_acquire(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 2), -EOVERFLOW);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_acquire(&semaphore, MOST), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

/* The same while somebody waits, so that the permits go through his hands. */
START_TEST(there_are_only_so_many_with_a_waiter)
{
    struct line line = LINE;

    ck_assert_int_eq(trale_semaphore_release(&semaphore, MOST - 1), 0);
    add(&line, MOST);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 2), -EOVERFLOW);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    line_expect(&line, 0);
    line_join(&line, 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

START_TEST(waiters_are_let_through_in_order)
{
    trale_runtime *other = new_runtime();
    trale_semaphore_acquire_future f[3];
    struct line line = LINE;

    for (int i = 0; i < 3; i++) {
        add(&line, 1);
        trale_semaphore_acquire_init(&f[i], &semaphore, 1);
        line_add_thread(&line, &f[i].future);
        line_add(&line, other, acquire, (void *)1);
    }
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
        ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
        line_expect(&line, i);
    }
    line_join(&line, 0);
    free_runtime(other);
}
END_TEST

START_TEST(a_call_that_wants_many_is_not_overtaken)
{
    struct line line = LINE;

    add(&line, 3);
    add(&line, 1);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 2), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    settle();
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    line_expect(&line, 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    line_expect(&line, 1);
    line_join(&line, 0);
}
END_TEST

START_TEST(one_release_lets_many_through)
{
    struct line line = LINE;

    for (int i = 0; i < 5; i++)
        add(&line, 2);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 9), 0);
    for (int i = 0; i < 4; i++)
        gate_wait_for(&line.through, i + 1);
    settle();
    ck_assert_int_eq(line_through(&line), 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(line.order[i], i);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    line_join(&line, 0);
}
END_TEST

START_TEST(who_wanted_many_and_is_cancelled_holds_nobody_up)
{
    struct line line = LINE;
    struct line_waiter *many = add(&line, 3);

    add(&line, 1);
    add(&line, 1);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 2), 0);
    trale_cancel(many->task);
    ck_assert_int_eq(line_take(many), -ECANCELED);
    line_join(&line, 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

/* What a waiter was given and gives back still counts meanwhile. */
START_TEST(what_is_given_back_fits)
{
    struct line line = LINE;
    struct hold h = HOLD;
    struct line_waiter *w = add(&line, 1);

    hold_executor(&h);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, MOST), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), -EOVERFLOW);
    trale_cancel(w->task);
    release_executor(&h);
    ck_assert_int_eq(line_take(w), -ECANCELED);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, MOST), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), 0);
}
END_TEST

/* Once it was taken, there is room again. */
START_TEST(what_is_taken_makes_room)
{
    struct line line = LINE;
    struct hold h = HOLD;

    add(&line, 1);
    hold_executor(&h);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, MOST), 0);
    release_executor(&h);
    line_join(&line, 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), -EOVERFLOW);
    ck_assert_int_eq(trale_semaphore_acquire(&semaphore, MOST), 0);
}
END_TEST

/* A waiter that is polled for no reason, while others look at what it needs: for sanitizers. */
static struct {
    trale_waker *_Atomic waker;
    struct gate polled;
    atomic_bool stop;
} spurious = {.polled = GATE};

struct two_futures {
    trale_future future;
    trale_semaphore_acquire_future acquire;
};

static enum trale_poll spurious_poll(trale_future *self, trale_context *cx)
{
    struct two_futures *f = (struct two_futures *)self;
    enum trale_poll result = trale_future_poll(&f->acquire.future, cx);

    if (!atomic_load(&spurious.waker))
        atomic_store(&spurious.waker, trale_waker_clone(trale_context_waker(cx)));
    gate_open(&spurious.polled);
    self->output = f->acquire.future.output;
    return result;
}

static void spurious_drop(trale_future *self)
{
    trale_future_drop(&((struct two_futures *)self)->acquire.future);
}

static void *wake_often(void *arg)
{
    while (!atomic_load(&spurious.stop))
        trale_waker_wake(atomic_load(&spurious.waker));
    return arg;
}

START_TEST(spurious_polls_change_nothing)
{
    static const struct trale_future_ops ops = {spurious_poll, spurious_drop, "spurious"};
    struct two_futures f = {.future = {&ops, 0}};
    const int count = (int)test_scale(20000);
    trale_task *task;
    pthread_t thread;

    trale_semaphore_acquire_init(&f.acquire, &semaphore, (unsigned)count);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    gate_wait(&spurious.polled);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_often, NULL), 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
    ck_assert_int_eq(join(task), 0);
    atomic_store(&spurious.stop, true);
    pthread_join(thread, NULL);
    trale_waker_drop(spurious.waker);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "semaphore", arguments_are_checked,
               permits_are_counted, there_are_only_so_many, there_are_only_so_many_with_a_waiter,
               waiters_are_let_through_in_order, a_call_that_wants_many_is_not_overtaken,
               one_release_lets_many_through, who_wanted_many_and_is_cancelled_holds_nobody_up,
               what_is_given_back_fits, what_is_taken_makes_room, spurious_polls_change_nothing)
