/* Watch: a series of which only the last item is kept, and what was missed does not matter. */
#include <errno.h>

#include <trale/watch.h>

#include "sync/series.h"
#include "task/await.h"

struct trale_watch {
    struct series series;
};

static struct series *series_of(trale_watch *w)
{
    return w ? &w->series : NULL;
}

int trale_watch_new(trale_watch **watch, size_t item_size)
{
    struct series *series;
    int error = watch ? series_new(&series, item_size, 1) : -EINVAL;

    if (error == 0)
        *watch = container_of(series, trale_watch, series);
    return error;
}

void trale_watch_free(trale_watch *watch)
{
    series_free(__func__, series_of(watch));
}

int trale_watch_set(trale_watch *watch, const void *item)
{
    return series_send(series_of(watch), item);
}

int trale_watch_close(trale_watch *watch)
{
    return series_close(series_of(watch));
}

int trale_watch_try_wait(trale_watch *watch, uint64_t *seen, void *item)
{
    int missed = series_try_receive(series_of(watch), seen, item);

    return missed < 0 ? missed : 0;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_watch_wait_future *f = container_of(self, trale_watch_wait_future, future);
    enum trale_poll poll =
        series_poll(series_of(f->watch), &f->waiter, f->seen, f->item, cx, &self->output);

    if (self->output > 0)
        self->output = 0;
    return poll;
}

static void wait_drop(trale_future *self)
{
    series_drop(&container_of(self, trale_watch_wait_future, future)->waiter);
}

void trale_watch_wait_init(trale_watch_wait_future *f, trale_watch *watch, uint64_t *seen,
                           void *item)
{
    static const struct trale_future_ops ops = {wait_poll, wait_drop, "watch_wait"};

    *f = (trale_watch_wait_future){.future = {.ops = &ops},
                                   .watch = watch,
                                   .seen = seen,
                                   .item = item,
                                   .waiter = {.need = 1}};
}

int trale_watch_wait(trale_watch *watch, uint64_t *seen, void *item)
{
    trale_watch_wait_future f;
    int error = await_at_once(__func__) ? trale_watch_try_wait(watch, seen, item) : -EAGAIN;

    if (error != -EAGAIN)
        return error;
    trale_watch_wait_init(&f, watch, seen, item);
    return (int)await_call(__func__, &f.future);
}
