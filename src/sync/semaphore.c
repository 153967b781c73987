/* Semaphore: permits as such. */
#include <errno.h>

#include "sync/ops.h"
#include "sync/permits.h"
#include "task/await.h"

static const struct permits kind = {0, TRALE_COUNT_MAX};

static bool well_formed(const trale_semaphore *semaphore, unsigned count)
{
    return semaphore && count > 0 && count <= TRALE_COUNT_MAX;
}

static enum trale_poll acquire_poll(trale_future *self, trale_context *cx)
{
    trale_semaphore_acquire_future *f =
        container_of(self, trale_semaphore_acquire_future, future);

    if (!well_formed(f->semaphore, f->count))
        return future_ready(self, -EINVAL);
    return permits_poll(&f->semaphore->list, &kind, &f->waiter, (int32_t)f->count, cx,
                        &self->output);
}

static void acquire_drop(trale_future *self)
{
    permits_drop(&kind, &container_of(self, trale_semaphore_acquire_future, future)->waiter);
}

const struct trale_future_ops semaphore_acquire_ops = {acquire_poll, acquire_drop,
                                                       "semaphore_acquire"};

void trale_semaphore_acquire_init(trale_semaphore_acquire_future *f, trale_semaphore *semaphore,
                                  unsigned count)
{
    *f = (trale_semaphore_acquire_future){
        .future = {.ops = &semaphore_acquire_ops}, .semaphore = semaphore, .count = count};
}

int trale_semaphore_acquire(trale_semaphore *semaphore, unsigned count)
{
    trale_semaphore_acquire_future f;

    if (well_formed(semaphore, count) &&
        permits_try_at_once(__func__, &semaphore->list, &kind, (int32_t)count))
        return 0;
    trale_semaphore_acquire_init(&f, semaphore, count);
    return (int)await_call(__func__, &f.future);
}

int trale_semaphore_try_acquire(trale_semaphore *semaphore, unsigned count)
{
    if (!well_formed(semaphore, count))
        return -EINVAL;
    return permits_try(&semaphore->list, &kind, (int32_t)count) ? 0 : -EAGAIN;
}

int trale_semaphore_release(trale_semaphore *semaphore, unsigned count)
{
    if (!well_formed(semaphore, count))
        return -EINVAL;
    return permits_put(&semaphore->list, &kind, (int32_t)count);
}
