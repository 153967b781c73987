/* Barrier: the value is how many have come; the last one lets the others through. */
#include <errno.h>

#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

/* Under the lock, the first time. True: the caller is the last. */
static bool arrive(trale_barrier *b, struct trale_waiter *w, trale_waker *waker, int32_t *value,
                   struct wake_batch *batch)
{
    if (*value + 1 < (int32_t)b->parties) {
        *value += 1;
        wait_list_join(&b->list, w, waker);
        return false;
    }
    *value = 0;
    wait_list_grant_all(&b->list, batch);
    return true;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_barrier_wait_future *f = container_of(self, trale_barrier_wait_future, future);
    bool came_before = f->waiter.list != NULL, last = false, granted;
    trale_waker *waker = trale_context_waker(cx);
    trale_barrier *b = f->barrier;
    struct wake_batch batch = {0};
    int32_t value;

    if (!b || b->parties == 0 || b->parties > TRALE_COUNT_MAX)
        return future_ready(self, -EINVAL);
    if (wait_is_vain())
        return future_ready(self, -ESHUTDOWN);
    value = wait_list_lock(&b->list);
    granted = f->waiter.granted;
    if (granted)
        wait_list_leave(&f->waiter);
    else if (came_before)
        wait_list_join(&b->list, &f->waiter, waker);
    else
        last = arrive(b, &f->waiter, waker, &value, &batch);
    wait_list_unlock(&b->list, value);
    wake_batch_deliver(&batch);
    return granted || last ? future_ready(self, last) : TRALE_PENDING;
}

/* Who was let through has waited, even if it was told to give up at the same moment. */
static void wait_drop(trale_future *self)
{
    struct trale_waiter *w = &container_of(self, trale_barrier_wait_future, future)->waiter;
    struct trale_wait_list *l = w->list;
    int32_t value;

    if (!l)
        return;
    value = wait_list_lock(l);
    if (w->granted)
        self->output = 0;
    else
        value--;
    wait_list_leave(w);
    wait_list_unlock(l, value);
}

void trale_barrier_wait_init(trale_barrier_wait_future *f, trale_barrier *barrier)
{
    static const struct trale_future_ops ops = {wait_poll, wait_drop, "barrier_wait"};

    *f = (trale_barrier_wait_future){.future = {.ops = &ops}, .barrier = barrier};
}

int trale_barrier_wait(trale_barrier *barrier)
{
    trale_barrier_wait_future f;

    trale_barrier_wait_init(&f, barrier);
    return (int)await_call(__func__, &f.future);
}
