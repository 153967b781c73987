#include "sync/owned_lock.h"

#include "base/barrier.h"
#include "base/clock.h"
#include "base/futex.h"
#include "base/spin.h"

#define PATIENCE_NS 1000000

/*
 * If the system call is filtered by now (seccomp(2)), there is nothing but to wait: a processor that
 * runs the owner has its store out in far less time, and one that does not has had a barrier when
 * it left it.
 */
static void issue_barrier(void)
{
    uint32_t never = 0;
    int64_t until;

    if (barrier_issue())
        return;
    until = clock_now() + PATIENCE_NS;
    while (clock_now() < until) /* a signal ends the wait */
        futex_wait(&never, 0, PATIENCE_NS);
}

/* The owner is out of it in a moment, if it runs. Nobody wakes us: it does not know. A read-modify-
 * write sees the last value. Acquire: pairs with owned_leave. */
static void await_owner(struct owned_lock *l)
{
    for (int i = 0; atomic_fetch_or_explicit(&l->busy, 0, memory_order_acquire); i++) {
        if (i < 1000)
            spin_relax();
        else
            futex_wait(&l->busy, 1, 100000);
    }
}

/* Release: pairs with the acquire of who finds OWNER_NONE. */
static void disown(struct owned_lock *l)
{
    issue_barrier();
    await_owner(l);
    atomic_store_explicit(&l->owner, OWNER_NONE, memory_order_release);
    futex_wake_all(&l->owner);
}

/*
 * From 0 one becomes the owner, or there is none. Acquire on failure, and in the load: pairs with
 * disown. Success needs no order, for the barrier comes between OWNER_ASKED and busy; but C11 before
 * C17 wants it no weaker than failure.
 */
bool owned_enter_slowly(struct owned_lock *l, struct run_queue *me)
{
    uintptr_t old = atomic_load_explicit(&l->owner, memory_order_acquire);
    uintptr_t first = me && me->freeze.asymmetric ? (uintptr_t)me : OWNER_NONE;

    while (old != OWNER_NONE) {
        if (old == OWNER_ASKED) {
            futex_wait(&l->owner, (uint32_t)OWNER_ASKED, -1);
            old = atomic_load_explicit(&l->owner, memory_order_acquire);
        } else if (atomic_compare_exchange_weak_explicit(
                       &l->owner, &old, old ? OWNER_ASKED : first, memory_order_acquire,
                       memory_order_acquire)) {
            if (old == 0 && first != OWNER_NONE)
                return owned_enter(l);
            if (old != 0)
                disown(l);
            old = OWNER_NONE;
        }
    }
    word_lock(&l->word);
    return false;
}

void owned_step_back(struct owned_lock *l)
{
    owned_leave(l, true);
}
