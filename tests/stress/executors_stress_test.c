/*
 * Two mix_runtimes, of four executors and of two, and everything that their tasks can do with one
 * another: bosses on every executor spawn tasks on all of them, which lock, take, send, select,
 * read, spawn and join, each with a deadline, and are cancelled at any moment, most of them by
 * another executor than theirs. In the end a ledger must agree.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "executors.h"
#include "mix.h"
#include "seed.h"

enum { BATCH = 24, BOSSES = 6 };

static intptr_t race(void *seed)
{
    uint64_t random = (uintptr_t)seed;

    atomic_fetch_add(&ledger.started, 1);
    for (uint32_t n = 1 + random_below(&random, 6); n > 0; n--)
        mix_act(&random);
    atomic_fetch_add(&ledger.completed, 1);
    return 7;
}

/* Racers without a stack: one waits for one thing, until it has it, or is cancelled. */
struct racer {
    trale_future future;
    union {
        trale_future future;
        trale_event_wait_future wait;
        trale_channel_recv_future receive;
        trale_channel_send_future send;
        trale_sleep_future sleep;
    } inner;
    struct slot *slot;
};

/* One task of a batch. */
struct slot {
    trale_task *task;
    int kind; /* -1: a fiber */
    long item;
    int polling, drops; /* plain: it stays on one thread, and the join carries them over */
    bool other_thread;
    pthread_t thread;
};

static void enter_poll(struct slot *slot)
{
    mix_check(POLLED_ALONE, slot->polling++ == 0 && slot->drops == 0);
    if (!slot->other_thread)
        slot->thread = pthread_self();
    slot->other_thread = true;
    mix_check(MOVED, pthread_equal(slot->thread, pthread_self()));
}

static enum trale_poll racer_poll(trale_future *self, trale_context *cx)
{
    struct racer *r = (struct racer *)self;
    enum trale_poll result;

    enter_poll(r->slot);
    result = trale_future_poll(&r->inner.future, cx);
    self->output = r->inner.future.output;
    r->slot->polling--;
    return result;
}

static void racer_drop(trale_future *self)
{
    struct racer *r = (struct racer *)self;

    mix_check(POLLED_ALONE, r->slot->polling == 0 && r->slot->drops++ == 0);
    r->inner.future.output = self->output;
    trale_future_drop(&r->inner.future);
    self->output = r->inner.future.output;
    atomic_fetch_add(&ledger.stackless_dropped, 1);
}

static int spawn_stackless(struct slot *slot, const trale_spawn_options *options,
                           uint64_t *random)
{
    static const struct trale_future_ops ops = {racer_poll, racer_drop, "racer"};
    struct racer r = {.future = {.ops = &ops}, .slot = slot};

    slot->item = slot->kind == 2 ? 1 + random_below(random, 1000) : 0;
    if (slot->kind == 0)
        trale_event_wait_init(&r.inner.wait, &mix_event);
    else if (slot->kind == 1)
        trale_channel_recv_init(&r.inner.receive, mix_channel(random), &slot->item);
    else if (slot->kind == 2)
        trale_channel_send_init(&r.inner.send, mix_channel(random), &slot->item);
    else
        trale_sleep_init(&r.inner.sleep, random_below(random, 200) * TRALE_US);
    atomic_fetch_add(&ledger.stackless_spawned, 1);
    return trale_spawn_future_with(&slot->task, options, &r.future, sizeof r);
}

static void spawn_racer(struct slot *slot, uint64_t *random)
{
    trale_spawn_options options = mix_anywhere(random);
    uintptr_t seed = 1 + random_below(random, UINT32_MAX);
    int error;

    *slot = (struct slot){.kind = (int)random_below(random, 8) - 4};
    slot->kind = slot->kind < 0 ? -1 : slot->kind;
    if (slot->kind >= 0) {
        error = spawn_stackless(slot, &options, random);
    } else {
        atomic_fetch_add(&ledger.spawned, 1);
        error = trale_spawn_with(&slot->task, &options, race, (void *)seed);
    }
    mix_check(SPAWNED, error == 0);
}

static void end_racer(struct slot *slot)
{
    intptr_t result = mix_join(slot->task);

    if (slot->kind < 0) {
        mix_check(JOINED, result == 7 || result == -ECANCELED);
        atomic_fetch_add(&ledger.unstarted, result == -ECANCELED);
        return;
    }
    mix_check(JOINED, slot->drops == 1 && (result == 0 || result == -ECANCELED));
    if (result != 0)
        return;
    if (slot->kind == 0)
        atomic_fetch_add(&ledger.taken, 1);
    if (slot->kind == 1)
        mix_note(&ledger.received, slot->item);
    if (slot->kind == 2)
        mix_note(&ledger.sent, slot->item);
}

static void pass_some_time(uint64_t *random)
{
    for (uint32_t n = random_below(random, 1u << random_below(random, 13)); n > 0; n--)
        atomic_load(&ledger.spawned);
}

/* Those without a stack are all cancelled, for nobody else may end them; of the others half. */
static void run_batch(uint64_t *random)
{
    struct slot slots[BATCH];

    for (int i = 0; i < BATCH; i++)
        spawn_racer(&slots[i], random);
    if (random_below(random, 2))
        trale_sleep(random_below(random, 500) * TRALE_US);
    for (int i = 0; i < BATCH; i++) {
        if (slots[i].kind < 0 && random_below(random, 2))
            continue;
        pass_some_time(random);
        trale_cancel(slots[i].task);
    }
    for (int i = 0; i < BATCH; i++)
        end_racer(&slots[i]);
}

struct boss {
    uint64_t random;
    long batches;
};

static intptr_t be_boss(void *arg)
{
    struct boss *boss = arg;

    for (long i = 0; i < boss->batches; i++)
        run_batch(&boss->random);
    return 0;
}

START_TEST(nothing_is_lost_between_executors)
{
    uint64_t seed = test_seed();
    long batches = test_scale(2000);
    struct boss bosses[BOSSES + 1];
    trale_task *tasks[BOSSES];

    for (unsigned i = 0; i <= BOSSES; i++)
        bosses[i] = (struct boss){random_fork(seed, i), batches};
    for (unsigned i = 0; i < BOSSES; i++)
        tasks[i] = spawn_at(mix_runtimes[i >= 4], i >= 4 ? i - 3 : i + 1, be_boss, &bosses[i]);
    be_boss(&bosses[BOSSES]); /* a plain thread too */
    for (int i = 0; i < BOSSES; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(trale_runtime_wait(mix_runtimes[i]), 0);
    mix_settle();
    printf("# %ld fibers, %ld never started; %ld without a stack; %ld waits were cancelled, %ld "
           "timed out\n",
           ledger.spawned, ledger.unstarted, ledger.stackless_spawned, ledger.cancels,
           ledger.timeouts);
    printf("# locked %ld, taken %ld, sent %ld, written %ld, thrown %ld\n", ledger.locked,
           ledger.taken, ledger.sent.count, ledger.written.count, ledger.thrown.count);
}
END_TEST

TEST_MAIN_WITH(mix_begin, mix_end, "executors_stress", nothing_is_lost_between_executors)
