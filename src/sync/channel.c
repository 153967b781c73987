/*
 * A channel: a ring of items, and those who wait.
 *
 * Who waits is called when there is something for him, and takes it in his own poll. Until then
 * it is spoken for: a newcomer may have only what is left beside those who were called, so nobody
 * is overtaken. Who was called and does not come leaves his place to the next.
 *
 * Without capacity there is nothing to be called for. Sender and receiver meet: who comes second
 * serves the other, copying from his item or to it, and claims the select that he may be an arm
 * of. Both lists have somebody only while those in them cannot be had, or not by one another.
 *
 * Fields: I: immutable.  L: lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <trale/channel.h>

#include "base/list.h"
#include "base/misuse.h"
#include "sync/ops.h"
#include "sync/owned_lock.h"
#include "task/await_fiber.h"
#include "task/select.h"
#include "task/task.h"
#include "task/thread.h"
#include "task/waker.h"

struct trale_channel {
    struct owned_lock lock;
    bool closed;                 /* L: */
    size_t item_size, capacity;  /* I: */
    size_t first, count;         /* L: what is in the ring */
    struct trale_link senders;   /* L: who waits and was not called */
    struct trale_link receivers; /* L: likewise */
    size_t senders_called;       /* L: room that is spoken for */
    size_t receivers_called;     /* L: items that are */
    size_t served;               /* L: who was, and has not come back */
    char items[];                /* L: */
};

/*
 * ABSENT   Not in the channel's books.
 * WAITING  On its list.
 * CALLED   Off the list, woken, and what it was called for is spoken for.
 * SERVED   Off the list, woken, and the item was copied.
 */
enum stage { ABSENT, WAITING, CALLED, SERVED };

int trale_channel_new(trale_channel **channel, size_t item_size, size_t capacity)
{
    trale_channel *ch;

    if (!channel || (item_size > 0 && capacity > (SIZE_MAX / 2 - sizeof *ch) / item_size))
        return -EINVAL;
    ch = calloc(1, sizeof *ch + capacity * item_size);
    if (!ch)
        return -ENOMEM;
    ch->item_size = item_size;
    ch->capacity = capacity;
    list_init(&ch->senders);
    list_init(&ch->receivers);
    *channel = ch;
    return 0;
}

void trale_channel_free(trale_channel *ch)
{
    if (!ch)
        return;
    if (!list_empty(&ch->senders) || !list_empty(&ch->receivers) || ch->senders_called > 0 ||
        ch->receivers_called > 0 || ch->served > 0)
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
    if (!list_empty(&ch->senders) && has_room_left(ch))
        call(&ch->senders, &ch->senders_called, batch);
}

static bool has_items_left(const trale_channel *ch)
{
    return ch->count > ch->receivers_called;
}

/* After the last item of a closed channel there is nothing to wait for. */
static void call_receivers(trale_channel *ch, struct wake_batch *batch)
{
    bool over = ch->closed && ch->count == 0;

    while (!list_empty(&ch->receivers) && (over || has_items_left(ch)))
        call(&ch->receivers, &ch->receivers_called, batch);
}

ALWAYS_INLINE void copy(const trale_channel *ch, void *to, const void *from)
{
    if (!to || !from) /* items have no bytes */
        return;
    if (ch->item_size == sizeof(void *)) /* as most have: no call */
        memcpy(to, from, sizeof(void *));
    else
        memcpy(to, from, ch->item_size);
}

ALWAYS_INLINE void put(trale_channel *ch, const void *item)
{
    size_t place = ch->first + ch->count++;

    if (place >= ch->capacity)
        place -= ch->capacity;
    copy(ch, ch->items + place * ch->item_size, item);
}

ALWAYS_INLINE void take(trale_channel *ch, void *item)
{
    copy(ch, item, ch->items + ch->first * ch->item_size);
    ch->count--;
    if (++ch->first == ch->capacity)
        ch->first = 0;
}

/* Without capacity: the first who waits and can be had. The caller serves him. */
ALWAYS_INLINE struct trale_channel_waiter *meet(trale_channel *ch, struct trale_link *list,
                                                const trale_context *cx, struct wake_batch *batch)
{
    struct trale_link *link;

    for (link = list->next; link != list; link = link->next) {
        struct trale_channel_waiter *w = container_of(link, struct trale_channel_waiter, link);

        if (!select_claim(w->select, w->place, cx))
            continue;
        list_remove(link);
        w->stage = SERVED;
        ch->served++;
        waker_claim(w->waker, batch);
        return w;
    }
    return NULL;
}

/* called: the caller was. cx: of a caller that would wait; else NULL. */
ALWAYS_INLINE int send_now(trale_channel *ch, const void *item, bool called,
                           const trale_context *cx, struct wake_batch *batch)
{
    struct trale_channel_waiter *receiver;

    if (ch->closed)
        return -EPIPE;
    if (ch->capacity == 0) {
        receiver = meet(ch, &ch->receivers, cx, batch);
        if (receiver)
            copy(ch, receiver->item, item);
        return receiver ? 0 : -EAGAIN;
    }
    if (!called && (!list_empty(&ch->senders) || !has_room_left(ch)))
        return -EAGAIN;
    put(ch, item);
    call_receivers(ch, batch);
    return 0;
}

ALWAYS_INLINE int recv_now(trale_channel *ch, void *item, bool called, const trale_context *cx,
                           struct wake_batch *batch)
{
    struct trale_channel_waiter *sender;

    if (ch->closed && ch->count == 0)
        return -EPIPE;
    if (ch->capacity == 0) {
        sender = meet(ch, &ch->senders, cx, batch);
        if (sender)
            copy(ch, item, sender->item);
        return sender ? 0 : -EAGAIN;
    }
    if (!called && (!list_empty(&ch->receivers) || !has_items_left(ch)))
        return -EAGAIN;
    take(ch, item);
    call_sender(ch, batch);
    call_receivers(ch, batch);
    return 0;
}

/* False: it would be for ever. */
static bool wait_in(struct trale_link *list, struct trale_channel_waiter *w, trale_channel *ch,
                    void *item, const trale_context *cx)
{
    w->waker = cx->waker;
    if (w->stage == WAITING)
        return true;
    if (wait_is_vain())
        return false;
    w->channel = ch;
    w->item = item;
    w->select = cx->select;
    w->place = cx->place;
    w->stage = WAITING;
    list_push_back(list, &w->link);
    return true;
}

/* The call is over, or will be called no more. called: of the list that it was on. */
static void leave(trale_channel *ch, struct trale_channel_waiter *w, size_t *called)
{
    if (w->stage == WAITING)
        list_remove(&w->link);
    *called -= w->stage == CALLED;
    ch->served -= w->stage == SERVED;
    w->stage = ABSENT;
    w->channel = NULL;
}

static int send_or_wait(trale_channel *ch, struct trale_channel_waiter *w, const void *item,
                        const trale_context *cx, struct wake_batch *batch)
{
    int error = 0;

    if (w->stage != SERVED)
        error = send_now(ch, item, w->stage == CALLED, cx, batch);
    if (error == -EAGAIN && wait_in(&ch->senders, w, ch, (void *)(uintptr_t)item, cx))
        return -EAGAIN;
    leave(ch, w, &ch->senders_called);
    return error == -EAGAIN ? -ESHUTDOWN : error;
}

static int recv_or_wait(trale_channel *ch, struct trale_channel_waiter *w, void *item,
                        const trale_context *cx, struct wake_batch *batch)
{
    int error = 0;

    if (w->stage != SERVED)
        error = recv_now(ch, item, w->stage == CALLED, cx, batch);
    if (error == -EAGAIN && wait_in(&ch->receivers, w, ch, item, cx))
        return -EAGAIN;
    leave(ch, w, &ch->receivers_called);
    return error == -EAGAIN ? -ESHUTDOWN : error;
}

/* What matters while it is absent; to zero all of it takes longer than a hand-over may. */
static void waiter_init(struct trale_channel_waiter *w)
{
    w->channel = NULL;
    w->stage = ABSENT;
}

static enum trale_poll send_poll(trale_future *self, trale_context *cx)
{
    trale_channel_send_future *f = container_of(self, trale_channel_send_future, future);
    trale_channel *ch = f->channel;
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || (!f->item && ch->item_size > 0))
        return future_ready(self, -EINVAL);
    if (!f->waiter.channel && await_budget_is_spent(cx->waker))
        return TRALE_PENDING;
    owner = owned_enter(&ch->lock);
    error = send_or_wait(ch, &f->waiter, f->item, cx, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return error == -EAGAIN ? TRALE_PENDING : future_ready(self, error);
}

static enum trale_poll recv_poll(trale_future *self, trale_context *cx)
{
    trale_channel_recv_future *f = container_of(self, trale_channel_recv_future, future);
    trale_channel *ch = f->channel;
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || (!f->item && ch->item_size > 0))
        return future_ready(self, -EINVAL);
    if (!f->waiter.channel && await_budget_is_spent(cx->waker))
        return TRALE_PENDING;
    owner = owned_enter(&ch->lock);
    error = recv_or_wait(ch, &f->waiter, f->item, cx, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return error == -EAGAIN ? TRALE_PENDING : future_ready(self, error);
}

/* Who was served reports it. */
static void send_drop(trale_future *self)
{
    struct trale_channel_waiter *w =
        &container_of(self, trale_channel_send_future, future)->waiter;
    trale_channel *ch = w->channel;
    struct wake_batch batch = {0};
    bool owner;

    if (!ch)
        return;
    owner = owned_enter(&ch->lock);
    if (w->stage == SERVED)
        self->output = 0;
    leave(ch, w, &ch->senders_called);
    call_sender(ch, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
}

static void recv_drop(trale_future *self)
{
    struct trale_channel_waiter *w =
        &container_of(self, trale_channel_recv_future, future)->waiter;
    trale_channel *ch = w->channel;
    struct wake_batch batch = {0};
    bool owner;

    if (!ch)
        return;
    owner = owned_enter(&ch->lock);
    if (w->stage == SERVED)
        self->output = 0;
    leave(ch, w, &ch->receivers_called);
    call_receivers(ch, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
}

const struct trale_future_ops channel_send_ops = {send_poll, send_drop, "channel_send"};

void trale_channel_send_init(trale_channel_send_future *f, trale_channel *channel,
                             const void *item)
{
    f->future.ops = &channel_send_ops;
    f->channel = channel;
    f->item = item;
    waiter_init(&f->waiter);
}

const struct trale_future_ops channel_recv_ops = {recv_poll, recv_drop, "channel_recv"};

void trale_channel_recv_init(trale_channel_recv_future *f, trale_channel *channel, void *item)
{
    f->future.ops = &channel_recv_ops;
    f->channel = channel;
    f->item = item;
    waiter_init(&f->waiter);
}

/* What concerns nobody who waits, by the owner of the lock: no call, and no register saved for one,
 * so the rest is out of line. False: nothing was done, and it may be otherwise. */
static inline bool enter_at_once(trale_channel *ch, const void *item)
{
    return ch && item && ch->item_size == sizeof(void *) && owned_enter_at_once(&ch->lock);
}

static inline bool send_at_once(trale_channel *ch, const void *item)
{
    bool done;

    if (!enter_at_once(ch, item))
        return false;
    done = !ch->closed && list_empty(&ch->senders) && list_empty(&ch->receivers) &&
           has_room_left(ch);
    if (done)
        put(ch, item);
    owned_leave(&ch->lock, true);
    return done;
}

static inline bool recv_at_once(trale_channel *ch, void *item)
{
    bool done;

    if (!enter_at_once(ch, item))
        return false;
    done = list_empty(&ch->senders) && list_empty(&ch->receivers) && has_items_left(ch);
    if (done)
        take(ch, item);
    owned_leave(&ch->lock, true);
    return done;
}

static __attribute__((noinline)) int try_send(trale_channel *ch, const void *item)
{
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || (!item && ch->item_size > 0))
        return -EINVAL;
    owner = owned_enter(&ch->lock);
    error = send_now(ch, item, false, NULL, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return error;
}

static __attribute__((noinline)) int try_recv(trale_channel *ch, void *item)
{
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || (!item && ch->item_size > 0))
        return -EINVAL;
    owner = owned_enter(&ch->lock);
    error = recv_now(ch, item, false, NULL, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return error;
}

int trale_channel_try_send(trale_channel *channel, const void *item)
{
    return send_at_once(channel, item) ? 0 : try_send(channel, item);
}

int trale_channel_try_recv(trale_channel *channel, void *item)
{
    return recv_at_once(channel, item) ? 0 : try_recv(channel, item);
}

/* Without capacity every other call waits: it is not worth trying. */
static __attribute__((noinline)) int send_slowly(trale_channel *channel, const void *item)
{
    trale_channel_send_future f;
    int error = -EAGAIN;

    if (channel && channel->capacity > 0 && await_at_once("trale_channel_send"))
        error = try_send(channel, item);
    if (error != -EAGAIN)
        return error;
    trale_channel_send_init(&f, channel, item);
    return (int)await_known("trale_channel_send", &f.future, send_poll, send_drop);
}

static __attribute__((noinline)) int recv_slowly(trale_channel *channel, void *item)
{
    trale_channel_recv_future f;
    int error = -EAGAIN;

    if (channel && channel->capacity > 0 && await_at_once("trale_channel_recv"))
        error = try_recv(channel, item);
    if (error != -EAGAIN)
        return error;
    trale_channel_recv_init(&f, channel, item);
    return (int)await_known("trale_channel_recv", &f.future, recv_poll, recv_drop);
}

int trale_channel_send(trale_channel *channel, const void *item)
{
    if (!channel || channel->capacity == 0 || !await_fiber_may_at_once() ||
        !send_at_once(channel, item))
        return send_slowly(channel, item);
    this_thread.spent++;
    return 0;
}

int trale_channel_recv(trale_channel *channel, void *item)
{
    if (!channel || channel->capacity == 0 || !await_fiber_may_at_once() ||
        !recv_at_once(channel, item))
        return recv_slowly(channel, item);
    this_thread.spent++;
    return 0;
}

/* Called to see it: who would send, and who would receive if no item is left for anybody. */
int trale_channel_close(trale_channel *ch)
{
    struct wake_batch batch = {0};
    bool owner;

    if (!ch)
        return -EINVAL;
    owner = owned_enter(&ch->lock);
    ch->closed = true;
    while (!list_empty(&ch->senders))
        call(&ch->senders, &ch->senders_called, &batch);
    call_receivers(ch, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return 0;
}
