/* Condition variable: a list without a number. A signal is granted to one who waits, or to nobody. */
#include <errno.h>

#include "sync/mutex.h"
#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

enum stage { NOT_BEGUN, WAITING, LOCKING, LOCKED };

enum {
    BROADCAST,
    SIGNAL
}; /* what a waiter was granted, in its need; only a signal is passed on */

/* On the list before the mutex is free: who signals after that finds the waiter there. */
static int begin(trale_cond_wait_future *f, trale_waker *waker)
{
    struct trale_wait_list *l = &f->cond->list;
    int32_t value;

    if (!mutex_is_mine(f->lock.mutex))
        return -EPERM;
    if (wait_is_vain())
        return -ESHUTDOWN;
    value = wait_list_lock(l);
    wait_list_join(l, &f->waiter, waker);
    wait_list_unlock(l, value);
    f->stage = WAITING;
    return trale_mutex_unlock(f->lock.mutex);
}

/* True: the signal has come. */
static bool is_signalled(trale_cond_wait_future *f, trale_waker *waker)
{
    struct trale_wait_list *l = &f->cond->list;
    int32_t value = wait_list_lock(l);
    bool granted = f->waiter.granted;

    if (!granted)
        wait_list_join(l, &f->waiter, waker);
    wait_list_unlock(l, value);
    return granted;
}

static enum trale_poll wait_poll(trale_future *self, trale_context *cx)
{
    trale_cond_wait_future *f = container_of(self, trale_cond_wait_future, future);
    trale_waker *waker = trale_context_waker(cx);
    int error;

    if (!f->cond || !f->lock.mutex)
        return future_ready(self, -EINVAL);
    if (f->stage == NOT_BEGUN) {
        error = begin(f, waker);
        return error == 0 ? TRALE_PENDING : future_ready(self, error);
    }
    if (f->stage == WAITING) {
        if (!is_signalled(f, waker))
            return TRALE_PENDING;
        f->stage = LOCKING;
    }
    if (trale_future_poll(&f->lock.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    if (f->lock.future.output == 0)
        f->stage = LOCKED;
    return future_ready(self, f->lock.future.output);
}

static void grant_signal(struct trale_wait_list *l, struct wake_batch *batch)
{
    struct trale_waiter *first = wait_list_first(l);

    if (!first)
        return;
    first->need = SIGNAL;
    wait_list_grant(first, batch);
}

/* A signal that was granted is passed on, unless it has had its effect. A broadcast is not: all
 * whom it was for have it. */
static void wait_drop(trale_future *self)
{
    trale_cond_wait_future *f = container_of(self, trale_cond_wait_future, future);
    struct wake_batch batch = {0};
    int32_t value;
    bool pass_on;

    trale_future_drop(&f->lock.future);
    if (!f->waiter.list)
        return;
    value = wait_list_lock(&f->cond->list);
    pass_on = f->waiter.granted && f->waiter.need == SIGNAL && f->stage != LOCKED;
    wait_list_leave(&f->waiter);
    if (pass_on)
        grant_signal(&f->cond->list, &batch);
    wait_list_unlock(&f->cond->list, value);
    wake_batch_deliver(&batch);
}

const struct trale_future_ops cond_wait_ops = {wait_poll, wait_drop, "cond_wait"};

void trale_cond_wait_init(trale_cond_wait_future *f, trale_cond *cond, trale_mutex *mutex)
{
    *f = (trale_cond_wait_future){.future = {.ops = &cond_wait_ops}, .cond = cond};
    trale_mutex_lock_init(&f->lock, mutex);
}

/* Withdrawn while the mutex was given up, it takes it back. */
int trale_cond_wait(trale_cond *cond, trale_mutex *mutex)
{
    trale_mutex_lock_future lock;
    trale_cond_wait_future f;
    intptr_t result;

    trale_cond_wait_init(&f, cond, mutex);
    result = await_call(__func__, &f.future);
    if (f.stage == WAITING || f.stage == LOCKING) {
        trale_mutex_lock_init(&lock, mutex);
        await_shielded(&lock.future);
    }
    return (int)result;
}

static int let_through(trale_cond *cond,
                       void (*grant)(struct trale_wait_list *, struct wake_batch *))
{
    struct wake_batch batch = {0};
    int32_t value;

    if (!cond)
        return -EINVAL;
    if (word_change(wait_list_word(&cond->list), 0, 0, 0) == WORD_CHANGED)
        return 0; /* nobody waits */
    value = wait_list_lock(&cond->list);
    grant(&cond->list, &batch);
    wait_list_unlock(&cond->list, value);
    wake_batch_deliver(&batch);
    return 0;
}

int trale_cond_signal(trale_cond *cond)
{
    return let_through(cond, grant_signal);
}

int trale_cond_broadcast(trale_cond *cond)
{
    return let_through(cond, wait_list_grant_all);
}
