/*
 * The new tasks that an executor's own tasks have spawned: a ring that the executor adds to, and
 * that every executor takes from, first in, first out.
 *
 *      head    the oldest: whoever moves it has the tasks that it passed
 *      tail    where the next one goes: the owner's
 *
 * Both only grow (64 bits do not wrap), so who finds head where it was when the slots were read has
 * read tasks that nobody else took, and no slot that was used again meanwhile.
 *
 * This header is what the library runs and what the model checker explores.
 */
#ifndef CORE_STEAL_QUEUE_H
#define CORE_STEAL_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trale_task;

#ifndef STEAL_ROOM
#define STEAL_ROOM 256
#endif

struct steal_queue {
    _Alignas(64) _Atomic(uint64_t) head;
    _Alignas(64) _Atomic(uint64_t) tail;
    _Atomic(struct trale_task *) slots[STEAL_ROOM];
};

/*
 * Owner. False: it is full. Acquire: pairs with steal_take, which has read the slot before. The
 * slot is relaxed, the tail orders it. Sequentially consistent: the owner looks afterwards whether an
 * executor is idle, and one that parks counts itself idle, then looks here (steal_has).
 */
static inline bool steal_push(struct steal_queue *q, struct trale_task *task)
{
    uint64_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

    if (tail - atomic_load_explicit(&q->head, memory_order_acquire) == STEAL_ROOM)
        return false;
    atomic_store_explicit(&q->slots[tail % STEAL_ROOM], task, memory_order_relaxed);
    atomic_store_explicit(&q->tail, tail + 1, memory_order_seq_cst);
    return true;
}

/*
 * Any executor: takes half of what there is, rounded up, but so many at most; returns how many.
 * Acquire of tail: pairs with steal_push; what was written to the task is seen. Head is moved with
 * release: pairs with steal_push, which may use the slots again. Relaxed if it failed, or is read
 * too old: then the next attempt fails too, or there is nothing.
 */
static inline unsigned steal_take(struct steal_queue *q, struct trale_task **tasks, unsigned most)
{
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    unsigned count;

    do {
        uint64_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);

        if (tail <= head)
            return 0;
        count = tail - head < 2 * most ? (unsigned)(tail - head + 1) / 2 : most;
        for (unsigned i = 0; i < count; i++)
            tasks[i] =
                atomic_load_explicit(&q->slots[(head + i) % STEAL_ROOM], memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&q->head, &head, head + count,
                                                    memory_order_release, memory_order_relaxed));
    return count;
}

/* Any executor: how many there are; a hint, but that it is not 0 if steal_push came before, in the
 * order of what is sequentially consistent. */
static inline uint64_t steal_count(const struct steal_queue *q)
{
    uint64_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&q->tail, memory_order_seq_cst);

    return tail > head ? tail - head : 0;
}

#endif
