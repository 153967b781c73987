#include "sync/series.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/misuse.h"
#include "task/await.h"
#include "task/thread.h"

int series_new(struct series **series, size_t item_size, size_t capacity)
{
    struct series *new;

    if (capacity == 0 || (item_size > 0 && capacity > (SIZE_MAX / 2 - sizeof *new) / item_size))
        return -EINVAL;
    new = malloc(sizeof *new + capacity *item_size);
    if (!new)
        return -ENOMEM;
    *new = (struct series){.item_size = item_size, .capacity = capacity};
    *series = new;
    return 0;
}

void series_free(const char *function, struct series *s)
{
    if (s && (wait_list_first(&s->list) || s->list.granted > 0))
        misuse(function, "somebody waits: close it first, and let them return");
    free(s);
}

/* Everything from here to series_send is under the lock. */

static char *place(struct series *s, uint64_t number)
{
    return s->items + number % s->capacity * s->item_size;
}

static void put(struct series *s, const void *item)
{
    if (item) /* or its size is 0 */
        memcpy(place(s, s->sent), item, s->item_size);
    s->sent++;
}

static int receive(struct series *s, uint64_t *cursor, void *item)
{
    uint64_t oldest = s->sent > s->capacity ? s->sent - s->capacity : 0;
    uint64_t missed = *cursor < oldest ? oldest - *cursor : 0;

    if (*cursor >= s->sent)
        return s->closed ? -EPIPE : -EAGAIN;
    *cursor += missed;
    if (item)
        memcpy(item, place(s, *cursor), s->item_size);
    ++*cursor;
    return missed < INT_MAX ? (int)missed : INT_MAX;
}

int series_send(struct series *s, const void *item)
{
    struct wake_batch batch = {0};
    bool closed;

    if (!s || (!item && s->item_size > 0))
        return -EINVAL;
    wait_list_lock(&s->list);
    closed = s->closed;
    if (!closed) {
        put(s, item);
        wait_list_grant_all(&s->list, &batch);
    }
    wait_list_unlock(&s->list, 0);
    wake_batch_deliver(&batch);
    return closed ? -EPIPE : 0;
}

int series_close(struct series *s)
{
    struct wake_batch batch = {0};

    if (!s)
        return -EINVAL;
    wait_list_lock(&s->list);
    s->closed = true;
    wait_list_grant_all(&s->list, &batch);
    wait_list_unlock(&s->list, 0);
    wake_batch_deliver(&batch);
    return 0;
}

static bool are_good(const struct series *s, const uint64_t *cursor, const void *item)
{
    return s && cursor && (item || s->item_size == 0);
}

int series_try_receive(struct series *s, uint64_t *cursor, void *item)
{
    int result;

    if (!are_good(s, cursor, item))
        return -EINVAL;
    wait_list_lock(&s->list);
    result = receive(s, cursor, item);
    wait_list_unlock(&s->list, 0);
    return result;
}

enum trale_poll series_poll(struct series *s, struct trale_waiter *w, uint64_t *cursor,
                            void *item, trale_context *cx, intptr_t *output)
{
    trale_waker *waker = trale_context_waker(cx);
    bool vain = !w->list && wait_is_vain();
    int result;

    *output = -EINVAL;
    if (!are_good(s, cursor, item))
        return TRALE_READY;
    if (!w->list && await_budget_is_spent(waker))
        return TRALE_PENDING;
    wait_list_lock(&s->list);
    result = receive(s, cursor, item);
    /* Let through, but its cursor is ahead of what there is: it begins again. */
    if (w->list && (w->granted || result != -EAGAIN))
        wait_list_leave(w);
    if (result == -EAGAIN && !vain)
        wait_list_join(&s->list, w, waker);
    wait_list_unlock(&s->list, 0);
    *output = result == -EAGAIN ? -ESHUTDOWN : result;
    return result == -EAGAIN && !vain ? TRALE_PENDING : TRALE_READY;
}

void series_drop(struct trale_waiter *w)
{
    struct trale_wait_list *list = w->list;

    if (!list)
        return;
    wait_list_lock(list);
    wait_list_leave(w);
    wait_list_unlock(list, 0);
}
