/*
 * Channels that the tasks of one runtime have to themselves at first. Then others come, while
 * those go on: nothing is lost or doubled, and each sender's items stay in order.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "race.h"
#include "seed.h"
#include "settle.h"
#include "waiters.h"

enum { FIRST, OTHER, THREAD, SIDES }; /* tasks of the default runtime, of another; threads */
enum { ALONE = 20, LATER = 30, MOST = 1 << 16 };
enum { CAPACITIES = 3 };
static const size_t capacities[CAPACITIES] = {0, 1, 8};

struct item {
    int sender, number;
};

static trale_channel *channel;
static trale_runtime *other;
static struct gate alone = GATE;        /* opened when the first have been at it for a while */
static atomic_int newcomers;            /* that still send */
static atomic_uchar seen[SIDES][MOST];  /* how often has it arrived? */
static atomic_long twice, out_of_order; /* nobody but the test's thread asserts */

static void open_channel(size_t capacity)
{
    ck_assert_int_eq(trale_channel_new(&channel, sizeof(struct item), capacity), 0);
}

static void *number(int n)
{
    return (void *)(intptr_t)n;
}

/* On one CPU, and under valgrind, they would come late. */
static void let_others_run(int count)
{
    if (count % 64 == 0)
        sched_yield();
}

/* The first goes on until all others are through. How many have been sent? */
static bool goes_on(int sender, int count)
{
    if (sender != FIRST)
        return count < LATER;
    return count < ALONE || (count < MOST && atomic_load(&newcomers) > 0);
}

static intptr_t send_items(void *sender)
{
    struct item item = {.sender = (int)(intptr_t)sender};
    int error = 0;

    for (; error == 0 && goes_on(item.sender, item.number); item.number += error == 0) {
        error = trale_channel_send(channel, &item);
        if (item.sender == FIRST && item.number == ALONE - 2)
            gate_open(&alone);
        let_others_run(item.number + 1);
    }
    if (item.sender != FIRST)
        atomic_fetch_sub(&newcomers, 1);
    return error ? error : item.number;
}

/* Until it is closed, and empty. */
static intptr_t receive_items(void *nothing)
{
    int last[SIDES] = {-1, -1, -1}, error;
    struct item item;
    intptr_t count = 0;

    (void)nothing;
    for (; (error = trale_channel_recv(channel, &item)) == 0; count++) {
        atomic_fetch_add(&out_of_order, item.number <= last[item.sender]);
        last[item.sender] = item.number;
        atomic_fetch_add(&twice, atomic_fetch_add(&seen[item.sender][item.number], 1) > 0);
    }
    return error == -EPIPE ? count : error;
}

/* One end of the channel: a task, or a thread. */
struct end {
    trale_fn *fn;
    int side;
    trale_task *task;
    pthread_t thread;
    intptr_t result;
};

static void *run_end(void *arg)
{
    struct end *end = arg;

    end->result = end->fn(number(end->side));
    return NULL;
}

static struct end begin(trale_fn *fn, int side)
{
    struct end end = {.fn = fn, .side = side};

    end.task = spawn_on(side == OTHER ? other : NULL, fn, number(side));
    return end;
}

static void begin_thread(struct end *end, trale_fn *fn)
{
    *end = (struct end){.fn = fn, .side = THREAD};
    ck_assert_int_eq(pthread_create(&end->thread, NULL, run_end, end), 0);
}

static int end_of(struct end *end)
{
    if (end->task)
        end->result = join(end->task);
    else
        pthread_join(end->thread, NULL);
    ck_assert_int_ge(end->result, 0);
    return (int)end->result;
}

static void check_all_arrived(const int *sent, int received)
{
    int total = 0;

    for (int i = 0; i < SIDES; i++) {
        for (int n = 0; n < sent[i]; n++)
            ck_assert_int_eq(seen[i][n], 1);
        memset(seen[i], 0, (size_t)sent[i]);
        total += sent[i];
    }
    ck_assert_int_eq(received, total);
    ck_assert_int_eq(twice, 0);
    ck_assert_int_eq(out_of_order, 0);
}

/* Gives how many items the first has sent. */
static int one_round(size_t capacity)
{
    struct end senders[SIDES], receivers[SIDES];
    int sent[SIDES], received = 0;

    open_channel(capacity);
    alone.opened = 0;
    atomic_store(&newcomers, SIDES - 1);
    receivers[FIRST] = begin(receive_items, FIRST);
    senders[FIRST] = begin(send_items, FIRST);
    gate_wait(&alone);
    begin_thread(&senders[THREAD], send_items);
    senders[OTHER] = begin(send_items, OTHER);
    receivers[OTHER] = begin(receive_items, OTHER);
    begin_thread(&receivers[THREAD], receive_items);
    for (int i = 0; i < SIDES; i++)
        sent[i] = end_of(&senders[i]);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    for (int i = 0; i < SIDES; i++)
        received += end_of(&receivers[i]);
    check_all_arrived(sent, received);
    trale_channel_free(channel);
    return sent[FIRST];
}

START_TEST(others_come_while_two_tasks_are_at_it)
{
    long rounds = test_scale(300), sent = 0;

    other = new_runtime();
    for (int i = 0; i < CAPACITIES; i++, sent = 0) {
        for (long round = 0; round < rounds; round++)
            sent += one_round(capacities[i]);
        printf("# capacity %zu: %ld channels; those who were first sent %ld items\n",
               capacities[i], rounds, sent);
        fflush(stdout);
    }
    free_runtime(other);
}
END_TEST

/*
 * Takes a while to copy, so that two who are in the channel at once tear it, or miscount. One
 * channel after the other: a task has it to itself until the thread comes.
 */
enum { WORDS = 1024 };
struct player {
    long number, sent, received, sum, torn, failed;
    long item[WORDS];
};

static struct player task_player, thread_player;
static uint64_t seed;
static long channels;
static _Alignas(64) atomic_long begun; /* channels that the task has used */
static _Alignas(64) atomic_long came;  /* channels that the thread is through with */

static bool play_receive(struct player *p)
{
    long *item = p->item;
    int error = trale_channel_try_recv(channel, item);

    if (error) {
        p->failed += error != -EAGAIN;
        return false;
    }
    p->received++;
    p->sum -= item[0];
    p->torn += item[0] != item[WORDS / 2] || item[0] != item[WORDS - 1];
    return true;
}

static void play(struct player *p)
{
    long *item = p->item;
    int error;

    item[0] = item[WORDS / 2] = item[WORDS - 1] = ++p->number;
    dirty_lines();
    error = trale_channel_try_send(channel, item);
    p->failed += error != 0 && error != -EAGAIN;
    p->sent += error == 0;
    p->sum += error ? 0 : item[0];
    dirty_lines();
    play_receive(p);
}

static intptr_t play_first(void *nothing)
{
    (void)nothing;
    move_to_cpu(true);
    for (long i = 1; i <= channels; i++) {
        int error = trale_channel_new(&channel, sizeof task_player.item, 2);

        if (error)
            return error;
        play(&task_player);
        atomic_store(&begun, i);
        for (int n = 1; atomic_load(&came) < i; n++) {
            play(&task_player);
            let_others_run(n);
        }
        while (play_receive(&task_player))
            ;
        trale_channel_free(channel);
    }
    return 0;
}

static void *play_later(void *nothing)
{
    uint64_t random = random_fork(seed, 0);

    move_to_cpu(false);
    for (long i = 1; i <= channels; i++) {
        for (int spins = 0; atomic_load(&begun) < i; spins++)
            if (spins > 200)
                sched_yield();
        for (uint32_t n = random_below(&random, 30); n > 0; n--)
            dirty_lines();
        for (int n = 0; n < 3; n++)
            play(&thread_player);
        atomic_store(&came, i);
    }
    return nothing;
}

START_TEST(a_thread_comes_while_a_task_copies)
{
    pthread_t thread;
    trale_task *task;

    seed = test_seed();
    channels = test_scale(4000);
    task = spawn_on(NULL, play_first, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, play_later, NULL), 0);
    ck_assert_int_eq(join(task), 0);
    pthread_join(thread, NULL);
    printf("# %ld channels: the task has sent %ld items, the thread %ld\n", channels,
           task_player.sent, thread_player.sent);
    ck_assert_int_eq(task_player.failed + thread_player.failed, 0);
    ck_assert_int_eq(task_player.torn + thread_player.torn, 0);
    ck_assert_int_eq(task_player.sent + thread_player.sent,
                     task_player.received + thread_player.received);
    ck_assert_int_eq(task_player.sum + thread_player.sum, 0);
}
END_TEST

/* What comes is a close, and nothing else. */
static intptr_t send_until_closed(void *nothing)
{
    struct item item = {.sender = FIRST};
    int error;

    (void)nothing;
    while ((error = trale_channel_send(channel, &item)) == 0) {
        if (++item.number == ALONE)
            gate_open(&alone);
        let_others_run(item.number);
    }
    return error == -EPIPE ? item.number : error;
}

static intptr_t count_until_closed(void *nothing)
{
    struct item item;
    int error, count = 0;

    (void)nothing;
    while ((error = trale_channel_recv(channel, &item)) == 0)
        atomic_fetch_add(&out_of_order, item.number != count++);
    return error == -EPIPE ? count : error;
}

START_TEST(a_thread_closes_it_while_two_tasks_are_at_it)
{
    long rounds = test_scale(1000);

    for (long i = 0; i < CAPACITIES * rounds; i++) {
        struct end sender, receiver;

        open_channel(capacities[i % CAPACITIES]);
        alone.opened = 0;
        receiver = begin(count_until_closed, FIRST);
        sender = begin(send_until_closed, FIRST);
        gate_wait(&alone);
        ck_assert_int_eq(trale_channel_close(channel), 0);
        ck_assert_int_eq(end_of(&sender), end_of(&receiver));
        trale_channel_free(channel);
    }
    ck_assert_int_eq(out_of_order, 0);
}
END_TEST

static intptr_t close_it(void *nothing)
{
    (void)nothing;
    return trale_channel_close(channel);
}

START_TEST(a_channel_that_only_two_tasks_have_used_can_be_freed)
{
    for (int i = 0; i < CAPACITIES; i++) {
        struct end sender, receiver;

        open_channel(capacities[i]);
        atomic_store(&newcomers, 0);
        sender = begin(send_items, FIRST);
        receiver = begin(receive_items, FIRST);
        ck_assert_int_eq(end_of(&sender), ALONE);
        ck_assert_int_eq(join(spawn_on(NULL, close_it, NULL)), 0);
        ck_assert_int_eq(end_of(&receiver), ALONE);
        trale_channel_free(channel);
        memset(seen, 0, ALONE);
    }
}
END_TEST

static intptr_t put_one(void *number_of_item)
{
    struct item item = {.number = (int)(intptr_t)number_of_item};

    return trale_channel_send(channel, &item);
}

static intptr_t take_one(void *nothing)
{
    struct item item;
    int error = trale_channel_recv(channel, &item);

    (void)nothing;
    return error ? error : item.number;
}

/* The next runtime may stand where the last one stood. */
static void outlive_runtimes(bool threads_too)
{
    open_channel(2);
    for (int i = 1; i <= 10; i++) {
        other = new_runtime();
        ck_assert_int_eq(join(spawn_on(other, put_one, number(2 * i))), 0);
        ck_assert_int_eq(join(spawn_on(other, put_one, number(2 * i + 1))), 0);
        ck_assert_int_eq(join(spawn_on(other, take_one, NULL)), 2 * i);
        if (!threads_too)
            ck_assert_int_eq(join(spawn_on(other, take_one, NULL)), 2 * i + 1);
        free_runtime(other);
        if (threads_too)
            ck_assert_int_eq(take_one(NULL), 2 * i + 1);
    }
    ck_assert_int_eq(trale_channel_try_recv(channel, &(struct item){0}), -EAGAIN);
    ck_assert_int_eq(trale_channel_close(channel), 0);
    trale_channel_free(channel);
}

START_TEST(it_outlives_the_runtime_that_was_first)
{
    outlive_runtimes(false);
    outlive_runtimes(true);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "channel_shared",
               others_come_while_two_tasks_are_at_it, a_thread_comes_while_a_task_copies,
               a_thread_closes_it_while_two_tasks_are_at_it,
               a_channel_that_only_two_tasks_have_used_can_be_freed,
               it_outlives_the_runtime_that_was_first)
