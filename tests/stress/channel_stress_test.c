/*
 * Channels of every capacity, tasks of two runtimes and plain threads, sends and receives alone, in
 * selects and in join_alls; cancels, deadlines and closes at any moment. A ledger in which every
 * item that was sent has been received, once, and nothing else.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "seed.h"
#include "settle.h"
#include "waiters.h"

enum { CHANNELS = 5, BATCH = 50, WORKERS = 4, LEAVES = 3, IDS = 1 << 16 };
enum { SENT = 1, RECEIVED = 2, TWICE = 4 }; /* of an item */

struct item {
    unsigned id, worker, number;
};

static trale_channel *channels[CHANNELS]; /* of capacity 0, 0, 1, 2, 3 */
static atomic_uchar items[IDS];
static atomic_uint next_item;
static atomic_bool over;

/* Counted by everybody, looked at by the test's thread at the end. */
static struct {
    atomic_long sent, received, met, too_late, timed_out, faults[8];
} ledger;

static void check(int what, bool good)
{
    if (!good)
        atomic_fetch_add(&ledger.faults[what], 1);
}

/* What a worker has sent, and received from the others, by channel. */
struct worker {
    unsigned index, numbers, last[WORKERS][CHANNELS];
    uint64_t random;
};

struct leaf {
    bool sends;
    int channel;
    struct item item;
    union {
        trale_channel_send_future send;
        trale_channel_recv_future receive;
        trale_future future;
    } f;
};

/* One to three sends and receives, and how they are put together. */
enum shape { ALONE, SELECT, ALL, SELECT_OF_ALL, SELECT_OF_SELECT, SHAPES };
struct call {
    enum shape shape;
    int count;
    struct leaf leaves[LEAVES];
    trale_future *inner[LEAVES], *outer[2];
    trale_select_future selects[2];
    trale_join_all_future all;
    trale_future *future;
};

/* Items that are sent in one call have no order, nor do those that are received in one. */
static bool has_one_effect(const struct call *c)
{
    return c->shape != ALL && c->shape != SELECT_OF_ALL;
}

static bool begin_leaf(struct leaf *leaf, bool sends, uint32_t channel, struct worker *w)
{
    leaf->sends = sends;
    leaf->channel = (int)channel;
    leaf->item = (struct item){atomic_fetch_add(&next_item, 1), WORKERS, 0};
    if (leaf->item.id >= IDS)
        return false;
    if (w)
        leaf->item.worker = w->index, leaf->item.number = ++w->numbers;
    if (sends)
        trale_channel_send_init(&leaf->f.send, channels[channel], &leaf->item);
    else
        trale_channel_recv_init(&leaf->f.receive, channels[channel], &leaf->item);
    return true;
}

static void compose(struct call *c)
{
    trale_future *pair[] = {NULL, &c->leaves[2].f.future};

    for (int i = 0; i < LEAVES; i++)
        c->inner[i] = &c->leaves[i].f.future;
    trale_select_init(&c->selects[0], c->inner, (size_t)c->count);
    trale_join_all_init(&c->all, c->inner, 2);
    pair[0] = c->shape == SELECT_OF_ALL ? &c->all.future : &c->selects[0].future;
    if (c->shape == SELECT_OF_SELECT)
        trale_select_init(&c->selects[0], c->inner, 2);
    for (int i = 0; i < 2; i++)
        c->outer[i] = pair[i];
    trale_select_init(&c->selects[1], c->outer, 2);
    c->future = c->shape == ALONE    ? c->inner[0]
                : c->shape == SELECT ? &c->selects[0].future
                : c->shape == ALL    ? &c->all.future
                                     : &c->selects[1].future;
}

/* How many of ten leaves send. False: there are no more numbers for items. */
static bool begin_call(struct call *c, uint64_t *random, uint32_t senders, struct worker *w)
{
    c->shape = random_below(random, SHAPES);
    c->count = c->shape == SELECT ? 1 + (int)random_below(random, LEAVES) : LEAVES;
    for (int i = 0; i < LEAVES; i++)
        if (!begin_leaf(&c->leaves[i], random_below(random, 10) < senders,
                        random_below(random, CHANNELS), has_one_effect(c) ? w : NULL))
            return false;
    compose(c);
    return true;
}

/* What one worker receives of another through one channel comes in the order in which it was sent. */
static void check_order(const struct leaf *leaf, struct worker *w, bool alone)
{
    if (!w || leaf->item.worker >= WORKERS)
        return;
    unsigned *last = &w->last[leaf->item.worker][leaf->channel];
    check(0, leaf->item.number > *last || !alone);
    *last = leaf->item.number > *last ? leaf->item.number : *last;
}

/* Did it take effect? */
static bool account(const struct leaf *leaf, unsigned own_id, struct worker *w, bool alone)
{
    if (leaf->f.future.output != 0) {
        check(1, leaf->f.future.output == -ECANCELED || leaf->f.future.output == -ETIMEDOUT ||
                     leaf->f.future.output == -EPIPE);
        check(2, leaf->item.id == own_id);
        return false;
    }
    unsigned char old = atomic_load(&items[leaf->item.id]);
    while (!atomic_compare_exchange_weak(
        &items[leaf->item.id], &old,
        old & (leaf->sends ? SENT : RECEIVED) ? TWICE : old | (leaf->sends ? SENT : RECEIVED)))
        ;
    atomic_fetch_add(leaf->sends ? &ledger.sent : &ledger.received, 1);
    if (!leaf->sends)
        check_order(leaf, w, alone);
    return true;
}

static void end_call(const struct call *c, const unsigned *ids, intptr_t result, struct worker *w)
{
    int used = c->shape == ALONE    ? 1
               : c->shape == SELECT ? c->count
               : c->shape == ALL    ? 2
                                    : LEAVES;
    bool effect[LEAVES] = {false};
    int effects = 0;

    for (int i = 0; i < used; i++)
        effects += effect[i] = account(&c->leaves[i], ids[i], w, has_one_effect(c));
    check(3, effects <= 1 || c->shape == ALL || (c->shape == SELECT_OF_ALL && !effect[2]));
    if (c->shape != ALL && c->shape != ALONE)
        check(4, effects == 0 || result >= 0);
    if (c->shape == SELECT && effects == 1)
        check(5, effect[result]);
    if (c->shape >= SELECT_OF_ALL && effects > 0)
        check(6, (result == 1) == effect[2]);
}

static void note_ids(const struct call *c, unsigned *ids)
{
    for (int i = 0; i < LEAVES; i++)
        ids[i] = c->leaves[i].item.id;
}

/* Racers: cancelled, each at its moment. */
struct racer {
    trale_future future;
    struct call *call;
    bool pending, ready;
};

static struct call calls[BATCH];
static unsigned ids[BATCH][LEAVES];

static enum trale_poll race_poll(trale_future *self, trale_context *cx)
{
    struct racer *r = (struct racer *)self;

    if (trale_future_poll(r->call->future, cx) == TRALE_PENDING) {
        r->pending = true;
        return TRALE_PENDING;
    }
    r->ready = true;
    self->output = r->call->future->output;
    return TRALE_READY;
}

static void race_drop(trale_future *self)
{
    struct racer *r = (struct racer *)self;

    r->call->future->output = self->output;
    trale_future_drop(r->call->future);
    if (r->ready)
        return;
    self->output = r->call->future->output;
    if (r->pending) {
        atomic_fetch_add(&ledger.met, 1);
        atomic_fetch_add(&ledger.too_late, self->output >= 0);
    }
}

static struct racer racer(struct call *call)
{
    static const struct trale_future_ops ops = {race_poll, race_drop, "racer"};

    return (struct racer){.future = {&ops, 0}, .call = call};
}

static intptr_t race_in_fiber(void *call)
{
    struct racer r = racer(call);

    return trale_await(&r.future);
}

static trale_task *spawn_racer(struct call *call, const trale_spawn_options *options, bool fiber)
{
    struct racer r = racer(call);
    trale_task *task = NULL;

    ck_assert_int_eq(fiber ? trale_spawn_with(&task, options, race_in_fiber, call)
                           : trale_spawn_future_with(&task, options, &r.future, sizeof r),
                     0);
    return task;
}

/* A fiber that was cancelled before it began has not touched its call. */
static void set_untouched(struct call *c)
{
    for (int i = 0; i < LEAVES; i++)
        c->leaves[i].f.future.output = -ECANCELED;
}

/* Mostly senders or mostly receivers, so that many wait. */
static void one_batch(uint64_t *random, trale_runtime *other, int close)
{
    uint32_t senders =
        random_below(random, 2) ? random_below(random, 3) : 8 + random_below(random, 3);
    trale_task *tasks[BATCH];
    int count = 0;

    for (; count < BATCH && begin_call(&calls[count], random, senders, NULL); count++) {
        trale_spawn_options options = {.runtime = random_below(random, 2) ? other : NULL};
        note_ids(&calls[count], ids[count]);
        set_untouched(&calls[count]);
        tasks[count] = spawn_racer(&calls[count], &options, random_below(random, 4) == 0);
    }
    if (random_below(random, 4) > 0) { /* all of them have begun */
        settle();
        settle_on(other);
    }
    for (int i = 0; i < count; i++) {
        for (uint32_t n = random_below(random, 1u << random_below(random, 13)); n > 0; n--)
            atomic_load(&over);
        if (i == count / 2 && close >= 0)
            trale_channel_close(channels[close]);
        trale_cancel(tasks[i]);
    }
    for (int i = 0; i < count; i++)
        end_call(&calls[i], ids[i], join(tasks[i]), NULL);
}

/* Workers: tasks and plain threads that nobody cancels; some of their calls have a deadline. */
static void work_once(struct worker *w)
{
    bool deadline = random_below(&w->random, 4) == 0;
    unsigned own[LEAVES];
    trale_scope scope;
    intptr_t result;
    struct call c;

    if (!begin_call(&c, &w->random, 5, w))
        return;
    note_ids(&c, own);
    if (deadline)
        trale_scope_enter(&scope, trale_now() + random_below(&w->random, 100) * TRALE_US);
    set_untouched(&c);
    result = trale_await(c.future);
    if (deadline)
        atomic_fetch_add(&ledger.timed_out, trale_scope_leave(&scope) == -ETIMEDOUT);
    if (c.shape == ALONE)
        c.leaves[0].f.future.output = result;
    end_call(&c, own, result, w);
}

static intptr_t work(void *worker)
{
    while (!atomic_load(&over)) {
        work_once(worker);
        trale_yield();
    }
    return 0;
}

static void *work_on_thread(void *worker)
{
    work(worker);
    return NULL;
}

/* What is left in the channels, and is received now. */
static long drain(void)
{
    struct item item;
    long left = 0;

    for (int i = 0; i < CHANNELS; i++) {
        while (trale_channel_try_recv(channels[i], &item) == 0) {
            ck_assert_int_eq(atomic_fetch_or(&items[item.id], RECEIVED), SENT);
            left++;
        }
        ck_assert_int_eq(trale_channel_try_recv(channels[i], &item), -EPIPE);
        trale_channel_free(channels[i]);
    }
    return left;
}

static long settle_the_ledger(void)
{
    unsigned count = atomic_load(&next_item) < IDS ? atomic_load(&next_item) : IDS;
    long left = drain();

    for (unsigned i = 0; i < count; i++)
        ck_assert(items[i] == 0 || items[i] == (SENT | RECEIVED));
    for (int i = 0; i < 8; i++)
        ck_assert_msg(ledger.faults[i] == 0, "check %d failed %ld times", i, ledger.faults[i]);
    return left;
}

static void open_channels(void)
{
    for (int i = 0; i < CHANNELS; i++)
        ck_assert_int_eq(
            trale_channel_new(&channels[i], sizeof(struct item), i < 2 ? 0 : (size_t)i - 1), 0);
    for (int i = 0; i < IDS; i++)
        atomic_init(&items[i], 0);
    atomic_store(&next_item, 0);
    atomic_store(&over, false);
}

/* New channels, which are closed one after the other, and workers to the end of it. */
static long one_round(uint64_t *random, trale_runtime *other, int batches)
{
    struct worker workers[WORKERS] = {{0}};
    pthread_t threads[2];
    trale_task *tasks[2];

    open_channels();
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].index = i;
        workers[i].random = random_fork(*random, i);
    }
    for (int i = 0; i < 2; i++) {
        tasks[i] = spawn_on(i ? other : NULL, work, &workers[i]);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work_on_thread, &workers[2 + i]), 0);
    }
    for (int i = 0; i < batches; i++)
        one_batch(random, other, i - (batches - CHANNELS));
    atomic_store(&over, true);
    for (int i = 0; i < CHANNELS; i++)
        trale_channel_close(channels[i]);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        join(tasks[i]);
    }
    return settle_the_ledger();
}

START_TEST(nothing_is_lost_and_nothing_doubled)
{
    uint64_t random = random_fork(test_seed(), 0);
    long rounds = test_scale(200), left = 0;
    trale_runtime *other = new_runtime();

    for (long i = 0; i < rounds; i++)
        left += one_round(&random, other, 40);
    printf("# %ld sent, %ld received, %ld left; %ld cancels met a call that waited, %ld of them "
           "came too late; %ld timed out\n",
           ledger.sent, ledger.received, left, ledger.met, ledger.too_late, ledger.timed_out);
    ck_assert_int_eq(ledger.sent, ledger.received + left);
    ck_assert_int_ge(ledger.met, rounds * 500);
    free_runtime(other);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "channel_stress", nothing_is_lost_and_nothing_doubled)
