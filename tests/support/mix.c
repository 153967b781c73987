#include "mix.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "executors.h"
#include "seed.h"
#include "suite.h"
#include "wait_task.h"
#include "waiters.h"

enum { PERMITS = 3, CHANNELS = 3, AHEAD = 64 };

trale_runtime *mix_runtimes[2];
static trale_mutex mutex;
static trale_semaphore semaphore;
trale_event mix_event;
static trale_channel *channels[CHANNELS];
static trale_io *reading, *writing, *udp;
static trale_addr udp_address;
struct mix_ledger ledger;
static atomic_long faults[CHECKS];

void mix_check(enum mix_check what, bool good)
{
    if (!good)
        atomic_fetch_add(&faults[what], 1);
}

/* Did it happen? If not, then only because of a deadline or a cancel. */
bool mix_got(intptr_t result)
{
    mix_check(RESULT, result >= 0 || result == -ECANCELED || result == -ETIMEDOUT);
    atomic_fetch_add(&ledger.cancels, result == -ECANCELED);
    atomic_fetch_add(&ledger.timeouts, result == -ETIMEDOUT);
    return result >= 0;
}

void mix_note(struct amount *amount, long number)
{
    atomic_fetch_add(&amount->count, 1);
    atomic_fetch_add(&amount->sum, number);
}

static void expect_equal(struct amount *left, struct amount *right, const char *what)
{
    ck_assert_msg(left->count == right->count && left->sum == right->sum,
                  "%s: %ld with the sum %ld, and %ld with the sum %ld", what, left->count,
                  left->sum, right->count, right->sum);
}

/* What tasks do. */

static void lock_once(uint64_t *random)
{
    if (!mix_got(trale_mutex_lock(&mutex)))
        return;
    mix_check(OWNER, atomic_fetch_add(&ledger.owners, 1) == 0);
    ledger.guarded++;
    if (random_below(random, 2))
        trale_yield();
    atomic_fetch_add(&ledger.locked, 1);
    mix_check(OWNER, atomic_fetch_sub(&ledger.owners, 1) == 1);
    mix_check(OWNER, trale_mutex_unlock(&mutex) == 0);
}

static void acquire_some(uint64_t *random)
{
    unsigned count = 1 + random_below(random, PERMITS);

    if (!mix_got(trale_semaphore_acquire(&semaphore, count)))
        return;
    mix_check(PERMIT, atomic_fetch_add(&ledger.holders, (int)count) + (int)count <= PERMITS);
    if (random_below(random, 2))
        trale_yield();
    atomic_fetch_add(&ledger.acquired, 1);
    atomic_fetch_sub(&ledger.holders, (int)count);
    mix_check(PERMIT, trale_semaphore_release(&semaphore, count) == 0);
}

static void notify_once(uint64_t *random)
{
    (void)random;
    atomic_fetch_add(&ledger.notified, 1);
    mix_check(RESULT, trale_event_notify(&mix_event) == 0);
}

static void wait_once(uint64_t *random)
{
    (void)random;
    if (mix_got(trale_event_wait(&mix_event)))
        atomic_fetch_add(&ledger.taken, 1);
}

trale_channel *mix_channel(uint64_t *random)
{
    return channels[random_below(random, CHANNELS)];
}

static void send_once(uint64_t *random)
{
    long item = 1 + random_below(random, 1000);

    if (mix_got(trale_channel_send(mix_channel(random), &item)))
        mix_note(&ledger.sent, item);
}

static void receive_once(uint64_t *random)
{
    long item = 0;

    if (mix_got(trale_channel_recv(mix_channel(random), &item)))
        mix_note(&ledger.received, item);
}

/* One of them takes effect, and the result says which. */
static void select_once(uint64_t *random)
{
    long sends = 1 + random_below(random, 1000), receives = 0;
    trale_channel_send_future send;
    trale_channel_recv_future receive;
    trale_event_wait_future wait;
    trale_sleep_future sleep;
    intptr_t index;

    trale_channel_send_init(&send, mix_channel(random), &sends);
    trale_channel_recv_init(&receive, mix_channel(random), &receives);
    trale_event_wait_init(&wait, &mix_event);
    trale_sleep_init(&sleep, random_below(random, 100) * TRALE_US);
    index = TRALE_SELECT(&send.future, &receive.future, &wait.future, &sleep.future);
    mix_check(SELECTED, (index == 0) == (send.future.output == 0) &&
                            (index == 1) == (receive.future.output == 0) &&
                            (index == 2) == (wait.future.output == 0));
    if (mix_got(index) && index == 0)
        mix_note(&ledger.sent, sends);
    if (index == 1)
        mix_note(&ledger.received, receives);
    if (index == 2)
        atomic_fetch_add(&ledger.taken, 1);
}

static void sleep_once(uint64_t *random)
{
    mix_got(trale_sleep(random_below(random, 50) * TRALE_US));
}

static void write_record(uint64_t *random)
{
    long record = 1 + random_below(random, 1000);
    ssize_t size = trale_write(writing, &record, sizeof record);

    if (mix_got(size))
        mix_note(&ledger.written, record);
    mix_check(RECORD_WHOLE, size < 0 || size == sizeof record);
}

static void read_record(uint64_t *random)
{
    long record = 0;
    ssize_t size = trale_read(reading, &record, sizeof record);

    (void)random;
    if (mix_got(size))
        mix_note(&ledger.read, record);
    mix_check(RECORD_WHOLE, size < 0 || size == sizeof record);
}

/* No more than the socket has room for, or some would be lost. */
static void throw_datagram(uint64_t *random)
{
    static atomic_int flying;
    long record = 1 + random_below(random, 1000);
    ssize_t size;

    if (atomic_fetch_add(&flying, 1) - atomic_load(&ledger.caught.count) >= AHEAD) {
        atomic_fetch_sub(&flying, 1);
        return;
    }
    size = trale_sendto(udp, &record, sizeof record, &udp_address);
    if (mix_got(size))
        mix_note(&ledger.thrown, record);
    else
        atomic_fetch_sub(&flying, 1);
}

static void catch_datagram(uint64_t *random)
{
    long record = 0;
    ssize_t size = trale_recvfrom(udp, &record, sizeof record, NULL);

    (void)random;
    if (mix_got(size))
        mix_note(&ledger.caught, record);
    mix_check(RECORD_WHOLE, size < 0 || size == sizeof record);
}

/* Children. */

trale_spawn_options mix_anywhere(uint64_t *random)
{
    unsigned which = random_below(random, 2);

    return (trale_spawn_options){.runtime = mix_runtimes[which],
                                 .executor = random_below(random, which ? 3 : 5)};
}

static intptr_t child(void *value)
{
    lock_once(&(uint64_t){(uintptr_t)value});
    return (intptr_t)value;
}

intptr_t mix_join(trale_task *task)
{
    trale_scope scope;
    intptr_t result = -EIO;

    trale_scope_enter_shielded(&scope, TRALE_NEVER);
    mix_check(JOINED, trale_join(task, &result) == 0);
    trale_scope_leave(&scope);
    return result;
}

static void have_child(uint64_t *random)
{
    trale_spawn_options options = mix_anywhere(random);
    intptr_t value = 1 + random_below(random, 1000), result = -EIO;
    bool cancelled = random_below(random, 2);
    trale_task *task;

    if (trale_spawn_with(&task, &options, child, (void *)value) != 0) {
        mix_check(SPAWNED, false);
        return;
    }
    if (cancelled)
        trale_cancel(task);
    if (!mix_got(trale_join(task, &result)))
        result = mix_join(task);
    mix_check(JOINED, result == value || (cancelled && result == -ECANCELED));
}

/* Of the caller's runtime. A member that was cancelled before it began gives -ECANCELED. */
static void have_group(uint64_t *random)
{
    trale_group group = {0};
    bool cancelled = random_below(random, 4) == 0;
    int error = 0;

    for (uintptr_t i = 1 + random_below(random, 4); i > 0 && error == 0; i--)
        error = trale_group_spawn(&group, child, (void *)i);
    mix_check(GROUPED, error == 0);
    if (cancelled)
        trale_group_cancel(&group);
    mix_got(trale_group_wait(&group));
    trale_group_check(&group);
}

static void (*const acts[])(uint64_t *random) = {
    lock_once,    acquire_some,   notify_once,    wait_once,    send_once,
    receive_once, select_once,    sleep_once,     write_record, read_record,
    have_child,   throw_datagram, catch_datagram, have_group,
};

void mix_act(uint64_t *random)
{
    pthread_t here = pthread_self();
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + random_below(random, 300) * TRALE_US);
    acts[random_below(random, sizeof acts / sizeof *acts)](random);
    trale_scope_leave(&scope);
    mix_check(MOVED, pthread_equal(here, pthread_self()));
}

void mix_begin(void)
{
    static const size_t capacities[CHANNELS] = {0, 1, 8};
    int ends[2];

    mix_runtimes[0] = new_runtime_with(4);
    mix_runtimes[1] = new_runtime_with(2);
    for (int i = 0; i < CHANNELS; i++)
        ck_assert_int_eq(trale_channel_new(&channels[i], sizeof(long), capacities[i]), 0);
    ck_assert_int_eq(trale_semaphore_release(&semaphore, PERMITS), 0);
    make_pipe(ends);
    reading = open_io(ends[0]);
    writing = open_io(ends[1]);
    ck_assert_int_eq(trale_udp_bind(&udp, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(udp, &udp_address), 0);
}

static void take_what_is_left(void)
{
    long item;

    while (trale_event_try_wait(&mix_event) == 0)
        atomic_fetch_add(&ledger.taken, 1);
    for (int i = 0; i < CHANNELS; i++)
        while (trale_channel_try_recv(channels[i], &item) == 0)
            mix_note(&ledger.received, item);
    while (read(trale_io_fd(reading), &item, sizeof item) == sizeof item)
        mix_note(&ledger.read, item);
    while (recv(trale_io_fd(udp), &item, sizeof item, 0) == sizeof item)
        mix_note(&ledger.caught, item);
}

void mix_settle(void)
{
    static const char *const names[CHECKS] = {"result",  "owner",       "permits", "stayed",
                                              "spawned", "joined",      "grouped", "selected",
                                              "record",  "polled alone"};

    take_what_is_left();
    for (int i = 0; i < CHECKS; i++)
        ck_assert_msg(faults[i] == 0, "%s: %ld times not so", names[i], faults[i]);
    ck_assert_int_eq(ledger.guarded, ledger.locked);
    ck_assert_int_eq(ledger.notified, ledger.taken);
    ck_assert_int_eq(ledger.started, ledger.completed);
    ck_assert_int_eq(ledger.spawned, ledger.completed + ledger.unstarted);
    ck_assert_int_eq(ledger.stackless_spawned, ledger.stackless_dropped);
    expect_equal(&ledger.sent, &ledger.received, "sent and received");
    expect_equal(&ledger.written, &ledger.read, "written and read");
    expect_equal(&ledger.thrown, &ledger.caught, "thrown and caught");
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, PERMITS), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
}

void mix_end(void)
{
    for (int i = 0; i < 2; i++)
        free_runtime(mix_runtimes[i]);
    for (int i = 0; i < CHANNELS; i++)
        trale_channel_free(channels[i]);
    trale_close(reading);
    trale_close(writing);
    trale_close(udp);
    free_default_runtime();
}
