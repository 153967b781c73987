/*
 * The try of an operation. Inline, for the operations that are worth it: returns that come after a
 * system call are guessed wrong by the processor, one after the other.
 */
#ifndef CORE_IO_TRY_H
#define CORE_IO_TRY_H

#include <errno.h>

#include "core/io_source.h"
#include "core/process.h"
#include "task/await_fiber.h"

/*
 * In a forked child an io of the parent's is unregistered, and nobody waits on it or pins it. The
 * first use in the child says so; process_lock keeps a second one from saying it too.
 */
void source_adopt(trale_io *io);

static inline void adopt_if_forked(trale_io *io)
{
    unsigned generation = atomic_load_explicit(&io->generation, memory_order_acquire);

    if (__builtin_expect(generation != process_generation(), false))
        source_adopt(io);
}

/* Acquire: pairs with source_unpin; a close that has seen our pin go has seen our system call. */
static inline uint64_t source_pin(trale_io *io)
{
    return atomic_fetch_add_explicit(&io->word, SOURCE_PIN, memory_order_acquire);
}

static inline void source_unpin(trale_io *io)
{
    atomic_fetch_sub_explicit(&io->word, SOURCE_PIN, memory_order_release);
}

/*
 * The same after a try that found no more in these directions: the io is not ready, unless a report
 * has come since word was read. Release: pairs with the reactor's acquire in source_ready, too.
 */
static inline void source_unpin_drained(trale_io *io, uint64_t word, unsigned directions)
{
    uint64_t old = atomic_load_explicit(&io->word, memory_order_relaxed), next;

    do {
        next = old - SOURCE_PIN;
        if (old / SOURCE_TICK == word / SOURCE_TICK)
            next &= ~(uint64_t)directions;
    } while (!atomic_compare_exchange_weak_explicit(&io->word, &old, next, memory_order_release,
                                                    memory_order_relaxed));
}

/*
 * Puts the waiter on the list, unless the io was closed, or a report has come since the word was
 * read: 1. Under the lock, and the reactor reports under the lock, so a report is seen here or
 * finds the waiter on the list.
 */
int source_wait(trale_io *io, struct trale_io_waiter *waiter, unsigned interest,
                trale_waker *waker, uint64_t word);

/*
 * On TCP, moving less than asked for tells that there is no more, unless the end may be near:
 * data and the end can come in one report, and the end will not be reported again. Other
 * streams have short reads in the middle: at the packets of a pipe, at descriptors that are
 * passed along; and so has TCP at urgent data, which is reported as final for that reason.
 */
static inline bool tells_empty(const trale_io *io, uint64_t word, bool drained)
{
    return drained && io->kind.tcp && (word & SOURCE_FINAL) == 0;
}

static inline bool seems_ready(uint64_t word, unsigned interest)
{
    return (word & interest) != 0 || (interest & SOURCE_APART) != 0 || wait_is_vain();
}

/* Pinned from beginning to end: a close that comes meanwhile waits, and then nothing of it is
 * left but the waiter's reference. */
ALWAYS_INLINE enum trale_poll try_or_wait(struct trale_io_waiter *waiter, trale_io *io,
                                          unsigned interest, source_try *attempt, void *operation,
                                          trale_waker *waker, intptr_t *output)
{
    uint64_t word = source_pin(io);
    bool drained = false;
    intptr_t result;
    int wait = 1;

    run_queue_prefetch(this_thread.queue);
    for (;;) {
        result = word & SOURCE_CLOSED ? -EBADF : -EAGAIN;
        if (result == -EAGAIN && seems_ready(word, interest))
            result = attempt(io, operation, &drained);
        if (result != -EAGAIN)
            break;
        result = wait = source_wait(io, waiter, interest, waker, word);
        if (wait <= 0)
            break;
        word = atomic_load_explicit(&io->word, memory_order_acquire);
    }
    /* From here on the waiter's reference, if any, keeps the io. */
    if (tells_empty(io, word, drained) || (wait == 0 && (interest & SOURCE_APART) == 0))
        source_unpin_drained(io, word, interest);
    else
        source_unpin(io);
    if (wait == 0)
        return TRALE_PENDING;
    source_forget(waiter);
    *output = result;
    return TRALE_READY;
}

/*
 * One try if the io seems ready, without a future. -EAGAIN: it was not, or something else is to come
 * first; source_poll goes on with it. Of a call that could wait: see await_at_once.
 */
ALWAYS_INLINE intptr_t source_try_now(trale_io *io, unsigned direction, source_try *attempt,
                                      void *operation)
{
    intptr_t result = -EAGAIN;
    bool drained = false;
    uint64_t word;

    if (atomic_load_explicit(&io->owed[direction == TRALE_WRITABLE], memory_order_relaxed) != 0)
        return -EAGAIN;
    adopt_if_forked(io);
    word = source_pin(io);
    if ((word & (direction | SOURCE_CLOSED)) == direction)
        result = attempt(io, operation, &drained);
    if (result == -EAGAIN || tells_empty(io, word, drained))
        source_unpin_drained(io, word, direction);
    else
        source_unpin(io);
    return result;
}

/* source_poll, where the try is known. */
ALWAYS_INLINE enum trale_poll source_poll_known(struct trale_io_waiter *waiter, trale_io *io,
                                                unsigned interest, source_try *attempt,
                                                void *operation, trale_context *cx,
                                                intptr_t *output)
{
    trale_waker *waker = cx->waker;
    int owed = interest & SOURCE_APART ? 0 : source_owed(io, interest), wait;
    uint64_t word;

    if (owed != 0) {
        source_forget(waiter); /* it may have waited before */
        *output = owed;
        return TRALE_READY;
    }
    if (await_budget_is_spent(waker)) {
        source_retain(io);     /* the call has begun: a close must leave it the io */
        source_forget(waiter); /* not to wake who polled before, and may be gone */
        waiter->io = io;
        return TRALE_PENDING;
    }
    adopt_if_forked(io);
    word = atomic_load_explicit(&io->word, memory_order_acquire);
    if ((word & SOURCE_CLOSED) == 0 && !seems_ready(word, interest)) {
        source_hold(waiter, io); /* before it waits for the lock, which a close may have */
        wait = source_wait(io, waiter, interest, waker, word);
        if (wait == 0)
            return TRALE_PENDING;
        if (wait < 0) {
            source_forget(waiter);
            *output = wait;
            return TRALE_READY;
        }
    }
    return try_or_wait(waiter, io, interest, attempt, operation, waker, output);
}

#endif
