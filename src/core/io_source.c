#include "core/io_source.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/io_try.h"
#include "core/pool.h"
#include "core/process.h"
#include "core/reactor.h"
#include "task/await.h"
#include "task/thread.h"

void source_owe(trale_io *io, unsigned direction, int error)
{
    if (error != -EBADF && error != -ESHUTDOWN) /* those come again by themselves */
        atomic_store_explicit(&io->owed[direction == TRALE_WRITABLE], error,
                              memory_order_relaxed); /* see source_owed */
}

void source_release(trale_io *io)
{
    /* Release and acquire pair with each other: the last one frees after every use. */
    if (atomic_fetch_sub_explicit(&io->references, 1, memory_order_acq_rel) > 1)
        return;
    free(io);
}

void source_adopt(trale_io *io)
{
    process_lock();
    if (atomic_load_explicit(&io->generation, memory_order_relaxed) != process_generation()) {
        atomic_init(&io->lock.word, 0);
        list_init(&io->waiters);
        io->reactor = NULL;
        io->lent = 0;
        atomic_store_explicit(&io->word, SOURCE_READABLE | SOURCE_WRITABLE, memory_order_relaxed);
        atomic_store_explicit(&io->references, 1, memory_order_relaxed);
        /* Release: all that goes before is seen by who finds the generation right. */
        atomic_store_explicit(&io->generation, process_generation(), memory_order_release);
    }
    process_unlock();
}

/* The child's first use of the io may be this, and an adoption after it would forget it. */
void source_retain(trale_io *io)
{
    adopt_if_forked(io);
    /* Relaxed: who adds a reference has one, or the lock of a registered source. */
    atomic_fetch_add_explicit(&io->references, 1, memory_order_relaxed);
}

/* Before the number is given up. Acquire: pairs with source_unpin. A pin lasts for one poll, which
 * does not block. */
static void await_unpinned(const trale_io *io)
{
    while (atomic_load_explicit(&io->word, memory_order_acquire) & SOURCE_PINS)
        sched_yield();
}

int source_use(trale_io *io)
{
    adopt_if_forked(io);
    if ((source_pin(io) & SOURCE_CLOSED) == 0)
        return 0;
    source_unpin(io);
    return -EBADF;
}

void source_unuse(trale_io *io)
{
    source_unpin(io);
}

bool source_is_closed(const trale_io *io)
{
    return (atomic_load_explicit(&io->word, memory_order_relaxed) & SOURCE_CLOSED) != 0;
}

int source_lend(trale_io *io)
{
    int error;

    adopt_if_forked(io);
    lock_take(&io->lock);
    error = source_is_closed(io) ? -EBADF : 0;
    if (error == 0) {
        io->lent++;
        source_retain(io);
    }
    lock_give(&io->lock);
    return error;
}

bool source_is_lent(trale_io *io)
{
    bool lent;

    lock_take(&io->lock);
    lent = io->lent > 0;
    lock_give(&io->lock);
    return lent;
}

void source_return(trale_io *io)
{
    bool last;

    lock_take(&io->lock);
    last = --io->lent == 0 && io->close_later;
    lock_give(&io->lock);
    if (last) {
        await_unpinned(io);
        close(io->fd);
    }
    source_release(io);
}

/* With the context's reactor. TCP says that it can be written only after it could not. */
static int register_anew(trale_io *io, bool write)
{
    struct reactor *reactor;
    int error = reactor_current(&reactor);

    write = write || io->kind.tcp;
    if (error == 0)
        error = reactor_add(reactor, io, write);
    if (error != 0)
        return error;
    io->reactor = reactor;
    io->reports_writable = write;
    io->detached = false;
    source_retain(io);
    return 0;
}

/* epoll reports at once what there is by then: what came meanwhile is not missed. */
static int attach(trale_io *io, bool write)
{
    int error = reactor_attach(io->reactor, io, write);

    io->reports_writable = write;
    io->detached = error != 0;
    return error;
}

void source_detach(trale_io *io)
{
    lock_take(&io->lock);
    if (io->reactor && !io->detached && list_empty(&io->waiters))
        io->detached = reactor_detach(io->reactor, io) == 0;
    lock_give(&io->lock);
}

static int register_writing(trale_io *io)
{
    int error = reactor_add_write(io->reactor, io);

    io->reports_writable = error == 0;
    return error;
}

/* Registers the source, if it is not, for what the waiter waits for. Under the source's lock. */
static int source_register(trale_io *io, unsigned interest)
{
    bool write = (interest & TRALE_WRITABLE) != 0;
    int error = 0;

    if (wait_is_vain())
        return -ESHUTDOWN;
    if (!io->reactor)
        error = register_anew(io, write);
    else if (io->detached)
        error = attach(io, write);
    else if (write && !io->reports_writable)
        error = register_writing(io);
    if (error != 0) /* nobody will report: what is known is nothing, every call must try */
        atomic_fetch_or(&io->word, SOURCE_READABLE | SOURCE_WRITABLE);
    return error;
}

/* Changed under the lock. False is stored, with release, as the last thing that is done to a waiter
 * that was taken out; its owner reads it with acquire, and may free it. */
static bool is_linked(const struct trale_io_waiter *waiter)
{
    return __atomic_load_n(&waiter->linked, __ATOMIC_ACQUIRE);
}

static void set_linked(struct trale_io_waiter *waiter, bool linked)
{
    __atomic_store_n(&waiter->linked, linked, __ATOMIC_RELEASE);
}

int source_wait(trale_io *io, struct trale_io_waiter *waiter, unsigned interest,
                trale_waker *waker, uint64_t word)
{
    uint64_t now;
    int error;

    lock_take(&io->lock);
    now = atomic_load_explicit(&io->word, memory_order_relaxed);
    if ((now & SOURCE_CLOSED) || now / SOURCE_TICK != word / SOURCE_TICK)
        error = 1;
    else
        error = source_register(io, interest);
    if (error == 0) {
        atomic_store_explicit(&io->found, 0, memory_order_relaxed); /* a hint */
        waiter->waker = waker;
        waiter->interest = interest;
        if (!is_linked(waiter))
            list_push_back(&io->waiters, &waiter->link);
        set_linked(waiter, true);
        source_hold(waiter, io);
    }
    lock_give(&io->lock);
    return error;
}

static void take_out(struct trale_io_waiter *waiter, trale_io *io)
{
    lock_take(&io->lock);
    if (is_linked(waiter))
        list_remove(&waiter->link);
    set_linked(waiter, false);
    lock_give(&io->lock);
}

void source_forget_used(struct trale_io_waiter *waiter)
{
    trale_io *io = waiter->io;

    if (waiter->job)
        pool_leave(waiter->job);
    waiter->job = NULL;
    if (!io)
        return;
    if (is_linked(waiter))
        take_out(waiter, io);
    waiter->io = NULL;
    source_release(io);
}

enum trale_poll source_poll(struct trale_io_waiter *waiter, trale_io *io, unsigned interest,
                            source_try *attempt, void *operation, trale_context *cx,
                            intptr_t *output)
{
    return source_poll_known(waiter, io, interest, attempt, operation, cx, output);
}

/* Under the lock. */
static void wake_waiters(trale_io *io, uint64_t ready, struct wake_batch *batch)
{
    struct trale_link *link, *next;

    for (link = io->waiters.next; link != &io->waiters; link = next) {
        struct trale_io_waiter *waiter = container_of(link, struct trale_io_waiter, link);

        next = link->next;
        if ((waiter->interest & ready) == 0)
            continue;
        list_remove(link);
        waker_claim(waiter->waker, batch);
        set_linked(waiter, false);
    }
}

void source_ready(trale_io *io, uint64_t ready, struct wake_batch *batch)
{
    uint64_t old = atomic_load_explicit(&io->word, memory_order_relaxed);

    lock_take(&io->lock);
    /* Acquire and release: pair with source_clear, both ways. */
    while (!atomic_compare_exchange_weak_explicit(&io->word, &old, (old + SOURCE_TICK) | ready,
                                                  memory_order_acq_rel, memory_order_relaxed))
        ;
    wake_waiters(io, ready, batch);
    lock_give(&io->lock);
}

void source_evict(trale_io *io, struct wake_batch *batch)
{
    io->reactor = NULL;
    wake_waiters(io, SOURCE_READABLE | SOURCE_WRITABLE, batch);
}

int trale_close(trale_io *io)
{
    struct wake_batch batch = {0};
    bool close_later;
    int error = 0;

    if (!io)
        return -EINVAL;
    adopt_if_forked(io);
    lock_take(&io->lock);
    atomic_fetch_or(&io->word, SOURCE_CLOSED);
    wake_waiters(io, SOURCE_READABLE | SOURCE_WRITABLE, &batch);
    if (io->reactor)
        reactor_remove(io->reactor, io);
    io->reactor = NULL;
    close_later = io->close_later = io->lent > 0;
    lock_give(&io->lock);
    wake_batch_deliver(&batch); /* before what may take long: a close that lingers, socket(7) */
    await_unpinned(io);
    if (!close_later && close(io->fd) != 0 && errno != EINTR)
        error = -errno; /* close(2): closed in any case */
    source_release(io);
    return error;
}
