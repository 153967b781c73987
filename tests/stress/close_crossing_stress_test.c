/*
 * Descriptors are closed under the tasks and the thread that wait for them; their numbers become
 * other descriptors at once, while what was closed lives on in duplicates and goes on producing
 * events. What must hold, exactly:
 *   - a call that waits when its io is closed returns -EBADF, once, and nobody hangs;
 *   - what a call reads was written for its io, and what comes out at the other side was written
 *     there: every record carries the tag of the life it belongs to;
 *   - nothing is read twice, and nothing is lost while a duplicate lives;
 *   - events of an old life cause no poll in the new one.
 * A lane is a fiber or a plain thread that lives one life after the other; several run at once.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "executors.h"
#include "late_read.h"
#include "records.h"
#include "seed.h"
#include "system.h"
#include "traffic.h"
#include "wait_task.h"

enum kind { READ_PIPE, WRITE_PIPE, SOCKETS, COUNTER, TCP };

enum { READERS = 3, WRITERS = 2, SLOTS = READERS + WRITERS + 1 };

/* One call that waits, and says when it has begun to. */
struct call {
    trale_future future;
    struct slot *slot;
    bool begun;
    bool announced; /* among those that are beginning */
    union {
        trale_future future;
        trale_wait_future wait;
        trale_read_future read;
        trale_write_future write;
    } of;
};

struct life {
    enum kind kind;
    uint64_t tag;
    trale_io *io;
    int number, peer, kept; /* peer: the other side; kept: a duplicate; -1: none */
    int calls, reading;     /* reading: calls of trale_read */
    bool looping;           /* a reader goes on until the close */
    atomic_bool closing;    /* loopers may begin no more calls */
    atomic_int beginning;   /* calls of loopers: the close waits until they have begun */
    long filled, drained;   /* records */
    atomic_int begun, fed, got, put;
    struct slot {
        struct life *life;
        bool write, wait, loop, on_thread;
        int returned; /* -EBADF, how often */
        atomic_int polls;
        atomic_bool done; /* of a thread's: result is valid */
        uint64_t record;
        intptr_t result;
        struct call call; /* of a fiber */
        trale_task *task;
    } slots[SLOTS];
};

/* The first thing that did not hold; asserted on the test thread. */
static _Atomic(const char *) broken;
static atomic_int broken_line;

static void break_down(const char *what, int line)
{
    const char *none = NULL;
    if (atomic_compare_exchange_strong(&broken, &none, what))
        atomic_store(&broken_line, line);
}

static atomic_long closes, ended; /* ended: calls, by a close */
static bool several;              /* executors */

#define HOLDS(condition) ((condition) ? (void)0 : break_down(#condition, __LINE__))

static void note_read(struct life *life, uint64_t record)
{
    uint64_t times = 1;
    if (life->kind == COUNTER) /* a sum of tags, all of them one */
        times = record / life->tag;
    HOLDS(times > 0 && record == times * life->tag);
    atomic_fetch_add(&life->got, (int)times);
}

static void note_result(struct slot *slot, intptr_t result)
{
    if (result == -EBADF)
        slot->returned++;
    else if (slot->wait)
        HOLDS(result == (slot->write ? TRALE_WRITABLE : TRALE_READABLE));
    else if (slot->write)
        atomic_fetch_add(&slot->life->put, 1);
    else
        note_read(slot->life, slot->record);
    HOLDS(result == -EBADF || slot->wait || result == RECORD);
}

static enum trale_poll call_poll(trale_future *self, trale_context *cx)
{
    struct call *call = (struct call *)self;
    struct slot *slot = call->slot;
    atomic_fetch_add(&slot->polls, 1);
    enum trale_poll poll = trale_future_poll(&call->of.future, cx);
    if (poll == TRALE_READY) {
        self->output = call->of.future.output;
        note_result(slot, self->output);
    }
    if (!call->begun)
        atomic_fetch_add(&slot->life->begun, 1);
    call->begun = true;
    if (call->announced)
        atomic_fetch_sub(&slot->life->beginning, 1);
    call->announced = false;
    return poll;
}

static void call_drop(trale_future *self)
{
    trale_future_drop(&((struct call *)self)->of.future);
}

static struct call make_call(struct slot *slot)
{
    static const struct trale_future_ops ops = {call_poll, call_drop, "call"};
    struct call call = {.future = {.ops = &ops}, .slot = slot};
    trale_io *io = slot->life->io;
    if (slot->wait)
        trale_wait_init(&call.of.wait, io, slot->write ? TRALE_WRITABLE : TRALE_READABLE);
    else if (slot->write)
        trale_write_init(&call.of.write, io, &slot->life->tag, RECORD);
    else
        trale_read_init(&call.of.read, io, &slot->record, RECORD);
    return call;
}

/* A call may come before the close or not at all, and the looper may run on another executor than
 * who closes: it announces the call, then looks; who closes says so, then waits for the announced. */
static bool may_begin(struct life *life)
{
    atomic_fetch_add(&life->beginning, 1);
    if (!atomic_load(&life->closing))
        return true;
    atomic_fetch_sub(&life->beginning, 1);
    return false;
}

static intptr_t call_in_fiber(void *arg)
{
    struct call *call = arg;
    struct slot *slot = call->slot;
    intptr_t result = trale_await(&call->future);
    while (slot->loop && result == RECORD && may_begin(slot->life)) {
        *call = make_call(slot);
        call->begun = call->announced = true;
        result = trale_await(&call->future);
    }
    return result;
}

/* A lane, and the plain thread that waits for it. */
struct lane {
    uint64_t seed;
    long lives;
    int number;
    bool fiber, alone;
    struct gate jobs;
    struct call job[2]; /* one may still run when the next is given */
    long given;
    pthread_t thread, helper;
    trale_task *task;
    struct life life[2];
};

static uint32_t below(struct lane *lane, uint32_t limit)
{
    return random_below(&lane->seed, limit);
}

/* A job without a slot is the last. */
static void *help(void *arg)
{
    struct lane *lane = arg;
    for (long n = 1;; n++) {
        gate_wait_for(&lane->jobs, n);
        struct call *job = &lane->job[n % 2];
        struct slot *slot = job->slot;
        if (!slot)
            return NULL;
        slot->result = trale_await(&job->future);
        atomic_store(&slot->done, true);
    }
}

static void give_job(struct lane *lane, const struct call *job)
{
    lane->job[++lane->given % 2] = *job;
    gate_open(&lane->jobs);
}

/* Making a life. */

static int make_fd(struct life *life)
{
    static const int least = 1;
    int ends[2] = {-1, -1};
    switch (life->kind) {
    case READ_PIPE:
    case WRITE_PIPE:
        HOLDS(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        fcntl(ends[0], F_SETPIPE_SZ, 4096);
        break;
    case SOCKETS:
        HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
        break;
    case COUNTER:
        ends[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        break;
    case TCP:
        HOLDS(connect_tcp(ends) == 0);
        break;
    }
    bool swap = life->kind == WRITE_PIPE;
    life->peer = ends[!swap];
    return ends[swap];
}

/* The number that the lane's last life had, unless another lane has it now. */
static int take_number(struct lane *lane, struct life *life, int fd)
{
    if (life->peer == lane->number)
        HOLDS((life->peer = move_fd(life->peer, lane->number + 1)) >= 0);
    if (fd != lane->number)
        fd = move_fd(fd, lane->number);
    HOLDS(fd >= 0);
    HOLDS(!lane->alone || lane->number == 0 || fd == lane->number);
    lane->number = fd;
    return fd;
}

static bool can_write(const struct life *life)
{
    return life->kind == WRITE_PIPE || life->kind == SOCKETS;
}

static void feed(struct life *life, int times)
{
    int fd = life->peer;
    if (life->kind == COUNTER)
        fd = life->closing ? life->kept : life->number;
    if (life->kind == WRITE_PIPE || fd < 0)
        return;
    for (int i = 0; i < times; i++) {
        atomic_fetch_add(&life->fed, 1);
        if (write(fd, &life->tag, RECORD) != RECORD)
            atomic_fetch_sub(&life->fed, 1);
    }
}

static void begin(struct lane *lane, struct life *life)
{
    struct slot *slot = &life->slots[life->calls++];
    slot->life = life;
    slot->wait = below(lane, 4) == 0;
    slot->write = life->kind == WRITE_PIPE || (life->kind == SOCKETS && life->calls > READERS);
    struct call call = make_call(slot);
    life->reading += !slot->write && !slot->wait;
    if (life->calls == 1 && below(lane, 2)) {
        slot->on_thread = true;
        give_job(lane, &call);
    } else if (below(lane, 2)) {
        slot->loop = lane->fiber && !slot->write && !slot->wait && below(lane, 2);
        life->looping |= slot->loop;
        slot->call = call;
        HOLDS(trale_spawn(&slot->task, call_in_fiber, &slot->call) == 0);
    } else {
        HOLDS(trale_spawn_future(&slot->task, &call.future, sizeof call) == 0);
    }
}

static void be_born(struct lane *lane, struct life *life)
{
    static _Atomic(uint64_t) tags;
    uint32_t kind = below(lane, 33);
    *life = (struct life){.kind = kind == 32 ? TCP : (enum kind)(kind % 4), .peer = -1};
    life->tag = (UINT64_C(1) << 40) + atomic_fetch_add(&tags, 1);
    life->number = take_number(lane, life, make_fd(life));
    if (life->kind != TCP &&
        below(lane, 2)) /* whoever still had the old one in hand would read this */
        feed(life, 1);
    HOLDS(trale_io_open(&life->io, life->number) == 0);
    life->kept = below(lane, 2) ? dup(life->number) : -1;
    if (can_write(life))
        life->filled = fill_with_records(life->number, life->tag,
                                         life->kind == SOCKETS ? 1 : RECORDS_AT_ONCE);
    uint32_t calls = 1 + below(lane, life->kind == SOCKETS ? SLOTS : READERS);
    for (uint32_t i = 0; i < calls; i++)
        begin(lane, life);
    while (atomic_load(&life->begun) < life->calls)
        trale_yield();
}

/* What happens to it, before and after its close. */

static void drain_life(struct life *life)
{
    long drained = can_write(life) ? drain_records(life->peer, life->tag) : 0;
    HOLDS(drained >= 0);
    life->drained += drained;
}

/* As much as is sure to be read is waited for, at times; or else the close comes in between. */
static void happen(struct lane *lane, struct life *life)
{
    uint32_t what = below(lane, 4);
    if (what & 1)
        feed(life, 1 + (int)below(lane, READERS));
    if (what & 2)
        drain_life(life);
    int sure = life->looping ? life->fed : life->reading && life->fed;
    while (below(lane, 2) && atomic_load(&life->got) < sure)
        trale_yield();
}

static void close_it(struct life *life)
{
    atomic_store(&life->closing, true);
    while (atomic_load(&life->beginning) > 0)
        trale_yield();
    HOLDS(trale_close(life->io) == 0);
    atomic_fetch_add(&closes, 1);
}

/* The end of a life. */

static void check_slot(struct slot *slot)
{
    if (slot->on_thread)
        while (!atomic_load(&slot->done))
            trale_yield();
    else
        HOLDS(trale_join(slot->task, &slot->result) == 0);
    HOLDS(slot->returned == (slot->result == -EBADF));
    atomic_fetch_add(&ended, slot->returned);
}

static void read_the_rest(struct life *life)
{
    uint64_t record;
    while (life->kind != WRITE_PIPE && read(life->kept, &record, RECORD) > 0)
        note_read(life, record);
}

static void be_buried(struct lane *lane, struct life *life)
{
    feed(life, (int)below(lane, READERS));
    if (below(lane, 2))
        drain_life(life);
    for (int i = 0; i < life->calls; i++)
        check_slot(&life->slots[i]);
    drain_life(life);
    if (can_write(life))
        HOLDS(life->drained == life->filled + life->put);
    if (life->kept >= 0)
        read_the_rest(life);
    HOLDS(life->got <= life->fed);
    if (life->kept >= 0 && life->kind != TCP) /* which may still be on its way */
        HOLDS(life->got == life->fed);
    if (life->kept >= 0)
        close(life->kept);
    if (life->peer >= 0)
        close(life->peer);
}

/* Nothing has happened to it yet, whatever happened to the one before. But with several executors,
 * the reactor may have seen what was fed before one reader took it and another began to wait. */
static void check_untouched(const struct life *life)
{
    bool may = several && atomic_load(&life->fed) > 0;
    for (int i = 0; i < life->calls; i++)
        HOLDS(may || life->slots[i].loop || atomic_load(&life->slots[i].polls) == 1);
}

static intptr_t live(void *arg)
{
    struct lane *lane = arg;
    struct life *old = NULL;
    for (long i = 0; i < lane->lives && !atomic_load(&broken); i++) {
        struct life *life = &lane->life[i % 2];
        be_born(lane, life);
        if (old)
            be_buried(lane, old);
        check_untouched(life);
        happen(lane, life);
        close_it(life);
        old = life;
    }
    if (old)
        be_buried(lane, old);
    return 0;
}

static void *live_on_a_thread(void *arg)
{
    live(arg);
    return NULL;
}

/* The tests. */

static void go(struct lane *lane)
{
    ck_assert_int_eq(pthread_create(&lane->helper, NULL, help, lane), 0);
    if (lane->fiber)
        ck_assert_int_eq(trale_spawn(&lane->task, live, lane), 0);
    else
        ck_assert_int_eq(pthread_create(&lane->thread, NULL, live_on_a_thread, lane), 0);
}

static void finish(struct lane *lane)
{
    if (lane->fiber)
        ck_assert_int_eq(join(lane->task), 0);
    else
        ck_assert_int_eq(pthread_join(lane->thread, NULL), 0);
    give_job(lane, &(struct call){.slot = NULL});
    ck_assert_int_eq(pthread_join(lane->helper, NULL), 0);
}

/* So many lanes that are fibers, and so many that are threads. */
static void run_lanes(int fibers, int threads, long lives, bool busy)
{
    enum { PAIRS = 4, LANES = 8 };
    static struct lane lanes[LANES];
    struct traffic traffic = {.pairs = busy ? PAIRS : 0};
    uint64_t seed = test_seed();
    int count = fibers + threads;
    signal(SIGPIPE, SIG_IGN);
    several = default_executors() > 1;
    start_traffic(&traffic);
    for (int i = 0; i < count; i++) {
        lanes[i] = (struct lane){.fiber = i < fibers, .alone = count == 1, .jobs = GATE};
        lanes[i].seed = random_fork(seed, (unsigned)i);
        lanes[i].lives = test_scale(lives) / count;
    }
    for (int i = 0; i < count; i++)
        go(&lanes[i]);
    for (int i = 0; i < count; i++)
        finish(&lanes[i]);
    stop_traffic(&traffic);
    printf("# %ld closes, %ld calls ended by them\n", closes, ended);
    ck_assert_msg(!broken, "line %d: not so: %s", atomic_load(&broken_line), broken);
}

START_TEST(a_thread_closes)
{
    run_lanes(0, 1, 20000, false);
}
END_TEST

START_TEST(a_fiber_closes)
{
    run_lanes(1, 0, 40000, false);
}
END_TEST

START_TEST(fibers_and_threads_close_under_load)
{
    run_lanes(3, 2, 20000, true);
}
END_TEST

START_TEST(many_fibers_close_under_load)
{
    run_lanes(8, 0, 20000, true);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "close_crossing_stress", a_thread_closes,
               a_fiber_closes, fibers_and_threads_close_under_load, many_fibers_close_under_load)
