/*
 * Tests that run inside a task. With TEST_INSIDE=1 in the environment, which is what `make check
 * EXECUTORS=run` sets, the body of every test of tests/api and tests/stress is the function of a
 * trale_run on the test's thread: what it spawns goes to a runtime that has that thread only.
 * Threads that a test starts use the default runtime, as ever.
 *
 * Whatever holds up a thread would then hold up all there is. So what these files offer for waiting
 * (gates, probes, and the calls at the end of this one) lets others run, when it is the test itself
 * that waits.
 *
 * A test that needs a thread of its own is not run there, and says why in its list:
 *
 *     TEST_MAIN("event", notify_wakes_one,
 *               ON_THREAD(a_thread_waits, "what a plain thread does"))
 *     TESTS_ON_THREAD("what becomes of plain threads")        before TEST_MAIN: all of the file
 *
 * How many there are is what make check says at the end. A test has the stack that trale_run gives it,
 * 64 KiB. Not with CK_FORK=no: a failing ck_assert would jump from the task's stack to the thread's.
 */
#ifndef TESTS_INSIDE_H
#define TESTS_INSIDE_H

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <trale.h>

/* Is the caller the test itself, in a task? */
bool test_is_inside(void);

/* Runs it as a task's function. For suite_main. */
void run_inside(void (*body)(int), int argument);

/* A condition, under a lock; zeroed but for the first. */
struct changed {
    pthread_cond_t condition;
    trale_event event;
    bool awaited; /* by a test that is inside */
};

#define CHANGED \
    { \
        .condition = PTHREAD_COND_INITIALIZER \
    }

/* As pthread_cond_wait, and pthread_cond_broadcast under the lock. */
void changed_wait(struct changed *changed, pthread_mutex_t *lock);
void changed_tell(struct changed *changed);

const TTest *test_on_thread(const TTest *test, const char *reason);
#define ON_THREAD(test, reason) test_on_thread(test, reason)

void tests_on_thread(const char *reason);
#define TESTS_ON_THREAD(reason) \
    __attribute__((constructor)) static void say_on_thread(void) \
    { \
        tests_on_thread(reason); \
    }

/* Why the test is to be on a plain thread; NULL: it is not. */
const char *why_on_thread(const TTest *test);

/* These, of a test. */
int test_thread_join(pthread_t thread, void **result);
int test_yield(void);
#define pthread_join(thread, result) test_thread_join(thread, result)

#endif
