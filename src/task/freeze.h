/*
 * Freezing the lists of an executor, so that another thread may walk them.
 *
 * The executor changes its lists, and begins a poll, in sections only; a section is a few list
 * operations. Who wants to walk sets frozen, and waits until the executor is in no section; the
 * executor says that it is in one, and looks at frozen. Each writes its word and then reads the
 * other's, so one of them sees the other: an executor that sees frozen steps back and waits. It
 * may be in the middle of a poll meanwhile, however long that takes: of the task that is polled
 * nothing may be read but what the lists have of it.
 *
 * That takes a full barrier between the write and the read on both sides. The executor's would
 * cost it more than its section does, so who freezes issues it for both (base/barrier.h). Where
 * that is not to be had, each side makes a read-modify-write of either word.
 *
 * Release and acquire: what the executor did in a section is seen by who finds it in none, and
 * who walked is done when the executor finds itself thawed.
 */
#ifndef TASK_FREEZE_H
#define TASK_FREEZE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Fields: X: written by the executor.  F: by who freezes, one at a time.  I: immutable. */
struct freeze {
    _Atomic(uint32_t) busy;   /* X: it is in a section */
    _Atomic(uint32_t) frozen; /* F: futex */
    bool asymmetric;          /* I: the barrier is made by who freezes */
};

/* Executor: waits until it is thawed, and is in the section then. */
void section_wait(struct freeze *f);

/* Executor. Nothing in a section may block, call out, or begin another. */
static inline void section_begin(struct freeze *f)
{
    uint32_t frozen;

    if (f->asymmetric) {
        atomic_store_explicit(&f->busy, 1, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* for the compiler alone */
        frozen = atomic_load_explicit(&f->frozen, memory_order_acquire);
    } else {
        atomic_exchange_explicit(&f->busy, 1, memory_order_seq_cst);
        frozen = atomic_fetch_or_explicit(&f->frozen, 0, memory_order_seq_cst);
    }
    if (__builtin_expect(frozen != 0, false))
        section_wait(f);
}

/* Release: pairs with freeze_await. */
static inline void section_end(struct freeze *f)
{
    atomic_store_explicit(&f->busy, 0, memory_order_release);
}

/*
 * To freeze: freeze_begin for each executor, barrier_issue if any is asymmetric (without it
 * nothing may be walked), then freeze_await for each. Then freeze_end. The caller may be a task of such
 * an executor; it must not begin a section meanwhile, so it wakes and spawns nothing.
 */
static inline void freeze_begin(struct freeze *f)
{
    atomic_exchange_explicit(&f->frozen, 1, memory_order_seq_cst);
}

void freeze_await(struct freeze *f);
void freeze_end(struct freeze *f);

#endif
