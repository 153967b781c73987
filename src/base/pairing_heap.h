/*
 * A pairing heap of timers, intrusive: nothing in it allocates, so nothing can fail. The first is
 * the one with the earliest deadline, and of equal ones the one that was armed first.
 */
#ifndef BASE_PAIRING_HEAP_H
#define BASE_PAIRING_HEAP_H

#include <trale/base.h>

struct pairing_heap {
    struct trale_timer *first; /* NULL: empty */
};

void heap_insert(struct pairing_heap *heap, struct trale_timer *timer);
void heap_remove(struct pairing_heap *heap, struct trale_timer *timer);

#endif
