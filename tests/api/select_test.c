/* The first of several futures; the others are dropped, and have no effect. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "channels.h"
#include "probe.h"
#include "settle.h"
#include "wait_task.h"
#include "waiters.h"

static enum trale_poll ready(struct probe *p, trale_context *cx)
{
    (void)p, (void)cx;
    return TRALE_READY;
}

static void expect_dropped_once(struct probe *p, int count)
{
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(probe_drops(&p[i]), 1);
        ck_assert_int_eq(probe_faults(&p[i]), 0);
    }
}

/* A select in a task. */
struct selection {
    trale_future *futures[4];
    size_t count;
};

static intptr_t select_in_task(void *selection)
{
    struct selection *s = selection;

    return trale_select(s->futures, s->count);
}

START_TEST(the_lowest_that_is_ready_wins)
{
    for (int which = 0; which < 8; which++) {
        struct probe p[3] = {PROBE, PROBE, PROBE};
        struct probe_future f[3];
        int lowest = which & 1 ? 0 : which & 2 ? 1 : 2;

        for (int i = 0; i < 3; i++) {
            p[i].step = which & 1 << i || which == 0 ? ready : NULL;
            p[i].output = 10 + i;
            f[i] = probe_future(&p[i]);
        }
        lowest = which == 0 ? 0 : lowest;
        ck_assert_int_eq(TRALE_SELECT(&f[0].future, &f[1].future, &f[2].future), lowest);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(f[i].future.output, i == lowest ? 10 + i : -ECANCELED);
            ck_assert_int_eq(probe_polls(&p[i]), i <= lowest);
        }
        expect_dropped_once(p, 3);
    }
}
END_TEST

START_TEST(the_first_that_becomes_ready_wins)
{
    for (int first = 0; first < 3; first++) {
        struct probe p[3] = {PROBE, PROBE, PROBE};
        struct probe_future f[3] = {probe_future(&p[0]), probe_future(&p[1]),
                                    probe_future(&p[2])};
        struct selection s = {{&f[0].future, &f[1].future, &f[2].future}, 3};
        trale_task *task = spawn_on(NULL, select_in_task, &s);

        probe_wait_polled(&p[2], 1);
        probe_finish(&p[first], 5);
        ck_assert_int_eq(join(task), first);
        ck_assert_int_eq(f[first].future.output, 5);
        expect_dropped_once(p, 3);
    }
}
END_TEST

START_TEST(nothing_is_selected_of_nothing)
{
    static const struct trale_future_ops no_poll = {NULL, NULL, NULL};
    trale_future without_ops = {NULL, 0}, without_poll = {&no_poll, 0};
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);
    trale_future *futures[2] = {&f.future, NULL};
    trale_select_future select;

    ck_assert_int_eq(trale_select(NULL, 0), -EINVAL);
    ck_assert_int_eq(trale_select(futures, 0), -EINVAL);
    ck_assert_int_eq(trale_select(NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_select(futures, 2), -EINVAL);
    ck_assert_int_eq(trale_select(futures, (size_t)INT_MAX + 1), -EINVAL);
    futures[1] = &without_ops;
    ck_assert_int_eq(trale_select(futures, 2), -EINVAL);
    futures[1] = &without_poll;
    ck_assert_int_eq(trale_select(futures, 2), -EINVAL);
    trale_select_init(&select, futures, 2);
    ck_assert_int_eq(trale_await(&select.future), -EINVAL);
    ck_assert_int_eq(probe_polls(&p), 0);
    ck_assert_int_eq(probe_drops(&p), 0);
}
END_TEST

START_TEST(a_cancel_drops_all)
{
    struct probe p[2] = {PROBE, PROBE};
    struct probe_future f[2] = {probe_future(&p[0]), probe_future(&p[1])};
    struct selection s = {{&f[0].future, &f[1].future}, 2};
    trale_task *task = spawn_on(NULL, select_in_task, &s);

    probe_wait_polled(&p[1], 1);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    expect_dropped_once(p, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(p[i].output_at_drop, -ECANCELED);
}
END_TEST

START_TEST(a_deadline_drops_all)
{
    struct probe p[2] = {PROBE, PROBE};
    struct probe_future f[2] = {probe_future(&p[0]), probe_future(&p[1])};
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    ck_assert_int_eq(TRALE_SELECT(&f[0].future, &f[1].future), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    expect_dropped_once(p, 2);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(f[i].future.output, -ETIMEDOUT);
}
END_TEST

/* In stackless tasks: ready, cancelled before and after the first poll. */
START_TEST(stackless_tasks_select)
{
    for (int cancel = 0; cancel < 3; cancel++) {
        struct probe p[2] = {PROBE, PROBE};
        struct probe_future f[2] = {probe_future(&p[0]), probe_future(&p[1])};
        trale_future *futures[2] = {&f[0].future, &f[1].future};
        trale_select_future select;
        struct hold h = HOLD;
        trale_task *task;

        trale_select_init(&select, futures, 2);
        if (cancel == 2)
            hold_executor(&h);
        ck_assert_int_eq(trale_spawn_future(&task, &select.future, sizeof select), 0);
        if (cancel != 2)
            probe_wait_polled(&p[1], 1);
        if (cancel == 0)
            probe_finish(&p[1], 0);
        else
            trale_cancel(task);
        if (cancel == 2)
            release_executor(&h);
        ck_assert_int_eq(join(task), cancel ? -ECANCELED : 1);
        expect_dropped_once(p, 2);
    }
}
END_TEST

START_TEST(selects_nest)
{
    struct probe p[4] = {PROBE, PROBE, PROBE, PROBE};
    struct probe_future f[4];
    trale_future *inner[2][2];
    trale_select_future select[2];

    for (int i = 0; i < 4; i++) {
        f[i] = probe_future(&p[i]);
        inner[i / 2][i % 2] = &f[i].future;
    }
    p[3].step = ready;
    trale_select_init(&select[0], inner[0], 2);
    trale_select_init(&select[1], inner[1], 2);
    ck_assert_int_eq(TRALE_SELECT(&select[0].future, &select[1].future), 1);
    ck_assert_int_eq(select[0].future.output, -ECANCELED);
    ck_assert_int_eq(select[1].future.output, 1);
    expect_dropped_once(p, 4);
}
END_TEST

/* Everything the library can wait for, each once the first. */
static struct everything {
    trale_sleep_future sleep;
    trale_event_wait_future wait;
    trale_read_future read;
    struct receive_call receive;
    trale_event event;
    trale_io *io;
    char byte;
} all;

static void everything_to_wait_for(struct selection *s)
{
    trale_sleep_init(&all.sleep, 1000 * TRALE_SEC);
    trale_event_wait_init(&all.wait, &all.event);
    trale_read_init(&all.read, all.io, &all.byte, 1);
    *s = (struct selection){
        {&all.sleep.future, &all.wait.future, &all.read.future, receiving(&all.receive, channel)},
        4};
}

START_TEST(all_kinds_of_waits_can_be_selected)
{
    struct selection s;
    int ends[2];

    open_channel(1);
    make_pipe(ends);
    all.io = open_io(ends[0]);
    for (int kind = 0; kind < 8; kind++) {
        everything_to_wait_for(&s);
        if (kind % 4 == 0)
            trale_sleep_init(&all.sleep, TRALE_MS);
        trale_task *task = kind < 4 ? spawn_on(NULL, select_in_task, &s) : NULL;
        if (kind < 4)
            settle();
        if (kind % 4 == 1)
            ck_assert_int_eq(trale_event_notify(&all.event), 0);
        if (kind % 4 == 2)
            write_byte(ends[1]);
        if (kind % 4 == 3)
            ck_assert_int_eq(try_send(9), 0);
        ck_assert_int_eq(task ? join(task) : select_in_task(&s), kind % 4);
        ck_assert_int_eq(all.receive.item, kind % 4 == 3 ? 9 : 0);
    }
    ck_assert_int_eq(trale_close(all.io), 0);
    close(ends[1]);
}
END_TEST

/* What an arm was called for and does not take, because another was first, goes to others. */
START_TEST(a_loser_leaves_what_it_was_called_for)
{
    trale_channel *other = new_channel(1);
    struct receive_call a, b, next;
    struct line line = LINE;
    struct hold h = HOLD;

    open_channel(1);
    struct selection s = {{receiving(&a, channel), receiving(&b, other)}, 2};
    line_add(&line, NULL, select_in_task, &s);
    line_add_thread(&line, receiving(&next, other));
    hold_executor(&h);
    ck_assert_int_eq(try_send_to(other, 2), 0);
    ck_assert_int_eq(try_send(1), 0);
    ck_assert_int_eq(try_receive_from(other), -EAGAIN);
    release_executor(&h);
    line_join(&line, 0);
    ck_assert_int_eq(a.item, 1);
    ck_assert_int_eq(b.item, 0);
    ck_assert_int_eq(b.f.future.output, -ECANCELED);
    ck_assert_int_eq(next.item, 2);
    trale_channel_free(other);
}
END_TEST

static void clean_up(void)
{
    free_default_runtime();
    close_channel();
}

TEST_MAIN_WITH(NULL, clean_up, "select", the_lowest_that_is_ready_wins,
               the_first_that_becomes_ready_wins, nothing_is_selected_of_nothing,
               a_cancel_drops_all, a_deadline_drops_all, stackless_tasks_select, selects_nest,
               all_kinds_of_waits_can_be_selected, a_loser_leaves_what_it_was_called_for)
