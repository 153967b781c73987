/* Broadcast: a series of some length. */
#include <errno.h>

#include <trale/broadcast.h>

#include "sync/series.h"
#include "task/await.h"

struct trale_broadcast {
    struct series series;
};

static struct series *series_of(trale_broadcast *b)
{
    return b ? &b->series : NULL;
}

int trale_broadcast_new(trale_broadcast **broadcast, size_t item_size, size_t capacity)
{
    struct series *series;
    int error = broadcast ? series_new(&series, item_size, capacity) : -EINVAL;

    if (error == 0)
        *broadcast = container_of(series, trale_broadcast, series);
    return error;
}

void trale_broadcast_free(trale_broadcast *broadcast)
{
    series_free(__func__, series_of(broadcast));
}

int trale_broadcast_send(trale_broadcast *broadcast, const void *item)
{
    return series_send(series_of(broadcast), item);
}

int trale_broadcast_close(trale_broadcast *broadcast)
{
    return series_close(series_of(broadcast));
}

int trale_broadcast_subscribe(trale_broadcast *broadcast, uint64_t *cursor)
{
    struct series *s = series_of(broadcast);

    if (!s || !cursor)
        return -EINVAL;
    wait_list_lock(&s->list);
    *cursor = s->sent;
    wait_list_unlock(&s->list, 0);
    return 0;
}

int trale_broadcast_try_recv(trale_broadcast *broadcast, uint64_t *cursor, void *item)
{
    return series_try_receive(series_of(broadcast), cursor, item);
}

static enum trale_poll recv_poll(trale_future *self, trale_context *cx)
{
    trale_broadcast_recv_future *f = container_of(self, trale_broadcast_recv_future, future);

    return series_poll(series_of(f->broadcast), &f->waiter, f->cursor, f->item, cx,
                       &self->output);
}

static void recv_drop(trale_future *self)
{
    series_drop(&container_of(self, trale_broadcast_recv_future, future)->waiter);
}

void trale_broadcast_recv_init(trale_broadcast_recv_future *f, trale_broadcast *broadcast,
                               uint64_t *cursor, void *item)
{
    static const struct trale_future_ops ops = {recv_poll, recv_drop, "broadcast_recv"};

    *f = (trale_broadcast_recv_future){.future = {.ops = &ops},
                                       .broadcast = broadcast,
                                       .cursor = cursor,
                                       .item = item,
                                       .waiter = {.need = 1}};
}

int trale_broadcast_recv(trale_broadcast *broadcast, uint64_t *cursor, void *item)
{
    trale_broadcast_recv_future f;
    int result =
        await_at_once(__func__) ? trale_broadcast_try_recv(broadcast, cursor, item) : -EAGAIN;

    if (result != -EAGAIN)
        return result;
    trale_broadcast_recv_init(&f, broadcast, cursor, item);
    return (int)await_call(__func__, &f.future);
}
