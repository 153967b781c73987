/* Broadcasts: everybody gets everything in order, or is told how much is missing. */
#include "suite.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

enum { CAPACITY = 4 };

static trale_broadcast *news;

static void set_up(void)
{
    ck_assert_int_eq(trale_broadcast_new(&news, sizeof(int), CAPACITY), 0);
}

static void tear_down(void)
{
    trale_broadcast_free(news);
    free_default_runtime();
}

static void tell(int item)
{
    ck_assert_int_eq(trale_broadcast_send(news, &item), 0);
}

static uint64_t subscribe(void)
{
    uint64_t cursor = UINT64_MAX;

    ck_assert_int_eq(trale_broadcast_subscribe(news, &cursor), 0);
    return cursor;
}

/* What a subscriber gets in tasks: an item plus 1000 for each that was missed, or an error. */
static intptr_t receive(void *cursor)
{
    int item = -1;
    int missed = trale_broadcast_recv(news, cursor, &item);

    return missed < 0 ? missed : item + 1000 * missed;
}

static int try_receive(uint64_t *cursor)
{
    int item = -1;
    int missed = trale_broadcast_try_recv(news, cursor, &item);

    return missed < 0 ? missed : item + 1000 * missed;
}

START_TEST(arguments_are_checked)
{
    trale_broadcast_recv_future f;
    trale_broadcast *none = NULL;
    uint64_t cursor = 0;
    int item = 5;

    ck_assert_int_eq(trale_broadcast_new(NULL, 1, 1), -EINVAL);
    ck_assert_int_eq(trale_broadcast_new(&none, 1, 0), -EINVAL);
    ck_assert_int_eq(trale_broadcast_new(&none, SIZE_MAX / 2, 2), -EINVAL);
    ck_assert_int_eq(trale_broadcast_new(&none, 2, SIZE_MAX / 2), -EINVAL);
    ck_assert_ptr_null(none);
    ck_assert_int_eq(trale_broadcast_send(NULL, &item), -EINVAL);
    ck_assert_int_eq(trale_broadcast_send(news, NULL), -EINVAL);
    ck_assert_int_eq(trale_broadcast_subscribe(NULL, &cursor), -EINVAL);
    ck_assert_int_eq(trale_broadcast_subscribe(news, NULL), -EINVAL);
    ck_assert_int_eq(trale_broadcast_recv(NULL, &cursor, &item), -EINVAL);
    ck_assert_int_eq(trale_broadcast_recv(news, NULL, &item), -EINVAL);
    ck_assert_int_eq(trale_broadcast_recv(news, &cursor, NULL), -EINVAL);
    ck_assert_int_eq(trale_broadcast_try_recv(news, &cursor, NULL), -EINVAL);
    trale_broadcast_recv_init(&f, NULL, &cursor, &item);
    ck_assert_int_eq(trale_await(&f.future), -EINVAL);
    ck_assert_int_eq(trale_broadcast_close(NULL), -EINVAL);
    trale_broadcast_free(NULL);
    ck_assert(item == 5 && cursor == 0);
}
END_TEST

START_TEST(everybody_has_a_cursor)
{
    uint64_t one = subscribe(), two = one, late;

    ck_assert_int_eq(try_receive(&one), -EAGAIN);
    for (int i = 0; i < 3; i++)
        tell(i);
    late = subscribe();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(try_receive(&one), i);
    ck_assert_int_eq(try_receive(&one), -EAGAIN);
    tell(3);
    ck_assert_int_eq(try_receive(&late), 3);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(receive(&two), i);
    ck_assert_int_eq(receive(&one), 3);
    ck_assert(one == two && two == late);
}
END_TEST

START_TEST(who_lags_is_told)
{
    uint64_t cursor = subscribe(), keeps_up = cursor;

    for (int i = 0; i < CAPACITY; i++)
        tell(i);
    ck_assert_int_eq(try_receive(&cursor), 0); /* all are still there */
    for (int i = CAPACITY; i < 10; i++) {
        tell(i);
        ck_assert_int_eq(try_receive(&keeps_up), i - CAPACITY + 1 + 1000 * (i == CAPACITY));
    }
    ck_assert_int_eq(receive(&cursor), 6 + 1000 * 5); /* 1 to 5 have gone */
    for (int i = 7; i < 10; i++)
        ck_assert_int_eq(receive(&cursor), i);
    ck_assert_int_eq(try_receive(&cursor), -EAGAIN);
}
END_TEST

START_TEST(zero_begins_with_the_first)
{
    uint64_t cursor = 0;

    tell(7);
    ck_assert_int_eq(receive(&cursor), 7);
    for (int i = 0; i < 9; i++)
        tell(i);
    cursor = 0;
    ck_assert_int_eq(receive(&cursor), 5 + 1000 * 6);
}
END_TEST

START_TEST(all_who_wait_get_it)
{
    trale_runtime *other = new_runtime();
    trale_broadcast_recv_future f;
    uint64_t cursors[5];
    struct line line = LINE;
    int item = -1;

    for (int i = 0; i < 5; i++)
        cursors[i] = subscribe();
    for (int i = 0; i < 4; i++)
        line_add(&line, i % 2 ? other : NULL, receive, &cursors[i]);
    trale_broadcast_recv_init(&f, news, &cursors[4], &item);
    line_add_thread(&line, &f.future);
    ck_assert_int_eq(line_through(&line), 0);
    tell(42);
    ck_assert_int_eq(line_take(&line.waiters[4]), 0);
    ck_assert_int_eq(item, 42);
    line_join(&line, 42);
    for (int i = 0; i < 5; i++)
        ck_assert(cursors[i] == 1);
    free_runtime(other);
}
END_TEST

/* While the executor is held, more is sent than is kept. */
START_TEST(who_wakes_late_is_told)
{
    uint64_t cursor = subscribe();
    struct line line = LINE;
    struct hold h = HOLD;

    line_add(&line, NULL, receive, &cursor);
    hold_executor(&h);
    for (int i = 0; i < 6; i++)
        tell(i);
    release_executor(&h);
    line_join(&line, 2 + 1000 * 2);
    ck_assert(cursor == 3);
}
END_TEST

START_TEST(closed_it_gives_what_is_left)
{
    uint64_t cursors[3] = {0, 1, 2};
    struct line line = LINE;
    int item = 2;

    tell(0);
    tell(1);
    line_add(&line, NULL, receive, &cursors[2]);
    ck_assert_int_eq(trale_broadcast_close(news), 0);
    line_join(&line, -EPIPE);
    ck_assert_int_eq(trale_broadcast_close(news), 0);
    ck_assert_int_eq(trale_broadcast_send(news, &item), -EPIPE);
    ck_assert_int_eq(receive(&cursors[1]), 1);
    ck_assert_int_eq(receive(&cursors[0]), 0);
    ck_assert_int_eq(receive(&cursors[0]), 1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(receive(&cursors[i]), -EPIPE);
        ck_assert_int_eq(try_receive(&cursors[i]), -EPIPE);
        ck_assert(cursors[i] == 2);
    }
}
END_TEST

START_TEST(who_is_cancelled_has_received_nothing)
{
    uint64_t cursors[3] = {0};
    struct line line = LINE;
    struct hold h = HOLD;

    for (int i = 0; i < 3; i++)
        line_add(&line, NULL, receive, &cursors[i]);
    trale_cancel(line.waiters[0].task);
    ck_assert_int_eq(line_take(&line.waiters[0]), -ECANCELED);
    hold_executor(&h);
    tell(42);
    trale_cancel(line.waiters[1].task); /* let through, and does not know it */
    release_executor(&h);
    ck_assert_int_eq(line_take(&line.waiters[1]), -ECANCELED);
    line_join(&line, 42);
    ck_assert(cursors[0] == 0 && cursors[1] == 0 && cursors[2] == 1);
    ck_assert_int_eq(receive(&cursors[1]), 42);
}
END_TEST

static intptr_t receive_in_scope(void *cursor)
{
    trale_scope scope;
    intptr_t result;

    trale_scope_enter(&scope, trale_now() + TRALE_MS);
    result = receive(cursor);
    return trale_scope_leave(&scope) == result ? result : -1;
}

START_TEST(a_deadline_ends_the_wait)
{
    uint64_t cursor = 0;

    ck_assert_int_eq(receive_in_scope(&cursor), -ETIMEDOUT);
    ck_assert_int_eq(join(spawn_on(NULL, receive_in_scope, &cursor)), -ETIMEDOUT);
    tell(42);
    ck_assert_int_eq(receive(&cursor), 42);
}
END_TEST

/* Whoever asks for an item of the future waits for just that. */
START_TEST(a_cursor_may_be_ahead)
{
    uint64_t cursor = 2;
    struct line line = LINE;

    line_add(&line, NULL, receive, &cursor);
    for (int i = 0; i < 2; i++) {
        tell(i);
        settle();
        ck_assert_int_eq(line_through(&line), 0);
    }
    tell(2);
    line_join(&line, 2);
}
END_TEST

START_TEST(items_may_have_any_size)
{
    static char item[100000], got[100000];
    trale_broadcast *b;
    uint64_t cursor = 0;

    ck_assert_int_eq(trale_broadcast_new(&b, 0, 1), 0);
    ck_assert_int_eq(trale_broadcast_send(b, NULL), 0);
    ck_assert_int_eq(trale_broadcast_recv(b, &cursor, NULL), 0);
    trale_broadcast_free(b);
    ck_assert_int_eq(trale_broadcast_new(&b, sizeof item, 3), 0);
    for (int i = 0; i < 5; i++) {
        for (size_t j = 0; j < sizeof item; j++)
            item[j] = (char)(i + (int)j);
        ck_assert_int_eq(trale_broadcast_send(b, item), 0);
    }
    cursor = 4;
    ck_assert_int_eq(trale_broadcast_recv(b, &cursor, got), 0);
    ck_assert_mem_eq(got, item, sizeof item);
    trale_broadcast_free(b);
}
END_TEST

START_TEST(a_stackless_task_and_a_select_receive)
{
    trale_broadcast_recv_future f, g;
    uint64_t cursor = 0, ahead = 9;
    trale_task *task;
    int item = -1, none = -1;

    trale_broadcast_recv_init(&f, news, &cursor, &item);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    tell(42);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(item, 42);
    tell(43);
    trale_broadcast_recv_init(&g, news, &ahead, &none);
    trale_broadcast_recv_init(&f, news, &cursor, &item);
    ck_assert_int_eq(TRALE_SELECT(&g.future, &f.future), 1);
    ck_assert(item == 43 && none == -1 && ahead == 9 && cursor == 2);
}
END_TEST

/* A task that always finds something lets others run. */
static trale_event turn;

static intptr_t begin_again(void *arg)
{
    uint64_t cursor;

    (void)arg;
    for (long i = 0;; i++) {
        cursor = 0;
        if (receive(&cursor) < 0)
            return -1;
        if (trale_event_try_wait(&turn) == 0)
            return i;
    }
}

static intptr_t take_turn(void *arg)
{
    (void)arg;
    return trale_event_notify(&turn);
}

/* The same without a stack. */
struct again {
    trale_async async;
    uint64_t cursor;
    int item;
    trale_broadcast_recv_future recv;
};

TRALE_ASYNC(again, struct again)
{
    TRALE_ASYNC_BEGIN;
    do {
        self->cursor = 0;
        trale_broadcast_recv_init(&self->recv, news, &self->cursor, &self->item);
        TRALE_AWAIT(&self->recv.future);
    } while (trale_event_try_wait(&turn) != 0);
    TRALE_ASYNC_END;
}

START_TEST(who_never_waits_lets_others_run)
{
    struct again a = {.async = TRALE_ASYNC_INIT(again)};
    trale_task *busy;

    tell(1);
    busy = spawn_on(NULL, begin_again, NULL);
    ck_assert_int_eq(join(spawn_on(NULL, take_turn, NULL)), 0);
    ck_assert_int_ge(join(busy), 0);
    ck_assert_int_eq(trale_spawn_future(&busy, &a.async.future, sizeof a), 0);
    ck_assert_int_eq(join(spawn_on(NULL, take_turn, NULL)), 0);
    ck_assert_int_eq(join(busy), 0);
}
END_TEST

static void free_with_waiter(void *arg)
{
    uint64_t cursor = 0;

    (void)arg;
    MUST(trale_spawn(NULL, receive, &cursor) == 0);
    settle();
    trale_broadcast_free(news);
}

START_TEST(freeing_it_while_somebody_waits_aborts)
{
    char output[1000] = "";

    test_in_child(free_with_waiter, NULL, output, sizeof output);
    ck_assert_msg(strstr(output, "trale_broadcast_free: somebody waits") != NULL, "%s", output);
}
END_TEST

static void receive_after_exit(void)
{
    uint64_t cursor = 0;
    int item = 42;

    MUST(receive(&cursor) == -ESHUTDOWN);
    MUST(trale_broadcast_send(news, &item) == 0);
    MUST(receive(&cursor) == 42);
    _exit(21);
}

static void exit_with_runtime(void *arg)
{
    static uint64_t cursor;

    (void)arg;
    MUST(atexit(receive_after_exit) == 0);
    MUST(trale_spawn(NULL, receive, &cursor) == 0);
    exit(0);
}

START_TEST(after_exit_only_waiting_is_in_vain)
{
    char output[1000];
    int status = test_in_child(exit_with_runtime, NULL, output, sizeof output);

    ck_assert_msg(status == 21 << 8, "status %x: %s", (unsigned)status, output);
}
END_TEST

TEST_MAIN_WITH(set_up, tear_down, "broadcast", arguments_are_checked, everybody_has_a_cursor,
               who_lags_is_told, zero_begins_with_the_first, all_who_wait_get_it,
               who_wakes_late_is_told, closed_it_gives_what_is_left,
               who_is_cancelled_has_received_nothing, a_deadline_ends_the_wait,
               a_cursor_may_be_ahead, items_may_have_any_size,
               a_stackless_task_and_a_select_receive, who_never_waits_lets_others_run,
               freeing_it_while_somebody_waits_aborts,
               ON_THREAD(after_exit_only_waiting_is_in_vain,
                         "what it hands to atexit has to come before the library's own"))
