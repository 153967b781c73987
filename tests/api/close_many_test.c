/* Many descriptors that are closed while nothing happens: they do not wait for the next event. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <trale.h>

#include "probe.h"
#include "settle.h"
#include "system.h"
#include "wait_task.h"

enum { COUNT = 1500, AT_ONCE = 100 }; /* more than are kept until then */

static trale_io *ios[COUNT];

/* Registers all of them, not more in a poll than a task may do; nobody waits. */
static enum trale_poll wait_for_none(struct probe *p, trale_context *cx)
{
    static int next;
    trale_wait_future f;

    for (int i = 0; i < AT_ONCE && next < COUNT; i++, next++) {
        trale_wait_init(&f, ios[next], TRALE_READABLE);
        if (trale_future_poll(&f.future, cx) == TRALE_PENDING)
            p->output++;
        trale_future_drop(&f.future);
    }
    if (next == COUNT)
        return TRALE_READY;
    trale_waker_wake(trale_context_waker(cx));
    return TRALE_PENDING;
}

START_TEST(they_are_let_go)
{
    struct probe p = PROBE_STEP(wait_for_none);
    trale_metrics metrics;

    if (raise_fds() < COUNT + 100) {
        printf("# closing many: skipped, so many descriptors are not to be had\n");
        return;
    }
    for (int i = 0; i < COUNT; i++)
        ios[i] = open_io(eventfd(0, EFD_CLOEXEC));
    ck_assert_int_eq(join(probe_spawn(&p)), COUNT);
    settle();
    ck_assert_int_eq(trale_metrics_read(trale_runtime_default(), &metrics), 0);
    ck_assert_uint_eq(metrics.fds, COUNT);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(trale_close(ios[i]), 0);
    settle();
    ck_assert_int_eq(trale_metrics_read(trale_runtime_default(), &metrics), 0);
    ck_assert_uint_eq(metrics.fds, 0);
}
END_TEST

TESTS_ON_THREAD("it counts descriptors of the default runtime")
TEST_MAIN_WITH(NULL, free_default_runtime, "close_many", they_are_let_go)
