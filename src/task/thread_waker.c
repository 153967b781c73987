#include "task/thread_waker.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/parker.h"
#include "task/inbox.h"
#include "task/thread.h"
#include "task/thread_key.h"

struct thread_waker {
    trale_waker waker;
    struct parker parker;
};

static struct thread_waker *as_thread(trale_waker *waker)
{
    return container_of(waker, struct thread_waker, waker);
}

void thread_waker_release(trale_waker *waker)
{
    if (state_release(&waker->state))
        free(as_thread(waker));
}

void thread_waker_deliver(trale_waker *waker)
{
    state_thread_notify(&waker->state);
    parker_unpark(&as_thread(waker)->parker);
    thread_waker_release(waker);
}

/* A thread's waker lives as long as the thread, and as long as anybody has a clone. */
static thread_key key_made;

static void forget(void *waker)
{
    this_thread.waker = NULL;
    thread_waker_release(waker);
}

/* exit does not run the destructor for the main thread's value. */
__attribute__((destructor)) static void forget_at_exit(void)
{
    if (this_thread.waker)
        forget(this_thread.waker);
}

trale_waker *thread_waker(void)
{
    struct thread_waker *t;
    pthread_key_t key;

    if (this_thread.waker)
        return this_thread.waker;
    t = thread_key_get(&key_made, forget, &key) ? calloc(1, sizeof *t) : NULL;
    if (!t)
        return NULL;
    atomic_init(&t->waker.state.word, STATE_THREAD | STATE_REFERENCE);
    if (pthread_setspecific(key, &t->waker) != 0) {
        free(t);
        return NULL;
    }
    return this_thread.waker = &t->waker;
}

void thread_waker_forked(void)
{
    if (this_thread.waker)
        state_thread_notify(&this_thread.waker->state);
}

static bool spin_for(struct parker *parker)
{
    int64_t end = clock_now() + SPIN_WINDOW_NS;

    do {
        for (int i = 0; i < 64; i++) {
            if (parker_try(parker))
                return true;
            spin_relax();
        }
    } while (clock_now() < end);
    return false;
}

static void park_until(struct parker *parker, int64_t now, int64_t deadline)
{
    if (deadline == TRALE_NEVER)
        parker_park(parker);
    else if (now < deadline)
        parker_nap(parker, deadline - now);
}

void thread_waker_park(int64_t deadline)
{
    struct parker *parker = &as_thread(this_thread.waker)->parker;
    struct spin *spin = &this_thread.spin;
    int64_t start;

    if (parker_try(parker))
        return;
    start = clock_now();
    if (!spin_worth(spin) || !spin_for(parker))
        park_until(parker, clock_now(), deadline);
    spin_learn(spin, clock_now() - start);
}
