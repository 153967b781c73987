/* Programs of calls: see calls.h. */
#include "calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/lots.h"
#include "core/executor.h"
#include "core/runtime.h"
#include "fuzz.h"

static struct {
    const uint8_t *next, *end;
} input;

unsigned next_byte(void)
{
    world.progress++;
    if (input.next == input.end) {
        world.over = true;
        return 0;
    }
    return *input.next++;
}

/* How many tasks the library thinks there are, without the main one. */
static void check_count(void)
{
    trale_metrics metrics;

    must(trale_metrics_read(executor_current()->runtime, &metrics) == 0);
    must(metrics.tasks == actors_left() + 1);
}

enum { QUIET = ACTORS + 4, QUIET_LONG = 150, QUIET_LOTS = 120 };

/*
 * In a library that draws lots, those that follow from the first byte; 0: none. Then somebody who is
 * ready may have to wait for long until the lot falls on him.
 */
static unsigned quiet_at_least = QUIET;

static void draw_lots(uint64_t seed)
{
#ifdef TRALE_SCHEDULE_SEED
    lots_seed(seed);
    quiet_at_least = seed ? QUIET_LOTS : QUIET;
#else
    (void)seed;
#endif
}

/*
 * Until nobody has moved for some rounds of the run queue: a cancel goes from parent to child, one a
 * round, and nobody tells. Timers fire as the executor turns its
 * reactor, which it does after 64 polls at the latest, if the clock says so.
 */
static void settle(void)
{
    unsigned quiet = quiet_at_least;
    bool timers = false;
    uint64_t progress = world.progress;

    for (unsigned still = 0; still < quiet; still++) {
        must(trale_yield() == 0);
        timers = clock_moved() || timers;
        quiet = timers && quiet < QUIET_LONG ? QUIET_LONG : quiet;
        still = progress == world.progress ? still : 0;
        progress = world.progress;
    }
    check_still();
    if (timers)
        check_count();
}

/* Lets them go on, one way or another. */
static void release(struct op *op)
{
    switch (op->kind) {
    case SEND:
    case RECEIVE:
        world.channels[op->object].closed = true;
        must(trale_channel_close(world.channels[op->object].real) == 0);
        return;
    case WAIT:
        world.notified[op->object]++;
        must(trale_event_notify(&world.events[op->object]) == 0);
        return;
    case ACQUIRE:
        world.permits[op->object] += op->number;
        must(trale_semaphore_release(&world.semaphores[op->object], (unsigned)op->number) == 0);
        return;
    case PASS:
        return open_gate(op->object);
    case GET:
        world.closed[op->object] = true;
        must(trale_oneshot_close(&world.oneshots[op->object]) == 0);
        return;
    case SIGNAL:
        signal_model(op->object, true);
        must(trale_cond_broadcast(&world.conds[op->object]) == 0);
        return;
    default:
        return;
    }
}

static void stop(struct actor *a)
{
    if (a->stage == FREE || a->stage == ENDED || a->main)
        return;
    if (a->task) {
        a->cancelled = true;
        must(trale_cancel(a->task) == 0);
    }
    if (a->stackless)
        return;
    cancel_members(a, MEMBERS);
    trale_group_cancel(&a->group);
}

/* Everybody is asked to stop; who is shielded is let through. */
static void end_all(void)
{
    world.over = true;
    settle();
    for (unsigned round = 0; actors_left() > 0; round++) {
        must(round < 100);
        for (unsigned i = 0; i < ACTORS; i++)
            stop(&world.actors[i]);
        for_each_flying(release);
        clock_advance(TRALE_SEC);
        settle();
    }
    tasks_check_end();
}

static void begin_world(void)
{
    static const size_t capacities[OBJECTS] = {0, 1, ROOM};

    memset(&world, 0, sizeof world);
    for (unsigned i = 0; i < OBJECTS; i++) {
        world.channels[i].capacity = capacities[i];
        must(trale_channel_new(&world.channels[i].real, sizeof(long), capacities[i]) == 0);
    }
}

/* What is left in the objects is what the model says. */
static void end_world(void)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        for (; world.notified[i] > 0; world.notified[i]--)
            must(trale_event_try_wait(&world.events[i]) == 0);
        must(trale_event_try_wait(&world.events[i]) != 0);
        if (world.permits[i] > 0)
            must(trale_semaphore_try_acquire(&world.semaphores[i], (unsigned)world.permits[i]) ==
                 0);
        must(trale_semaphore_try_acquire(&world.semaphores[i], 1) != 0);
        must(trale_mutex_trylock(&world.mutexes[i]) == 0);
        must(trale_rwlock_trywrlock(&world.rwlocks[i]) == 0);
        renew(i);
        trale_channel_free(world.channels[i].real);
        trale_waker_wake(world.gates[i].waker);
        trale_waker_drop(world.gates[i].waker);
    }
}

static intptr_t run_program(void *unused)
{
    struct actor *self = actor_new();

    (void)unused;
    *self = (struct actor){.stage = RUNNING, .main = true, .held = SIMPLE};
    while (!world.over) {
        unsigned code = next_byte(), argument = next_byte();

        if (code % 4 == 3)
            settle();
        else if (code % 4 == 2)
            trale_yield();
        else
            perform(self, code / 4, argument);
    }
    let_go(self);
    end_all();
    end_world();
    return 42;
}

static uint64_t run(const uint8_t *data, size_t size)
{
    intptr_t result = 0;

    input.next = data;
    input.end = data + size;
    draw_lots(size > 0 ? data[0] : 0);
    begin_world();
    must(trale_run(run_program, NULL, &result) == 0 && result == 42);
    return world.trace + world.progress;
}

/* One in eight, and every short one, does the same twice. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t trace = run(data, size);

    if (size < 64 || data[0] % 8 == 0)
        must(run(data, size) == trace);
    return 0;
}
