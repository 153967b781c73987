#define _GNU_SOURCE /* program_invocation_short_name */
#include "suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <trale.h>
#include <unistd.h>

#include "fork.h"
#include "system.h"

/*
 * Can the test not be run in this situation? TEST_SITUATION names it, and tests/without.txt has
 * lines "SITUATION PROGRAM TEST REASON".
 */
static bool is_left_out(const TTest *test)
{
    const char *situation = getenv("TEST_SITUATION"), *path = getenv("TEST_WITHOUT");
    char line[256], where[32], program[64], name[96], reason[128];
    FILE *list = situation && path ? fopen(path, "re") : NULL;
    bool found = false;

    while (list && !found && fgets(line, sizeof line, list))
        found = sscanf(line, "%31s %63s %95s %127[^\n]", where, program, name, reason) == 4 &&
                strcmp(where, situation) == 0 &&
                strcmp(program, program_invocation_short_name) == 0 &&
                (strcmp(name, "*") == 0 || strcmp(name, test->name) == 0);
    if (list)
        fclose(list);
    if (found)
        printf("# without %s: %s\n", test->name, reason);
    return found;
}

static const TTest *const *bodies; /* of the tests that run inside, in their order */
static TTest *wrapped; /* what libcheck runs in their place; it needs them to the end */

static void inside(int i)
{
    run_inside(bodies[i]->fn, 0);
}

/* Which one it is, is what its loop counts. */
static void add_inside(TCase *tcase, const TTest *const *tests, size_t count)
{
    int left_out = 0;

    bodies = tests;
    wrapped = calloc(count, sizeof *wrapped);
    for (int i = 0; i < (int)count; i++) {
        const char *reason = why_on_thread(tests[i]);
        wrapped[i] = (TTest){tests[i]->name, inside, tests[i]->file, tests[i]->line};
        if (reason)
            printf("on a thread: %s: %s\n", tests[i]->name, reason);
        else if (!is_left_out(tests[i]))
            tcase_add_loop_test(tcase, &wrapped[i], i, i + 1);
        left_out += reason != NULL;
    }
    printf("inside: %d of %d\n", (int)count - left_out, (int)count);
    fflush(stdout); /* not by every child */
}

static void add_all(TCase *tcase, const TTest *const *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_left_out(tests[i]))
            tcase_add_test(tcase, tests[i]);
    fflush(stdout);
}

static intptr_t yield_and_sleep(void *arg)
{
    trale_yield();
    return trale_sleep((intptr_t)arg);
}

/* Valgrind translates what it runs, and a test's process begins with what this one has run: a third of
 * the time. */
static void warm_up(void)
{
    trale_spawn_options options = {0};
    trale_task *task;

    if (!under_valgrind() || begins_afresh() || trale_runtime_new(&options.runtime, NULL) != 0)
        return;
    if (trale_spawn_with(&task, &options, yield_and_sleep, (void *)1) == 0)
        trale_join(task, NULL);
    trale_runtime_free(options.runtime, TRALE_NEVER);
}

/* Valgrind extends the first thread's stack for what a program puts there, but not for a signal's
 * frame that happens to come just below it. */
static void extend_stack(void)
{
    volatile char room[64 << 10];
    for (size_t i = sizeof room; i > 0; i -= 1024)
        room[i - 1] = 0;
}

int suite_main(SFun setup, SFun teardown, const char *name, const TTest *const *tests,
               size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TEST_TIMEOUT);
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (getenv("TEST_INSIDE"))
        add_inside(tcase, tests, count);
    else
        add_all(tcase, tests, count);
    suite_add_tcase(suite, tcase);

    extend_stack();
    warm_up();
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

long test_scale(long n)
{
    const char *text = getenv("TEST_SCALE");
    long divisor = text ? strtol(text, NULL, 10) : 1;
    long scaled = divisor > 1 ? n / divisor : n;
    return scaled > 0 ? scaled : 1;
}

/* Reads to the end, keeping what fits. */
static void read_all(int fd, char *output, size_t size)
{
    char rest[512];
    size_t used = 0;
    for (;;) {
        bool room = output && used + 1 < size;
        ssize_t n = read(fd, room ? output + used : rest, room ? size - 1 - used : sizeof rest);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += room ? (size_t)n : 0;
    }
    if (output && size > 0)
        output[used] = 0;
}

int test_in_child(void (*fn)(void *arg), void *arg, char *output, size_t size)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = test_fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn(arg);
        exit(0);
    }
    close(ends[1]);
    read_all(ends[0], output, size);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    return status;
}
