/* trale_spawn_copy: the task's own copy of its argument. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

#include "settle.h"

static intptr_t low_bits(void *arg)
{
    return (intptr_t)arg & 15;
}

START_TEST(copies_are_aligned_as_by_malloc)
{
    char bytes[129] = {0};
    trale_task *task;

    for (size_t size = 1; size < sizeof bytes; size++) {
        ck_assert_int_eq(trale_spawn_copy(&task, low_bits, bytes + 1, size), 0);
        ck_assert_int_eq(join(task), 0);
    }
}
END_TEST

static intptr_t return_int(void *arg)
{
    return *(int *)arg;
}

START_TEST(the_source_may_change_after_the_spawn)
{
    struct hold h = HOLD;
    trale_task *tasks[100];
    int source;

    hold_executor(&h);
    for (source = 0; source < 100; source++)
        ck_assert_int_eq(trale_spawn_copy(&tasks[source], return_int, &source, sizeof source), 0);
    release_executor(&h);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(join(tasks[i]), i);
}
END_TEST

static intptr_t ran(void *arg)
{
    (void)arg;
    return 5;
}

START_TEST(a_copy_may_be_empty)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn_copy(&task, ran, NULL, 0), 0);
    ck_assert_int_eq(join(task), 5);
    ck_assert_int_eq(trale_spawn_copy(&task, ran, "", 0), 0);
    ck_assert_int_eq(join(task), 5);
}
END_TEST

#define LARGE 102400 /* more than the stack that goes with it */

static unsigned sum(const unsigned char *bytes)
{
    unsigned s = 0;

    for (size_t i = 0; i < LARGE; i++)
        s = s * 31 + bytes[i];
    return s;
}

/* Uses most of a default stack, which must all be there beside the copy; then sums. */
static __attribute__((noinline)) unsigned sum_deep(const unsigned char *bytes)
{
    volatile char frame[40 << 10];

    for (size_t i = 0; i < sizeof frame; i += 64)
        frame[i] = (char)i;
    return sum(bytes) + (unsigned)frame[0];
}

/* Is the copy the same at the start, deep in the stack, and after other tasks ran? */
static intptr_t sum_over_time(void *arg)
{
    unsigned first = sum(arg), deep = sum_deep(arg);
    int error = 0;

    for (int i = 0; i < 3 && error == 0; i++)
        error = trale_yield();
    return error == 0 && deep == first && sum(arg) == first ? (intptr_t)first : -1;
}

START_TEST(a_large_copy_lives_as_long_as_the_task)
{
    unsigned char *source = malloc(LARGE);
    trale_task *one, *two;
    unsigned expected_one, expected_two;

    ck_assert_ptr_nonnull(source);
    for (size_t i = 0; i < LARGE; i++)
        source[i] = (unsigned char)(i * 7 + i / 256);
    expected_one = sum(source);
    ck_assert_int_eq(trale_spawn_copy(&one, sum_over_time, source, LARGE), 0);
    memset(source, 0xa5, LARGE);
    expected_two = sum(source);
    ck_assert_int_eq(trale_spawn_copy(&two, sum_over_time, source, LARGE), 0);
    free(source);
    ck_assert_int_eq(join(one), (intptr_t)expected_one);
    ck_assert_int_eq(join(two), (intptr_t)expected_two);
}
END_TEST

static intptr_t scribble(void *arg)
{
    return ++*(int *)arg;
}

START_TEST(a_task_may_write_to_its_copy)
{
    const int source = 41;
    trale_task *task;

    ck_assert_int_eq(trale_spawn_copy(&task, scribble, &source, sizeof source), 0);
    ck_assert_int_eq(join(task), 42);
    ck_assert_int_eq(source, 41);
}
END_TEST

static intptr_t set_flag(void *arg)
{
    atomic_int *flag = *(atomic_int **)arg;

    atomic_store(flag, 1);
    return 0;
}

START_TEST(a_detached_task_gets_a_copy_too)
{
    atomic_int flag = 0, *pointer = &flag;

    ck_assert_int_eq(trale_spawn_copy(NULL, set_flag, &pointer, sizeof pointer), 0);
    settle();
    ck_assert_int_eq(atomic_load(&flag), 1);
}
END_TEST

START_TEST(bad_arguments_are_refused_and_leave_the_handle_alone)
{
    trale_task *before = (trale_task *)&(char){0}, *task = before;

    ck_assert_int_eq(trale_spawn_copy(&task, NULL, "x", 1), -EINVAL);
    ck_assert_int_eq(trale_spawn_copy(&task, ran, NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_spawn_copy(&task, ran, "x", ((size_t)1 << 30) + 1), -EINVAL);
    ck_assert_int_eq(trale_spawn_copy(&task, ran, "x", SIZE_MAX), -EINVAL);
    ck_assert_ptr_eq(task, before);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "spawn_copy", copies_are_aligned_as_by_malloc,
               the_source_may_change_after_the_spawn, a_copy_may_be_empty,
               a_large_copy_lives_as_long_as_the_task, a_task_may_write_to_its_copy,
               a_detached_task_gets_a_copy_too,
               bad_arguments_are_refused_and_leave_the_handle_alone)
