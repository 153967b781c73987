/*
 * The frame of a test program: one file, one libcheck suite, one main.
 *
 *     #include "suite.h"
 *     #include <trale.h>
 *
 *     START_TEST(join_returns_the_result)
 *     {
 *         ck_assert_int_eq(trale_block_on(answer, NULL, &result), 0);
 *     }
 *     END_TEST
 *
 *     TEST_MAIN("join", join_returns_the_result, join_of_self_fails)
 *
 * TEST_MAIN_WITH(setup, teardown, "name", ...) calls setup() before each test and teardown()
 * after it, in the test's own process; either may be NULL, and both may use ck_assert.
 *
 * Every test runs in a process of its own and has TEST_TIMEOUT seconds. The runner stretches
 * that for sanitizers and valgrind (CK_TIMEOUT_MULTIPLIER) and lets stress tests shrink their
 * counts there by test_scale. CK_FORK=no runs all of them in one process, for a debugger;
 * `make check T=join` runs one program. The compiler reports a test that is not listed as
 * unused. `make check` shows lines of output that start with "# ".
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>

#include "inside.h"

#define TEST_TIMEOUT 60

/*
 * libcheck writes the place of every assertion that holds to a file, so that it can say after
 * which one a test crashed. In a loop that costs more than what is tested: so only the first ones.
 */
enum { TEST_MARKS = 500 };
static inline void test_mark(const char *file, int line)
{
    static _Thread_local int marks;

    if (marks < TEST_MARKS) {
        marks++;
        _mark_point(file, line);
    }
}
#define _mark_point(file, line) test_mark(file, line)

#define TEST_MAIN(name, ...) TEST_MAIN_WITH(NULL, NULL, name, __VA_ARGS__)

#define TEST_MAIN_WITH(setup, teardown, name, ...) \
    int main(void) \
    { \
        const TTest *const tests[] = {__VA_ARGS__}; \
        return suite_main(setup, teardown, name, tests, sizeof tests / sizeof *tests); \
    }

/* What TEST_MAIN does. Returns the program's exit status: 0, or 1 if a test failed. */
int suite_main(SFun setup, SFun teardown, const char *name, const TTest *const *tests,
               size_t count);

/* A count for a stress loop: n, or less (never below 1) where the program runs much slower. */
long test_scale(long n);

/*
 * For what must kill a process, or wants one of its own: runs fn(arg) in a child and returns its
 * wait status (WIFSIGNALED, WTERMSIG, ...; it exits with 0 if fn returns). What the child wrote
 * to stderr is stored in output, cut to size - 1 bytes and 0-terminated; output may be NULL.
 */
int test_in_child(void (*fn)(void *arg), void *arg, char *output, size_t size);

#endif
