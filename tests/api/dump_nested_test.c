/* The dump: futures in futures, which are told as far as a line has room for. */
#include "suite.h"

#include <errno.h>
#include <string.h>
#include <trale.h>

#include "dumped.h"
#include "settle.h"

enum { ARMS = 10 };

static intptr_t select_many(void *arg)
{
    trale_sleep_future sleeps[ARMS];
    trale_future *arms[ARMS];

    (void)arg;
    for (int i = 0; i < ARMS; i++) {
        trale_sleep_init(&sleeps[i], TRALE_NEVER);
        arms[i] = &sleeps[i].future;
    }
    return trale_select(arms, ARMS);
}

START_TEST(of_many_arms_the_first_are_told)
{
    trale_task *task = spawn_waiting(select_many, NULL);
    const char *text = dump_doing(task);

    expect_begins(text, "waiting: select of (sleep, for ever; sleep, for ever; ");
    ck_assert_msg(strstr(text, "sleep, for ever; ...)"), "%s", text);
    end_task(task, -ECANCELED);
}
END_TEST

enum { DEPTH = 5 };

static intptr_t select_in_selects(void *arg)
{
    trale_select_future selects[DEPTH];
    trale_sleep_future sleep;
    trale_future *inner[DEPTH] = {&sleep.future};

    (void)arg;
    trale_sleep_init(&sleep, TRALE_NEVER);
    for (int i = 0; i < DEPTH; i++) {
        trale_select_init(&selects[i], &inner[i], 1);
        if (i + 1 < DEPTH)
            inner[i + 1] = &selects[i].future;
    }
    return trale_await(&selects[DEPTH - 1].future);
}

START_TEST(the_innermost_of_many_are_not_told)
{
    trale_task *task = spawn_waiting(select_in_selects, NULL);

    expect_doing(task, "waiting: select of (select of (select of (select of (select))))");
    end_task(task, -ECANCELED);
}
END_TEST

static enum trale_poll wait_for_ever(trale_future *self, trale_context *cx)
{
    (void)self, (void)cx;
    return TRALE_PENDING;
}

static intptr_t await_nameless(void *arg)
{
    static const struct trale_future_ops ops = {wait_for_ever, NULL, NULL};
    trale_future future = {.ops = &ops};

    (void)arg;
    return trale_await(&future);
}

START_TEST(what_has_no_name_is_told_as_such)
{
    trale_task *task = spawn_waiting(await_nameless, NULL);

    expect_doing(task, "waiting: a future without a name");
    end_task(task, -ECANCELED);
}
END_TEST

/* It waits for nothing that it has said. */
static intptr_t await_async(void *arg)
{
    static const struct trale_future_ops ops = {wait_for_ever, trale_async_drop, "alone"};
    trale_async async = {.future = {.ops = &ops}};

    (void)arg;
    return trale_await(&async.future);
}

START_TEST(an_async_function_that_awaits_nothing_has_but_its_name)
{
    trale_task *task = spawn_waiting(await_async, NULL);

    expect_doing(task, "waiting: alone");
    end_task(task, -ECANCELED);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "dump_nested", of_many_arms_the_first_are_told,
               the_innermost_of_many_are_not_told, what_has_no_name_is_told_as_such,
               an_async_function_that_awaits_nothing_has_but_its_name)
