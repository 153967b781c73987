/* Programming errors: each aborts with a sentence that names the function. */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <trale.h>

#include "probe.h"

/* Runs fn in a child, which must abort, having named the function. */
static void aborts(void (*fn)(void *), void *arg, const char *function)
{
    char output[1024], name[64];
    int status = test_in_child(fn, arg, output, sizeof output);

    snprintf(name, sizeof name, ": %s: ", function); /* not trale_sleep_until for trale_sleep */
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status,
                  output);
    ck_assert_msg(strncmp(output, "trale: ", 7) == 0 && strstr(output, name),
                  "\"%s\" does not name %s", output, function);
}

static void no_core_file(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
}

/* A future that calls p->arg, a function, in its poll or in its drop. */
typedef void action(void);

static enum trale_poll act_in_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    ((action *)p->arg)();
    return TRALE_READY;
}

static void act_in_drop(struct probe *p, trale_future *future)
{
    (void)future;
    ((action *)p->arg)();
}

static struct probe acting(bool in_poll, void *what)
{
    struct probe p = PROBE;

    p.arg = what;
    p.finish = true;
    p.step = in_poll ? act_in_poll : NULL;
    p.dropping = in_poll ? NULL : act_in_drop;
    return p;
}

static void in_stackless_task(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_task *task;

    no_core_file();
    if (trale_spawn_future(&task, &f.future, sizeof f) == 0)
        trale_join(task, NULL);
}

static intptr_t await_probe(void *probe)
{
    struct probe_future f = probe_future(probe);

    return trale_await(&f.future);
}

static void in_await_of_fiber(struct probe *p)
{
    no_core_file();
    trale_block_on(await_probe, p, NULL);
}

static void in_await_of_thread(struct probe *p)
{
    no_core_file();
    await_probe(p);
}

static void (*const places[])(struct probe *) = {in_stackless_task, in_await_of_fiber,
                                                 in_await_of_thread};

struct misuse {
    void (*place)(struct probe *);
    struct probe probe;
};

static void misuse_in_child(void *arg)
{
    struct misuse *m = arg;

    m->place(&m->probe);
}

/* Wherever a future may be polled. */
static void aborts_everywhere(bool in_poll, action *what, const char *function)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct misuse m = {places[i], acting(in_poll, (void *)what)};
        aborts(misuse_in_child, &m, function);
    }
}

static void await_something(void)
{
    trale_yield_future f;

    trale_yield_init(&f);
    trale_await(&f.future);
}

static void await_nothing(void)
{
    trale_await(NULL);
}

static void yield(void)
{
    trale_yield();
}

static void sleep_a_little(void)
{
    trale_sleep(1);
}

static void sleep_until_now(void)
{
    trale_sleep_until(trale_now());
}

static void wait_for_a_tick(void)
{
    trale_interval interval;

    trale_interval_start(&interval, 1);
    trale_interval_wait(&interval);
}

static void join_nothing(void)
{
    trale_join(NULL, NULL);
}

static intptr_t nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void block_on_nothing(void)
{
    trale_block_on(nothing, NULL, NULL);
}

static void wait_for_nothing(void)
{
    trale_wait(NULL, TRALE_READABLE);
}

static void receive_nothing(void)
{
    trale_recvfrom(NULL, NULL, 0, NULL);
}

static void send_nothing(void)
{
    trale_sendto(NULL, NULL, 0, NULL);
}

static void wait_for_no_runtime(void)
{
    trale_runtime_wait(NULL);
}

static void free_no_runtime(void)
{
    trale_runtime_free(NULL, 0);
}

START_TEST(an_await_in_a_poll_aborts)
{
    aborts_everywhere(true, await_something, "trale_await");
    aborts_everywhere(true, await_nothing, "trale_await");
}
END_TEST

START_TEST(an_await_in_a_drop_aborts)
{
    aborts_everywhere(false, await_something, "trale_await");
}
END_TEST

START_TEST(a_yield_in_a_poll_aborts)
{
    aborts_everywhere(true, yield, "trale_yield");
}
END_TEST

START_TEST(a_yield_in_a_drop_aborts)
{
    aborts_everywhere(false, yield, "trale_yield");
}
END_TEST

START_TEST(a_call_that_waits_aborts_in_a_poll)
{
    aborts_everywhere(true, sleep_a_little, "trale_sleep");
    aborts_everywhere(true, sleep_until_now, "trale_sleep_until");
    aborts_everywhere(true, wait_for_a_tick, "trale_interval_wait");
    aborts_everywhere(true, join_nothing, "trale_join");
    aborts_everywhere(true, block_on_nothing, "trale_block_on");
    aborts_everywhere(true, wait_for_nothing, "trale_wait");
    aborts_everywhere(true, receive_nothing, "trale_recvfrom");
    aborts_everywhere(true, send_nothing, "trale_sendto");
    aborts_everywhere(true, wait_for_no_runtime, "trale_runtime_wait");
    aborts_everywhere(true, free_no_runtime, "trale_runtime_free");
}
END_TEST

static intptr_t sleep_for_ever(void *arg)
{
    (void)arg;
    return trale_sleep(TRALE_NEVER);
}

/* A drop that comes from a cancel, in the middle of the task's life. */
static void await_in_drop_of_cancelled(void *arg)
{
    struct probe p = acting(false, arg);
    struct probe_future f = probe_future(&p);
    trale_task *task;

    no_core_file();
    p.finish = false;
    if (trale_spawn_future(&task, &f.future, sizeof f) != 0)
        return;
    probe_wait_polled(&p, 1);
    trale_cancel(task);
    trale_join(task, NULL);
    trale_block_on(sleep_for_ever, NULL, NULL);
}

START_TEST(an_await_in_the_drop_of_a_cancelled_future_aborts)
{
    aborts(await_in_drop_of_cancelled, (void *)await_something, "trale_await");
}
END_TEST

static void poll_nothing(void *arg)
{
    (void)arg;
    no_core_file();
    trale_future_poll(NULL, NULL);
}

static void poll_without_context(void *arg)
{
    struct probe p = PROBE;
    struct probe_future f = probe_future(&p);

    (void)arg;
    no_core_file();
    trale_future_poll(&f.future, NULL);
}

static enum trale_poll poll_null(struct probe *p, trale_context *cx)
{
    return trale_future_poll(p->arg, cx);
}

static void poll_nothing_in_poll(void *arg)
{
    struct probe p = PROBE_STEP(poll_null);

    p.arg = arg;
    no_core_file();
    await_probe(&p);
}

START_TEST(a_poll_of_nothing_aborts)
{
    static const struct trale_future_ops no_poll = {0};
    trale_future without_ops = {0}, without_poll = {&no_poll, 0};

    aborts(poll_nothing, NULL, "trale_future_poll");
    aborts(poll_without_context, NULL, "trale_future_poll");
    aborts(poll_nothing_in_poll, NULL, "trale_future_poll");
    aborts(poll_nothing_in_poll, &without_ops, "trale_future_poll");
    aborts(poll_nothing_in_poll, &without_poll, "trale_future_poll");
}
END_TEST

static intptr_t sleep_on(void *arg)
{
    (void)arg;
    return trale_sleep_until(TRALE_NEVER);
}

static void leave_block_with_tasks(void *arg)
{
    TRALE_GROUP(group);

    (void)arg;
    no_core_file();
    trale_group_spawn(&group, sleep_on, NULL);
}

START_TEST(leaving_a_block_with_a_group_aborts)
{
    aborts(leave_block_with_tasks, NULL, "trale_group_check");
}
END_TEST

static void await_again(void *arg)
{
    trale_yield_future f;
    trale_future *joined = &f.future;

    (void)arg;
    no_core_file();
    trale_yield_init(&f);
    trale_join_all(&joined, 1);
    trale_await(joined);
}

START_TEST(awaiting_what_was_joined_aborts)
{
    aborts(await_again, NULL, "trale_join_all");
}
END_TEST

static void use_well(void *arg)
{
    struct probe p = PROBE;
    TRALE_GROUP(group);

    probe_finish(&p, (intptr_t)arg);
    await_probe(&p);
    trale_yield();
    trale_block_on(await_probe, &p, NULL);
    trale_group_spawn(&group, sleep_on, NULL);
    trale_group_cancel(&group);
    trale_group_wait(&group);
}

START_TEST(what_is_no_misuse_does_not_abort)
{
    char output[256];
    int status = test_in_child(use_well, NULL, output, sizeof output);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%#x: %s", status, output);
}
END_TEST

TEST_MAIN("misuse", an_await_in_a_poll_aborts, an_await_in_a_drop_aborts,
          a_yield_in_a_poll_aborts, a_yield_in_a_drop_aborts, a_call_that_waits_aborts_in_a_poll,
          an_await_in_the_drop_of_a_cancelled_future_aborts, a_poll_of_nothing_aborts,
          leaving_a_block_with_a_group_aborts, awaiting_what_was_joined_aborts,
          what_is_no_misuse_does_not_abort)
