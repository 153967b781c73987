/* The pool cannot have its first thread: all who wait for it by then are told. */
#define _GNU_SOURCE
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <trale.h>

#include "gate.h"
#include "settle.h"
#include "system.h"

static struct gate begin = GATE, creating = GATE, queued = GATE;
static atomic_bool refused;

/* Sanitizers have to see every thread begin. */
#if !UNDER_ASAN && !UNDER_TSAN
typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

__attribute__((visibility("default"))) int pthread_create(pthread_t *thread,
                                                          const pthread_attr_t *attributes,
                                                          void *(*start)(void *), void *argument)
{
    create *real = (create *)(uintptr_t)dlsym(RTLD_NEXT, "pthread_create");

    if (!atomic_load(&refused))
        return real(thread, attributes, start, argument);
    gate_open(&creating);
    gate_wait(&queued);
    return EAGAIN;
}
#endif

static intptr_t nothing(void *arg)
{
    return (intptr_t)arg;
}

static intptr_t block(void *arg)
{
    return trale_blocking(nothing, arg);
}

static void *block_on_thread(void *arg)
{
    gate_wait(&begin);
    atomic_store(&refused, true);
    return (void *)block(arg);
}

START_TEST(who_came_meanwhile_is_told_too)
{
    pthread_t thread;
    trale_task *task;
    void *result;

    if (UNDER_ASAN || UNDER_TSAN) {
        printf("# refused threads: skipped, a sanitizer has to see every thread begin\n");
        return;
    }
    ck_assert_int_eq(trale_blocking_limit(1), 0);
    settle();
    ck_assert_int_eq(pthread_create(&thread, NULL, block_on_thread, NULL), 0);
    gate_open(&begin);
    gate_wait(&creating);
    ck_assert_int_eq(trale_spawn(&task, block, NULL), 0);
    settle();
    gate_open(&queued);
    pthread_join(thread, &result);
    ck_assert_int_eq((intptr_t)result, -EAGAIN);
    ck_assert_int_eq(join(task), -EAGAIN);
    atomic_store(&refused, false);
    ck_assert_int_eq(trale_blocking(nothing, (void *)5), 5);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "pool_refuse", who_came_meanwhile_is_told_too)
