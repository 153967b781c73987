/*
 * Broadcasts, watches and one-shots between tasks of two runtimes and plain threads, some of whom
 * are cancelled or have little time. A ledger: what was sent was received or reported missing, by
 * everybody, once and in order; who was told that nothing happened has not moved.
 */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "seed.h"
#include "settle.h"
#include "waiters.h"

enum { SENDERS = 3, RECEIVERS = 4, CAPACITY = 16, BATCH = 20 };

struct item {
    uint32_t sender, number;
};

static trale_broadcast *news;
static trale_watch *level;
static long each; /* items of each sender */
static atomic_long faults, received, missed, nothing, seen_values;

static void check(bool good)
{
    if (!good)
        atomic_fetch_add(&faults, 1);
}

/* One of SENDERS, on a thread or in a task. */
struct sender {
    uint32_t index;
    uint64_t random;
};

/* The last one closes. */
static intptr_t send_all(void *arg)
{
    static atomic_int ended;
    struct sender *s = arg;

    for (uint32_t i = 1; i <= (uint32_t)each; i++) {
        struct item item = {s->index, i};
        check(trale_broadcast_send(news, &item) == 0);
        check(trale_watch_set(level, &item) == 0);
        if (random_below(&s->random, 8) == 0)
            trale_yield();
    }
    if (atomic_fetch_add(&ended, 1) == SENDERS - 1)
        check(trale_broadcast_close(news) == 0 && trale_watch_close(level) == 0);
    return 0;
}

static void *send_all_on_thread(void *sender)
{
    send_all(sender);
    return NULL;
}

/* A subscriber's book. */
struct book {
    uint64_t cursor;
    long got, missing;
    uint32_t last[SENDERS];
    struct item item;
};

/* After a call that returned result; cursor is what it was before. False: it is over. */
static bool enter(struct book *book, uint64_t cursor, intptr_t result)
{
    if (result < 0) {
        check(book->cursor == cursor);
        atomic_fetch_add(&nothing, result != -EPIPE);
        return result != -EPIPE;
    }
    check(book->cursor == cursor + (uint64_t)result + 1);
    check(book->item.sender < SENDERS && book->item.number > book->last[book->item.sender]);
    book->last[book->item.sender] = book->item.number;
    book->got++;
    book->missing += result;
    return true;
}

/* Everything was sent: nothing is unaccounted for. */
static void close_book(const struct book *book)
{
    check(book->got + book->missing == SENDERS * each);
    check(book->cursor == (uint64_t)(SENDERS * each));
    if (book->missing == 0)
        for (int i = 0; i < SENDERS; i++)
            check(book->last[i] == (uint32_t)each);
    atomic_fetch_add(&received, book->got);
    atomic_fetch_add(&missed, book->missing);
}

static intptr_t subscribe(void *arg)
{
    struct book book = {0};
    uint64_t cursor;
    intptr_t result;

    (void)arg;
    do {
        trale_scope scope;
        cursor = book.cursor;
        trale_scope_enter(&scope, book.got % 3 ? TRALE_NEVER : trale_now() + 20 * TRALE_US);
        result = trale_broadcast_recv(news, &book.cursor, &book.item);
        trale_scope_leave(&scope);
    } while (enter(&book, cursor, result));
    close_book(&book);
    return 0;
}

/* The latest: never an older one than before, and the last one in the end. */
static intptr_t watch(void *arg)
{
    uint32_t last[SENDERS] = {0};
    struct item item = {0};
    uint64_t seen = 0, before = 0;

    (void)arg;
    while (trale_watch_wait(level, &seen, &item) == 0) {
        check(seen > before && item.sender < SENDERS && item.number > last[item.sender]);
        before = seen;
        last[item.sender] = item.number;
        atomic_fetch_add(&seen_values, 1);
    }
    check(seen == (uint64_t)(SENDERS * each));
    return item.number == (uint32_t)each ? 0 : -1;
}

static void *receive_on_thread(void *watches)
{
    check((watches ? watch : subscribe)(NULL) == 0);
    return NULL;
}

/* Subscribers without a stack, each of which is cancelled a random while later, and begins again
 * where it was. Until nothing more comes. */
static void cancel_subscribers(uint64_t *random, trale_runtime *other)
{
    static struct book books[BATCH];
    trale_task *tasks[BATCH];
    uint64_t cursors[BATCH];
    int open = BATCH;

    while (open > 0) {
        open = 0;
        for (int i = 0; i < BATCH; i++) {
            trale_spawn_options options = {.runtime = i % 2 ? other : NULL};
            trale_broadcast_recv_future f;
            cursors[i] = books[i].cursor;
            trale_broadcast_recv_init(&f, news, &books[i].cursor, &books[i].item);
            ck_assert_int_eq(trale_spawn_future_with(&tasks[i], &options, &f.future, sizeof f),
                             0);
        }
        for (int i = 0; i < BATCH; i++) {
            if (random_below(random, 2))
                trale_cancel(tasks[i]);
            open += enter(&books[i], cursors[i], join(tasks[i]));
        }
    }
    for (int i = 0; i < BATCH; i++)
        close_book(&books[i]);
}

static void run_all(uint64_t seed, trale_runtime *other)
{
    struct sender senders[SENDERS];
    pthread_t threads[3];
    trale_task *tasks[SENDERS - 1], *receivers[RECEIVERS];
    uint64_t random = random_fork(seed, SENDERS);

    for (int i = 0; i < RECEIVERS; i++)
        receivers[i] = spawn_on(i % 2 ? other : NULL, i < 2 ? subscribe : watch, NULL);
    pthread_create(&threads[0], NULL, receive_on_thread, NULL);
    pthread_create(&threads[1], NULL, receive_on_thread, &threads);
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){i, random_fork(seed, i)};
        if (i == 0)
            pthread_create(&threads[2], NULL, send_all_on_thread, &senders[i]);
        else
            tasks[i - 1] = spawn_on(i % 2 ? other : NULL, send_all, &senders[i]);
    }
    cancel_subscribers(&random, other);
    for (int i = 0; i < SENDERS - 1; i++)
        join(tasks[i]);
    pthread_join(threads[2], NULL);
    for (int i = 0; i < RECEIVERS; i++)
        ck_assert_int_eq(join(receivers[i]), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

START_TEST(nothing_is_unaccounted_for)
{
    uint64_t seed = test_seed();
    trale_runtime *other = new_runtime();

    each = test_scale(40000);
    ck_assert_int_eq(trale_broadcast_new(&news, sizeof(struct item), CAPACITY), 0);
    ck_assert_int_eq(trale_watch_new(&level, sizeof(struct item)), 0);
    run_all(seed, other);
    ck_assert_int_eq(faults, 0);
    printf("# %ld sent, %ld received, %ld missed, %ld ended with nothing, %ld values seen\n",
           SENDERS * each, received, missed, nothing, seen_values);
    trale_broadcast_free(news);
    trale_watch_free(level);
    free_runtime(other);
}
END_TEST

/* Two set a one-shot: one is the first, and everybody who got a value got his. */
static trale_oneshot oneshot;

static intptr_t get(void *arg)
{
    intptr_t value = -1;
    int error = trale_oneshot_get(&oneshot, &value);

    (void)arg;
    return error == 0 ? value : error;
}

static intptr_t set(void *value)
{
    return trale_oneshot_set(&oneshot, (intptr_t)value);
}

static void one_round(uint64_t *random, trale_runtime *other)
{
    trale_task *getters[BATCH], *setters[2];
    intptr_t results[2], value;

    oneshot = (trale_oneshot){0};
    for (int i = 0; i < BATCH; i++) {
        getters[i] = spawn_on(i % 2 ? other : NULL, get, NULL);
        if (i / 2 == BATCH / 4)
            setters[i % 2] = spawn_on(i % 2 ? other : NULL, set, (void *)(intptr_t)(i % 2));
    }
    for (uint32_t i = random_below(random, BATCH); i > 0; i--)
        trale_cancel(getters[random_below(random, BATCH)]);
    for (int i = 0; i < 2; i++)
        results[i] = join(setters[i]);
    ck_assert_int_eq(results[0] + results[1], -EALREADY);
    value = results[0] == 0 ? 0 : 1;
    for (int i = 0; i < BATCH; i++) {
        intptr_t result = join(getters[i]);
        ck_assert(result == value || result == -ECANCELED);
    }
}

START_TEST(one_value_for_all)
{
    uint64_t random = test_seed();
    trale_runtime *other = new_runtime();

    for (long i = test_scale(5000); i > 0; i--)
        one_round(&random, other);
    free_runtime(other);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "broadcast_stress", nothing_is_unaccounted_for,
               one_value_for_all)
