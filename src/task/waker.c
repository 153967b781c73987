#include "task/waker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/parker.h"
#include "task/task.h"
#include "task/thread.h"

struct thread_waker {
    trale_waker waker;
    struct parker parker;
};

static struct thread_waker *as_thread(trale_waker *waker)
{
    return container_of(waker, struct thread_waker, waker);
}

static trale_task *as_task(trale_waker *waker)
{
    return container_of(waker, trale_task, waker);
}

static void thread_waker_release(trale_waker *waker)
{
    if (state_release(&waker->state))
        free(as_thread(waker));
}

/* The batch grows at its newest end, as an inbox does. */
static void batch_add(struct wake_batch *batch, trale_waker *waker)
{
    waker->next = batch->newest;
    batch->newest = waker;
    if (!batch->oldest)
        batch->oldest = waker;
}

void waker_claim(trale_waker *waker, struct wake_batch *batch)
{
    if (state_is_thread(&waker->state) ? state_thread_wake(&waker->state)
                                       : state_wake(&waker->state))
        batch_add(batch, waker);
}

static void deliver_thread(trale_waker *waker)
{
    state_thread_notify(&waker->state);
    parker_unpark(&as_thread(waker)->parker);
    thread_waker_release(waker);
}

static void batch_push(struct wake_batch *batch, struct run_queue *home)
{
    if (batch->newest && inbox_push(&home->inbox, batch->newest, batch->oldest))
        inbox_wake(&home->inbox);
    *batch = (struct wake_batch){0};
}

/* Other executors' tasks of one batch are pushed in runs, oldest first, each run at once. */
void wake_batch_deliver(struct wake_batch *batch)
{
    struct wake_batch run = {0};
    struct run_queue *home = NULL;
    trale_waker *oldest = NULL, *next;

    for (trale_waker *w = batch->newest; w; w = next) {
        next = w->next;
        w->next = oldest;
        oldest = w;
    }
    *batch = (struct wake_batch){0};
    for (trale_waker *w = oldest; w; w = next) {
        next = w->next;
        if (state_is_thread(&w->state)) {
            deliver_thread(w);
            continue;
        }
        if (as_task(w)->home == this_thread.queue) {
            task_ready(as_task(w));
            continue;
        }
        if (as_task(w)->home != home) {
            batch_push(&run, home);
            home = as_task(w)->home;
        }
        batch_add(&run, w);
    }
    batch_push(&run, home);
}

void trale_waker_wake(trale_waker *waker)
{
    struct wake_batch batch = {0};

    if (!waker)
        return;
    waker_claim(waker, &batch);
    wake_batch_deliver(&batch);
}

trale_waker *trale_waker_clone(trale_waker *waker)
{
    if (waker)
        state_retain(&waker->state);
    return waker;
}

void trale_waker_drop(trale_waker *waker)
{
    if (!waker)
        return;
    if (state_is_thread(&waker->state))
        thread_waker_release(waker);
    else
        task_release(as_task(waker));
}

trale_waker *trale_context_waker(trale_context *cx)
{
    return cx->waker;
}

/* A thread's waker lives as long as the thread, and as long as anybody has a clone. */
static _Atomic(unsigned) key_made; /* the key + 1; 0: none yet */

static void forget(void *waker)
{
    this_thread.waker = NULL;
    thread_waker_release(waker);
}

/* Of two threads that make it at once, one wins. Not pthread_once: it would fail for ever. */
static bool get_key(pthread_key_t *key)
{
    unsigned made = atomic_load(&key_made);

    if (made == 0) {
        if (pthread_key_create(key, forget) != 0)
            return false;
        if (atomic_compare_exchange_strong(&key_made, &made, *key + 1))
            return true;
        pthread_key_delete(*key);
    }
    *key = made - 1;
    return true;
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
    t = get_key(&key) ? calloc(1, sizeof *t) : NULL;
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

void thread_waker_park(void)
{
    struct parker *parker = &as_thread(this_thread.waker)->parker;
    struct spin *spin = &this_thread.spin;
    int64_t start;

    if (parker_try(parker))
        return;
    start = clock_now();
    if (!spin_worth(spin) || !spin_for(parker))
        parker_park(parker);
    spin_learn(spin, clock_now() - start);
}
