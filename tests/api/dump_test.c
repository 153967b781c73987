/* The dump: every task is there, with its name, its place, its age, and whether it runs. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>

#include "dumped.h"
#include "executors.h"
#include "gate.h"
#include "settle.h"
#include "system.h"

ENDS_AS_IT_IS

static intptr_t sleep_for(void *duration)
{
    return trale_sleep(*(int64_t *)duration);
}

static const char *site_of(const trale_task *task)
{
    const char *line = dump_line(task), *left;

    ck_assert_ptr_nonnull(line);
    left = strchr(line, '(');
    return left ? left : "";
}

static void expect_site(trale_task *task, int line)
{
    char site[256];

    snprintf(site, sizeof site, "(%s:%d),", __FILE__, line);
    ck_assert_msg(strncmp(site_of(task), site, strlen(site)) == 0, "%s, not %s", site_of(task),
                  site);
    trale_detach(task);
}

START_TEST(tasks_tell_where_they_were_spawned)
{
    struct hold hold = HOLD;
    trale_event event = {0};
    trale_sleep_future sleep;
    trale_group group = {0};
    trale_task *task;
    char *text, place[256];

    hold_executor(&hold);
    ck_assert_int_eq(trale_spawn(&task, wait_for_event, &event), 0);
    expect_site(task, __LINE__ - 1);
    ck_assert_int_eq(trale_spawn_copy(&task, sleep_for, &(int64_t){0}, sizeof(int64_t)), 0);
    expect_site(task, __LINE__ - 1);
    ck_assert_int_eq(trale_spawn_with(&task, NULL, wait_for_event, &event), 0);
    expect_site(task, __LINE__ - 1);
    trale_sleep_init(&sleep, 0);
    ck_assert_int_eq(trale_spawn_future(&task, &sleep.future, sizeof sleep), 0);
    expect_site(task, __LINE__ - 1);
    ck_assert_int_eq(trale_group_spawn(&group, wait_for_event, &event), 0);
    snprintf(place, sizeof place, "(%s:%d), ", __FILE__, __LINE__ - 1);
    text = dump_text();
    ck_assert_ptr_nonnull(strstr(text, place));
    free(text);
    ck_assert_int_eq((trale_spawn)(&task, wait_for_event, &event), 0);
    ck_assert_str_eq(site_of(task), "");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(trale_event_notify(&event), 0);
    release_executor(&hold);
    ck_assert_int_eq(trale_group_wait(&group), 0);
    ck_assert_int_eq(join(task), 0); /* the last one that has the event */
}
END_TEST

START_TEST(a_failed_spawn_leaves_its_place_to_nobody)
{
    trale_event event = {0};
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, NULL, NULL), -EINVAL);
    ck_assert_int_eq((trale_spawn)(&task, wait_for_event, &event), 0);
    ck_assert_str_eq(site_of(task), "");
    end_task(task, -ECANCELED);
}
END_TEST

START_TEST(tasks_have_names)
{
    trale_event event = {0};
    trale_task *named = spawn_named("a name", wait_for_event, &event), *other;

    ck_assert_int_eq(trale_spawn(&other, wait_for_event, &event), 0);
    ck_assert_str_eq(trale_task_name(named), "a name");
    ck_assert_ptr_null(trale_task_name(other));
    ck_assert_ptr_null(trale_task_name(NULL));
    ck_assert_ptr_nonnull(strstr(dump_line(named), " 'a name' ("));
    ck_assert_ptr_null(strchr(dump_line(other), '\''));
    end_task(named, -ECANCELED);
    end_task(other, -ECANCELED);
}
END_TEST

/* It grows while the task is there, and is never more than the time since before the spawn. */
START_TEST(tasks_grow_old)
{
    int64_t start = trale_now();
    trale_event event = {0};
    trale_task *task = spawn_waiting(wait_for_event, &event);
    double age = 0, passed = 0;

    while (age < 0.05) {
        const char *line = dump_line(task);

        ck_assert_ptr_nonnull(strstr(line, "), "));
        age = strtod(strstr(line, "), ") + 3, NULL);
        passed = (double)(trale_now() - start) / (double)TRALE_SEC;
        ck_assert_msg(age <= passed + 0.03, "%s", line);
    }
    end_task(task, -ECANCELED);
}
END_TEST

static double age_of(const trale_task *task)
{
    const char *line = dump_line(task);

    return line ? strtod(strstr(line, "), ") + 3, NULL) : -1;
}

/* Of a task that spawns, wakes up, and spawns again. */
static intptr_t look_at_the_newborn(void *oldest)
{
    int64_t until = trale_now() + 200 * TRALE_MS;
    trale_event event = {0};
    trale_task *task;

    while (trale_now() < until) {
        trale_sleep(TRALE_US);
        if (trale_spawn(&task, wait_for_event, &event) != 0)
            return -1;
        double age = age_of(task);
        if (age > *(double *)oldest)
            *(double *)oldest = age;
        trale_cancel(task);
        trale_join(task, NULL);
    }
    return 0;
}

START_TEST(a_task_that_was_just_spawned_is_not_old)
{
    double oldest = 0;

    ck_assert_int_eq(trale_block_on(look_at_the_newborn, &oldest, NULL), 0);
    ck_assert_msg(oldest < 60, "%f s", oldest);
}
END_TEST

START_TEST(a_stuck_executor_holds_up_no_dump)
{
    struct hold hold = HOLD;
    trale_event event = {0};
    trale_task *woken = spawn_waiting(wait_for_event, &event),
               *waits = spawn_waiting(wait_for_event, &event), *new;

    hold_executor(&hold);
    new = spawn_named("new", wait_for_event, &event);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    expect_doing(new, "new");
    expect_doing(woken, "ready");
    expect_doing(waits, "waiting: event_wait %p", (void *)&event);
    expect_begins(dump_doing(hold.task), "running, for ");
    release_executor(&hold);
    ck_assert_int_eq(join(woken), 0);
    end_task(waits, -ECANCELED);
    end_task(new, -ECANCELED);
}
END_TEST

static char *dumped;

static intptr_t dump_in_task(void *arg)
{
    (void)arg;
    dumped = dump_text();
    return 0;
}

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static intptr_t spawn_and_dump(void *arg)
{
    const trale_spawn_options same = {.executor = 1};
    trale_task *task;
    int error = trale_spawn_with(&task, &same, nothing, arg);

    dumped = dump_text();
    return error == 0 ? trale_join(task, NULL) : error;
}

START_TEST(a_task_may_dump)
{
    ck_assert_int_eq(join(spawn_named("dumps", dump_in_task, NULL)), 0);
    ck_assert_ptr_nonnull(strstr(dumped, ", 1 task\n"));
    ck_assert_ptr_nonnull(strstr(dumped, " old: running, for "));
    free(dumped);
    ck_assert_int_eq(join(spawn_at(NULL, 1, spawn_and_dump, NULL)), 0);
    ck_assert_ptr_nonnull(strstr(dumped, ", 2 tasks\n"));
    ck_assert_ptr_nonnull(strstr(dumped, " old: new\n"));
    free(dumped);
}
END_TEST

static intptr_t yield_until(void *stop)
{
    while (!atomic_load((atomic_bool *)stop))
        trale_yield();
    return 0;
}

/* What it waited for before, if for anything, is not to be looked at. */
START_TEST(who_yields_waits_for_nothing)
{
    atomic_bool stop = false;
    trale_task *task = spawn_named("yields", yield_until, &stop);

    for (long i = test_scale(300); i > 0; i--)
        ck_assert_ptr_null(strstr(dump_doing(task), "waiting"));
    atomic_store(&stop, true);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

START_TEST(tasks_that_have_ended_are_not_told_of)
{
    trale_task *task = spawn_named("ended", nothing, NULL);
    char *text;

    settle();
    settle();
    ck_assert_ptr_null(dump_line(task));
    ck_assert_int_eq(join(task), 0);
    text = dump_text();
    ck_assert_ptr_nonnull(strstr(text, ", 0 tasks\n"));
    free(text);
    trale_dump(NULL);
}
END_TEST

/* Children: */

static void dump_to_stderr(void *arg)
{
    (void)arg;
    trale_dump(stderr);
}

static void dump_own_to_stderr(void *arg)
{
    trale_event event = {0};
    trale_task *task;

    MUST(trale_spawn(&task, wait_for_event, &event) == 0);
    trale_dump(stderr);
    MUST(trale_event_notify(&event) == 0);
    MUST(trale_join(task, NULL) == 0);
    (void)arg;
}

START_TEST(a_forked_child_tells_of_its_own)
{
    trale_event event = {0};
    trale_task *task = spawn_waiting(wait_for_event, &event);
    char text[4096];

    ck_assert_int_eq(test_in_child(dump_to_stderr, NULL, text, sizeof text), 0);
    ck_assert_str_eq(text, "trale: no runtime\n");
    if (!UNDER_TSAN) { /* which allows no threads in a child of threads */
        ck_assert_int_eq(test_in_child(dump_own_to_stderr, NULL, text, sizeof text), 0);
        ck_assert_ptr_nonnull(strstr(text, ", 1 task\n"));
    }
    end_task(task, -ECANCELED);
}
END_TEST

static void without_membarrier(void *arg)
{
    (void)arg;
    deny_call(SYS_membarrier, EPERM);
    dump_own_to_stderr(NULL);
}

static void without_membarrier_later(void *arg)
{
    MUST(trale_runtime_default() != NULL);
    without_membarrier(arg);
}

START_TEST(without_membarrier_the_executor_pays)
{
    char text[4096];

    ck_assert_int_eq(test_in_child(without_membarrier, NULL, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, ", 1 task\n"));
    ck_assert_int_eq(test_in_child(without_membarrier_later, NULL, text, sizeof text), 0);
    if (!UNDER_TSAN)
        ck_assert_str_eq(text, "trale: no dump: the kernel refuses membarrier(2)\n");
}
END_TEST

TEST_MAIN("dump", tasks_tell_where_they_were_spawned, a_failed_spawn_leaves_its_place_to_nobody,
          tasks_have_names, tasks_grow_old, a_task_that_was_just_spawned_is_not_old,
          ON_THREAD(a_stuck_executor_holds_up_no_dump, "it dumps while its executor is held up"),
          ON_THREAD(a_task_may_dump, "it counts all tasks"), who_yields_waits_for_nothing,
          ON_THREAD(tasks_that_have_ended_are_not_told_of, "it counts all tasks"),
          a_forked_child_tells_of_its_own, without_membarrier_the_executor_pays)
