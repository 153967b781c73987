/*
 * A runner of tests that does what libcheck does: each test in a process, and a process group, of
 * its own, with a time limit, after which the whole group is killed. An assertion that fails, on
 * any thread, and in any process that the test forks, ends that process with 1, and the test has
 * failed. The last lines of output are libcheck's.
 *
 * What it does not do: CK_FORK=no, where a failure ends the program; more than one suite and one
 * tcase; logs.
 */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TESTS_MAX = 256, MESSAGE_SIZE = 1024 };

/* One of each: a program has one suite. */
static struct Suite {
    const char *name;
} suite;

static struct TCase {
    double seconds;
    SFun setup, teardown;
    struct {
        const TTest *test;
        int index;
    } tests[TESTS_MAX];
    int count;
} tcase;

static struct SRunner {
    int failures, errors; /* asserted; crashed, timed out, ended otherwise */
    bool forks;
} runner;

/* A page that the test's process, and all that it forks, share with the runner. Written by whoever
 * claims it; read when the process has ended. */
static struct verdict {
    atomic_bool failed;
    char message[MESSAGE_SIZE];
    const char *_Atomic file; /* relaxed: the last assertion that held, for crashes */
    atomic_int line;
} * verdict;

Suite *suite_create(const char *name)
{
    suite.name = name;
    return &suite;
}

void suite_add_tcase(Suite *s, TCase *t)
{
    (void)s, (void)t;
}

TCase *tcase_create(const char *name)
{
    (void)name;
    tcase.seconds = 4;
    return &tcase;
}

void tcase_set_timeout(TCase *t, double seconds)
{
    const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");

    t->seconds = seconds * (multiplier ? strtod(multiplier, NULL) : 1);
}

void tcase_add_checked_fixture(TCase *t, SFun setup, SFun teardown)
{
    t->setup = setup;
    t->teardown = teardown;
}

void tcase_add_test(TCase *t, const TTest *test)
{
    tcase_add_loop_test(t, test, 0, 1);
}

void tcase_add_loop_test(TCase *t, const TTest *test, int start, int end)
{
    for (int i = start; i < end; i++) {
        if (t->count == TESTS_MAX)
            abort();
        t->tests[t->count].test = test;
        t->tests[t->count++].index = i;
    }
}

void _mark_point(const char *file, int line)
{
    atomic_store_explicit(&verdict->file, file, memory_order_relaxed);
    atomic_store_explicit(&verdict->line, line, memory_order_relaxed);
}

_Noreturn void check_failed(const char *file, int line, const char *format, ...)
{
    char text[MESSAGE_SIZE - 256];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!atomic_exchange(&verdict->failed, true)) /* the first one is told */
        snprintf(verdict->message, MESSAGE_SIZE, "%.200s:%d: %s", file, line, text);
    if (!runner.forks) {
        fprintf(stderr, "%s\n", verdict->message);
        abort();
    }
    _exit(1);
}

static void run_test(int n)
{
    if (tcase.setup)
        tcase.setup();
    tcase.tests[n].test->fn(tcase.tests[n].index);
    if (tcase.teardown)
        tcase.teardown();
}

/* What the runner waits for: an end of the test, or of itself. */
static sigset_t awaited(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

static pid_t start_test(int n, const sigset_t *mask)
{
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child < 0) {
        perror("fork");
        exit(1);
    }
    if (child == 0) {
        setpgid(0, 0);
        sigprocmask(SIG_SETMASK, mask, NULL);
        run_test(n);
        exit(0);
    }
    setpgid(child, child); /* whoever comes first */
    return child;
}

/* Waits until the child has ended, which it is made to at the deadline. True: in time. */
static bool await_test(pid_t child, int *status)
{
    const sigset_t set = awaited();
    struct timespec now, left = {.tv_sec = (time_t)tcase.seconds};
    time_t end;
    int number;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + left.tv_sec;
    while (waitpid(child, status, WNOHANG) == 0) {
        number = sigtimedwait(&set, NULL, &left);
        clock_gettime(CLOCK_MONOTONIC, &now);
        left.tv_sec = end > now.tv_sec ? end - now.tv_sec : 0;
        if (number == SIGCHLD || (left.tv_sec > 0 && number < 0))
            continue;
        killpg(child, SIGKILL);
        waitpid(child, status, 0);
        if (number > 0)
            _exit(1);
        return false;
    }
    return true;
}

static void complain(int n, char kind, const char *text)
{
    printf("%s:%c: %s\n", tcase.tests[n].test->name, kind, text);
}

/* How a test ended that no assertion ended. */
static void complain_of_end(int n, bool in_time, int status)
{
    char how[64], text[MESSAGE_SIZE];
    const char *file = atomic_load(&verdict->file);

    if (!in_time)
        snprintf(how, sizeof how, "timed out after %.0f s", tcase.seconds);
    else if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
    snprintf(text, sizeof text, "%s, after %s:%d", how, file ? file : "its start",
             atomic_load(&verdict->line));
    complain(n, 'E', text);
}

static void judge_test(int n, const sigset_t *mask)
{
    int status;
    bool in_time;
    pid_t child;

    memset(verdict, 0, sizeof *verdict);
    child = start_test(n, mask);
    in_time = await_test(child, &status);
    killpg(child, SIGKILL); /* what it left running */
    if (in_time && atomic_load(&verdict->failed)) {
        runner.failures++;
        complain(n, 'F', verdict->message);
    } else if (!in_time || status != 0) {
        runner.errors++;
        complain_of_end(n, in_time, status);
    }
}

SRunner *srunner_create(Suite *s)
{
    const char *fork_mode = getenv("CK_FORK");

    (void)s;
    runner.forks = !fork_mode || strcmp(fork_mode, "no") != 0;
    verdict =
        mmap(NULL, sizeof *verdict, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdict == MAP_FAILED)
        abort();
    return &runner;
}

void srunner_run_all(SRunner *r, enum print_output mode)
{
    const sigset_t set = awaited();
    sigset_t before;
    int failed;

    (void)mode;
    printf("Running suite(s): %s\n", suite.name);
    if (r->forks)
        sigprocmask(SIG_BLOCK, &set, &before);
    for (int n = 0; n < tcase.count; n++) {
        if (r->forks)
            judge_test(n, &before);
        else
            run_test(n);
    }
    if (r->forks)
        sigprocmask(SIG_SETMASK, &before, NULL);
    failed = r->failures + r->errors;
    printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n",
           tcase.count > 0 ? 100 * (tcase.count - failed) / tcase.count : 100, tcase.count,
           r->failures, r->errors);
}

int srunner_ntests_failed(SRunner *r)
{
    return r->failures + r->errors;
}

void srunner_free(SRunner *r)
{
    (void)r;
}
