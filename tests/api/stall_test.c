/* The stall watch: who holds up an executor is reported, once, and nobody else. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "dumped.h"
#include "gate.h"
#include "settle.h"
#include "system.h"
#include "waiters.h"

ENDS_AS_IT_IS

static FILE *reports;
static int stderr_before;

/* From now on stderr is to be read from reports. */
static void catch_reports(void)
{
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    stderr_before = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    reports = fdopen(ends[0], "r");
}

/* The next one that is about a task of the test, with the end of the line; NULL: there is no more.
 * Others may be held up too, on a machine that has much to do. */
static const char *next_line(void)
{
    static char line[512];

    while (fgets(line, sizeof line, reports))
        if (strstr(line, "'our ") || strstr(line, "'waits'"))
            return line;
    return NULL;
}

/* Waits for it. The part after the time is as it should be, and cut off. */
static const char *next_report(void)
{
    static char report[512];
    const char *line = next_line();
    char *tail;

    ck_assert_ptr_nonnull(line);
    expect_begins(line, "trale: ");
    snprintf(report, sizeof report, "%s", line + strlen("trale: "));
    tail = strstr(report, " has held up its executor for ");
    ck_assert_ptr_nonnull(tail);
    *tail = '\0';
    return report;
}

static void expect_no_more(void)
{
    const char *line;

    ck_assert_int_eq(trale_stall_watch(0), 0);
    dup2(stderr_before, STDERR_FILENO);
    line = next_line();
    ck_assert_msg(!line, "%s", line);
    fclose(reports);
}

struct stuck {
    struct gate held, released;
    trale_runtime *runtime;
    trale_task *task;
};

static intptr_t hold_up(void *arg)
{
    struct stuck *s = arg;

    gate_open(&s->held);
    gate_wait(&s->released);
    return 0;
}

static void get_stuck(struct stuck *s, const char *name)
{
    trale_spawn_options options = {.name = name};

    *s = (struct stuck){.held = GATE, .released = GATE, .runtime = new_runtime()};
    options.runtime = s->runtime;
    ck_assert_int_eq(trale_spawn_with(&s->task, &options, hold_up, s), 0);
    gate_wait(&s->held);
}

static void get_free(struct stuck *s)
{
    gate_open(&s->released);
    ck_assert_int_eq(join(s->task), 0);
    free_runtime(s->runtime);
}

static void expect_report(const struct stuck *s)
{
    char name[256];

    dump_name(name, s->task);
    ck_assert_str_eq(next_report(), name);
}

/* While the later ones become due the watch has looked at the first one several times. */
static void get_reported_once(void)
{
    struct stuck stuck[3];

    catch_reports();
    ck_assert_int_eq(trale_stall_watch(10 * TRALE_MS), 0);
    for (int i = 0; i < 3; i++) {
        get_stuck(&stuck[i], "our stuck");
        expect_report(&stuck[i]);
    }
    for (int i = 0; i < 3; i++)
        get_free(&stuck[i]);
    expect_no_more();
}

START_TEST(a_long_poll_is_reported_once)
{
    get_reported_once();
}
END_TEST

static void refuse_membarrier(void *arg)
{
    (void)arg;
    deny_call(SYS_membarrier, EPERM);
    get_reported_once();
}

START_TEST(without_membarrier_it_is_reported_too)
{
    passes_in_child(refuse_membarrier, NULL);
}
END_TEST

/* The next poll of the same executor is another one. */
START_TEST(every_long_poll_is_reported)
{
    trale_runtime *runtime = new_runtime();
    trale_spawn_options options = {.runtime = runtime, .name = "our again"};

    catch_reports();
    ck_assert_int_eq(trale_stall_watch(10 * TRALE_MS), 0);
    for (int i = 0; i < 3; i++) {
        struct stuck s = {.held = GATE, .released = GATE};

        ck_assert_int_eq(trale_spawn_with(&s.task, &options, hold_up, &s), 0);
        gate_wait(&s.held);
        expect_report(&s);
        gate_open(&s.released);
        ck_assert_int_eq(join(s.task), 0);
    }
    free_runtime(runtime);
    expect_no_more();
}
END_TEST

START_TEST(what_is_within_the_limit_is_not_reported)
{
    struct stuck stuck;
    trale_task *waits;
    trale_event event = {0};

    catch_reports();
    waits = spawn_waiting(wait_for_event, &event); /* no matter how long */
    get_stuck(&stuck, "our within");
    for (int i = 0; i < 3; i++) { /* each time the watch looks at least once */
        ck_assert_int_eq(trale_stall_watch(3600 * TRALE_SEC), 0);
        ck_assert_int_eq(trale_stall_watch(0), 0);
    }
    get_free(&stuck);
    end_task(waits, -ECANCELED);
    expect_no_more();
}
END_TEST

START_TEST(a_task_that_waits_holds_nobody_up)
{
    trale_event event = {0};
    trale_task *waits = spawn_waiting(wait_for_event, &event);
    struct stuck stuck;

    catch_reports();
    ck_assert_int_eq(trale_stall_watch(TRALE_MS), 0);
    get_stuck(&stuck, "our stuck");
    expect_report(&stuck);
    get_free(&stuck);
    ck_assert_int_eq(trale_stall_watch(0), 0); /* the end of the other may take long */
    end_task(waits, -ECANCELED);
    expect_no_more();
}
END_TEST

START_TEST(the_limit_may_be_changed_and_the_watch_ended)
{
    struct stuck stuck;
    int threads;

    catch_reports();
    get_stuck(&stuck, "our stuck");
    threads = count_threads();
    ck_assert_int_eq(trale_stall_watch(-1), -EINVAL);
    ck_assert_int_eq(trale_stall_watch(0), 0);
    ck_assert_int_eq(trale_stall_watch(3600 * TRALE_SEC), 0);
    ck_assert_int_eq(count_threads(), threads + 1);
    ck_assert_int_eq(trale_stall_watch(1), 0);
    ck_assert_int_eq(count_threads(), threads + 1);
    expect_report(&stuck);
    ck_assert_int_eq(trale_stall_watch(0), 0);
    await_threads(threads);
    get_free(&stuck);
    expect_no_more();
}
END_TEST

static void watch_in_child(void *arg)
{
    struct gate never = GATE;

    (void)arg;
    MUST(count_threads() == 1);
    MUST(trale_stall_watch(TRALE_MS) == 0);
    MUST(count_threads() == 2);
    MUST(trale_spawn(NULL, gate_open_in_task, &never) == 0);
    gate_wait(&never);
    MUST(trale_stall_watch(0) == 0);
}

START_TEST(a_forked_child_is_watched_when_it_asks)
{
    if (UNDER_TSAN) /* which allows no threads in a child of threads */
        return;
    ck_assert_int_eq(trale_stall_watch(TRALE_SEC), 0);
    passes_in_child(watch_in_child, NULL);
    ck_assert_int_eq(trale_stall_watch(0), 0);
}
END_TEST

TEST_MAIN("stall", a_long_poll_is_reported_once, without_membarrier_it_is_reported_too,
          every_long_poll_is_reported, what_is_within_the_limit_is_not_reported,
          a_task_that_waits_holds_nobody_up, the_limit_may_be_changed_and_the_watch_ended,
          a_forked_child_is_watched_when_it_asks)
