#include "suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int suite_main(SFun setup, SFun teardown, const char *name, const TTest *const *tests,
               size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TEST_TIMEOUT);
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);

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
    pid_t child = fork();
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
