/* Every call of sync.h, channel.h and select.h that waits, and is not to wait any longer. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>

#include "gate.h"
#include "held_call.h"
#include "settle.h"
#include "waiters.h"

static trale_event event, other_event;
static trale_mutex mutex;
static trale_semaphore semaphore;
static trale_cond cond;
static trale_rwlock rwlock;
static trale_wait_group group;
static trale_barrier barrier = {.parties = 2};
static trale_once once;
static trale_channel *channel;
static trale_task *helper;

static intptr_t wait_event(void)
{
    return trale_event_wait(&event);
}

static void event_is_as_it_was(void)
{
    ck_assert_int_eq(trale_event_try_wait(&event), -EAGAIN);
    ck_assert_int_eq(trale_event_notify(&event), 0);
    ck_assert_int_eq(trale_event_wait(&event), 0);
}

static void take_mutex(void)
{
    ck_assert_int_eq(trale_mutex_lock(&mutex), 0);
}

static intptr_t lock_mutex(void)
{
    return trale_mutex_lock(&mutex);
}

static void mutex_is_as_it_was(void)
{
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
    ck_assert_int_eq(trale_mutex_trylock(&mutex), 0);
    ck_assert_int_eq(trale_mutex_unlock(&mutex), 0);
}

static void release_one(void)
{
    ck_assert_int_eq(trale_semaphore_release(&semaphore, 1), 0);
}

static intptr_t acquire_two(void)
{
    return trale_semaphore_acquire(&semaphore, 2);
}

static void one_permit_is_left(void)
{
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), 0);
    ck_assert_int_eq(trale_semaphore_try_acquire(&semaphore, 1), -EAGAIN);
}

/* -1000: it did not have the mutex when the wait was over. */
static intptr_t wait_cond(void)
{
    int error = trale_mutex_lock(&mutex);

    if (error != 0)
        return error;
    error = trale_cond_wait(&cond, &mutex);
    return trale_mutex_unlock(&mutex) == 0 ? error : -1000;
}

static intptr_t wait_cond_in_task(void *arg)
{
    (void)arg;
    return wait_cond();
}

static void cond_is_as_it_was(void)
{
    struct line line = LINE;

    take_mutex();
    mutex_is_as_it_was();
    line_add(&line, NULL, wait_cond_in_task, NULL);
    ck_assert_int_eq(trale_cond_signal(&cond), 0);
    line_join(&line, 0);
}

static void write_it(void)
{
    ck_assert_int_eq(trale_rwlock_wrlock(&rwlock), 0);
}

static void read_it(void)
{
    ck_assert_int_eq(trale_rwlock_rdlock(&rwlock), 0);
}

static intptr_t rdlock(void)
{
    return trale_rwlock_rdlock(&rwlock);
}

static intptr_t wrlock(void)
{
    return trale_rwlock_wrlock(&rwlock);
}

static void rwlock_is_as_it_was(void)
{
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_trywrlock(&rwlock), 0);
    ck_assert_int_eq(trale_rwlock_unlock(&rwlock), 0);
}

static void add_one(void)
{
    ck_assert_int_eq(trale_wait_group_add(&group, 1), 0);
}

static intptr_t wait_group(void)
{
    return trale_wait_group_wait(&group);
}

static void group_is_as_it_was(void)
{
    ck_assert_int_eq(trale_wait_group_done(&group), 0);
    ck_assert_int_eq(trale_wait_group_done(&group), -EINVAL);
    ck_assert_int_eq(trale_wait_group_wait(&group), 0);
}

static intptr_t wait_barrier(void)
{
    return trale_barrier_wait(&barrier);
}

static intptr_t wait_barrier_in_task(void *arg)
{
    (void)arg;
    return trale_barrier_wait(&barrier);
}

/* It counts as not having come: two more have to. */
static void barrier_is_as_it_was(void)
{
    struct line line = LINE;

    line_add(&line, NULL, wait_barrier_in_task, NULL);
    ck_assert_int_eq(line_through(&line), 0);
    ck_assert_int_eq(trale_barrier_wait(&barrier), 1);
    line_join(&line, 0);
}

static intptr_t wait_other_event(void *arg)
{
    (void)arg;
    return trale_event_wait(&other_event);
}

static intptr_t do_slowly(void *arg)
{
    return trale_once_do(&once, wait_other_event, arg);
}

static void let_somebody_do_it(void)
{
    once = (trale_once){0};
    ck_assert_int_eq(trale_spawn(&helper, do_slowly, NULL), 0);
    settle();
}

static intptr_t never_called(void *arg)
{
    (void)arg;
    return -1000;
}

static intptr_t do_once(void)
{
    return trale_once_do(&once, never_called, NULL);
}

static void once_is_as_it_was(void)
{
    ck_assert_int_eq(trale_event_notify(&other_event), 0);
    ck_assert_int_eq(join(helper), 0);
    ck_assert_int_eq(do_once(), 0);
}

static void new_channel(size_t capacity)
{
    trale_channel_free(channel);
    ck_assert_int_eq(trale_channel_new(&channel, sizeof(int), capacity), 0);
}

static void fill_channel(void)
{
    new_channel(1);
    ck_assert_int_eq(trale_channel_try_send(channel, &(int){1}), 0);
}

static void empty_channel(void)
{
    new_channel(1);
}

static void rendezvous(void)
{
    new_channel(0);
}

static intptr_t send_two(void)
{
    return trale_channel_send(channel, &(int){2});
}

static intptr_t receive(void)
{
    int item = -1;
    int error = trale_channel_recv(channel, &item);

    return error != 0 && item != -1 ? -1000 : error;
}

static intptr_t receive_in_task(void *arg)
{
    int item = -1;
    int error = trale_channel_recv(channel, &item);

    (void)arg;
    return error != 0 ? error : item;
}

/* With nobody in it: what is sent is what is received. */
static void channel_works(void)
{
    struct line line = LINE;
    int item = 0;

    ck_assert_int_eq(trale_channel_try_recv(channel, &item), -EAGAIN);
    line_add(&line, NULL, receive_in_task, NULL);
    ck_assert_int_eq(trale_channel_send(channel, &(int){3}), 0);
    line_join(&line, 3);
}

static void channel_holds_one(void)
{
    int item = 0;

    ck_assert_int_eq(trale_channel_try_recv(channel, &item), 0);
    ck_assert_int_eq(item, 1);
    channel_works();
}

static void nobody_receives(void)
{
    if (trale_channel_try_send(channel, &(int){1}) == 0) /* there is room for one */
        channel_holds_one();
    else
        channel_works();
}

/* Both wait for an event, and for an item. */
struct both {
    trale_event_wait_future wait;
    trale_channel_recv_future recv;
    trale_future *list[2];
    int item;
};

static void begin_both(struct both *b)
{
    trale_event_wait_init(&b->wait, &event);
    trale_channel_recv_init(&b->recv, channel, &b->item);
    b->list[0] = &b->wait.future;
    b->list[1] = &b->recv.future;
    b->item = -1;
}

static intptr_t select_both(void)
{
    struct both b;
    int result;

    begin_both(&b);
    result = trale_select(b.list, 2);
    return b.item == -1 ? result : -1000;
}

static intptr_t join_both(void)
{
    struct both b;
    int result;

    begin_both(&b);
    result = trale_join_all(b.list, 2);
    return b.item == -1 ? result : -1000;
}

static void both_are_as_they_were(void)
{
    event_is_as_it_was();
    nobody_receives();
}

static const struct held_call calls[] = {
    {.name = "event_wait", .call = wait_event, .finish = event_is_as_it_was},
    {.name = "mutex_lock",
     .prepare = take_mutex,
     .call = lock_mutex,
     .finish = mutex_is_as_it_was},
    {.name = "semaphore_acquire",
     .prepare = release_one,
     .call = acquire_two,
     .finish = one_permit_is_left},
    {.name = "cond_wait", .call = wait_cond, .finish = cond_is_as_it_was},
    {.name = "rdlock", .prepare = write_it, .call = rdlock, .finish = rwlock_is_as_it_was},
    {.name = "wrlock", .prepare = read_it, .call = wrlock, .finish = rwlock_is_as_it_was},
    {.name = "wrlock of a writer",
     .prepare = write_it,
     .call = wrlock,
     .finish = rwlock_is_as_it_was},
    {.name = "wait_group_wait",
     .prepare = add_one,
     .call = wait_group,
     .finish = group_is_as_it_was},
    {.name = "barrier_wait", .call = wait_barrier, .finish = barrier_is_as_it_was},
    {.name = "once_do",
     .prepare = let_somebody_do_it,
     .call = do_once,
     .finish = once_is_as_it_was},
    {.name = "channel_send",
     .prepare = fill_channel,
     .call = send_two,
     .finish = channel_holds_one},
    {.name = "channel_send, rendezvous",
     .prepare = rendezvous,
     .call = send_two,
     .finish = channel_works},
    {.name = "channel_recv",
     .prepare = empty_channel,
     .call = receive,
     .finish = nobody_receives},
    {.name = "channel_recv, rendezvous",
     .prepare = rendezvous,
     .call = receive,
     .finish = nobody_receives},
    {.name = "select",
     .prepare = empty_channel,
     .call = select_both,
     .finish = both_are_as_they_were},
    {.name = "join_all",
     .prepare = empty_channel,
     .call = join_both,
     .finish = both_are_as_they_were},
};

START_TEST(a_deadline_ends_it)
{
    HELD_EACH(calls, held_until_deadline);
}
END_TEST

START_TEST(a_deadline_ends_it_on_a_thread)
{
    HELD_EACH(calls, held_until_deadline_on_thread);
}
END_TEST

START_TEST(a_deadline_that_has_passed_does_not_let_it_begin)
{
    HELD_EACH(calls, held_too_late);
}
END_TEST

START_TEST(a_cancel_ends_it)
{
    HELD_EACH(calls, held_until_cancelled);
}
END_TEST

/* Timed out while somebody has the mutex, it waits for the mutex, however long that takes. */
struct contended {
    int64_t deadline;
    trale_task *task;
    struct gate returned;
    int result, left;
    bool owned;
};

static intptr_t wait_contended(void *arg)
{
    struct contended *c = arg;
    trale_scope scope;

    trale_mutex_lock(&mutex);
    trale_scope_enter(&scope, c->deadline);
    c->result = trale_cond_wait(&cond, &mutex);
    c->left = trale_scope_leave(&scope);
    c->owned = trale_mutex_unlock(&mutex) == 0;
    gate_open(&c->returned);
    return 0;
}

static intptr_t own_mutex_past_the_deadline(void *arg)
{
    struct contended *c = arg;

    long returned;
    bool waits;

    trale_mutex_lock(&mutex); /* the other one waits for its signal, or is over already */
    returned = gate_opened(&c->returned);
    trale_sleep_until(c->deadline + 1);
    trale_yield(); /* it has been polled */
    waits = gate_opened(&c->returned) == returned;
    return trale_mutex_unlock(&mutex) == 0 && waits ? 0 : -1;
}

START_TEST(a_timed_out_cond_wait_waits_for_its_mutex)
{
    struct contended c = {.deadline = trale_now() + 5 * TRALE_MS, .returned = GATE};
    trale_task *owner;

    ck_assert_int_eq(trale_spawn(&c.task, wait_contended, &c), 0);
    ck_assert_int_eq(trale_spawn(&owner, own_mutex_past_the_deadline, &c), 0);
    ck_assert_int_eq(join(owner), 0);
    ck_assert_int_eq(join(c.task), 0);
    ck_assert_int_eq(c.result, -ETIMEDOUT);
    ck_assert_int_eq(c.left, -ETIMEDOUT);
    ck_assert(c.owned);
    cond_is_as_it_was();
}
END_TEST

static void free_all(void)
{
    trale_channel_free(channel);
    free_default_runtime();
}

TEST_MAIN_WITH(NULL, free_all, "deadline_sync", a_deadline_ends_it,
               a_deadline_ends_it_on_a_thread, a_deadline_that_has_passed_does_not_let_it_begin,
               a_cancel_ends_it, a_timed_out_cond_wait_waits_for_its_mutex)
