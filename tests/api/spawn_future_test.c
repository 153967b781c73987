/* trale_spawn_future: stackless tasks, and what is done to their futures. */
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <trale.h>

#include "probe.h"
#include "settle.h"

START_TEST(a_pending_future_is_polled_again_when_it_is_woken)
{
    struct probe p = PROBE;
    trale_task *task = probe_spawn(&p);

    settle();
    ck_assert_int_eq(probe_polls(&p), 1);
    probe_wake(&p);
    settle();
    ck_assert_int_eq(probe_polls(&p), 2);
    ck_assert_int_eq(probe_drops(&p), 0);
    probe_finish(&p, -7);
    ck_assert_int_eq(join(task), -7);
    ck_assert_int_eq(probe_polls(&p), 3);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

START_TEST(a_future_that_is_ready_at_once_is_polled_and_dropped_once)
{
    struct probe p = PROBE;

    probe_finish(&p, INTPTR_MIN);
    ck_assert_int_eq(join(probe_spawn(&p)), INTPTR_MIN);
    ck_assert_int_eq(probe_polls(&p), 1);
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

START_TEST(a_future_moves_at_the_spawn_and_never_after)
{
    struct probe p = PROBE;
    struct probe_future original = probe_future(&p);
    trale_task *task;

    ck_assert_int_eq(trale_spawn_future(&task, &original.future, sizeof original), 0);
    memset(&original, 0xff, sizeof original);
    for (int i = 1; i <= 3; i++) {
        probe_wait_polled(&p, i);
        settle();
        probe_wake(&p);
    }
    probe_finish(&p, 0);
    join(task);
    ck_assert_ptr_ne(p.place, &original.future);
    ck_assert_int_eq(probe_faults(&p), 0); /* one of them: polled at two addresses */
}
END_TEST

/* A future with a long tail: alignment and contents are its output. */
struct tail_future {
    trale_future future;
    unsigned char tail[4000];
};

static enum trale_poll tail_poll(trale_future *self, trale_context *cx)
{
    struct tail_future *f = (struct tail_future *)self;
    bool same = true;

    (void)cx;
    for (size_t i = 0; i < sizeof f->tail; i++)
        same = same && f->tail[i] == (unsigned char)(i * 13);
    self->output = ((uintptr_t)self & 15) == 0 ? same : -1;
    return TRALE_READY;
}

START_TEST(all_of_the_future_is_copied_and_aligned_as_by_malloc)
{
    static const struct trale_future_ops ops = {tail_poll, NULL, NULL};
    struct tail_future f = {.future = {.ops = &ops}};
    trale_task *task;

    for (size_t i = 0; i < sizeof f.tail; i++)
        f.tail[i] = (unsigned char)(i * 13);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
        ck_assert_int_eq(join(task), 1);
    }
}
END_TEST

static enum trale_poll self_poll(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = ((uintptr_t)self & 15) == 0;
    return TRALE_READY;
}

START_TEST(a_bare_future_without_a_drop_is_enough)
{
    static const struct trale_future_ops ops = {self_poll, NULL, NULL};
    trale_future f = {&ops, 0};
    trale_task *task;

    ck_assert_int_eq(trale_spawn_future(&task, &f, sizeof f), 0);
    ck_assert_int_eq(join(task), 1);
}
END_TEST

START_TEST(a_detached_future_is_dropped_once)
{
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);

    ck_assert_int_eq(trale_spawn_future(NULL, &f.future, sizeof f), 0);
    probe_wait_polled(&p, 1);
    probe_finish(&p, 1);
    probe_wait_dropped(&p);
    settle();
    ck_assert_int_eq(probe_drops(&p), 1);
    ck_assert_int_eq(probe_faults(&p), 0);
}
END_TEST

static enum trale_poll spawn_another(struct probe *p, trale_context *cx)
{
    struct probe_future f = probe_future(p->arg);

    (void)cx;
    p->output = trale_spawn_future(NULL, &f.future, sizeof f);
    return TRALE_READY;
}

START_TEST(a_stackless_task_may_spawn)
{
    struct probe child = PROBE, parent = PROBE_STEP(spawn_another);

    parent.arg = &child;
    probe_finish(&child, 0);
    ck_assert_int_eq(join(probe_spawn(&parent)), 0);
    probe_wait_dropped(&child);
    ck_assert_int_eq(probe_polls(&child), 1);
}
END_TEST

START_TEST(bad_futures_are_refused_and_stay_with_the_caller)
{
    static const struct trale_future_ops no_poll = {0};
    trale_task *before = (trale_task *)&(char){0}, *task = before;
    trale_future without_ops = {0}, without_poll = {&no_poll, 0};
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);

    ck_assert_int_eq(trale_spawn_future(&task, NULL, sizeof f), -EINVAL);
    ck_assert_int_eq(trale_spawn_future(&task, &without_ops, sizeof without_ops), -EINVAL);
    ck_assert_int_eq(trale_spawn_future(&task, &without_poll, sizeof without_poll), -EINVAL);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f.future - 1), -EINVAL);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, 0), -EINVAL);
    settle();
    ck_assert_ptr_eq(task, before);
    ck_assert_int_eq(probe_polls(&p) + probe_drops(&p), 0);
}
END_TEST

START_TEST(a_future_too_large_for_memory_is_refused)
{
    trale_task *before = (trale_task *)&(char){0}, *task = before;
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);

    ck_assert_int_eq(trale_spawn_future(&task, &f.future, SIZE_MAX), -ENOMEM);
    ck_assert_ptr_eq(task, before);
    ck_assert_int_eq(probe_drops(&p), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "spawn_future",
               a_pending_future_is_polled_again_when_it_is_woken,
               a_future_that_is_ready_at_once_is_polled_and_dropped_once,
               a_future_moves_at_the_spawn_and_never_after,
               all_of_the_future_is_copied_and_aligned_as_by_malloc,
               a_bare_future_without_a_drop_is_enough, a_detached_future_is_dropped_once,
               a_stackless_task_may_spawn, bad_futures_are_refused_and_stay_with_the_caller,
               a_future_too_large_for_memory_is_refused)
