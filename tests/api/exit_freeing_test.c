/* exit(3) while somebody frees a runtime whose tasks have not ended yet: they do not run any more. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <trale.h>

#include "gate.h"
#include "steps.h"
#include "system.h"

ENDS_AS_IT_IS

static trale_runtime *runtime;

/* A wait does not suspend what is left of the task that called exit. */
static void nobody_waits(void)
{
    int error = trale_sleep_until(TRALE_NEVER);
    if (error != -ESHUTDOWN)
        _exit(98);
}

static intptr_t nothing(void *arg)
{
    return (intptr_t)arg;
}

static void nobody_spawns(void)
{
    trale_spawn_options options = {.runtime = runtime};
    if (trale_spawn_with(NULL, &options, nothing, NULL) != -ESHUTDOWN)
        _exit(97);
}

static void *free_runtime(void *arg)
{
    trale_runtime_free(runtime, TRALE_NEVER);
    return arg;
}

static void begin_freeing(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, free_runtime, NULL) == 0);
    while (!atomic_load(&steps_cancelled))
        sched_yield();
}

static void start_work(unsigned executors)
{
    trale_config config = {.executors = executors};
    trale_spawn_options options = {0};
    MUST(atexit(nothing_runs) == 0 && atexit(nobody_waits) == 0 && atexit(nobody_spawns) == 0);
    MUST(trale_runtime_new(&runtime, &config) == 0);
    options.runtime = runtime;
    for (int i = 0; i < 4; i++)
        MUST(trale_spawn_with(NULL, &options, step_for_ever, NULL) == 0);
    while (atomic_load(&steps) < 100)
        sched_yield();
}

static void exits_with(void (*fn)(void *arg), unsigned executors, int code)
{
    char output[1024];
    int status = test_in_child(fn, &executors, output, sizeof output);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "wait status 0x%x: %s",
                  (unsigned)status, output);
}

static void exit_beside_it(void *arg)
{
    start_work(*(unsigned *)arg);
    begin_freeing();
    exit(7);
}

START_TEST(the_program_exits_meanwhile)
{
    exits_with(exit_beside_it, 1, 7);
    exits_with(exit_beside_it, 3, 7);
}
END_TEST

/* What cleans up after its cancellation finds that all is lost. */
static intptr_t exit_when_cancelled(void *begun)
{
    gate_open(begun);
    while (trale_sleep_until(TRALE_NEVER) == 0)
        continue;
    exit(8);
}

static void exit_in_it(void *arg)
{
    trale_spawn_options options = {0};
    struct gate begun = GATE;
    start_work(*(unsigned *)arg);
    options.runtime = runtime;
    MUST(trale_spawn_with(NULL, &options, exit_when_cancelled, &begun) == 0);
    gate_wait(&begun); /* else it is cancelled before it begins */
    begin_freeing();
    for (;;)
        pause();
}

START_TEST(one_of_its_tasks_exits)
{
    exits_with(exit_in_it, 1, 8);
    exits_with(exit_in_it, 3, 8);
}
END_TEST

static pthread_t freeing;
static atomic_int freed;

static void *free_and_tell(void *deadline)
{
    atomic_store(&freed, trale_runtime_free(runtime, *(int64_t *)deadline));
    return NULL;
}

/* Registered before the library's own handler. */
static void the_thread_ends(void)
{
    pthread_join(freeing, NULL);
    if (atomic_load(&freed) != -ESHUTDOWN)
        _exit(96);
    if (trale_runtime_free(runtime, TRALE_NEVER) != -ESHUTDOWN)
        _exit(95);
}

static void exit_and_join(int64_t deadline)
{
    MUST(atexit(the_thread_ends) == 0);
    start_work(1);
    MUST(pthread_create(&freeing, NULL, free_and_tell, &deadline) == 0);
    while (!atomic_load(&steps_cancelled))
        sched_yield();
    exit(10);
}

static void exit_and_join_one_that_never_gives_up(void *arg)
{
    (void)arg;
    exit_and_join(TRALE_NEVER);
}

static void exit_and_join_one_with_a_deadline(void *arg)
{
    (void)arg;
    exit_and_join(trale_now() + 3600 * TRALE_SEC);
}

START_TEST(who_frees_is_told)
{
    exits_with(exit_and_join_one_that_never_gives_up, 1, 10);
    exits_with(exit_and_join_one_with_a_deadline, 1, 10);
}
END_TEST

/* Its own thread frees what trale_run leaves over, the same way. */
static intptr_t leave_one_over(void *arg)
{
    MUST(trale_spawn(NULL, step_for_ever, NULL) == 0);
    return (intptr_t)arg;
}

static void *run(void *arg)
{
    trale_run(leave_one_over, arg, NULL);
    abort(); /* the process exits meanwhile */
}

static void exit_beside_a_run(void *arg)
{
    pthread_t thread;
    MUST(atexit(nothing_runs) == 0);
    MUST(pthread_create(&thread, NULL, run, arg) == 0);
    while (!atomic_load(&steps_cancelled))
        sched_yield();
    exit(9);
}

START_TEST(the_program_exits_while_trale_run_ends)
{
    exits_with(exit_beside_a_run, 0, 9);
}
END_TEST

/* What is left over still has what it was lent when the exit has closed the runtime before the
 * function returns. */
static intptr_t see_the_exit(void *arg)
{
    trale_yield_future f;
    trale_yield_init(&f);
    MUST(trale_spawn(NULL, step_for_ever, NULL) == 0);
    trale_yield();
    while (trale_spawn_future(NULL, &f.future, sizeof f) == 0)
        sched_yield();
    return (intptr_t)arg;
}

static void *run_and_see(void *arg)
{
    trale_run(see_the_exit, arg, NULL);
    abort();
}

static void exit_beside_one_that_sees(void *arg)
{
    pthread_t thread;
    MUST(atexit(nothing_runs) == 0);
    MUST(pthread_create(&thread, NULL, run_and_see, arg) == 0);
    while (atomic_load(&steps) == 0)
        sched_yield();
    exit(11);
}

START_TEST(the_function_of_a_trale_run_returns_after_the_exit)
{
    exits_with(exit_beside_one_that_sees, 0, 11);
}
END_TEST

TESTS_ON_THREAD("what it hands to atexit has to come before the library's own")
TEST_MAIN("exit_freeing", the_program_exits_meanwhile, one_of_its_tasks_exits, who_frees_is_told,
          the_program_exits_while_trale_run_ends,
          the_function_of_a_trale_run_returns_after_the_exit)
