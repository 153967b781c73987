#include "task/freeze.h"

#include "base/futex.h"
#include "base/spin.h"

void section_wait(struct freeze *f)
{
    do {
        section_end(f);
        /* Acquire: pairs with freeze_end. */
        while (atomic_load_explicit(&f->frozen, memory_order_acquire))
            futex_wait(&f->frozen, 1, -1);
        atomic_exchange_explicit(&f->busy, 1, memory_order_seq_cst);
    } while (atomic_fetch_or_explicit(&f->frozen, 0, memory_order_seq_cst));
}

/* The executor is out of its section in a moment, if it runs. Nobody wakes us: it does not know. */
void freeze_await(struct freeze *f)
{
    for (int i = 0; atomic_fetch_or_explicit(&f->busy, 0, memory_order_seq_cst); i++) {
        if (i < 1000)
            spin_relax();
        else
            futex_wait(&f->busy, 1, 100000);
    }
}

/* Release: pairs with the acquire in section_begin and section_wait. */
void freeze_end(struct freeze *f)
{
    atomic_store_explicit(&f->frozen, 0, memory_order_release);
    futex_wake_all(&f->frozen);
}
