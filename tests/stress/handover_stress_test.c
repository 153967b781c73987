/*
 * Locks and permits given at the moment at which those who wait for them are cancelled. Everybody
 * waits when the race begins: three who are cancelled, and behind them one who is not. What came
 * to one who was cancelled goes on to the next; nothing is lost, and nobody is left behind.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "seed.h"
#include "settle.h"
#include "waiters.h"

enum { CANCELS = 100000, LANES = 128, VICTIMS = 3, WAITERS = VICTIMS + 1 };

struct waiter {
    struct lane *lane;
    unsigned need, ahead; /* what it waits for; the same, with all who stand before it */
    bool stackless, yields;
    bool given; /* to it, for certain, before it was cancelled */
    trale_task *task;
    atomic_bool began, took;
    union {
        trale_mutex_lock_future lock;
        trale_semaphore_acquire_future acquire;
        trale_event_wait_future wait;
        trale_future future;
    } f;
};

/* One race: one object, who waits for it, and one who gives as much as gifts. */
struct lane {
    union {
        trale_mutex mutex;
        trale_semaphore semaphore;
        trale_event event;
    } object;
    struct waiter waiters[WAITERS];
    unsigned gifts;
    atomic_uint given, held; /* held: by those who took it, and by who has not given it yet */
    atomic_int arrived;
    long guarded; /* plain, under the mutex */
};

struct kind {
    const char *name;
    unsigned most, most_needed;
    bool guards;                      /* one at a time has it */
    bool kept;                        /* by who takes it; else it is given back */
    int (*take_first)(struct lane *); /* who gives has it before */
    int (*give)(struct lane *, unsigned count);
    int (*call)(struct waiter *);
    void (*init)(struct waiter *);
    int (*try_one)(struct lane *);
};

static struct lane lanes[LANES];
static const struct kind *kind;

/* Counted by everybody, looked at by the test's thread between batches: a ck_assert is slow. */
enum { SPAWNED, BEGAN, GAVE, NOT_TWICE, AS_TOLD, NOT_LEFT_WAITING, NOTHING_LOST, CHECKS };
static atomic_long faults[CHECKS];

static void check(int what, bool good)
{
    if (!good)
        atomic_fetch_add(&faults[what], 1);
}

static void assert_no_faults(void)
{
    static const char *const names[CHECKS] = {"spawned",
                                              "began to wait, and waited",
                                              "gave",
                                              "was not given twice",
                                              "took what its result says",
                                              "was not left waiting",
                                              "everything was there in the end"};

    for (int i = 0; i < CHECKS; i++)
        if (faults[i] > 0)
            ck_abort_msg("%s: %ld times not so: %s", kind->name, faults[i], names[i]);
}

/* Mutexes. */

static int try_lock(struct lane *l)
{
    return trale_mutex_trylock(&l->object.mutex);
}

static int unlock(struct lane *l, unsigned count)
{
    (void)count;
    return trale_mutex_unlock(&l->object.mutex);
}

static int lock(struct waiter *w)
{
    return trale_mutex_lock(&w->lane->object.mutex);
}

static void init_lock(struct waiter *w)
{
    trale_mutex_lock_init(&w->f.lock, &w->lane->object.mutex);
}

/* Semaphores. */

static int release(struct lane *l, unsigned count)
{
    return trale_semaphore_release(&l->object.semaphore, count);
}

static int acquire(struct waiter *w)
{
    return trale_semaphore_acquire(&w->lane->object.semaphore, w->need);
}

static void init_acquire(struct waiter *w)
{
    trale_semaphore_acquire_init(&w->f.acquire, &w->lane->object.semaphore, w->need);
}

static int try_acquire(struct lane *l)
{
    return trale_semaphore_try_acquire(&l->object.semaphore, 1);
}

/* Events. */

static int notify(struct lane *l, unsigned count)
{
    int error = 0;

    for (; count > 0 && error == 0; count--)
        error = trale_event_notify(&l->object.event);
    return error;
}

static int wait_event(struct waiter *w)
{
    return trale_event_wait(&w->lane->object.event);
}

static void init_wait(struct waiter *w)
{
    trale_event_wait_init(&w->f.wait, &w->lane->object.event);
}

static int try_wait(struct lane *l)
{
    return trale_event_try_wait(&l->object.event);
}

static const struct kind mutexes = {"mutex",  1,      1,    true,      false,
                                    try_lock, unlock, lock, init_lock, try_lock};
static const struct kind semaphores = {"semaphore", 5,       3,       false,        false,
                                       NULL,        release, acquire, init_acquire, try_acquire};
static const struct kind events = {"event", WAITERS, 1,          false,     true,
                                   NULL,    notify,  wait_event, init_wait, try_wait};

/* Those who wait. */

static void note_taken(struct waiter *w)
{
    check(NOT_TWICE, atomic_fetch_add(&w->lane->held, w->need) + w->need <= w->lane->gifts);
    if (kind->guards)
        w->lane->guarded++;
    atomic_store(&w->took, true);
}

static void give_back(const struct waiter *w)
{
    if (kind->kept)
        return;
    atomic_fetch_sub(&w->lane->held, w->need);
    check(GAVE, kind->give(w->lane, w->need) == 0);
}

static intptr_t wait_in_fiber(void *waiter)
{
    struct waiter *w = waiter;
    int error;

    atomic_store(&w->began, true);
    error = kind->call(w);
    if (error != 0)
        return error;
    note_taken(w);
    if (w->yields)
        trale_yield();
    give_back(w);
    return 0;
}

struct stackless {
    trale_future future;
    struct waiter *waiter;
};

static enum trale_poll stackless_poll(trale_future *self, trale_context *cx)
{
    struct waiter *w = ((struct stackless *)self)->waiter;

    if (trale_future_poll(&w->f.future, cx) == TRALE_PENDING) {
        atomic_store(&w->began, true);
        return TRALE_PENDING;
    }
    self->output = w->f.future.output;
    if (self->output == 0) {
        note_taken(w);
        give_back(w);
    }
    return TRALE_READY;
}

static void stackless_drop(trale_future *self)
{
    trale_future *inner = &((struct stackless *)self)->waiter->f.future;

    inner->output = self->output;
    trale_future_drop(inner);
    self->output = inner->output;
}

static void spawn_waiter(struct waiter *w, trale_runtime *runtime)
{
    static const struct trale_future_ops ops = {stackless_poll, stackless_drop, "stackless"};
    struct stackless f = {{&ops, 0}, w};
    trale_spawn_options options = {.runtime = runtime};

    kind->init(w);
    check(SPAWNED,
          (w->stackless ? trale_spawn_future_with(&w->task, &options, &f.future, sizeof f)
                        : trale_spawn_with(&w->task, &options, wait_in_fiber, w)) == 0);
}

/* Both sides of a race. */

static void pass_some_time(uint64_t *random)
{
    for (uint32_t n = random_below(random, 1u << random_below(random, 13)); n > 0; n--)
        atomic_load(&faults[0]);
}

/* They meet at every lane, unless one of them is far behind: waiting would take its CPU. */
static void meet(struct lane *l)
{
    atomic_fetch_add(&l->arrived, 1);
    for (int i = 0; i < 100 && atomic_load(&l->arrived) < 2; i++)
        trale_yield();
}

/* A plain thread, or a task. */
struct giver {
    uint64_t random;
    struct gate ready;
    trale_event start;
};

static void give_in_parts(struct lane *l, uint64_t *random)
{
    unsigned count;

    for (unsigned left = l->gifts; left > 0; left -= count) {
        pass_some_time(random);
        count = 1 + random_below(random, left);
        atomic_fetch_sub(&l->held, count);
        check(GAVE, kind->give(l, count) == 0);
        atomic_fetch_add(&l->given, count);
    }
}

static intptr_t give_everything(void *arg)
{
    struct giver *giver = arg;

    for (int i = 0; i < LANES && kind->take_first; i++)
        check(GAVE, kind->take_first(&lanes[i]) == 0);
    gate_open(&giver->ready);
    check(GAVE, trale_event_wait(&giver->start) == 0);
    for (int i = 0; i < LANES; i++) {
        meet(&lanes[i]);
        give_in_parts(&lanes[i], &giver->random);
        if (random_below(&giver->random, 4) == 0)
            trale_yield();
    }
    return 0;
}

static void *give_everything_on_thread(void *giver)
{
    give_everything(giver);
    return NULL;
}

/* At any moment, or soon after something was given. */
static void cancel_victims(struct lane *l, uint64_t *random)
{
    bool backwards = random_below(random, 2), after = random_below(random, 2);

    meet(l);
    for (int i = 0; after && i < 10 && atomic_load(&l->given) == 0; i++)
        trale_yield();
    for (int k = 0; k < VICTIMS; k++) {
        struct waiter *w = &l->waiters[backwards ? VICTIMS - 1 - k : k];

        if (!after)
            pass_some_time(random);
        w->given = atomic_load(&l->given) >= w->ahead;
        trale_cancel(w->task);
    }
}

static void set_up_lane(struct lane *l, uint64_t *random)
{
    unsigned ahead = 0;

    memset(l, 0, sizeof *l);
    l->gifts = 1 + random_below(random, kind->most);
    atomic_store(&l->held, l->gifts);
    for (int i = 0; i < WAITERS; i++) {
        struct waiter *w = &l->waiters[i];

        w->lane = l;
        w->need =
            1 + random_below(random, l->gifts < kind->most_needed ? l->gifts : kind->most_needed);
        w->ahead = ahead += w->need;
        w->stackless = random_below(random, 2);
        w->yields = i < VICTIMS && random_below(random, 2);
    }
}

/* Place after place, so that they stand in line in that order. */
static void line_up(uint64_t *random, trale_runtime *other)
{
    for (int place = 0; place < WAITERS; place++) {
        for (int i = 0; i < LANES; i++)
            spawn_waiter(&lanes[i].waiters[place], random_below(random, 2) ? other : NULL);
        settle();
        settle_on(other);
    }
    for (int i = 0; i < LANES; i++)
        for (int place = 0; place < WAITERS; place++)
            check(BEGAN, lanes[i].waiters[place].began && !lanes[i].waiters[place].took);
    assert_no_faults();
}

struct tally {
    long cancelled, given, took;
};

/* How many of a lane's victims took what they waited for. */
static unsigned end_victims(const struct lane *l, struct tally *tally)
{
    unsigned took = 0;

    for (int i = 0; i < VICTIMS; i++) {
        const struct waiter *w = &l->waiters[i];
        intptr_t result = 1;

        check(AS_TOLD, trale_join(w->task, &result) == 0);
        check(AS_TOLD, result == (w->took ? 0 : -ECANCELED));
        took += w->took;
        tally->given += !w->took && w->given;
    }
    tally->took += took;
    tally->cancelled += VICTIMS - took;
    return took;
}

/* The last one has it by now, unless nothing is left. */
static bool last_is_served(const struct lane *l, unsigned took)
{
    bool left = !kind->kept || took < l->gifts;

    check(left ? NOT_LEFT_WAITING : NOT_TWICE, l->waiters[VICTIMS].took == left);
    return left;
}

/* What nobody has kept is all there. */
static void end_lane(struct lane *l, unsigned took, bool served)
{
    intptr_t result = 1;
    unsigned rest = 0;

    if (!served) {
        l->gifts++;
        check(GAVE, kind->give(l, 1) == 0);
    }
    check(AS_TOLD, trale_join(l->waiters[VICTIMS].task, &result) == 0 && result == 0);
    while (kind->try_one(l) == 0)
        rest++;
    check(NOTHING_LOST, rest == l->gifts - l->held);
    check(NOTHING_LOST, l->held == (kind->kept ? took + 1 : 0));
    check(NOTHING_LOST, l->guarded == (kind->guards ? took + 1 : 0));
}

static void end_batch(trale_runtime *other, struct tally *tally)
{
    unsigned took[LANES];
    bool served[LANES];

    for (int i = 0; i < LANES; i++)
        took[i] = end_victims(&lanes[i], tally);
    settle();
    settle_on(other);
    for (int i = 0; i < LANES; i++)
        served[i] = last_is_served(&lanes[i], took[i]);
    assert_no_faults();
    for (int i = 0; i < LANES; i++)
        end_lane(&lanes[i], took[i], served[i]);
    assert_no_faults();
}

static void one_batch(struct giver *giver, uint64_t *random, trale_runtime *other,
                      struct tally *tally)
{
    bool in_task = random_below(random, 2);
    trale_task *task = NULL;
    pthread_t thread;

    giver->ready = (struct gate)GATE;
    for (int i = 0; i < LANES; i++)
        set_up_lane(&lanes[i], random);
    if (in_task)
        task = spawn_on(random_below(random, 2) ? other : NULL, give_everything, giver);
    else
        ck_assert_int_eq(pthread_create(&thread, NULL, give_everything_on_thread, giver), 0);
    gate_wait(&giver->ready);
    line_up(random, other);
    ck_assert_int_eq(trale_event_notify(&giver->start), 0);
    for (int i = 0; i < LANES; i++)
        cancel_victims(&lanes[i], random);
    if (in_task)
        join(task);
    else
        pthread_join(thread, NULL);
    end_batch(other, tally);
}

/* A cancel counts that ended a wait: one that came while the call was pending, and no other. */
static void race(const struct kind *of)
{
    uint64_t seed = test_seed(), random = random_fork(seed, 0);
    long cancels = test_scale(CANCELS);
    struct giver giver = {.random = random_fork(seed, 1)};
    trale_runtime *other = new_runtime();
    struct tally tally = {0};

    kind = of;
    while (tally.cancelled < cancels || tally.given == 0 || tally.took == 0)
        one_batch(&giver, &random, other, &tally);
    printf("# %s: %ld cancels ended a wait, %ld of them after what it was for had been given; "
           "%ld came too late\n",
           kind->name, tally.cancelled, tally.given, tally.took);
    ck_assert_int_ge(tally.cancelled, cancels);
    free_runtime(other);
}

START_TEST(a_mutex_goes_on_to_the_next)
{
    race(&mutexes);
}
END_TEST

START_TEST(permits_go_on_to_the_next)
{
    race(&semaphores);
}
END_TEST

START_TEST(notifications_go_on_to_the_next)
{
    race(&events);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "handover_stress", a_mutex_goes_on_to_the_next,
               permits_go_on_to_the_next, notifications_go_on_to_the_next)
