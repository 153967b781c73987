/*
 * Mutex: one permit, there from the beginning, and who has it.
 *
 * owner is written by who has the permit, before he gives it back and after he took it. Others
 * read it, relaxed, to compare it with themselves: equal it can only be to who wrote it.
 */
#include "sync/mutex.h"

#include <errno.h>

#include "sync/ops.h"
#include "sync/permits.h"
#include "task/await.h"
#include "task/thread.h"

static const struct permits kind = {-1, 0};

static uintptr_t myself(void)
{
    return this_thread.task ? (uintptr_t)this_thread.task : (uintptr_t)&this_thread;
}

bool mutex_is_mine(const trale_mutex *mutex)
{
    return __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED) == myself();
}

static void set_owner(trale_mutex *mutex, uintptr_t owner)
{
    __atomic_store_n(&mutex->owner, owner, __ATOMIC_RELAXED);
}

static enum trale_poll lock_poll(trale_future *self, trale_context *cx)
{
    trale_mutex_lock_future *f = container_of(self, trale_mutex_lock_future, future);
    enum trale_poll result;

    if (!f->mutex)
        return future_ready(self, -EINVAL);
    if (mutex_is_mine(f->mutex))
        return future_ready(self, -EDEADLK);
    result = permits_poll(&f->mutex->list, &kind, &f->waiter, 1, cx, &self->output);
    if (result == TRALE_READY && self->output == 0)
        set_owner(f->mutex, myself());
    return result;
}

static void lock_drop(trale_future *self)
{
    permits_drop(&kind, &container_of(self, trale_mutex_lock_future, future)->waiter);
}

const struct trale_future_ops mutex_lock_ops = {lock_poll, lock_drop, "mutex_lock"};

void trale_mutex_lock_init(trale_mutex_lock_future *f, trale_mutex *mutex)
{
    *f = (trale_mutex_lock_future){.future = {.ops = &mutex_lock_ops}, .mutex = mutex};
}

int trale_mutex_lock(trale_mutex *mutex)
{
    trale_mutex_lock_future f;

    if (mutex && permits_try_at_once(__func__, &mutex->list, &kind, 1)) {
        set_owner(mutex, myself());
        return 0;
    }
    trale_mutex_lock_init(&f, mutex);
    return (int)await_call(__func__, &f.future);
}

int trale_mutex_trylock(trale_mutex *mutex)
{
    if (!mutex)
        return -EINVAL;
    if (!permits_try(&mutex->list, &kind, 1))
        return -EBUSY;
    set_owner(mutex, myself());
    return 0;
}

int trale_mutex_unlock(trale_mutex *mutex)
{
    if (!mutex)
        return -EINVAL;
    if (!mutex_is_mine(mutex))
        return -EPERM;
    set_owner(mutex, 0);
    return permits_put(&mutex->list, &kind, 1);
}
