#define _GNU_SOURCE /* pthread_tryjoin_np */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>

#include "suite.h"

#undef pthread_join

enum { ON_THREAD_MAX = 64 };

static trale_task *test_task; /* written by itself; others only compare it with theirs */

static const char *all_on_thread;
static struct exemption {
    const TTest *test;
    const char *reason;
} on_thread[ON_THREAD_MAX];
static int on_thread_count;

bool test_is_inside(void)
{
    trale_task *self = trale_self();

    return self && self == __atomic_load_n(&test_task, __ATOMIC_RELAXED);
}

struct body {
    void (*fn)(int);
    int argument;
};

static intptr_t run_body(void *arg)
{
    const struct body *body = arg;

    __atomic_store_n(&test_task, trale_self(), __ATOMIC_RELAXED);
    body->fn(body->argument);
    __atomic_store_n(&test_task, NULL, __ATOMIC_RELAXED);
    return 0;
}

void run_inside(void (*fn)(int), int argument)
{
    struct body body = {fn, argument};

    ck_assert_int_eq(trale_run(run_body, &body, NULL), 0);
}

/* Neither a cancel nor a deadline that the test is about is to end it. */
static void wait_shielded(struct changed *changed)
{
    trale_scope shield;

    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    ck_assert_int_eq(trale_event_wait(&changed->event), 0);
    trale_scope_leave(&shield);
}

void changed_wait(struct changed *changed, pthread_mutex_t *lock)
{
    if (!test_is_inside()) {
        pthread_cond_wait(&changed->condition, lock);
        return;
    }
    changed->awaited = true;
    pthread_mutex_unlock(lock);
    wait_shielded(changed);
    pthread_mutex_lock(lock);
}

void changed_tell(struct changed *changed)
{
    pthread_cond_broadcast(&changed->condition);
    if (!changed->awaited)
        return;
    changed->awaited = false;
    trale_event_notify(&changed->event);
}

static void let_others_run(void)
{
    trale_scope shield;

    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    trale_sleep(20 * TRALE_US);
    trale_scope_leave(&shield);
}

int test_yield(void)
{
    if (!test_is_inside())
        return sched_yield();
    let_others_run();
    return 0;
}

int test_thread_join(pthread_t thread, void **result)
{
    int error;

    if (!test_is_inside())
        return pthread_join(thread, result);
    while ((error = pthread_tryjoin_np(thread, result)) == EBUSY)
        let_others_run();
    return error;
}

const TTest *test_on_thread(const TTest *test, const char *reason)
{
    if (on_thread_count == ON_THREAD_MAX)
        abort();
    on_thread[on_thread_count++] = (struct exemption){test, reason};
    return test;
}

void tests_on_thread(const char *reason)
{
    all_on_thread = reason;
}

const char *why_on_thread(const TTest *test)
{
    for (int i = 0; i < on_thread_count; i++)
        if (on_thread[i].test == test)
            return on_thread[i].reason;
    return all_on_thread;
}
