#include "sync/permits.h"

#include <errno.h>

#include "task/await.h"
#include "task/thread.h"

static enum word_changed take(struct trale_wait_list *l, const struct permits *p, int32_t count)
{
    return word_change(wait_list_word(l), -count, p->lowest, p->highest);
}

/* Somebody who has the lock need not be in the way for longer than that. */
bool permits_try(struct trale_wait_list *l, const struct permits *p, int32_t count)
{
    enum word_changed changed = take(l, p, count);
    int32_t value;
    bool taken;

    if (changed != WORD_BUSY)
        return changed == WORD_CHANGED;
    value = wait_list_lock(l);
    taken = !wait_list_first(l) && value - count >= p->lowest;
    wait_list_unlock(l, taken ? value - count : value);
    return taken;
}

bool permits_try_at_once(const char *function, struct trale_wait_list *l, const struct permits *p,
                         int32_t count)
{
    return await_at_once(function) && take(l, p, count) == WORD_CHANGED;
}

/* Under the lock: lets waiters through while there is enough. Returns the value that is left. */
static int32_t distribute(struct trale_wait_list *l, const struct permits *p, int32_t value,
                          struct wake_batch *batch)
{
    struct trale_waiter *first;

    while ((first = wait_list_first(l)) && value - first->need >= p->lowest) {
        value -= first->need;
        wait_list_grant(first, batch);
    }
    return value;
}

/* Under the lock. READY: taken, and *value is less by it, unless it had been granted. */
static enum trale_poll take_or_wait(struct trale_wait_list *l, const struct permits *p,
                                    struct trale_waiter *w, int32_t *value, trale_waker *waker)
{
    if (w->granted) {
        wait_list_leave(w);
        return TRALE_READY;
    }
    if (!wait_list_first(l) && *value - w->need >= p->lowest) {
        *value -= w->need;
        return TRALE_READY;
    }
    if (!wait_is_vain())
        wait_list_join(l, w, waker);
    return TRALE_PENDING;
}

enum trale_poll permits_poll(struct trale_wait_list *l, const struct permits *p,
                             struct trale_waiter *w, int32_t count, trale_context *cx,
                             intptr_t *output)
{
    trale_waker *waker = trale_context_waker(cx);
    enum trale_poll taken;
    int32_t value;

    if (!w->list && await_budget_is_spent(waker))
        return TRALE_PENDING;
    *output = 0;
    if (!w->list && take(l, p, count) == WORD_CHANGED)
        return TRALE_READY;
    value = wait_list_lock(l);
    w->need = count;
    taken = take_or_wait(l, p, w, &value, waker);
    wait_list_unlock(l, value);
    if (taken == TRALE_READY || w->list)
        return taken;
    *output = -ESHUTDOWN;
    return TRALE_READY;
}

void permits_drop(const struct permits *p, struct trale_waiter *w)
{
    struct trale_wait_list *l = w->list;
    struct wake_batch batch = {0};
    int32_t value;

    if (!l)
        return;
    value = wait_list_lock(l);
    if (w->granted)
        value += w->need;
    wait_list_leave(w);
    wait_list_unlock(l, distribute(l, p, value, &batch));
    wake_batch_deliver(&batch);
}

/* What was granted still counts: its waiter may give it back. */
int permits_put(struct trale_wait_list *l, const struct permits *p, int32_t count)
{
    struct wake_batch batch = {0};
    bool fits;
    int32_t value;

    switch (word_change(wait_list_word(l), count, p->lowest, p->highest)) {
    case WORD_CHANGED:
        return 0;
    case WORD_OUT_OF_RANGE:
        return -EOVERFLOW;
    case WORD_BUSY:
        break;
    }
    value = wait_list_lock(l);
    fits = value + l->granted + count <= p->highest;
    if (fits)
        value = distribute(l, p, value + count, &batch);
    wait_list_unlock(l, value);
    wake_batch_deliver(&batch);
    return fits ? 0 : -EOVERFLOW;
}
