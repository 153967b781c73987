/*
 * For scenarios of src/sync: what its files include, in miniature. permits.c and wait_list.c
 * themselves are compiled on top of it (permits.cpp).
 *
 * The fields of lists and waiters, plain in the library, are rl::var here, so that Relacy reports
 * who touches them without the lock. A waker is a flag and a place to sleep: how tasks and threads
 * are woken has its own scenarios. Waking orders nothing here: what is seen after it is seen
 * through the word.
 */
#ifndef MODEL_SYNC_HPP
#define MODEL_SYNC_HPP

#include "scenarios.hpp"

#include <cerrno>

/* In place of <trale/future.h>, <trale/sync.h>. */
#define TRALE_FUTURE_H
#define TRALE_SYNC_H

#define TRALE_COUNT_MAX 268435455

enum trale_poll { TRALE_PENDING, TRALE_READY };

struct trale_context {
    trale_waker *waker;
    struct trale_select_future *select = nullptr;
    size_t place = 0;
};

struct trale_wait_list {
    _Atomic(uint32_t) word;
    model::plain<int32_t> granted;
    trale_link waiters;

    /* A new one, before anybody else sees it. */
    trale_wait_list &operator=(const trale_wait_list &)
    {
        atomic_init(&word, 0u);
        return *this;
    }
};

struct trale_waiter {
    trale_link link;
    model::plain<trale_waker *> waker;
    model::plain<trale_wait_list *> list;
    model::plain<int32_t> need;
    model::plain<bool> granted;
};

inline trale_waker *trale_context_waker(trale_context *cx)
{
    return cx->waker;
}

/* In place of task/waker.h, task/await.h, task/thread.h. */
#define TASK_WAKER_H
#define TASK_AWAIT_H
#define TASK_THREAD_H

struct wake_batch {
    trale_waker *wakers[model::max_threads + 1]; /* up to the first NULL */
    unsigned claims = 0;
};

namespace model
{

struct sync_waker : trale_waker {
    bool woken = false;

    void wake()
    {
        announce(this, true);
        rl::ctx().sched();
        woken = true;
        wake_one(this, RL_INFO);
    }
    void park()
    {
        announce(this, true);
        rl::ctx().sched();
        if (!woken)
            sleep_on(this, RL_INFO);
        woken = false;
    }
};

} // namespace model

inline void waker_claim(trale_waker *waker, wake_batch *batch)
{
    int i = 0;

    batch->claims++;
    RL_ASSERT(batch->claims < 16); /* a list that does not end */
    while (batch->wakers[i] && batch->wakers[i] != waker)
        i++;
    batch->wakers[i] = waker;
}

inline void wake_batch_deliver(wake_batch *batch)
{
    for (int i = 0; batch->wakers[i]; i++)
        static_cast<model::sync_waker *>(batch->wakers[i])->wake();
    *batch = {};
}

inline bool await_at_once(const char *)
{
    return true;
}

inline bool await_budget_is_spent(trale_waker *)
{
    return false;
}

inline bool wait_is_vain()
{
    return false;
}

#define WORD_SPINS 0 /* looking again changes nothing that sleeping does not */

#define futex_wake(word) STEP(futex_wake(word))
#include "sync/wait_word.h"
#undef futex_wake

#endif
