/* Starting tasks with trale_spawn, from threads and from tasks, and what is refused. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <trale.h>

#include "gate.h"
#include "settle.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static intptr_t identity(void *arg)
{
    return (intptr_t)arg;
}

START_TEST(a_join_returns_what_the_function_returned)
{
    static const intptr_t values[] = {0, 1, -1, -ECANCELED, INT32_MAX, INTPTR_MIN, INTPTR_MAX};

    for (size_t i = 0; i < COUNT(values); i++) {
        trale_task *task = NULL;
        intptr_t result = 99;
        ck_assert_int_eq(trale_spawn(&task, identity, (void *)values[i]), 0);
        ck_assert_ptr_nonnull(task);
        ck_assert_int_eq(trale_join(task, &result), 0);
        ck_assert_int_eq(result, values[i]);
    }
}
END_TEST

START_TEST(a_detached_task_runs)
{
    struct gate ran = GATE;

    ck_assert_int_eq(trale_spawn(NULL, gate_open_in_task, &ran), 0);
    gate_wait(&ran);
    settle();
    ck_assert_int_eq(gate_opened(&ran), 1);
}
END_TEST

START_TEST(a_spawn_does_not_wait_for_the_task)
{
    struct hold h = HOLD;
    struct gate ran = GATE;
    trale_task *task;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn(&task, gate_open_in_task, &ran), 0);
    ck_assert_int_eq(gate_opened(&ran), 0);
    release_executor(&h);
    join(task);
    ck_assert_int_eq(gate_opened(&ran), 1);
}
END_TEST

static trale_task *own_handle;

static intptr_t knows_its_handle(void *arg)
{
    (void)arg;
    return own_handle == trale_self();
}

START_TEST(the_handle_is_stored_before_the_task_runs)
{
    for (int i = 0; i < 1000; i++) {
        own_handle = NULL;
        ck_assert_int_eq(trale_spawn(&own_handle, knows_its_handle, NULL), 0);
        ck_assert_int_eq(join(own_handle), 1);
    }
}
END_TEST

#define SPAWNERS 8
#define TASKS_EACH 500

struct spawner {
    pthread_t thread;
    pthread_barrier_t *start;
    atomic_int *ran;
    int failed, wrong;
};

struct numbered {
    atomic_int *ran;
    intptr_t number;
};

static intptr_t count_and_return(void *arg)
{
    struct numbered *n = arg;

    atomic_fetch_add(n->ran, 1);
    return n->number;
}

static void *spawn_many(void *arg)
{
    struct spawner *s = arg;
    static _Thread_local struct numbered numbers[TASKS_EACH];
    static _Thread_local trale_task *tasks[TASKS_EACH];

    pthread_barrier_wait(s->start);
    for (int i = 0; i < TASKS_EACH; i++) {
        numbers[i] = (struct numbered){s->ran, i};
        s->failed += trale_spawn(&tasks[i], count_and_return, &numbers[i]) != 0;
    }
    for (int i = 0; i < TASKS_EACH && s->failed == 0; i++) {
        intptr_t result = -1;
        s->failed += trale_join(tasks[i], &result) != 0;
        s->wrong += result != i;
    }
    return NULL;
}

START_TEST(many_threads_spawn_at_once)
{
    struct spawner spawners[SPAWNERS];
    pthread_barrier_t start;
    atomic_int ran = 0;

    pthread_barrier_init(&start, NULL, SPAWNERS);
    for (int i = 0; i < SPAWNERS; i++) {
        spawners[i] = (struct spawner){.start = &start, .ran = &ran};
        ck_assert_int_eq(pthread_create(&spawners[i].thread, NULL, spawn_many, &spawners[i]), 0);
    }
    for (int i = 0; i < SPAWNERS; i++) {
        pthread_join(spawners[i].thread, NULL);
        ck_assert_int_eq(spawners[i].failed, 0);
        ck_assert_int_eq(spawners[i].wrong, 0);
    }
    ck_assert_int_eq(atomic_load(&ran), SPAWNERS * TASKS_EACH);
    pthread_barrier_destroy(&start);
}
END_TEST

/* A tree of tasks: returns its leaves, or a negative errno value. */
static intptr_t tree(void *arg)
{
    intptr_t depth = (intptr_t)arg, left = 0, right = 0;
    trale_task *one, *two;
    int error;

    if (depth == 0)
        return 1;
    error = trale_spawn(&one, tree, (void *)(depth - 1));
    if (error == 0)
        error = trale_spawn(&two, tree, (void *)(depth - 1));
    if (error == 0)
        error = trale_join(one, &left);
    if (error == 0)
        error = trale_join(two, &right);
    return error < 0 ? error : left + right;
}

START_TEST(tasks_spawn_tasks_and_join_them)
{
    trale_task *root;

    ck_assert_int_eq(trale_spawn(&root, tree, (void *)8), 0);
    ck_assert_int_eq(join(root), 256);
}
END_TEST

struct family {
    pthread_t parent, child;
    trale_task *task;
};

static intptr_t note_child(void *arg)
{
    ((struct family *)arg)->child = pthread_self();
    return 0;
}

static intptr_t note_parent_and_spawn(void *arg)
{
    struct family *f = arg;

    f->parent = pthread_self();
    return trale_spawn(&f->task, note_child, f);
}

START_TEST(a_task_spawned_from_a_task_belongs_to_the_same_runtime)
{
    const trale_config one = {.executors = 1}; /* whose thread tells that it is this runtime */
    trale_spawn_options options = {0};
    struct family family;
    trale_task *task;

    ck_assert_int_eq(trale_runtime_new(&options.runtime, &one), 0);
    ck_assert_int_eq(trale_spawn_with(&task, &options, note_parent_and_spawn, &family), 0);
    ck_assert_int_eq(join(task), 0);
    join(family.task);
    ck_assert(pthread_equal(family.parent, family.child));
    ck_assert_int_eq(trale_runtime_free(options.runtime, TRALE_NEVER), 0);
}
END_TEST

START_TEST(a_spawn_of_no_function_is_refused_and_leaves_the_handle_alone)
{
    trale_task *task = (trale_task *)&own_handle;

    ck_assert_int_eq(trale_spawn(&task, NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_spawn_with(&task, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(trale_spawn(NULL, NULL, NULL), -EINVAL);
    ck_assert_ptr_eq(task, (trale_task *)&own_handle);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "spawn", a_join_returns_what_the_function_returned,
               a_detached_task_runs, a_spawn_does_not_wait_for_the_task,
               the_handle_is_stored_before_the_task_runs, many_threads_spawn_at_once,
               tasks_spawn_tasks_and_join_them,
               a_task_spawned_from_a_task_belongs_to_the_same_runtime,
               a_spawn_of_no_function_is_refused_and_leaves_the_handle_alone)
