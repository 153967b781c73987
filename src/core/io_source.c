#include "core/io_source.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

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

int source_owed(trale_io *io, unsigned direction)
{
    _Atomic(int) *owed = &io->owed[direction == TRALE_WRITABLE];

    /* Relaxed: whoever moved the bytes before has the error next; others have no order with
     * it. */
    return atomic_load_explicit(owed, memory_order_relaxed)
               ? atomic_exchange_explicit(owed, 0, memory_order_relaxed)
               : 0;
}

void source_release(trale_io *io)
{
    /* Release and acquire pair with each other: the last one frees after every use. */
    if (atomic_fetch_sub_explicit(&io->references, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&io->lock);
    free(io);
}

/*
 * In a forked child an io of the parent's is unregistered, and nobody waits on it or pins it. The
 * first use in the child says so; process_lock keeps a second one from saying it too.
 */
static void adopt(trale_io *io)
{
    process_lock();
    if (atomic_load_explicit(&io->generation, memory_order_relaxed) != process_generation()) {
        pthread_mutex_init(&io->lock, NULL);
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

static void adopt_if_forked(trale_io *io)
{
    /* Acquire: pairs with the release in adopt. */
    if (atomic_load_explicit(&io->generation, memory_order_acquire) != process_generation())
        adopt(io);
}

/* The child's first use of the io may be this, and an adoption after it would forget it. */
void source_retain(trale_io *io)
{
    adopt_if_forked(io);
    /* Relaxed: who adds a reference has one, or the lock of a registered source. */
    atomic_fetch_add_explicit(&io->references, 1, memory_order_relaxed);
}

/* Acquire: pairs with source_unpin; a close that has seen our pin go has seen our system call. */
static uint64_t source_pin(trale_io *io)
{
    return atomic_fetch_add_explicit(&io->word, SOURCE_PIN, memory_order_acquire);
}

static void source_unpin(trale_io *io)
{
    atomic_fetch_sub_explicit(&io->word, SOURCE_PIN, memory_order_release);
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
    pthread_mutex_lock(&io->lock);
    error = source_is_closed(io) ? -EBADF : 0;
    if (error == 0) {
        io->lent++;
        source_retain(io);
    }
    pthread_mutex_unlock(&io->lock);
    return error;
}

bool source_is_lent(trale_io *io)
{
    bool lent;

    pthread_mutex_lock(&io->lock);
    lent = io->lent > 0;
    pthread_mutex_unlock(&io->lock);
    return lent;
}

void source_return(trale_io *io)
{
    bool last;

    pthread_mutex_lock(&io->lock);
    last = --io->lent == 0 && io->close_later;
    pthread_mutex_unlock(&io->lock);
    if (last) {
        await_unpinned(io);
        close(io->fd);
    }
    source_release(io);
}

/*
 * The try met EAGAIN: the io is not ready, unless a report has come since word was read. Release:
 * pairs with the reactor's acquire in source_ready.
 */
static void source_clear(trale_io *io, uint64_t word, unsigned interest)
{
    uint64_t old = atomic_load_explicit(&io->word, memory_order_relaxed);

    while (old / SOURCE_TICK == word / SOURCE_TICK &&
           !atomic_compare_exchange_weak_explicit(&io->word, &old, old & ~(uint64_t)interest,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

/* Registers the source with the context's reactor if it has none. Under the source's lock. */
static int source_register(trale_io *io)
{
    struct reactor *reactor;
    int error;

    if (wait_is_vain())
        return -ESHUTDOWN;
    if (io->reactor)
        return 0;
    error = reactor_current(&reactor);
    if (error == 0)
        error = reactor_add(reactor, io);
    if (error != 0) { /* nobody will report: what is known is nothing, every call must try */
        atomic_fetch_or_explicit(&io->word, SOURCE_READABLE | SOURCE_WRITABLE,
                                 memory_order_relaxed); /* it tells of nothing else */
        return error;
    }
    io->reactor = reactor;
    source_retain(io);
    return 0;
}

/*
 * Puts the waiter on the list, unless the io was closed, or a report has come since the word was
 * read: 1. Under the lock, and the reactor reports under the lock, so a report is seen here or
 * finds the waiter on the list.
 */
static int source_wait(trale_io *io, struct trale_io_waiter *waiter, unsigned interest,
                       trale_waker *waker, uint64_t word)
{
    uint64_t now;
    int error;

    pthread_mutex_lock(&io->lock);
    now = atomic_load_explicit(&io->word, memory_order_relaxed);
    if ((now & SOURCE_CLOSED) || now / SOURCE_TICK != word / SOURCE_TICK)
        error = 1;
    else
        error = source_register(io);
    if (error == 0) {
        waiter->waker = waker;
        waiter->interest = interest;
        if (!waiter->linked)
            list_push_back(&io->waiters, &waiter->link);
        waiter->linked = true;
        source_hold(waiter, io);
    }
    pthread_mutex_unlock(&io->lock);
    return error;
}

void source_hold(struct trale_io_waiter *waiter, trale_io *io)
{
    if (!waiter->io)
        source_retain(io);
    waiter->io = io;
}

void source_forget(struct trale_io_waiter *waiter)
{
    trale_io *io = waiter->io;

    pool_leave(waiter->job);
    waiter->job = NULL;
    if (!io)
        return;
    pthread_mutex_lock(&io->lock);
    if (waiter->linked)
        list_remove(&waiter->link);
    pthread_mutex_unlock(&io->lock);
    waiter->linked = false;
    waiter->io = NULL;
    source_release(io);
}

/*
 * On TCP, moving less than asked for tells that there is no more, unless the end may be near:
 * data and the end can come in one report, and the end will not be reported again. Other
 * streams have short reads in the middle: at the packets of a pipe, at descriptors that are
 * passed along; and so has TCP at urgent data, which is reported as final for that reason.
 */
static bool tells_empty(const trale_io *io, uint64_t word, bool drained)
{
    return drained && io->kind.tcp && (word & SOURCE_FINAL) == 0;
}

/* Pinned from beginning to end: a close that comes meanwhile waits, and then nothing of it is
 * left but the waiter's reference. */
enum trale_poll source_poll(struct trale_io_waiter *waiter, trale_io *io, unsigned interest,
                            source_try *attempt, void *operation, trale_context *cx,
                            intptr_t *output)
{
    int wait = 1, owed = interest & SOURCE_APART ? 0 : source_owed(io, interest);
    bool drained = false;
    intptr_t result;
    uint64_t word;

    if (owed != 0) {
        *output = owed;
        return TRALE_READY;
    }
    if (await_budget_is_spent(trale_context_waker(cx))) {
        source_retain(io);     /* the call has begun: a close must leave it the io */
        source_forget(waiter); /* not to wake who polled before, and may be gone */
        waiter->io = io;
        return TRALE_PENDING;
    }
    adopt_if_forked(io);
    word = source_pin(io);
    do {
        result = word & SOURCE_CLOSED ? -EBADF : -EAGAIN;
        if (result == -EAGAIN &&
            ((word & interest) || (interest & SOURCE_APART) || wait_is_vain()))
            result = attempt(io, operation, &drained);
        if (tells_empty(io, word, drained))
            source_clear(io, word, interest);
        if (result != -EAGAIN)
            break;
        if ((interest & SOURCE_APART) == 0)
            source_clear(io, word, interest);
        wait = source_wait(io, waiter, interest, trale_context_waker(cx), word);
        result = wait;
        word = atomic_load_explicit(&io->word, memory_order_acquire);
    } while (wait > 0);
    source_unpin(io); /* from here on the waiter's reference, if any, keeps the io */
    if (wait == 0)
        return TRALE_PENDING;
    source_forget(waiter);
    *output = result;
    return TRALE_READY;
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
        waiter->linked = false;
        waker_claim(waiter->waker, batch);
    }
}

void source_ready(trale_io *io, uint64_t ready, struct wake_batch *batch)
{
    uint64_t old = atomic_load_explicit(&io->word, memory_order_relaxed);

    pthread_mutex_lock(&io->lock);
    /* Acquire and release: pair with source_clear, both ways. */
    while (!atomic_compare_exchange_weak_explicit(&io->word, &old, (old + SOURCE_TICK) | ready,
                                                  memory_order_acq_rel, memory_order_relaxed))
        ;
    wake_waiters(io, ready, batch);
    pthread_mutex_unlock(&io->lock);
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
    pthread_mutex_lock(&io->lock);
    atomic_fetch_or(&io->word, SOURCE_CLOSED);
    wake_waiters(io, SOURCE_READABLE | SOURCE_WRITABLE, &batch);
    if (io->reactor)
        reactor_remove(io->reactor, io);
    io->reactor = NULL;
    close_later = io->close_later = io->lent > 0;
    pthread_mutex_unlock(&io->lock);
    wake_batch_deliver(&batch); /* before what may take long: a close that lingers, socket(7) */
    await_unpinned(io);
    if (!close_later && close(io->fd) != 0 && errno != EINTR)
        error = -errno; /* close(2): closed in any case */
    source_release(io);
    return error;
}
