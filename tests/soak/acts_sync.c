/* Acts on locks, events, and what else tasks wait for one another with. */
#include <errno.h>

#include "soak.h"

static void inside_lock(struct actor *a)
{
    left(LOCKS, 1);
    must(atomic_fetch_add(&arena.owners, 1) == 0);
    arena.guarded++;
    right(GUARDED, 1);
    trace(a, arena.guarded);
    if (chance(a, 2))
        trale_yield();
    must(atomic_fetch_sub(&arena.owners, 1) == 1);
    right(LOCKS, 1);
    must(trale_mutex_unlock(&arena.mutex) == 0);
}

void act_lock(struct actor *a)
{
    if (got(a, trale_mutex_lock(&arena.mutex)))
        inside_lock(a);
}

void act_trylock(struct actor *a)
{
    int result = trale_mutex_trylock(&arena.mutex);

    must(result == 0 || result == -EBUSY);
    if (result == 0)
        inside_lock(a);
}

void act_acquire(struct actor *a)
{
    unsigned count = 1 + draw(a, PERMIT_COUNT);

    if (!got(a, trale_semaphore_acquire(&arena.semaphore, count)))
        return;
    left(PERMITS, count);
    must(atomic_fetch_add(&arena.holders, (int)count) + (int)count <= PERMIT_COUNT);
    if (chance(a, 2))
        trale_yield();
    atomic_fetch_sub(&arena.holders, (int)count);
    right(PERMITS, count);
    must(trale_semaphore_release(&arena.semaphore, count) == 0);
}

void act_read_lock(struct actor *a)
{
    if (!got(a, trale_rwlock_rdlock(&arena.rwlock)))
        return;
    left(READS, 1);
    atomic_fetch_add(&arena.readers, 1);
    must(atomic_load(&arena.writers) == 0);
    if (chance(a, 2))
        trale_yield();
    must(atomic_load(&arena.writers) == 0);
    atomic_fetch_sub(&arena.readers, 1);
    right(READS, 1);
    must(trale_rwlock_unlock(&arena.rwlock) == 0);
}

void act_write_lock(struct actor *a)
{
    if (!got(a, trale_rwlock_wrlock(&arena.rwlock)))
        return;
    left(WRITES, 1);
    must(atomic_fetch_add(&arena.writers, 1) == 0 && atomic_load(&arena.readers) == 0);
    if (chance(a, 2))
        trale_yield();
    must(atomic_load(&arena.readers) == 0 && atomic_fetch_sub(&arena.writers, 1) == 1);
    right(WRITES, 1);
    must(trale_rwlock_unlock(&arena.rwlock) == 0);
}

void act_wait(struct actor *a)
{
    if (got(a, trale_event_wait(&arena.event)))
        right(NOTES, 1);
}

void act_notify(struct actor *a)
{
    trace(a, 1);
    left(NOTES, 1);
    must(trale_event_notify(&arena.event) == 0);
}

/* Cancelled or not, it has the mutex afterwards. */
void act_condition(struct actor *a)
{
    uint32_t what = draw(a, 3);

    if (what > 0) {
        must((what == 1 ? trale_cond_signal(&arena.cond) : trale_cond_broadcast(&arena.cond)) ==
             0);
        return;
    }
    if (!got(a, trale_mutex_lock(&arena.mutex)))
        return;
    got(a, trale_cond_wait(&arena.cond, &arena.mutex));
    inside_lock(a);
}

/* Of three, the last one says that it was. */
void act_barrier(struct actor *a)
{
    int result = trale_barrier_wait(&arena.barrier);

    if (!got(a, result))
        return;
    left(BARRIERS, result == 0);
    right(BARRIERS, result == 1 ? 2 : 0);
}
