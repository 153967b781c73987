/* Channels that are made, freed and closed; the futures of those who send and receive. */
#include <errno.h>
#include <stdlib.h>

#include "base/misuse.h"
#include "sync/channel_state.h"
#include "task/await.h"

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
    if (ch->waiting + ch->senders_called + ch->receivers_called + ch->served > 0)
        misuse(__func__, "somebody waits: close the channel first, and let them return");
    free(ch);
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
        call(ch, &ch->senders, &ch->senders_called, &batch);
    call_receivers(ch, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return 0;
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

static enum trale_poll send_poll(trale_future *self, trale_context *cx)
{
    trale_channel_send_future *f = container_of(self, trale_channel_send_future, future);
    trale_channel *ch = f->channel;
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || lacks_item(ch, f->item))
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

    if (!ch || lacks_item(ch, f->item))
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
    send_init(f, channel, item);
}

const struct trale_future_ops channel_recv_ops = {recv_poll, recv_drop, "channel_recv"};

void trale_channel_recv_init(trale_channel_recv_future *f, trale_channel *channel, void *item)
{
    recv_init(f, channel, item);
}
