/* One-shot: the value of the word says whether there is one; once it is not EMPTY it is final. */
#include <errno.h>

#include <trale/oneshot.h>

#include "sync/wait_list.h"
#include "task/await.h"
#include "task/thread.h"

enum { EMPTY, SET, CLOSED };

/* What it was before; only EMPTY changes. */
static int32_t settle(trale_oneshot *oneshot, int32_t final, intptr_t value)
{
    int32_t old = wait_list_lock(&oneshot->list);
    struct wake_batch batch = {0};

    if (old == EMPTY) {
        oneshot->value = value;
        wait_list_grant_all(&oneshot->list, &batch);
    }
    wait_list_unlock(&oneshot->list, old == EMPTY ? final : old);
    wake_batch_deliver(&batch);
    return old;
}

int trale_oneshot_set(trale_oneshot *oneshot, intptr_t value)
{
    static const int errors[] = {[EMPTY] = 0, [SET] = -EALREADY, [CLOSED] = -EPIPE};

    return oneshot ? errors[settle(oneshot, SET, value)] : -EINVAL;
}

int trale_oneshot_close(trale_oneshot *oneshot)
{
    if (!oneshot)
        return -EINVAL;
    settle(oneshot, CLOSED, 0);
    return 0;
}

/* It has that state, which is not EMPTY. */
static int result(const trale_oneshot *oneshot, int32_t state, intptr_t *value)
{
    if (state == CLOSED)
        return -EPIPE;
    if (value)
        *value = oneshot->value;
    return 0;
}

int trale_oneshot_try_get(trale_oneshot *oneshot, intptr_t *value)
{
    int32_t state = oneshot ? word_value(wait_list_word(&oneshot->list)) : EMPTY;

    if (!oneshot)
        return -EINVAL;
    return state == EMPTY ? -EAGAIN : result(oneshot, state, value);
}

static enum trale_poll get_poll(trale_future *self, trale_context *cx)
{
    trale_oneshot_get_future *f = container_of(self, trale_oneshot_get_future, future);
    bool vain = !f->waiter.list && wait_is_vain();
    trale_oneshot *oneshot = f->oneshot;
    int32_t state;

    if (!oneshot)
        return future_ready(self, -EINVAL);
    state = wait_list_lock(&oneshot->list);
    if (state == EMPTY && !vain)
        wait_list_join(&oneshot->list, &f->waiter, trale_context_waker(cx));
    else if (f->waiter.list)
        wait_list_leave(&f->waiter);
    if (state != EMPTY)
        self->output = result(oneshot, state, f->value);
    wait_list_unlock(&oneshot->list, state);
    if (state != EMPTY)
        return TRALE_READY;
    return vain ? future_ready(self, -ESHUTDOWN) : TRALE_PENDING;
}

static void get_drop(trale_future *self)
{
    struct trale_waiter *w = &container_of(self, trale_oneshot_get_future, future)->waiter;
    struct trale_wait_list *list = w->list;
    int32_t state;

    if (!list)
        return;
    state = wait_list_lock(list);
    wait_list_leave(w);
    wait_list_unlock(list, state);
}

void trale_oneshot_get_init(trale_oneshot_get_future *f, trale_oneshot *oneshot, intptr_t *value)
{
    static const struct trale_future_ops ops = {get_poll, get_drop, "oneshot_get"};

    *f = (trale_oneshot_get_future){.future = {.ops = &ops}, .oneshot = oneshot, .value = value};
}

int trale_oneshot_get(trale_oneshot *oneshot, intptr_t *value)
{
    trale_oneshot_get_future f;
    int error = await_at_once(__func__) ? trale_oneshot_try_get(oneshot, value) : -EAGAIN;

    if (error != -EAGAIN)
        return error;
    trale_oneshot_get_init(&f, oneshot, value);
    return (int)await_call(__func__, &f.future);
}
