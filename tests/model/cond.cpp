/* Condition variable and mutex: src/sync/cond.c and mutex.c as they are, on permits.c. */
#include "future.hpp"
#include "wait_list.hpp"

#define SYNC_OPS_H

struct trale_mutex {
    trale_wait_list list;
    uintptr_t owner;
};

struct trale_mutex_lock_future {
    trale_future future;
    trale_mutex *mutex;
    trale_waiter waiter;
};

struct trale_cond {
    trale_wait_list list;
};

struct trale_cond_wait_future {
    trale_future future;
    trale_cond *cond;
    int stage;
    trale_waiter waiter;
    trale_mutex_lock_future lock;
};

void trale_mutex_lock_init(trale_mutex_lock_future *f, trale_mutex *mutex);
int trale_mutex_unlock(trale_mutex *mutex);

namespace model
{

/* By thread: no task, and an address of its own. */
static struct {
    void *task;
} nobody[max_threads];

} // namespace model

static intptr_t await_shielded(trale_future *)
{
    abort();
}

#define this_thread (model::nobody[rl::thread_index()])
#include "sync/permits.h"
#include "sync/mutex.c"
#include "wait_steps.hpp"
#include "sync/cond.c"

namespace model
{
namespace
{

enum { WAITED, WITHDREW, WITHDREW_CALLED, FOUND_SET };

struct with_cond : with_wakers {
    trale_mutex mutex;
    trale_cond cond;
    trale_mutex_lock_future locks[max_threads];
    trale_cond_wait_future futures[max_threads];
    shared_int set; /* under the mutex */

    with_cond()
    {
        atomic_init(&mutex.list.word, 0u);
        mutex.owner = 0;
        atomic_init(&cond.list.word, 0u);
        write(set, 0);
    }
    void lock()
    {
        trale_mutex_lock_future &f = locks[rl::thread_index()];

        trale_mutex_lock_init(&f, &mutex);
        RL_ASSERT(wait(f) == 0);
    }
    void unlock()
    {
        RL_ASSERT(trale_mutex_unlock(&mutex) == 0);
    }
    trale_cond_wait_future &waiting()
    {
        trale_cond_wait_future &f = futures[rl::thread_index()];

        trale_cond_wait_init(&f, &cond, &mutex);
        return f;
    }
    void wait_until_set()
    {
        lock();
        while (read(set) == 0) {
            reached(WAITED);
            RL_ASSERT(wait(&waiting().future) == 0);
            RL_ASSERT(mutex_is_mine(&mutex));
        }
        unlock();
    }
    /* Gives up when it has waited a little; a signal that it has is another's. */
    void try_until_set()
    {
        lock();
        if (read(set) != 0) {
            reached(FOUND_SET);
            return unlock();
        }
        trale_cond_wait_future &f = waiting();
        RL_ASSERT(poll(&f.future) == TRALE_PENDING);
        bool woken = is_woken();
        if (woken && poll(&f.future) == TRALE_READY) {
            RL_ASSERT(end(&f.future) == 0);
            unlock();
            RL_ASSERT(trale_cond_signal(&cond) == 0); /* for the other */
            return;
        }
        reached(woken ? WITHDREW_CALLED : WITHDREW);
        withdraw(f);
    }
    void is_settled()
    {
        for (trale_wait_list *l : {&mutex.list, &cond.list}) {
            RL_ASSERT(l->word.cell.debug_value() == 0);
            RL_ASSERT(!wait_list_first(l) && l->granted == 0);
        }
    }
};

/* One signal, and two who may get it. */
struct signal_and_withdrawal
    : suite<signal_and_withdrawal, 3, 1 << WAITED | 1 << WITHDREW | 1 << FOUND_SET, 2>,
      with_cond {
    void thread(unsigned index)
    {
        if (index == 1)
            return wait_until_set();
        if (index == 2)
            return try_until_set();
        lock();
        write(set, 1);
        unlock();
        RL_ASSERT(trale_cond_signal(&cond) == 0);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(signal_and_withdrawal, "cond: one signals, one waits, one withdraws");

/* Signalled under the mutex; who is through has to wait for it. */
struct broadcast_under_mutex : suite<broadcast_under_mutex, 3, 1 << WAITED, 1>, with_cond {
    void thread(unsigned index)
    {
        if (index > 0)
            return wait_until_set();
        lock();
        write(set, 1);
        RL_ASSERT(trale_cond_broadcast(&cond) == 0);
        unlock();
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(broadcast_under_mutex, "cond: one broadcasts, two wait");

} // namespace
} // namespace model
