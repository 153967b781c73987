/* Calls that never have to wait do not keep the executor from everything else. */
#include "suite.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

static atomic_bool stop;

/* What has to go on beside it: a timer, another descriptor, a spawn from outside. */
static intptr_t sleep_and_stop(void *arg)
{
    (void)arg;
    trale_sleep(TRALE_MS);
    atomic_store(&stop, true);
    return 0;
}

static intptr_t wait_and_stop(void *io)
{
    int ready = trale_wait(io, TRALE_READABLE);
    atomic_store(&stop, true);
    return ready;
}

static intptr_t just_stop(void *arg)
{
    (void)arg;
    atomic_store(&stop, true);
    return 0;
}

struct greedy {
    trale_io *io;
    struct gate begun;
};

static intptr_t wait_again_and_again(void *arg)
{
    struct greedy *g = arg;
    gate_open(&g->begun);
    while (!atomic_load(&stop))
        if (trale_wait(g->io, TRALE_READABLE) != TRALE_READABLE)
            return -1;
    return 0;
}

/* As a stackless task: a poll per event, that asks for the next one at once. */
struct hungry {
    trale_future future;
    trale_io *io;
    trale_wait_future wait;
};

static enum trale_poll hungry_poll(trale_future *self, trale_context *cx)
{
    struct hungry *h = (struct hungry *)self;
    if (atomic_load(&stop))
        return TRALE_READY;
    trale_wait_init(&h->wait, h->io, TRALE_READABLE);
    if (trale_future_poll(&h->wait.future, cx) == TRALE_READY)
        trale_waker_wake(trale_context_waker(cx));
    trale_future_drop(&h->wait.future);
    return TRALE_PENDING;
}

static trale_task *spawn_hungry(trale_io *io)
{
    static const struct trale_future_ops ops = {hungry_poll, NULL, "hungry"};
    struct hungry h = {.future = {.ops = &ops}, .io = io};
    trale_task *task = NULL;
    ck_assert_int_eq(trale_spawn_future(&task, &h.future, sizeof h), 0);
    return task;
}

static trale_io *ready_forever(void)
{
    return open_io(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
}

START_TEST(a_fiber_that_always_finds_its_descriptor_ready_starves_no_timer)
{
    struct greedy g = {ready_forever(), GATE};
    trale_task *sleeper, *greedy;
    ck_assert_int_eq(trale_spawn(&sleeper, sleep_and_stop, NULL), 0);
    ck_assert_int_eq(trale_spawn(&greedy, wait_again_and_again, &g), 0);
    ck_assert_int_eq(join(greedy), 0);
    ck_assert_int_eq(join(sleeper), 0);
    trale_close(g.io);
}
END_TEST

START_TEST(a_fiber_that_always_finds_its_descriptor_ready_starves_no_other_descriptor)
{
    struct greedy g = {ready_forever(), GATE};
    trale_task *waiter, *greedy;
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    ck_assert_int_eq(trale_spawn(&waiter, wait_and_stop, io), 0);
    ck_assert_int_eq(trale_spawn(&greedy, wait_again_and_again, &g), 0);
    gate_wait(&g.begun);
    write_byte(ends[1]);
    ck_assert_int_eq(join(waiter), TRALE_READABLE);
    ck_assert_int_eq(join(greedy), 0);
    trale_close(io);
    trale_close(g.io);
    close(ends[1]);
}
END_TEST

START_TEST(a_fiber_that_always_finds_its_descriptor_ready_starves_no_inbox)
{
    struct greedy g = {ready_forever(), GATE};
    trale_task *greedy, *late;
    ck_assert_int_eq(trale_spawn(&greedy, wait_again_and_again, &g), 0);
    gate_wait(&g.begun);
    ck_assert_int_eq(trale_spawn(&late, just_stop, NULL), 0);
    ck_assert_int_eq(join(late), 0);
    ck_assert_int_eq(join(greedy), 0);
    trale_close(g.io);
}
END_TEST

START_TEST(a_stackless_task_that_always_finds_its_descriptor_ready_starves_nobody)
{
    trale_io *ready = ready_forever();
    trale_task *tasks[8], *sleeper, *waiter;
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < 8; i++)
        tasks[i] = spawn_hungry(ready);
    settle();
    ck_assert_int_eq(trale_spawn(&sleeper, sleep_and_stop, NULL), 0);
    ck_assert_int_eq(join(sleeper), 0);
    waiter = spawn_wait(io, TRALE_READABLE);
    write_byte(ends[1]);
    ck_assert_int_eq(join(waiter), TRALE_READABLE);
    for (int i = 0; i < 8; i++)
        join(tasks[i]);
    trale_close(io);
    trale_close(ready);
    close(ends[1]);
}
END_TEST

static intptr_t send_again_and_again(void *arg)
{
    struct greedy *g = arg;
    trale_addr local;
    if (trale_addr_local(g->io, &local) != 0)
        return -1;
    gate_open(&g->begun);
    while (!atomic_load(&stop))
        if (trale_sendto(g->io, "x", 1, &local) != 1)
            return -1;
    return 0;
}

START_TEST(a_fiber_that_sends_all_the_time_starves_nobody)
{
    struct greedy g = {NULL, GATE};
    trale_task *sleeper, *greedy;
    ck_assert_int_eq(trale_udp_bind(&g.io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_spawn(&sleeper, sleep_and_stop, NULL), 0);
    ck_assert_int_eq(trale_spawn(&greedy, send_again_and_again, &g), 0);
    ck_assert_int_eq(join(sleeper), 0);
    ck_assert_int_eq(join(greedy), 0);
    trale_close(g.io);
}
END_TEST

static intptr_t yield_though_cancelled(void *gate)
{
    gate_open(gate);
    while (!atomic_load(&stop))
        trale_yield();
    return trale_cancelled();
}

static intptr_t sleep_though_cancelled(void *gate)
{
    gate_open(gate);
    while (!atomic_load(&stop))
        trale_sleep(TRALE_SEC);
    return trale_cancelled();
}

/* It is bad manners, but the others do not pay for it. */
static void ignores_its_cancel(trale_fn *fn)
{
    struct gate begun = GATE;
    trale_task *obstinate, *sleeper;
    ck_assert_int_eq(trale_spawn(&obstinate, fn, &begun), 0);
    gate_wait(&begun);
    trale_cancel(obstinate);
    ck_assert_int_eq(trale_spawn(&sleeper, sleep_and_stop, NULL), 0);
    ck_assert_int_eq(join(sleeper), 0);
    ck_assert_int_eq(join(obstinate), 1);
}

START_TEST(a_fiber_that_yields_though_it_is_cancelled_starves_nobody)
{
    ignores_its_cancel(yield_though_cancelled);
}
END_TEST

START_TEST(a_fiber_that_sleeps_though_it_is_cancelled_starves_nobody)
{
    ignores_its_cancel(sleep_though_cancelled);
}
END_TEST

TEST_MAIN("never_waits", a_fiber_that_always_finds_its_descriptor_ready_starves_no_timer,
          a_fiber_that_always_finds_its_descriptor_ready_starves_no_other_descriptor,
          a_fiber_that_always_finds_its_descriptor_ready_starves_no_inbox,
          a_stackless_task_that_always_finds_its_descriptor_ready_starves_nobody,
          a_fiber_that_sends_all_the_time_starves_nobody,
          a_fiber_that_yields_though_it_is_cancelled_starves_nobody,
          a_fiber_that_sleeps_though_it_is_cancelled_starves_nobody)
