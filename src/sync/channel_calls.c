/*
 * The calls that send and receive. A fiber on the executor that owns the lock has two shorter ways
 * than others: through the buffer, when nobody waits, and past the first poll of a future.
 */
#include "sync/channel_state.h"
#include "task/await_fiber.h"

#define OUT_OF_LINE __attribute__((noinline)) /* so that the short ways save no register for it */

/* The lock, to do with an item of a word what concerns nobody who waits: that takes no call. */
static inline bool enter_at_once(trale_channel *ch, const void *item)
{
    return ch && item && ch->item_size == sizeof(void *) && owned_enter_at_once(&ch->lock);
}

/* False: nothing was done, and it may be otherwise. */
static inline bool send_at_once(trale_channel *ch, const void *item)
{
    bool done;

    if (!enter_at_once(ch, item))
        return false;
    done = !ch->closed && ch->waiting == 0 && has_room_left(ch);
    if (done)
        put(ch, item, sizeof(void *));
    owned_leave(&ch->lock, true);
    return done;
}

static inline bool recv_at_once(trale_channel *ch, void *item)
{
    bool done;

    if (!enter_at_once(ch, item))
        return false;
    done = ch->waiting == 0 && has_items_left(ch);
    if (done)
        take(ch, item, sizeof(void *));
    owned_leave(&ch->lock, true);
    return done;
}

static OUT_OF_LINE int try_send(trale_channel *ch, const void *item)
{
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || lacks_item(ch, item))
        return -EINVAL;
    owner = owned_enter(&ch->lock);
    error = send_now(ch, item, false, NULL, &batch);
    owned_leave(&ch->lock, owner);
    wake_batch_deliver(&batch);
    return error;
}

static OUT_OF_LINE int try_recv(trale_channel *ch, void *item)
{
    struct wake_batch batch = {0};
    bool owner;
    int error;

    if (!ch || lacks_item(ch, item))
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

/* Anybody. Without capacity every other call waits: it is not worth trying. */
static OUT_OF_LINE int send_slowly(trale_channel *channel, const void *item)
{
    trale_channel_send_future f;
    int error = -EAGAIN;

    if (channel && channel->capacity > 0 && await_at_once("trale_channel_send"))
        error = try_send(channel, item);
    if (error != -EAGAIN)
        return error;
    trale_channel_send_init(&f, channel, item);
    return (int)await_call("trale_channel_send", &f.future);
}

static OUT_OF_LINE int recv_slowly(trale_channel *channel, void *item)
{
    trale_channel_recv_future f;
    int error = -EAGAIN;

    if (channel && channel->capacity > 0 && await_at_once("trale_channel_recv"))
        error = try_recv(channel, item);
    if (error != -EAGAIN)
        return error;
    trale_channel_recv_init(&f, channel, item);
    return (int)await_call("trale_channel_recv", &f.future);
}

/* A waiter that was woken: was it served? Then it is ABSENT now. False: it has to be polled. */
ALWAYS_INLINE bool was_served(struct trale_channel_waiter *w)
{
    trale_channel *ch = w->channel;
    bool served;

    if (!owned_enter_at_once(&ch->lock))
        return false;
    served = w->stage == SERVED;
    if (served)
        leave(ch, w, &ch->senders_called); /* called it was not */
    owned_leave(&ch->lock, true);
    return served;
}

ALWAYS_INLINE enum trale_poll send_poll_again(trale_future *self, trale_context *cx)
{
    trale_channel_send_future *f = container_of(self, trale_channel_send_future, future);

    if (was_served(&f->waiter))
        return future_ready(self, 0);
    return channel_send_ops.poll(self, cx);
}

ALWAYS_INLINE enum trale_poll recv_poll_again(trale_future *self, trale_context *cx)
{
    trale_channel_recv_future *f = container_of(self, trale_channel_recv_future, future);

    if (was_served(&f->waiter))
        return future_ready(self, 0);
    return channel_recv_ops.poll(self, cx);
}

/* A fiber that may do without a future does, and if it has to wait makes one that waits already. */
static OUT_OF_LINE int fiber_send(trale_channel *ch, const void *item)
{
    trale_task *task = this_thread.task;
    trale_context cx = {.waker = &task->waker};
    struct wake_batch batch = {0};
    trale_channel_send_future f;
    int error;

    if (lacks_item(ch, item) || !owned_enter_at_once(&ch->lock))
        return send_slowly(ch, item);
    error = send_now(ch, item, false, &cx, &batch);
    if (error == -EAGAIN) {
        send_init(&f, ch, item);
        wait_in(&ch->senders, &f.waiter, ch, (void *)(uintptr_t)item, &cx);
    }
    owned_leave(&ch->lock, true);
    wake_batch_deliver(&batch);
    if (error == -EAGAIN)
        return (int)await_fiber_waiting(task, &f.future, send_poll_again, channel_send_ops.drop);
    this_thread.spent++;
    return error;
}

static OUT_OF_LINE int fiber_recv(trale_channel *ch, void *item)
{
    trale_task *task = this_thread.task;
    trale_context cx = {.waker = &task->waker};
    struct wake_batch batch = {0};
    trale_channel_recv_future f;
    int error;

    if (lacks_item(ch, item) || !owned_enter_at_once(&ch->lock))
        return recv_slowly(ch, item);
    error = recv_now(ch, item, false, &cx, &batch);
    if (error == -EAGAIN) {
        recv_init(&f, ch, item);
        wait_in(&ch->receivers, &f.waiter, ch, item, &cx);
    }
    owned_leave(&ch->lock, true);
    wake_batch_deliver(&batch);
    if (error == -EAGAIN)
        return (int)await_fiber_waiting(task, &f.future, recv_poll_again, channel_recv_ops.drop);
    this_thread.spent++;
    return error;
}

int trale_channel_send(trale_channel *channel, const void *item)
{
    if (!channel || !await_fiber_may_at_once())
        return send_slowly(channel, item);
    if (channel->capacity == 0 || !send_at_once(channel, item))
        return fiber_send(channel, item);
    this_thread.spent++;
    return 0;
}

int trale_channel_recv(trale_channel *channel, void *item)
{
    if (!channel || !await_fiber_may_at_once())
        return recv_slowly(channel, item);
    if (channel->capacity == 0 || !recv_at_once(channel, item))
        return fiber_recv(channel, item);
    this_thread.spent++;
    return 0;
}
