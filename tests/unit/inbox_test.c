/* The inbox: what is pushed comes out oldest first, and a push tells whether the owner sleeps. */
#include "suite.h"

#include <pthread.h>
#include <sched.h>

#include "task/inbox.h"

START_TEST(what_is_pushed_comes_out_oldest_first)
{
    struct inbox inbox = {0};
    struct trale_waker wakers[4];
    const struct trale_waker *w;
    ck_assert(!inbox_filled(&inbox));
    ck_assert_ptr_null(inbox_take(&inbox));
    for (int i = 0; i < 4; i++)
        ck_assert(!inbox_push(&inbox, &wakers[i], &wakers[i]));
    ck_assert(inbox_filled(&inbox));
    w = inbox_take(&inbox);
    for (int i = 0; i < 4; i++, w = w->next)
        ck_assert_ptr_eq(w, &wakers[i]);
    ck_assert_ptr_null(w);
    ck_assert(!inbox_filled(&inbox));
}
END_TEST

START_TEST(a_chain_is_pushed_at_once_newest_first)
{
    struct inbox inbox = {0};
    struct trale_waker wakers[6];
    const struct trale_waker *w;
    inbox_push(&inbox, &wakers[0], &wakers[0]);
    for (int i = 2; i <= 4; i++)
        wakers[i].next = &wakers[i - 1];
    inbox_push(&inbox, &wakers[4], &wakers[1]);
    inbox_push(&inbox, &wakers[5], &wakers[5]);
    w = inbox_take(&inbox);
    for (int i = 0; i < 6; i++, w = w->next)
        ck_assert_ptr_eq(w, &wakers[i]);
    ck_assert_ptr_null(w);
}
END_TEST

START_TEST(only_the_first_push_after_parking_has_to_wake)
{
    struct inbox inbox = {0};
    struct trale_waker wakers[2];
    ck_assert(inbox_park(&inbox));
    ck_assert(inbox_parked(&inbox));
    ck_assert(!inbox_filled(&inbox));
    ck_assert(inbox_push(&inbox, &wakers[0], &wakers[0]));
    ck_assert(!inbox_parked(&inbox));
    ck_assert(!inbox_push(&inbox, &wakers[1], &wakers[1]));
    inbox_wait(&inbox); /* returns at once */
    ck_assert_ptr_eq(inbox_take(&inbox), &wakers[0]);
    ck_assert_ptr_eq(wakers[0].next, &wakers[1]);
    ck_assert_ptr_null(wakers[1].next);
}
END_TEST

START_TEST(parking_fails_while_there_is_something_to_take)
{
    struct inbox inbox = {0};
    struct trale_waker waker;
    inbox_push(&inbox, &waker, &waker);
    ck_assert(!inbox_park(&inbox));
    ck_assert_ptr_eq(inbox_take(&inbox), &waker);
    ck_assert(inbox_park(&inbox));
}
END_TEST

enum { PRODUCERS = 4, EACH = 20000 };

struct note {
    struct trale_waker waker; /* first */
    int producer;
    long number;
};

struct producer {
    pthread_t thread;
    struct inbox *inbox;
    struct note notes[EACH];
    long count;
};

static void *produce(void *arg)
{
    struct producer *p = arg;
    for (long i = 0; i < p->count; i++)
        if (inbox_push(p->inbox, &p->notes[i].waker, &p->notes[i].waker))
            inbox_wake(p->inbox);
    return NULL;
}

/* Each producer's notes come in its own order, none is lost, none comes twice. */
static void consume(struct inbox *inbox, long count)
{
    long next[PRODUCERS] = {0}, taken = 0;
    while (taken < PRODUCERS * count) {
        const struct trale_waker *w = inbox_take(inbox);
        if (!w && inbox_park(inbox))
            inbox_wait(inbox);
        for (; w; w = w->next, taken++) {
            const struct note *note = (const struct note *)w;
            ck_assert_int_eq(note->number, next[note->producer]);
            next[note->producer]++;
        }
    }
    ck_assert(!inbox_filled(inbox));
}

START_TEST(many_threads_push_while_the_owner_takes_and_parks)
{
    static struct producer producers[PRODUCERS];
    static struct inbox inbox;
    long count = test_scale(EACH);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].inbox = &inbox;
        producers[i].count = count;
        for (long k = 0; k < count; k++) {
            producers[i].notes[k].producer = i;
            producers[i].notes[k].number = k;
        }
    }
    for (int i = 0; i < PRODUCERS; i++)
        ck_assert_int_eq(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    consume(&inbox, count);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
}
END_TEST

TEST_MAIN("inbox", what_is_pushed_comes_out_oldest_first, a_chain_is_pushed_at_once_newest_first,
          only_the_first_push_after_parking_has_to_wake,
          parking_fails_while_there_is_something_to_take,
          many_threads_push_while_the_owner_takes_and_parks)
