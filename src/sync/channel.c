/*
 * A channel: a ring of items, and those who wait.
 *
 * Who waits is called when there is something for him, and takes it in his own poll. Until then
 * it is spoken for: a newcomer may have only what is left beside those who were called, so nobody
 * is overtaken. Who was called and does not come leaves his place to the next.
 *
 * Without capacity a sender's item stays with the sender until a receiver takes it; an arm of a
 * select has to be claimed for that. Only if a receiver waits already the item goes into the one
 * slot that there is, for him, and the sender goes on.
 *
 * Fields: I: immutable.  L: lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <trale/channel.h>

#include "base/list.h"
#include "base/misuse.h"
#include "sync/wait_word.h"
#include "task/await.h"
#include "task/select.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/waker.h"

struct trale_channel {
    wait_word lock;              /* the value is not used */
    bool closed;                 /* L: */
    size_t item_size, capacity;  /* I: */
    size_t slots;                /* I: of the ring, at least 1 */
    size_t first, count;         /* L: what is in the ring */
    struct trale_link senders;   /* L: who waits and was not called */
    struct trale_link receivers; /* L: likewise */
    size_t senders_waiting;      /* L: the length of that list */
    size_t senders_called;       /* L: room that is spoken for */
    size_t receivers_called;     /* L: items that are */
    char items[];                /* L: */
};

/*
 * ABSENT   Not in the channel's books.
 * WAITING  On its list.
 * CALLED   Off the list, woken, and what it was called for is spoken for.
 * SERVED   A sender whose item was taken.
 */
enum stage { ABSENT, WAITING, CALLED, SERVED };

int trale_channel_new(trale_channel **channel, size_t item_size, size_t capacity)
{
    size_t slots = capacity > 0 ? capacity : 1;
    trale_channel *new;

    if (!channel || (item_size > 0 && slots > (SIZE_MAX / 2 - sizeof *new) / item_size))
        return -EINVAL;
    new = malloc(sizeof *new + slots *item_size);
    if (!new)
        return -ENOMEM;
    *new = (trale_channel){.item_size = item_size, .capacity = capacity, .slots = slots};
    list_init(&new->senders);
    list_init(&new->receivers);
    *channel = new;
    return 0;
}

void trale_channel_free(trale_channel *ch)
{
    if (!ch)
        return;
    if (!list_empty(&ch->senders) || !list_empty(&ch->receivers) || ch->senders_called > 0 ||
        ch->receivers_called > 0)
        misuse(__func__, "somebody waits: close the channel first, and let them return");
    free(ch);
}

/* Everything from here to the polls is under the lock. */

/* Calls the first who waits. */
static void call(struct trale_link *list, size_t *called, struct wake_batch *batch)
{
    struct trale_channel_waiter *w =
        container_of(list_pop_front(list), struct trale_channel_waiter, link);

    w->stage = CALLED;
    ++*called;
    waker_claim(w->waker, batch);
}

static bool has_room_left(const trale_channel *ch)
{
    return ch->count + ch->senders_called < ch->capacity;
}

static void call_sender(trale_channel *ch, struct wake_batch *batch)
{
    if (list_empty(&ch->senders) || !has_room_left(ch))
        return;
    ch->senders_waiting--;
    call(&ch->senders, &ch->senders_called, batch);
}

/* Without capacity, a sender who waits is as good as an item; it may be gone when it comes to it. */
static bool has_items_left(const trale_channel *ch)
{
    return ch->count + (ch->capacity == 0 ? ch->senders_waiting : 0) > ch->receivers_called;
}

static void call_receiver(trale_channel *ch, struct wake_batch *batch)
{
    if (!list_empty(&ch->receivers) && has_items_left(ch))
        call(&ch->receivers, &ch->receivers_called, batch);
}

static void put(trale_channel *ch, const void *item)
{
    size_t place = ch->first + ch->count++;

    if (place >= ch->slots)
        place -= ch->slots;
    if (ch->item_size > 0)
        memcpy(ch->items + place * ch->item_size, item, ch->item_size);
}

static void take(trale_channel *ch, void *item)
{
    if (ch->item_size > 0)
        memcpy(item, ch->items + ch->first * ch->item_size, ch->item_size);
    ch->count--;
    if (++ch->first == ch->slots)
        ch->first = 0;
}

static bool may_put(const trale_channel *ch, bool called)
{
    if (ch->capacity == 0)
        return ch->count == 0 && !list_empty(&ch->receivers);
    return called || (list_empty(&ch->senders) && has_room_left(ch));
}

/* called: the caller was, and is not counted any more. */
static int send_now(trale_channel *ch, const void *item, bool called, struct wake_batch *batch)
{
    if (ch->closed)
        return -EPIPE;
    if (!may_put(ch, called))
        return -EAGAIN;
    put(ch, item);
    call_receiver(ch, batch);
    return 0;
}

/* The item of the first sender that can be had. */
static bool take_from_sender(trale_channel *ch, void *item, struct wake_batch *batch)
{
    struct trale_link *link;

    for (link = ch->senders.next; link != &ch->senders; link = link->next) {
        struct trale_channel_waiter *w = container_of(link, struct trale_channel_waiter, link);

        if (!select_claim(w->select, w->place))
            continue;
        if (ch->item_size > 0)
            memcpy(item, w->item, ch->item_size);
        list_remove(link);
        ch->senders_waiting--;
        w->stage = SERVED;
        waker_claim(w->waker, batch);
        return true;
    }
    return false;
}

static int recv_now(trale_channel *ch, void *item, bool called, struct wake_batch *batch)
{
    bool mine = called || ch->closed || (list_empty(&ch->receivers) && has_items_left(ch));

    if (mine && ch->count > 0) {
        take(ch, item);
        call_sender(ch, batch);
        return 0;
    }
    if (ch->closed)
        return -EPIPE;
    return mine && ch->capacity == 0 && take_from_sender(ch, item, batch) ? 0 : -EAGAIN;
}

/* Who was called in vain is still the first. False: it would be for ever. */
static bool wait_in(struct trale_link *list, struct trale_channel_waiter *w, trale_channel *ch,
                    bool called, const trale_context *cx)
{
    w->waker = cx->waker;
    if (w->stage == WAITING)
        return true;
    if (wait_is_vain())
        return false;
    w->channel = ch;
    w->select = cx->select;
    w->place = cx->place;
    w->stage = WAITING;
    if (called)
        list_push_front(list, &w->link);
    else
        list_push_back(list, &w->link);
    return true;
}

/* The call is over, or will be called no more. */
static void forget(struct trale_channel_waiter *w)
{
    if (w->stage == WAITING)
        list_remove(&w->link);
    w->stage = ABSENT;
    w->channel = NULL;
}

static int send_or_wait(trale_channel *ch, struct trale_channel_waiter *w, const void *item,
                        const trale_context *cx, struct wake_batch *batch)
{
    bool called = w->stage == CALLED, waited = w->stage == WAITING;
    int error;

    if (w->stage == SERVED) {
        forget(w);
        return 0;
    }
    ch->senders_called -= called;
    w->stage = called ? ABSENT : w->stage;
    error = send_now(ch, item, called, batch);
    w->item = item;
    if (error == -EAGAIN && wait_in(&ch->senders, w, ch, called, cx)) {
        ch->senders_waiting += !waited;
        call_receiver(ch, batch);
        return -EAGAIN;
    }
    ch->senders_waiting -= waited;
    forget(w);
    return error == -EAGAIN ? -ESHUTDOWN : error;
}

static int recv_or_wait(trale_channel *ch, struct trale_channel_waiter *w, void *item,
                        const trale_context *cx, struct wake_batch *batch)
{
    bool called = w->stage == CALLED;
    int error;

    if (w->stage == WAITING) {
        w->waker = cx->waker;
        return -EAGAIN;
    }
    ch->receivers_called -= called;
    w->stage = ABSENT;
    error = recv_now(ch, item, called, batch);
    if (error == -EAGAIN && wait_in(&ch->receivers, w, ch, called, cx))
        return -EAGAIN;
    forget(w);
    return error == -EAGAIN ? -ESHUTDOWN : error;
}

/* The polls. */

static enum trale_poll send_poll(trale_future *self, trale_context *cx)
{
    trale_channel_send_future *f = container_of(self, trale_channel_send_future, future);
    trale_channel *ch = f->channel;
    struct wake_batch batch = {0};
    int error;

    if (!ch || (!f->item && ch->item_size > 0))
        return future_ready(self, -EINVAL);
    if (!f->waiter.channel && await_budget_is_spent(cx->waker))
        return TRALE_PENDING;
    word_lock(&ch->lock);
    error = send_or_wait(ch, &f->waiter, f->item, cx, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
    return error == -EAGAIN ? TRALE_PENDING : future_ready(self, error);
}

static enum trale_poll recv_poll(trale_future *self, trale_context *cx)
{
    trale_channel_recv_future *f = container_of(self, trale_channel_recv_future, future);
    trale_channel *ch = f->channel;
    struct wake_batch batch = {0};
    int error;

    if (!ch || (!f->item && ch->item_size > 0))
        return future_ready(self, -EINVAL);
    if (!f->waiter.channel && await_budget_is_spent(cx->waker))
        return TRALE_PENDING;
    word_lock(&ch->lock);
    error = recv_or_wait(ch, &f->waiter, f->item, cx, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
    return error == -EAGAIN ? TRALE_PENDING : future_ready(self, error);
}

/* A sender whose item was taken has sent it. */
static void send_drop(trale_future *self)
{
    struct trale_channel_waiter *w =
        &container_of(self, trale_channel_send_future, future)->waiter;
    trale_channel *ch = w->channel;
    struct wake_batch batch = {0};

    if (!ch)
        return;
    word_lock(&ch->lock);
    if (w->stage == SERVED)
        self->output = 0;
    ch->senders_waiting -= w->stage == WAITING;
    ch->senders_called -= w->stage == CALLED;
    forget(w);
    call_sender(ch, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
}

static void recv_drop(trale_future *self)
{
    struct trale_channel_waiter *w =
        &container_of(self, trale_channel_recv_future, future)->waiter;
    trale_channel *ch = w->channel;
    struct wake_batch batch = {0};

    if (!ch)
        return;
    word_lock(&ch->lock);
    ch->receivers_called -= w->stage == CALLED;
    forget(w);
    call_receiver(ch, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
}

void trale_channel_send_init(trale_channel_send_future *f, trale_channel *channel,
                             const void *item)
{
    static const struct trale_future_ops ops = {send_poll, send_drop, "channel_send"};

    *f = (trale_channel_send_future){.future = {.ops = &ops}, .channel = channel, .item = item};
}

void trale_channel_recv_init(trale_channel_recv_future *f, trale_channel *channel, void *item)
{
    static const struct trale_future_ops ops = {recv_poll, recv_drop, "channel_recv"};

    *f = (trale_channel_recv_future){.future = {.ops = &ops}, .channel = channel, .item = item};
}

int trale_channel_try_send(trale_channel *ch, const void *item)
{
    struct wake_batch batch = {0};
    int error;

    if (!ch || (!item && ch->item_size > 0))
        return -EINVAL;
    word_lock(&ch->lock);
    error = send_now(ch, item, false, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
    return error;
}

int trale_channel_try_recv(trale_channel *ch, void *item)
{
    struct wake_batch batch = {0};
    int error;

    if (!ch || (!item && ch->item_size > 0))
        return -EINVAL;
    word_lock(&ch->lock);
    error = recv_now(ch, item, false, &batch);
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
    return error;
}

int trale_channel_send(trale_channel *channel, const void *item)
{
    trale_channel_send_future f;
    int error = await_at_once(__func__) ? trale_channel_try_send(channel, item) : -EAGAIN;

    if (error != -EAGAIN)
        return error;
    trale_channel_send_init(&f, channel, item);
    return (int)await_call(__func__, &f.future);
}

int trale_channel_recv(trale_channel *channel, void *item)
{
    trale_channel_recv_future f;
    int error = await_at_once(__func__) ? trale_channel_try_recv(channel, item) : -EAGAIN;

    if (error != -EAGAIN)
        return error;
    trale_channel_recv_init(&f, channel, item);
    return (int)await_call(__func__, &f.future);
}

/* Everybody who waits is called to see it. */
int trale_channel_close(trale_channel *ch)
{
    struct wake_batch batch = {0};

    if (!ch)
        return -EINVAL;
    word_lock(&ch->lock);
    ch->closed = true;
    while (!list_empty(&ch->senders))
        call(&ch->senders, &ch->senders_called, &batch);
    while (!list_empty(&ch->receivers))
        call(&ch->receivers, &ch->receivers_called, &batch);
    ch->senders_waiting = 0;
    word_unlock(&ch->lock, 0, false);
    wake_batch_deliver(&batch);
    return 0;
}
