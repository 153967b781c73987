/*
 * A channel: a ring of items, and those who wait; and what is done to them, under the lock.
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
#ifndef SYNC_CHANNEL_STATE_H
#define SYNC_CHANNEL_STATE_H

#include <errno.h>
#include <string.h>

#include <trale/channel.h>

#include "base/inline.h"
#include "base/list.h"
#include "sync/ops.h"
#include "sync/owned_lock.h"
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
    size_t waiting;              /* L: who is WAITING */
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

/* What matters while it is absent; to zero all of it takes longer than a hand-over may. */
static inline void waiter_init(struct trale_channel_waiter *w)
{
    w->channel = NULL;
    w->stage = ABSENT;
}

static inline void send_init(trale_channel_send_future *f, trale_channel *ch, const void *item)
{
    f->future.ops = &channel_send_ops;
    f->channel = ch;
    f->item = item;
    waiter_init(&f->waiter);
}

static inline void recv_init(trale_channel_recv_future *f, trale_channel *ch, void *item)
{
    f->future.ops = &channel_recv_ops;
    f->channel = ch;
    f->item = item;
    waiter_init(&f->waiter);
}

static inline bool lacks_item(const trale_channel *ch, const void *item)
{
    return !item && ch->item_size > 0;
}

/* Everything from here on is under the lock. */

/* Calls the first who waits. */
static inline void call(trale_channel *ch, struct trale_link *list, size_t *called,
                        struct wake_batch *batch)
{
    struct trale_channel_waiter *w =
        container_of(list_pop_front(list), struct trale_channel_waiter, link);

    w->stage = CALLED;
    ch->waiting--;
    ++*called;
    waker_claim(w->waker, batch);
}

static inline bool has_room_left(const trale_channel *ch)
{
    return ch->count + ch->senders_called < ch->capacity;
}

static inline void call_sender(trale_channel *ch, struct wake_batch *batch)
{
    if (!list_empty(&ch->senders) && has_room_left(ch))
        call(ch, &ch->senders, &ch->senders_called, batch);
}

static inline bool has_items_left(const trale_channel *ch)
{
    return ch->count > ch->receivers_called;
}

/* After the last item of a closed channel there is nothing to wait for. */
static inline void call_receivers(trale_channel *ch, struct wake_batch *batch)
{
    bool over = ch->closed && ch->count == 0;

    while (!list_empty(&ch->receivers) && (over || has_items_left(ch)))
        call(ch, &ch->receivers, &ch->receivers_called, batch);
}

/* size: of an item, as the caller may know better than by asking. */
ALWAYS_INLINE void copy(void *to, const void *from, size_t size)
{
    if (!to || !from) /* items have no bytes */
        return;
    if (size == sizeof(void *)) /* as most have: no call */
        memcpy(to, from, sizeof(void *));
    else
        memcpy(to, from, size);
}

ALWAYS_INLINE void put(trale_channel *ch, const void *item, size_t size)
{
    size_t place = ch->first + ch->count++;

    if (place >= ch->capacity)
        place -= ch->capacity;
    copy(ch->items + place * size, item, size);
}

ALWAYS_INLINE void take(trale_channel *ch, void *item, size_t size)
{
    copy(item, ch->items + ch->first * size, size);
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
        ch->waiting--;
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
            copy(receiver->item, item, ch->item_size);
        return receiver ? 0 : -EAGAIN;
    }
    if (!called && (!list_empty(&ch->senders) || !has_room_left(ch)))
        return -EAGAIN;
    put(ch, item, ch->item_size);
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
            copy(item, sender->item, ch->item_size);
        return sender ? 0 : -EAGAIN;
    }
    if (!called && (!list_empty(&ch->receivers) || !has_items_left(ch)))
        return -EAGAIN;
    take(ch, item, ch->item_size);
    call_sender(ch, batch);
    call_receivers(ch, batch);
    return 0;
}

/* False: it would be for ever. */
static inline bool wait_in(struct trale_link *list, struct trale_channel_waiter *w,
                           trale_channel *ch, void *item, const trale_context *cx)
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
    ch->waiting++;
    list_push_back(list, &w->link);
    return true;
}

/* The call is over, or will be called no more. called: of the list that it was on. */
static inline void leave(trale_channel *ch, struct trale_channel_waiter *w, size_t *called)
{
    if (w->stage == WAITING) {
        ch->waiting--;
        list_remove(&w->link);
    }
    *called -= w->stage == CALLED;
    ch->served -= w->stage == SERVED;
    w->stage = ABSENT;
    w->channel = NULL;
}

#endif
