/*
 * A kernel that has come to refuse membarrier(2) to a process that used it (seccomp(2)): nobody can
 * look at the tasks any more, and nothing else changes. The library's calls pass by here.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "dumped.h"
#include "gate.h"
#include "settle.h"
#include "syscalls.h"

static atomic_bool refused;
static atomic_int used; /* how often it worked */
static struct gate asked = GATE;

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long a[6], result;

    TAKE_ARGUMENTS(a, number);
    if (number == SYS_membarrier && atomic_load(&refused)) {
        gate_open(&asked);
        errno = EPERM;
        return -1;
    }
    result = real_syscall(number, a);
    atomic_fetch_add(&used, number == SYS_membarrier && result == 0);
    return result;
}

START_TEST(there_is_no_dump_and_it_says_why)
{
    char *text;

    settle();
    atomic_store(&refused, true);
    text = dump_text();
    atomic_store(&refused, false);
    if (atomic_load(&used) > 0)
        ck_assert_str_eq(text, "trale: no dump: the kernel refuses membarrier(2)\n");
    free(text);
    text = dump_text();
    ck_assert_msg(strncmp(text, "trale: runtime ", 15) == 0, "%s", text);
    free(text);
}
END_TEST

START_TEST(who_holds_up_an_executor_is_not_reported)
{
    struct hold h = HOLD;

    settle();
    if (atomic_load(&used) > 0) {
        hold_executor(&h);
        atomic_store(&refused, true);
        ck_assert_int_eq(trale_stall_watch(1), 0);
        gate_wait_for(&asked, 3);
        ck_assert_int_eq(trale_stall_watch(0), 0);
        atomic_store(&refused, false);
        release_executor(&h);
    }
    settle();
}
END_TEST

TESTS_ON_THREAD("they look at other threads")
TEST_MAIN_WITH(NULL, free_default_runtime, "barrier_refused", there_is_no_dump_and_it_says_why,
               who_holds_up_an_executor_is_not_reported)
