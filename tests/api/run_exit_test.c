/* exit(3) while trale_run runs: in its task, and on another thread. */
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <trale.h>

#include "gate.h"
#include "system.h"

ENDS_AS_IT_IS

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return trale_sleep_until(TRALE_NEVER);
}

static intptr_t call_exit(void *arg)
{
    (void)arg;
    if (trale_spawn(NULL, sleep_for_ever, NULL) != 0)
        return 1;
    trale_yield();
    exit(0);
}

static void exit_in_task(void *arg)
{
    trale_run(call_exit, arg, NULL);
}

static intptr_t open_and_sleep(void *arg)
{
    gate_open(arg);
    return trale_sleep_until(TRALE_NEVER);
}

static struct gate runs = GATE;

static void *run_with_gate(void *arg)
{
    trale_run(open_and_sleep, &runs, NULL);
    abort(); /* the process exits meanwhile */
    return arg;
}

static void exit_beside_it(void *arg)
{
    pthread_t thread;

    (void)arg;
    if (pthread_create(&thread, NULL, run_with_gate, NULL) != 0)
        _exit(1);
    gate_wait(&runs);
    exit(0);
}

START_TEST(exit_is_orderly_in_its_task_and_beside_it)
{
    ck_assert_int_eq(test_in_child(exit_in_task, NULL, NULL, 0), 0);
    ck_assert_int_eq(test_in_child(exit_beside_it, NULL, NULL, 0), 0);
}
END_TEST

TEST_MAIN("run_exit", exit_is_orderly_in_its_task_and_beside_it)
