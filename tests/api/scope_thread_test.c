/* Scopes on plain threads, and on what becomes of a task's thread after fork and exit. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork.h"
#include "gate.h"
#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

#define FAR (3600 * TRALE_SEC)

static trale_event event;

#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            return __LINE__; \
    } while (0)

static void *on_thread(void *fn)
{
    return (void *)((trale_fn *)fn)(NULL);
}

static pthread_t start(trale_fn *fn)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, on_thread, (void *)fn), 0);
    return thread;
}

static void end(pthread_t thread)
{
    void *returned;

    ck_assert_int_eq(pthread_join(thread, &returned), 0);
    ck_assert_int_eq((intptr_t)returned, 0);
}

static intptr_t time_out(void *arg)
{
    int64_t deadline = trale_now() + TRALE_MS;
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, deadline);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_now() >= deadline);
    EXPECT(trale_yield() == -ETIMEDOUT);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    EXPECT(trale_yield() == 0);
    return 0;
}

START_TEST(a_deadline_ends_a_wait)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(time_out(NULL), 0);
}
END_TEST

START_TEST(each_thread_has_its_own)
{
    pthread_t threads[16];
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + FAR);
    for (int i = 0; i < 16; i++)
        threads[i] = start(time_out);
    for (int i = 0; i < 16; i++)
        end(threads[i]);
    ck_assert_int_eq(trale_yield(), 0);
    ck_assert_int_eq(trale_scope_leave(&scope), 0);
}
END_TEST

/* Tasks are elsewhere: in nobody's scope but their own. */
START_TEST(what_is_spawned_inside_is_outside)
{
    trale_scope scope;
    trale_task *task;

    trale_scope_enter(&scope, trale_now());
    ck_assert_int_eq(trale_spawn(&task, time_out, NULL), 0);
    ck_assert_int_eq(trale_join(task, NULL), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

static intptr_t wait_for_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&event);
}

START_TEST(block_on_ends_its_task)
{
    trale_scope scope;
    intptr_t result = -1;

    trale_scope_enter(&scope, trale_now());
    ck_assert_int_eq(trale_block_on(wait_for_event, NULL, &result), -ETIMEDOUT);
    ck_assert_int_eq(result, -1);
    trale_scope_leave(&scope);
    settle();
    trale_scope_enter(&scope, trale_now() + 5 * TRALE_MS);
    switch (trale_block_on(wait_for_event, NULL, &result)) {
    case 0:
        ck_assert_int_eq(result, -ECANCELED);
        break;
    case -ETIMEDOUT: /* there was no time to begin */
        ck_assert_int_eq(result, -1);
        break;
    default:
        ck_abort();
    }
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_wait(&event), 0);
}
END_TEST

/* A wake that comes with the deadline is not lost, and the next wait does not stumble over it. */
static atomic_bool over;
static atomic_long taken;

static void *notify_now_and_then(void *arg)
{
    long *notified = arg;

    while (!atomic_load(&over)) {
        if (*notified - atomic_load(&taken) < 2) {
            trale_event_notify(&event);
            ++*notified;
        }
        sched_yield();
    }
    return NULL;
}

START_TEST(wakes_and_deadlines_cross)
{
    long notified = 0;
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, notify_now_and_then, &notified), 0);
    for (int i = 0; i < test_scale(20000); i++) {
        trale_scope scope;
        int error, left;

        trale_scope_enter(&scope, trale_now() + i % 100 * TRALE_US);
        error = trale_event_wait(&event);
        left = trale_scope_leave(&scope);
        ck_assert(error == 0 || error == -ETIMEDOUT);
        ck_assert_int_eq(left, error);
        atomic_fetch_add(&taken, error == 0);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    while (trale_event_try_wait(&event) == 0)
        atomic_fetch_add(&taken, 1);
    ck_assert_int_eq(atomic_load(&taken), notified);
}
END_TEST

static atomic_int signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static struct gate entered = GATE;

static intptr_t wait_inside(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + FAR);
    gate_open(&entered);
    EXPECT(trale_event_wait(&event) == 0);
    EXPECT(trale_scope_leave(&scope) == 0);
    return 0;
}

START_TEST(a_signal_does_not_end_a_wait)
{
    struct sigaction action = {.sa_handler = count_signal};
    pthread_t thread;

    sigaction(SIGUSR1, &action, NULL);
    thread = start(wait_inside);
    gate_wait(&entered);
    /* Again and again: ThreadSanitizer keeps one that comes as the wait begins to itself. */
    for (int i = 1; i <= 100; i++)
        while (atomic_load(&signals) < i) {
            pthread_kill(thread, SIGUSR1);
            sched_yield();
        }
    ck_assert_int_eq(trale_event_notify(&event), 0);
    end(thread);
}
END_TEST

/* Its stack goes, and with it the scope. */
static intptr_t end_inside(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + 2 * TRALE_MS);
    trale_sleep(TRALE_US);
    pthread_exit(NULL);
}

START_TEST(a_thread_may_end_inside)
{
    for (int i = 0; i < 20; i++)
        end(start(end_inside));
    ck_assert_int_eq(trale_sleep(4 * TRALE_MS), 0);
}
END_TEST

START_TEST(blocking_work_has_scopes)
{
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + FAR);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(trale_blocking(time_out, NULL), 0);
    ck_assert_int_eq(trale_scope_leave(&scope), 0);
}
END_TEST

/* fork: who was in a scope is in it still, in the child too. */
static intptr_t fork_inside(void *arg)
{
    int64_t deadline = trale_now() + 20 * TRALE_MS;
    trale_scope scope, inner;
    int status;
    pid_t child;

    (void)arg;
    trale_scope_enter(&scope, deadline);
    trale_sleep(TRALE_US); /* arms its timer */
    child = test_fork();
    if (child == 0) {
        trale_scope_enter(&inner, TRALE_NEVER);
        if (trale_event_wait(&event) != -ETIMEDOUT || trale_now() < deadline)
            _exit(1);
        if (trale_scope_leave(&inner) != 0 || trale_scope_leave(&scope) != -ETIMEDOUT)
            _exit(2);
        _exit(trale_yield() == 0 ? 0 : 3);
    }
    EXPECT(await_process(child, &status) == child && status == 0);
    EXPECT(trale_event_wait(&event) == -ETIMEDOUT);
    EXPECT(trale_scope_leave(&scope) == -ETIMEDOUT);
    return 0;
}

START_TEST(a_child_is_in_the_scopes_of_who_forked)
{
    intptr_t result = -1;

    ck_assert_int_eq(fork_inside(NULL), 0);
    ck_assert_int_eq(trale_block_on(fork_inside, NULL, &result), 0);
    ck_assert_int_eq(result, 0);
}
END_TEST

/* exit: the handlers that come after the library's own are called inside, as by a plain thread. */
static trale_scope outlived;

static void wait_at_exit(void)
{
    trale_scope inner;
    int error;

    trale_scope_enter(&inner, 0);
    if (trale_yield() != -ETIMEDOUT || trale_scope_leave(&inner) != -ETIMEDOUT)
        _exit(98);
    error = trale_event_wait(&event);
    if (error != -ESHUTDOWN && error != -ETIMEDOUT)
        _exit(99);
    if (trale_scope_leave(&outlived) != (error == -ETIMEDOUT ? -ETIMEDOUT : 0))
        _exit(97);
}

static intptr_t exit_inside(void *arg)
{
    trale_scope_enter(&outlived, trale_now() + *(int64_t *)arg);
    trale_sleep(TRALE_US);
    exit(0);
}

static void exit_in_task(void *patience)
{
    MUST(atexit(wait_at_exit) == 0);
    trale_block_on(exit_inside, patience, NULL);
}

static void exit_on_thread(void *patience)
{
    MUST(atexit(wait_at_exit) == 0);
    settle();
    exit_inside(patience);
}

START_TEST(exit_may_be_called_inside)
{
    int64_t patience[] = {FAR, TRALE_MS, 0};

    for (int i = 0; i < 3; i++) {
        passes_in_child(exit_in_task, &patience[i]);
        passes_in_child(exit_on_thread, &patience[i]);
    }
}
END_TEST

/* It gives up, and the runtime is as it was but that its tasks are cancelled. */
START_TEST(freeing_a_runtime_has_a_deadline_from_outside)
{
    trale_runtime *runtime = new_runtime();
    trale_task *task = spawn_on(runtime, wait_inside, NULL);
    trale_scope scope;

    gate_wait(&entered);
    trale_scope_enter(&scope, trale_now());
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), -ETIMEDOUT);
    ck_assert_int_eq(trale_runtime_wait(runtime), -ETIMEDOUT);
    ck_assert_int_eq(trale_scope_leave(&scope), -ETIMEDOUT);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(join(task), 0);
    free_runtime(runtime);
}
END_TEST

TEST_MAIN("scope_thread", a_deadline_ends_a_wait, each_thread_has_its_own,
          what_is_spawned_inside_is_outside, block_on_ends_its_task, wakes_and_deadlines_cross,
          a_signal_does_not_end_a_wait, a_thread_may_end_inside, blocking_work_has_scopes,
          a_child_is_in_the_scopes_of_who_forked,
          ON_THREAD(exit_may_be_called_inside,
                    "what it hands to atexit has to come before the library's own"),
          freeing_a_runtime_has_a_deadline_from_outside)
