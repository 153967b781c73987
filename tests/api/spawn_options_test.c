/* The options of trale_spawn_with and trale_spawn_future_with. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <trale.h>

#include "executors.h"
#include "probe.h"
#include "settle.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GIB ((size_t)1 << 30)

static intptr_t increment(void *arg)
{
    return (intptr_t)arg + 1;
}

static int spawn_with(const trale_spawn_options *options)
{
    trale_task *before = (trale_task *)&(char){0}, *task = before;
    int error = trale_spawn_with(&task, options, increment, (void *)6);

    if (error == 0)
        ck_assert_int_eq(join(task), 7);
    else
        ck_assert_ptr_eq(task, before);
    return error;
}

static int spawn_future_with(const trale_spawn_options *options)
{
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);
    trale_task *before = (trale_task *)&(char){0}, *task = before;
    int error;

    probe_finish(&p, 8);
    error = trale_spawn_future_with(&task, options, &f.future, sizeof f);
    if (error == 0)
        ck_assert_int_eq(join(task), 8);
    else
        ck_assert_ptr_eq(task, before);
    ck_assert_int_eq(probe_polls(&p), error == 0);
    ck_assert_int_eq(probe_drops(&p), error == 0);
    return error;
}

START_TEST(no_options_and_zeroed_options_are_the_default)
{
    trale_spawn_options zeroed = {0};

    ck_assert_int_eq(spawn_with(NULL), 0);
    ck_assert_int_eq(spawn_with(&zeroed), 0);
    ck_assert_int_eq(spawn_future_with(NULL), 0);
    ck_assert_int_eq(spawn_future_with(&zeroed), 0);
}
END_TEST

START_TEST(a_task_may_have_a_name)
{
    trale_spawn_options options = {.name = "the name of a task"};

    ck_assert_int_eq(spawn_with(&options), 0);
    ck_assert_int_eq(spawn_future_with(&options), 0);
    options.name = "";
    ck_assert_int_eq(spawn_with(&options), 0);
}
END_TEST

START_TEST(an_executor_that_is_not_there_is_refused)
{
    static const struct {
        unsigned executor;
        int expected;
    } cases[] = {{0, 0}, {1, 0}, {2, -EINVAL}, {3, -EINVAL}, {UINT_MAX, -EINVAL}};
    trale_runtime *runtime = new_runtime_with(1);

    for (size_t i = 0; i < COUNT(cases); i++) {
        trale_spawn_options options = {.runtime = runtime, .executor = cases[i].executor};
        ck_assert_int_eq(spawn_with(&options), cases[i].expected);
        ck_assert_int_eq(spawn_future_with(&options), cases[i].expected);
    }
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}
END_TEST

/* Writes to so many bytes of its own stack, lowest last. */
static __attribute__((noinline)) intptr_t fill(size_t size)
{
    volatile char frame[size];

    for (size_t i = size; i > 0; i--)
        frame[i - 1] = 1;
    return frame[0];
}

/* All but 8 KiB of what was asked for: sanitizers, and the frames below, need some too. */
static intptr_t fill_stack(void *arg)
{
    size_t size = (size_t)arg;

    return fill(size > 16384 ? size - 8192 : 64);
}

START_TEST(a_stack_of_any_size_can_be_used)
{
    static const size_t sizes[] = {1, 4096, 10000, 16385, 65536, 100001, 1 << 20, 8 << 20};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        trale_spawn_options options = {.stack_size = sizes[i]};
        trale_task *task;
        ck_assert_int_eq(trale_spawn_with(&task, &options, fill_stack, (void *)sizes[i]), 0);
        ck_assert_int_eq(join(task), 1);
    }
}
END_TEST

START_TEST(a_stack_over_1_gib_is_refused)
{
    static const size_t sizes[] = {GIB + 1, 2 * GIB, SIZE_MAX};

    for (size_t i = 0; i < COUNT(sizes); i++)
        ck_assert_int_eq(spawn_with(&(trale_spawn_options){.stack_size = sizes[i]}), -EINVAL);
    int error = spawn_with(&(trale_spawn_options){.stack_size = GIB});
    ck_assert(error == 0 || error == -ENOMEM); /* a limit on the address space may forbid it */
}
END_TEST

START_TEST(a_stackless_task_ignores_the_stack_size)
{
    ck_assert_int_eq(spawn_future_with(&(trale_spawn_options){.stack_size = 1}), 0);
    ck_assert_int_eq(spawn_future_with(&(trale_spawn_options){.stack_size = GIB}), 0);
}
END_TEST

static intptr_t note_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return 0;
}

static pthread_t thread_of(trale_runtime *runtime)
{
    trale_spawn_options options = {.runtime = runtime, .executor = 1};
    trale_task *task;
    pthread_t thread;

    ck_assert_int_eq(trale_spawn_with(&task, &options, note_thread, &thread), 0);
    join(task);
    return thread;
}

START_TEST(a_task_runs_in_the_runtime_that_was_asked_for)
{
    trale_runtime *other;
    pthread_t mine, its;

    other = new_runtime_with(1);
    mine = thread_of(NULL);
    its = thread_of(other);
    ck_assert(!pthread_equal(mine, its));
    ck_assert(pthread_equal(its, thread_of(other)));
    ck_assert(pthread_equal(mine, thread_of(trale_runtime_default())));
    ck_assert_int_eq(trale_runtime_free(other, TRALE_NEVER), 0);
}
END_TEST

START_TEST(bad_arguments_are_refused_with_options_too)
{
    trale_spawn_options options = {0};
    trale_task *before = (trale_task *)&(char){0}, *task = before;
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);

    ck_assert_int_eq(trale_spawn_with(&task, &options, NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_spawn_future_with(&task, &options, NULL, sizeof f), -EINVAL);
    ck_assert_int_eq(trale_spawn_future_with(&task, &options, &f.future, 1), -EINVAL);
    ck_assert_ptr_eq(task, before);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "spawn_options",
               no_options_and_zeroed_options_are_the_default, a_task_may_have_a_name,
               an_executor_that_is_not_there_is_refused, a_stack_of_any_size_can_be_used,
               a_stack_over_1_gib_is_refused, a_stackless_task_ignores_the_stack_size,
               ON_THREAD(a_task_runs_in_the_runtime_that_was_asked_for,
                         "its own runtime is to be the default one"),
               bad_arguments_are_refused_with_options_too)
