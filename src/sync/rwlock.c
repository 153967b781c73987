/* Reader-writer lock: more permits than there can be readers. A reader takes one, a writer all. */
#include <errno.h>

#include "sync/ops.h"
#include "sync/permits.h"
#include "task/await.h"

#define ALL TRALE_COUNT_MAX

static const struct permits kind = {-ALL, 0};

static enum trale_poll lock_poll(trale_future *self, trale_context *cx)
{
    trale_rwlock_rdlock_future *f = container_of(self, trale_rwlock_rdlock_future, future);

    if (!f->rwlock)
        return future_ready(self, -EINVAL);
    return permits_poll(&f->rwlock->list, &kind, &f->waiter, f->need, cx, &self->output);
}

static void lock_drop(trale_future *self)
{
    permits_drop(&kind, &container_of(self, trale_rwlock_rdlock_future, future)->waiter);
}

const struct trale_future_ops rwlock_rdlock_ops = {lock_poll, lock_drop, "rwlock_rdlock"};

void trale_rwlock_rdlock_init(trale_rwlock_rdlock_future *f, trale_rwlock *rwlock)
{
    *f = (trale_rwlock_rdlock_future){
        .future = {.ops = &rwlock_rdlock_ops}, .rwlock = rwlock, .need = 1};
}

const struct trale_future_ops rwlock_wrlock_ops = {lock_poll, lock_drop, "rwlock_wrlock"};

void trale_rwlock_wrlock_init(trale_rwlock_wrlock_future *f, trale_rwlock *rwlock)
{
    *f = (trale_rwlock_wrlock_future){
        .future = {.ops = &rwlock_wrlock_ops}, .rwlock = rwlock, .need = ALL};
}

int trale_rwlock_rdlock(trale_rwlock *rwlock)
{
    trale_rwlock_rdlock_future f;

    if (rwlock && permits_try_at_once(__func__, &rwlock->list, &kind, 1))
        return 0;
    trale_rwlock_rdlock_init(&f, rwlock);
    return (int)await_call(__func__, &f.future);
}

int trale_rwlock_wrlock(trale_rwlock *rwlock)
{
    trale_rwlock_wrlock_future f;

    if (rwlock && permits_try_at_once(__func__, &rwlock->list, &kind, ALL))
        return 0;
    trale_rwlock_wrlock_init(&f, rwlock);
    return (int)await_call(__func__, &f.future);
}

static int try_lock(trale_rwlock *rwlock, int32_t need)
{
    if (!rwlock)
        return -EINVAL;
    return permits_try(&rwlock->list, &kind, need) ? 0 : -EBUSY;
}

int trale_rwlock_tryrdlock(trale_rwlock *rwlock)
{
    return try_lock(rwlock, 1);
}

int trale_rwlock_trywrlock(trale_rwlock *rwlock)
{
    return try_lock(rwlock, ALL);
}

/* While the caller has it, the value is only as low as that if the caller is the writer: it takes
 * a quarter of a thousand million readers to come as far. It does not fit if somebody was let
 * through who does not have it yet. */
int trale_rwlock_unlock(trale_rwlock *rwlock)
{
    int32_t value;

    if (!rwlock)
        return -EINVAL;
    value = word_value(wait_list_word(&rwlock->list));
    if (value == kind.highest)
        return -EPERM;
    return permits_put(&rwlock->list, &kind, value == kind.lowest ? ALL : 1) == 0 ? 0 : -EPERM;
}
