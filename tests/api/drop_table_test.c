/*
 * Every future is dropped exactly once, and its task has the right result: however it ends, in a
 * fiber or as a task of its own, whatever becomes of the handle. All forty combinations exist; in
 * one row of four the function of a fiber never starts, and there is no future to drop.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "executors.h"
#include "gate.h"
#include "probe.h"
#include "settle.h"
#include "waiters.h"

enum ending { READY, CANCELLED_BEFORE, CANCELLED_PENDING, LOST_SELECT, RUNTIME_FREED, ENDINGS };
enum handle { KEPT, DETACHED, JOINED_BY_THREAD, JOINED_BY_TASK, HANDLES };

static const char *const endings[] = {"ready", "cancelled before its first poll",
                                      "cancelled while pending", "lost a select",
                                      "runtime freed"};
static const char *const handles[] = {"kept", "detached", "joined by a thread",
                                      "joined by a task"};

struct row {
    enum ending ending;
    bool fiber;
    enum handle handle;
    trale_runtime *runtime;
    trale_task *task, *held, *joiner;
    pthread_t thread;
    struct gate holds, released, joins;
    struct probe probe, winner;
    trale_future *arms[2];
    struct probe_future futures[2];
    trale_select_future select;
    intptr_t joined, join_result;
};

static trale_future *begin(struct row *r)
{
    r->futures[0] = probe_future(&r->probe);
    r->futures[1] = probe_future(&r->winner);
    r->arms[0] = &r->futures[0].future;
    r->arms[1] = &r->futures[1].future;
    trale_select_init(&r->select, r->arms, 2);
    return r->ending == LOST_SELECT ? &r->select.future : r->arms[0];
}

static intptr_t await_in_fiber(void *row)
{
    return trale_await(begin(row));
}

static void spawn(struct row *r)
{
    const trale_spawn_options options = {.runtime = r->runtime};
    trale_future *f = begin(r);
    size_t size = r->ending == LOST_SELECT ? sizeof r->select : sizeof r->futures[0];

    if (r->fiber)
        ck_assert_int_eq(trale_spawn_with(&r->task, &options, await_in_fiber, r), 0);
    else
        ck_assert_int_eq(trale_spawn_future_with(&r->task, &options, f, size), 0);
}

static intptr_t hold(void *row)
{
    struct row *r = row;

    gate_open(&r->holds);
    gate_wait(&r->released);
    return 0;
}

static void *join_on_thread(void *row)
{
    struct row *r = row;
    struct watched_future f;
    trale_join_future join;

    trale_join_init(&join, r->task, &r->joined);
    f = watched(&join.future, &r->joins);
    r->join_result = trale_await(&f.future);
    return NULL;
}

static intptr_t join_in_task(void *row)
{
    struct row *r = row;

    return r->join_result = trale_join(r->task, &r->joined);
}

/* Whoever joins waits for it when this returns. */
static void start_joiner(struct row *r)
{
    if (r->handle == JOINED_BY_THREAD) {
        ck_assert_int_eq(pthread_create(&r->thread, NULL, join_on_thread, r), 0);
        gate_wait(&r->joins);
    } else if (r->handle == JOINED_BY_TASK) {
        r->joiner = spawn_on(NULL, join_in_task, r);
        settle();
    }
}

static void end_joiner(struct row *r)
{
    switch (r->handle) {
    case KEPT:
        r->join_result = trale_join(r->task, &r->joined);
        break;
    case JOINED_BY_THREAD:
        pthread_join(r->thread, NULL);
        break;
    case JOINED_BY_TASK:
        ck_assert_int_eq(join(r->joiner), 0);
        break;
    default:
        break;
    }
}

static void act(struct row *r)
{
    if (r->ending != CANCELLED_BEFORE)
        probe_wait_polled(&r->probe, 1);
    if (r->ending == LOST_SELECT)
        probe_wait_polled(&r->winner, 1);
    if (r->ending == CANCELLED_BEFORE || r->ending == CANCELLED_PENDING)
        ck_assert_int_eq(trale_cancel(r->task), 0);
    if (r->handle == DETACHED)
        trale_detach(r->task);
    if (r->ending == READY)
        probe_finish(&r->probe, 42);
    if (r->ending == LOST_SELECT)
        probe_finish(&r->winner, 7);
    if (r->ending == RUNTIME_FREED)
        free_runtime(r->runtime);
    if (r->ending == CANCELLED_BEFORE) {
        gate_open(&r->released);
        join(r->held);
    }
}

static intptr_t result_of(enum ending ending)
{
    return ending == READY ? 42 : ending == LOST_SELECT ? 1 : -ECANCELED;
}

static int drops_of(const struct row *r)
{
    return r->fiber && r->ending == CANCELLED_BEFORE ? 0 : 1;
}

/* Only who is cancelled while it waits is told in its drop. */
static intptr_t output_at_drop(const struct row *r)
{
    if (r->ending == READY)
        return 42;
    return drops_of(r) > 0 ? -ECANCELED : 0;
}

static void check(struct row *r, const char *when)
{
    char text[128];

    snprintf(text, sizeof text, "%s, %s, handle %s, %s", endings[r->ending],
             r->fiber ? "fiber" : "stackless", handles[r->handle], when);
    ck_assert_msg(probe_drops(&r->probe) == drops_of(r), "%s: %d drops", text,
                  probe_drops(&r->probe));
    ck_assert_msg(probe_drops(&r->winner) == (r->ending == LOST_SELECT), "%s: %d drops of it",
                  text, probe_drops(&r->winner));
    ck_assert_msg(probe_faults(&r->probe) == 0 && probe_faults(&r->winner) == 0, "%s: faults",
                  text);
    ck_assert_msg(probe_polls(&r->probe) > 0 || r->ending == CANCELLED_BEFORE, "%s: no poll",
                  text);
    ck_assert_msg(probe_polls(&r->probe) == 0 || r->ending != CANCELLED_BEFORE, "%s: a poll",
                  text);
    ck_assert_msg(r->probe.output_at_drop == output_at_drop(r), "%s: drop saw %ld", text,
                  (long)r->probe.output_at_drop);
    if (r->handle == DETACHED)
        return;
    ck_assert_msg(r->join_result == 0, "%s: join says %ld", text, (long)r->join_result);
    ck_assert_msg(r->joined == result_of(r->ending), "%s: result %ld", text, (long)r->joined);
}

static void try_row(enum ending ending, bool fiber, enum handle handle)
{
    struct row r = {.ending = ending,
                    .fiber = fiber,
                    .handle = handle,
                    .runtime = new_runtime_with(1),
                    .holds = GATE,
                    .released = GATE,
                    .joins = GATE,
                    .probe = PROBE,
                    .winner = PROBE,
                    .joined = -1000,
                    .join_result = -1000};

    if (ending == CANCELLED_BEFORE) {
        r.held = spawn_on(r.runtime, hold, &r);
        gate_wait(&r.holds);
    }
    spawn(&r);
    start_joiner(&r);
    act(&r);
    end_joiner(&r);
    if (ending != RUNTIME_FREED) {
        ck_assert_int_eq(trale_runtime_wait(r.runtime), 0);
        check(&r, "ended");
        free_runtime(r.runtime);
    }
    check(&r, "runtime gone");
}

START_TEST(every_future_is_dropped_once)
{
    for (int ending = 0; ending < ENDINGS; ending++)
        for (int handle = 0; handle < HANDLES; handle++) {
            try_row((enum ending)ending, false, (enum handle)handle);
            try_row((enum ending)ending, true, (enum handle)handle);
        }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "drop_table", every_future_is_dropped_once)
