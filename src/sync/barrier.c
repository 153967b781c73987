/* Barrier: the value is how many have come; the last one lets the others through. */
#include <errno.h>

#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

enum came { WAITS, LET_THROUGH, CAME_LAST, IN_VAIN };

/* Under the lock, the first time. */
static enum came arrive(trale_barrier *b, struct trale_waiter *w, trale_waker *waker,
                        int32_t *value, struct wake_batch *batch)
{
    if (*value + 1 < (int32_t)b->parties) {
        if (wait_is_vain())
            return IN_VAIN;
        *value += 1;
        wait_list_join(&b->list, w, waker);
        return WAITS;
    }
    *value = 0;
    wait_list_grant_all(&b->list, batch);
    return CAME_LAST;
}

/* Under the lock. */
static enum came look_again(struct trale_waiter *w, trale_waker *waker)
{
    if (!w->granted) {
        wait_list_join(w->list, w, waker);
        return WAITS;
    }
    wait_list_leave(w);
    return LET_THROUGH;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_barrier_wait_future *f = container_of(self, trale_barrier_wait_future, future);
    trale_waker *waker = trale_context_waker(cx);
    trale_barrier *b = f->barrier;
    struct wake_batch batch = {0};
    enum came came;
    int32_t value;

    if (!b || b->parties == 0 || b->parties > TRALE_COUNT_MAX)
        return future_ready(self, -EINVAL);
    value = wait_list_lock(&b->list);
    came = f->waiter.list ? look_again(&f->waiter, waker)
                          : arrive(b, &f->waiter, waker, &value, &batch);
    wait_list_unlock(&b->list, value);
    wake_batch_deliver(&batch);
    if (came == WAITS)
        return TRALE_PENDING;
    return future_ready(self, came == IN_VAIN ? -ESHUTDOWN : came == CAME_LAST);
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

const struct trale_future_ops barrier_wait_ops = {wait_poll, wait_drop, "barrier_wait"};

void trale_barrier_wait_init(trale_barrier_wait_future *f, trale_barrier *barrier)
{
    *f = (trale_barrier_wait_future){.future = {.ops = &barrier_wait_ops}, .barrier = barrier};
}

int trale_barrier_wait(trale_barrier *barrier)
{
    trale_barrier_wait_future f;

    trale_barrier_wait_init(&f, barrier);
    return (int)await_call(__func__, &f.future);
}
