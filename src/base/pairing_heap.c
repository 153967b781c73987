#include "base/pairing_heap.h"

/*
 * Each node has a list of children, none before its parent. prev is the left sibling, or the
 * parent if there is none to the left; the root has neither prev nor next.
 */

static bool before(const struct trale_timer *a, const struct trale_timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

/* Two roots become one. */
static struct trale_timer *meld(struct trale_timer *a, struct trale_timer *b)
{
    if (before(b, a)) {
        struct trale_timer *swap = a;

        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Makes one heap of a list of siblings: pairs from the left, then the pairs from the right. */
static struct trale_timer *meld_siblings(struct trale_timer *list)
{
    struct trale_timer *pairs = NULL, *root = NULL;

    while (list) {
        struct trale_timer *a = list, *b = a->next;

        list = b ? b->next : NULL;
        a->prev = a->next = NULL;
        if (b) {
            b->prev = b->next = NULL;
            a = meld(a, b);
        }
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct trale_timer *next = pairs->next;

        pairs->next = NULL;
        root = root ? meld(root, pairs) : pairs;
        pairs = next;
    }
    return root;
}

void heap_insert(struct pairing_heap *heap, struct trale_timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    heap->first = heap->first ? meld(heap->first, timer) : timer;
}

void heap_remove(struct pairing_heap *heap, struct trale_timer *timer)
{
    struct trale_timer *orphans = meld_siblings(timer->child);

    if (timer == heap->first) {
        heap->first = orphans;
        return;
    }
    if (timer->prev->child == timer)
        timer->prev->child = timer->next;
    else
        timer->prev->next = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    if (orphans)
        heap->first = meld(heap->first, orphans);
}
