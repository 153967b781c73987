#include "sync/wait_list.h"

void wait_list_join(struct trale_wait_list *l, struct trale_waiter *w, trale_waker *waker)
{
    w->waker = waker;
    if (w->list)
        return;
    w->list = l;
    if (!l->waiters.next)
        list_init(&l->waiters);
    list_push_back(&l->waiters, &w->link);
}

void wait_list_leave(struct trale_waiter *w)
{
    if (w->granted)
        w->list->granted -= w->need;
    else
        list_remove(&w->link);
    w->granted = false;
    w->list = NULL;
}

void wait_list_grant(struct trale_waiter *w, struct wake_batch *batch)
{
    list_remove(&w->link);
    w->granted = true;
    w->list->granted += w->need;
    waker_claim(w->waker, batch);
}

void wait_list_grant_first(struct trale_wait_list *l, struct wake_batch *batch)
{
    struct trale_waiter *first = wait_list_first(l);

    if (first)
        wait_list_grant(first, batch);
}

void wait_list_grant_all(struct trale_wait_list *l, struct wake_batch *batch)
{
    struct trale_waiter *first;

    while ((first = wait_list_first(l)))
        wait_list_grant(first, batch);
}
