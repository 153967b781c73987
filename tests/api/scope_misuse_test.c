/* Scopes that are not left in order, or at all, and other misuse: it aborts, with a sentence. */
#include "suite.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"
#include "system.h"

ENDS_AS_IT_IS

#define FAR (3600 * TRALE_SEC)

static void no_core_file(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
}

struct misuse {
    trale_fn *fn;
    void (*place)(trale_fn *fn);
};

static void misuse_in_child(void *arg)
{
    const struct misuse *m = arg;

    no_core_file();
    m->place(m->fn);
}

static void in_task(trale_fn *fn)
{
    trale_block_on(fn, NULL, NULL);
}

static void on_thread(trale_fn *fn)
{
    fn(NULL);
}

static void in_pool(trale_fn *fn)
{
    trale_blocking(fn, NULL);
}

static void aborts(void (*place)(trale_fn *), trale_fn *fn, const char *function)
{
    struct misuse m = {fn, place};
    char output[1024];
    int status = test_in_child(misuse_in_child, &m, output, sizeof output);

    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status,
                  output);
    ck_assert_msg(strncmp(output, "trale: ", 7) == 0 && strstr(output, function),
                  "\"%s\" does not name %s", output, function);
}

static void aborts_everywhere(trale_fn *fn, const char *function)
{
    aborts(in_task, fn, function);
    aborts(on_thread, fn, function);
    aborts(in_pool, fn, function);
}

static intptr_t leave_outer_first(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, TRALE_NEVER);
    trale_scope_enter(&inner, TRALE_NEVER);
    return trale_scope_leave(&outer);
}

static intptr_t leave_twice(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, TRALE_NEVER);
    trale_scope_leave(&scope);
    return trale_scope_leave(&scope);
}

static intptr_t leave_what_was_never_entered(void *arg)
{
    trale_scope scope = {0};

    (void)arg;
    return trale_scope_leave(&scope);
}

static intptr_t leave_nothing(void *arg)
{
    trale_scope scope;

    trale_scope_enter(&scope, TRALE_NEVER);
    return trale_scope_leave(arg);
}

START_TEST(leaving_out_of_order_aborts)
{
    aborts_everywhere(leave_outer_first, ": trale_scope_leave: ");
    aborts_everywhere(leave_twice, ": trale_scope_leave: ");
    aborts_everywhere(leave_what_was_never_entered, ": trale_scope_leave: ");
    aborts_everywhere(leave_nothing, ": trale_scope_leave: ");
}
END_TEST

static intptr_t enter_nothing(void *arg)
{
    trale_scope_enter(arg, TRALE_NEVER);
    return 0;
}

static intptr_t enter_nothing_shielded(void *arg)
{
    trale_scope_enter_shielded(arg, TRALE_NEVER);
    return 0;
}

START_TEST(a_scope_has_to_be_there)
{
    aborts_everywhere(enter_nothing, ": trale_scope_enter: ");
    aborts_everywhere(enter_nothing_shielded, ": trale_scope_enter_shielded: ");
}
END_TEST

/* It has a timer that is armed; to begin anew would lose it. */
static intptr_t enter_twice(void *arg)
{
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, trale_now() + FAR);
    trale_sleep(TRALE_US);
    trale_scope_enter(&scope, trale_now() + FAR);
    return 0;
}

static intptr_t enter_outer_again(void *arg)
{
    trale_scope outer, inner;

    (void)arg;
    trale_scope_enter(&outer, TRALE_NEVER);
    trale_scope_enter(&inner, TRALE_NEVER);
    trale_scope_enter_shielded(&outer, TRALE_NEVER);
    return 0;
}

START_TEST(a_scope_is_entered_once_at_a_time)
{
    aborts_everywhere(enter_twice, ": trale_scope_enter: ");
    aborts_everywhere(enter_outer_again, ": trale_scope_enter_shielded: ");
}
END_TEST

static intptr_t return_inside(void *arg)
{
    static trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, TRALE_NEVER);
    return 0;
}

START_TEST(a_task_that_returns_inside_aborts)
{
    aborts(in_task, return_inside, ": trale_scope_leave: ");
}
END_TEST

/* Its thread goes on to other work. */
START_TEST(blocking_work_that_returns_inside_aborts)
{
    aborts(in_pool, return_inside, ": trale_scope_leave: ");
}
END_TEST

static trale_scope shared;

static intptr_t enter_shared(void *arg)
{
    (void)arg;
    trale_scope_enter(&shared, TRALE_NEVER);
    return trale_sleep(TRALE_NEVER);
}

static intptr_t leave_shared(void *arg)
{
    trale_task *other;

    if (trale_spawn(&other, enter_shared, arg) != 0)
        return -1;
    for (int i = 0; i < 10; i++)
        trale_sleep(TRALE_US);
    return trale_scope_leave(&shared);
}

START_TEST(nobody_leaves_the_scope_of_another)
{
    aborts(in_task, leave_shared, ": trale_scope_leave: ");
    aborts(on_thread, leave_shared, ": trale_scope_leave: ");
}
END_TEST

static enum trale_poll enter_in_poll(struct probe *p, trale_context *cx)
{
    trale_scope scope;

    (void)p, (void)cx;
    trale_scope_enter(&scope, TRALE_NEVER);
    return TRALE_READY;
}

static enum trale_poll enter_shielded_in_poll(struct probe *p, trale_context *cx)
{
    trale_scope scope;

    (void)p, (void)cx;
    trale_scope_enter_shielded(&scope, TRALE_NEVER);
    return TRALE_READY;
}

static enum trale_poll leave_in_poll(struct probe *p, trale_context *cx)
{
    (void)cx;
    trale_scope_leave(p->arg);
    return TRALE_READY;
}

static void leave_in_drop(struct probe *p, trale_future *future)
{
    (void)future;
    trale_scope_leave(p->arg);
}

static struct probe probe;

static intptr_t await_probe(void *arg)
{
    struct probe_future f = probe_future(&probe);
    trale_scope scope;

    (void)arg;
    trale_scope_enter(&scope, TRALE_NEVER);
    probe.arg = &scope;
    trale_await(&f.future);
    return trale_scope_leave(&scope);
}

static intptr_t spawn_probe(void *arg)
{
    struct probe_future f = probe_future(&probe);
    trale_task *task;

    probe.arg = arg;
    return trale_spawn_future(&task, &f.future, sizeof f) == 0 ? trale_join(task, NULL) : -1;
}

static void aborts_in_polls(const char *function)
{
    aborts(in_task, await_probe, function);
    aborts(on_thread, await_probe, function);
    aborts(on_thread, spawn_probe, function);
}

START_TEST(a_poll_has_no_scopes)
{
    probe = (struct probe)PROBE_STEP(enter_in_poll);
    aborts_in_polls(": trale_scope_enter: ");
    probe = (struct probe)PROBE_STEP(enter_shielded_in_poll);
    aborts_in_polls(": trale_scope_enter_shielded: ");
    probe = (struct probe)PROBE_STEP(leave_in_poll);
    aborts_in_polls(": trale_scope_leave: ");
    probe = (struct probe)PROBE;
    probe.finish = true;
    probe.dropping = leave_in_drop;
    aborts_in_polls(": trale_scope_leave: ");
}
END_TEST

static intptr_t enter_and_leave(void *arg)
{
    trale_scope one, two;

    (void)arg;
    trale_scope_enter(&one, trale_now() + FAR);
    trale_scope_enter_shielded(&two, trale_now() + FAR);
    trale_sleep(TRALE_US);
    trale_scope_leave(&two);
    trale_scope_enter(&two, TRALE_NEVER);
    trale_scope_leave(&two);
    trale_scope_leave(&one);
    trale_scope_enter(&one, TRALE_NEVER);
    return trale_scope_leave(&one);
}

static void use_well(void *arg)
{
    (void)arg;
    in_task(enter_and_leave);
    on_thread(enter_and_leave);
    in_pool(enter_and_leave);
}

START_TEST(what_is_no_misuse_does_not_abort)
{
    passes_in_child(use_well, NULL);
}
END_TEST

TEST_MAIN("scope_misuse", leaving_out_of_order_aborts, a_scope_has_to_be_there,
          a_scope_is_entered_once_at_a_time, a_task_that_returns_inside_aborts,
          blocking_work_that_returns_inside_aborts, nobody_leaves_the_scope_of_another,
          a_poll_has_no_scopes, what_is_no_misuse_does_not_abort)
