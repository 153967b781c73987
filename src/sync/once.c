/*
 * Once: the value says whether it has been done. Who finds it NOT_DONE makes it BEING_DONE and
 * runs the function. All who wait are let through when it is done; one, to try again, if it
 * failed.
 */
#include <errno.h>

#include "sync/ops.h"
#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

enum { NOT_DONE, BEING_DONE, DONE };
enum { MINE = 1 };

static bool is_done(trale_once *once)
{
    return word_value(wait_list_word(&once->list)) == DONE;
}

/* READY: *output is 0, or MINE if it is BEING_DONE by the caller, or an error. */
static enum trale_poll claim(trale_once *once, struct trale_waiter *w, trale_waker *waker,
                             intptr_t *output)
{
    int32_t value = wait_list_lock(&once->list);
    bool vain = value == BEING_DONE && wait_is_vain();

    if (w->granted || (w->list && value != BEING_DONE))
        wait_list_leave(w);
    *output = vain ? -ESHUTDOWN : value == NOT_DONE ? MINE : 0;
    if (value == BEING_DONE && !vain)
        wait_list_join(&once->list, w, waker);
    wait_list_unlock(&once->list, value == NOT_DONE ? BEING_DONE : value);
    return value == BEING_DONE && !vain ? TRALE_PENDING : TRALE_READY;
}

static void settle(trale_once *once, bool done)
{
    struct wake_batch batch = {0};

    wait_list_lock(&once->list);
    if (done)
        wait_list_grant_all(&once->list, &batch);
    else
        wait_list_grant_first(&once->list, &batch);
    wait_list_unlock(&once->list, done ? DONE : NOT_DONE);
    wake_batch_deliver(&batch);
}

static int run(trale_once *once, trale_fn *fn, void *arg)
{
    intptr_t result = fn(arg);

    settle(once, result >= 0);
    return result >= 0 ? 0 : (int)result;
}

/* Who was to try again, and does not, leaves it to the next. */
static void give_up(trale_once *once, struct trale_waiter *w)
{
    struct wake_batch batch = {0};
    int32_t value;

    if (!w->list)
        return;
    value = wait_list_lock(&once->list);
    if (w->granted && value == NOT_DONE)
        wait_list_grant_first(&once->list, &batch);
    wait_list_leave(w);
    wait_list_unlock(&once->list, value);
    wake_batch_deliver(&batch);
}

static enum trale_poll do_poll(trale_future *self, trale_context *cx)
{
    trale_once_do_future *f = container_of(self, trale_once_do_future, future);
    trale_waker *waker = trale_context_waker(cx);

    if (!f->once || !f->fn)
        return future_ready(self, -EINVAL);
    if (claim(f->once, &f->waiter, waker, &self->output) == TRALE_PENDING)
        return TRALE_PENDING;
    if (self->output == MINE)
        self->output = run(f->once, f->fn, f->arg);
    return TRALE_READY;
}

static void do_drop(trale_future *self)
{
    trale_once_do_future *f = container_of(self, trale_once_do_future, future);

    give_up(f->once, &f->waiter);
}

const struct trale_future_ops once_do_ops = {do_poll, do_drop, "once_do"};

void trale_once_do_init(trale_once_do_future *f, trale_once *once, trale_fn *fn, void *arg)
{
    *f = (trale_once_do_future){
        .future = {.ops = &once_do_ops}, .once = once, .fn = fn, .arg = arg};
}

/* The future of the straight-line call claims only: fn runs outside of any poll, and may wait. */
static enum trale_poll claim_poll(trale_future *self, trale_context *cx)
{
    trale_once_do_future *f = container_of(self, trale_once_do_future, future);

    return claim(f->once, &f->waiter, trale_context_waker(cx), &self->output);
}

const struct trale_future_ops once_call_ops = {claim_poll, do_drop, "once_do"};

int trale_once_do(trale_once *once, trale_fn *fn, void *arg)
{
    trale_once_do_future f = {
        .future = {.ops = &once_call_ops}, .once = once, .fn = fn, .arg = arg};
    intptr_t result;

    if (!once || !fn)
        return -EINVAL;
    if (await_at_once(__func__) && is_done(once))
        return 0;
    result = await_call(__func__, &f.future);
    return result == MINE ? run(once, fn, arg) : (int)result;
}
