/*
 * Deadlines that pass at the moment of completion: locks, channels, events, reads, in tasks and on
 * plain threads. Each race has exactly one outcome, and what was given agrees with what was taken.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "seed.h"
#include "settle.h"
#include "streams.h"
#include "waiters.h"

enum { RACES = 120000, TASKS = 6, THREADS = 2, RACERS = TASKS + THREADS, AHEAD = 3 };

/* What is raced for. give adds one, if it can be had at once; take is the call that waits. */
struct kind {
    const char *name;
    bool (*give)(void);
    intptr_t (*take)(void); /* 0: it took one */
    bool (*left)(void);     /* takes one that nobody has taken; false: there is none */
};

static struct {
    const struct kind *kind;
    atomic_long given, taken, late, faults;
    atomic_bool over;
} race;

static void check(bool good)
{
    if (!good)
        atomic_fetch_add(&race.faults, 1);
}

/* Events. */

static trale_event event;

static bool give_event(void)
{
    return trale_event_notify(&event) == 0;
}

static intptr_t take_event(void)
{
    return trale_event_wait(&event);
}

static bool event_left(void)
{
    return trale_event_try_wait(&event) == 0;
}

/* Channels: every number is received once, which the sum tells. */

static trale_channel *channel;
static atomic_long sent_sum, received_sum, next_number;

static bool give_item(void)
{
    long number = atomic_fetch_add(&next_number, 1) + 1;

    if (trale_channel_try_send(channel, &number) != 0)
        return false;
    atomic_fetch_add(&sent_sum, number);
    return true;
}

static intptr_t take_item(void)
{
    long number = -1;
    int error = trale_channel_recv(channel, &number);

    check((error == 0) == (number != -1));
    if (error == 0)
        atomic_fetch_add(&received_sum, number);
    return error;
}

static bool item_left(void)
{
    long number;

    if (trale_channel_try_recv(channel, &number) != 0)
        return false;
    atomic_fetch_add(&received_sum, number);
    return true;
}

/* The other way round: what is given is room, by who receives; what races is the send. */

static bool give_room(void)
{
    long number;

    if (trale_channel_try_recv(channel, &number) != 0)
        return false;
    atomic_fetch_add(&received_sum, number);
    return true;
}

static intptr_t take_room(void)
{
    long number = atomic_fetch_add(&next_number, 1) + 1;
    int error = trale_channel_send(channel, &number);

    if (error == 0)
        atomic_fetch_add(&sent_sum, number);
    return error;
}

/* Reads, of one byte: none is read in part. */

static trale_io *ends[2];

static bool give_byte(void)
{
    return write(trale_io_fd(ends[1]), "x", 1) == 1;
}

static intptr_t take_byte(void)
{
    char byte = 0;
    ssize_t n = trale_read(ends[0], &byte, 1);

    check(n == 1 ? byte == 'x' : n < 0 && byte == 0);
    return n == 1 ? 0 : n;
}

static bool byte_left(void)
{
    char byte;

    return read(trale_io_fd(ends[0]), &byte, 1) == 1;
}

/* Locks: what is given is the mutex, by the racer that unlocks it; the count is under it. */

static trale_mutex mutex;
static long guarded;
static atomic_int owners;

static bool give_nothing(void)
{
    sched_yield();
    return false;
}

static intptr_t take_lock(void)
{
    int error = trale_mutex_lock(&mutex);

    if (error != 0)
        return error;
    check(atomic_fetch_add(&owners, 1) == 0);
    guarded++;
    if (guarded % 3 == 0 && trale_self()) { /* others wait for it meanwhile */
        trale_scope shield;

        trale_scope_enter_shielded(&shield, TRALE_NEVER);
        check(trale_sleep(guarded % 32 * TRALE_US) == 0);
        check(trale_scope_leave(&shield) == 0);
    }
    check(atomic_fetch_sub(&owners, 1) == 1);
    check(trale_mutex_unlock(&mutex) == 0);
    return 0;
}

static bool nothing_left(void)
{
    return false;
}

static const struct kind events = {"event", give_event, take_event, event_left};
static const struct kind items = {"channel", give_item, take_item, item_left};
static const struct kind rooms = {"send", give_room, take_room, nothing_left};
static const struct kind bytes = {"read", give_byte, take_byte, byte_left};
static const struct kind locks = {"mutex", give_nothing, take_lock, nothing_left};

/* One outcome: either it took one, or the deadline has passed and the scope says so. */
static void race_once(uint64_t *random)
{
    int64_t deadline = trale_now() + (int64_t)random_below(random, 60) * TRALE_US;
    intptr_t result;
    trale_scope scope;
    int left;

    trale_scope_enter(&scope, deadline);
    result = race.kind->take();
    left = trale_scope_leave(&scope);
    check(left == result);
    check(result == 0 || (result == -ETIMEDOUT && trale_now() >= deadline));
    atomic_fetch_add(result == 0 ? &race.taken : &race.late, 1);
}

struct racer {
    uint64_t random;
    long races;
};

static intptr_t run_races(void *arg)
{
    struct racer *r = arg;

    for (long i = 0; i < r->races; i++) {
        race_once(&r->random);
        if (random_below(&r->random, 8) == 0)
            trale_yield();
    }
    return 0;
}

static void *run_races_on_thread(void *arg)
{
    run_races(arg);
    return NULL;
}

/* Never many ahead of those who take: they are to wait. */
static void *give(void *arg)
{
    uint64_t *random = arg;

    while (!atomic_load(&race.over)) {
        if (atomic_load(&race.given) - atomic_load(&race.taken) < AHEAD && race.kind->give())
            atomic_fetch_add(&race.given, 1);
        for (uint32_t spin = random_below(random, 2000); spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        if (random_below(random, 4) == 0)
            sched_yield();
    }
    return NULL;
}

static void run(const struct kind *kind, uint64_t seed)
{
    struct racer racers[RACERS];
    uint64_t random = random_fork(seed, RACERS);
    long each = test_scale(RACES / 4) / RACERS + 1, left = 0;
    pthread_t threads[THREADS], giver;
    trale_task *tasks[TASKS];
    trale_runtime *other = new_runtime();

    race.kind = kind;
    ck_assert_int_eq(pthread_create(&giver, NULL, give, &random), 0);
    for (unsigned i = 0; i < RACERS; i++)
        racers[i] = (struct racer){random_fork(seed, i), each};
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn_on(i % 2 ? other : NULL, run_races, &racers[i]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, run_races_on_thread, &racers[TASKS + i]), 0);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(join(tasks[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&race.over, true);
    pthread_join(giver, NULL);
    while (kind->left())
        left++;
    printf("# %s: %ld races, %ld of them lost to the deadline\n", kind->name, each * RACERS,
           atomic_load(&race.late));
    ck_assert_int_eq(atomic_load(&race.faults), 0);
    ck_assert_int_eq(atomic_load(&race.taken) + atomic_load(&race.late), each * RACERS);
    if (kind != &locks)
        ck_assert_int_eq(atomic_load(&race.given), atomic_load(&race.taken) + left);
    free_runtime(other);
}

START_TEST(events_and_deadlines)
{
    run(&events, test_seed());
}
END_TEST

START_TEST(channels_and_deadlines)
{
    ck_assert_int_eq(trale_channel_new(&channel, sizeof(long), 2), 0);
    run(&items, test_seed());
    ck_assert_int_eq(atomic_load(&sent_sum), atomic_load(&received_sum));
    trale_channel_free(channel);
}
END_TEST

START_TEST(rendezvous_and_deadlines)
{
    ck_assert_int_eq(trale_channel_new(&channel, sizeof(long), 0), 0);
    run(&items, test_seed());
    ck_assert_int_eq(atomic_load(&sent_sum), atomic_load(&received_sum));
    trale_channel_free(channel);
}
END_TEST

START_TEST(rendezvous_sends_and_deadlines)
{
    long number;

    ck_assert_int_eq(trale_channel_new(&channel, sizeof(long), 0), 0);
    run(&rooms, test_seed());
    ck_assert_int_eq(atomic_load(&sent_sum), atomic_load(&received_sum));
    ck_assert_int_eq(trale_channel_try_recv(channel, &number), -EAGAIN);
    trale_channel_free(channel);
}
END_TEST

START_TEST(reads_and_deadlines)
{
    open_sockets(ends);
    run(&bytes, test_seed());
    close_both(ends);
}
END_TEST

START_TEST(locks_and_deadlines)
{
    run(&locks, test_seed());
    ck_assert_int_eq(guarded, atomic_load(&race.taken));
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "deadline_stress", events_and_deadlines,
               channels_and_deadlines, rendezvous_and_deadlines, rendezvous_sends_and_deadlines,
               reads_and_deadlines, locks_and_deadlines)
