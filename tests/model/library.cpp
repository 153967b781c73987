#include "library.hpp"

namespace model
{

executor *this_executor[max_threads];
const void *sleeps_on[max_threads];
bool naps[max_threads];
unsigned timeouts_left[max_threads];

task::task(block<task> *b, executor *ex, poll_function *f, void *s, uint64_t word)
    : node(word), home(ex), home_block(b), poll(f), scenario(s)
{
    write(result, 0);
}

static task *as_task(trale_waker *waker)
{
    return static_cast<task *>(waker);
}

static thread_waker *as_thread(trale_waker *waker)
{
    return static_cast<thread_waker *>(waker);
}

void thread_waker_release(thread_waker *t)
{
    if (state_release(&t->state))
        t->home->free();
}

static bool is_thread(trale_waker *waker)
{
    quiet never_changes;

    return state_is_thread(&waker->state);
}

static void batch_add(wake_batch *batch, trale_waker *waker)
{
    write(as_node(waker)->chain, 1);
    waker->next = batch->newest;
    batch->newest = waker;
    if (!batch->oldest)
        batch->oldest = waker;
}

static bool is_here(const task *t)
{
    return t->home == this_executor[rl::thread_index()];
}

static void wake_here(task *t)
{
    if (!t->ready && !state_is_queued(&t->state))
        task_ready(t);
}

void waker_claim(trale_waker *waker, wake_batch *batch)
{
    if (is_thread(waker)) {
        if (state_thread_wake(&waker->state))
            batch_add(batch, waker);
    } else if (is_here(as_task(waker))) {
        wake_here(as_task(waker));
    } else if (state_wake(&waker->state)) {
        batch_add(batch, waker);
    }
}

static void deliver_thread(trale_waker *waker)
{
    state_thread_notify(&waker->state);
    read(as_node(waker)->memory);
    parker_unpark(&as_thread(waker)->parker);
    thread_waker_release(as_thread(waker));
}

/* waker_claim_cancel */
static void claim_cancel(trale_waker *waker, wake_batch *batch)
{
    if (state_cancel(&waker->state))
        batch_add(batch, waker);
}

static void batch_push(wake_batch *batch, executor *home)
{
    if (!batch->newest)
        return;
    if (batch->oldest != batch->newest) /* inbox_push writes this one */
        write(as_node(batch->oldest)->chain, 1);
    if (inbox_push(&home->queue.inbox, batch->newest, batch->oldest))
        inbox_wake(&home->queue.inbox);
    *batch = {};
}

/* wake_batch_send */
void wake_batch_deliver(wake_batch *batch)
{
    wake_batch run = {};
    executor *home = nullptr;
    trale_waker *oldest = NULL, *next;

    for (trale_waker *w = batch->newest; w; w = next) {
        write(as_node(w)->chain, 1);
        next = w->next;
        w->next = oldest;
        oldest = w;
    }
    *batch = {};
    for (trale_waker *w = oldest; w; w = next) {
        read(as_node(w)->chain);
        next = w->next;
        if (is_thread(w)) {
            deliver_thread(w);
            continue;
        }
        read(as_node(w)->memory);
        if (is_here(as_task(w))) {
            state_take_back(&w->state);
            wake_here(as_task(w));
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

/* trale_waker_wake */
void waker_wake(trale_waker *waker)
{
    wake_batch batch = {};

    waker_claim(waker, &batch);
    wake_batch_deliver(&batch);
}

/* trale_waker_clone */
trale_waker *waker_clone(trale_waker *waker)
{
    state_retain(&waker->state);
    return waker;
}

/* trale_waker_drop */
void waker_drop(trale_waker *waker)
{
    if (is_thread(waker))
        thread_waker_release(as_thread(waker));
    else
        task_release(as_task(waker));
}

/* thread_waker_park, without the clock */
void thread_park(thread_waker *t)
{
    if (!parker_try(&t->parker))
        parker_park(&t->parker);
}

/* The same, with a deadline. */
void thread_nap(thread_waker *t)
{
    if (!parker_try(&t->parker))
        parker_nap(&t->parker, 1);
}

void task_ready(task *t)
{
    t->home->enqueue(t);
}

void task_release(task *t)
{
    if (state_release(&t->state))
        t->home_block->free();
}

static void wake_joiner(task *t)
{
    trale_waker *joiner = t->joiner(RL_INFO).load();

    waker_wake(joiner);
    waker_drop(joiner);
    task_release(t);
}

/* finish: the result is stored, the future dropped. */
static void finish(task *t, int output)
{
    executor *ex = t->home;
    trale_waker *joiner;
    unsigned finished;

    if (t->drop)
        t->drop(*t);
    write(t->result, output);
    t->ends++;
    RL_ASSERT(t->ends == 1);
    t->ready = t->over = true;
    read(t->memory);
    joiner = t->joined_here ? t->joiner(RL_INFO).load() : nullptr;
    t->joined_here = false;
    finished = state_finish(&t->state);
    if (joiner)
        waker_wake(joiner);
    if (finished & FINISHED_ON_ITS_WAY)
        ex->expected++;
    if (finished & FINISHED_WAKE_JOINER)
        wake_joiner(t);
    if (finished & FINISHED_FREE)
        t->home_block->free();
}

/* run and poll_or_cancel */
bool task_run(task *t)
{
    bool arrived = t->arrived;
    verdict v;

    RL_ASSERT(t->ends == 0);
    t->ready = t->arrived = false;
    if (state_start(&t->state, arrived)) {
        finish(t, CANCELED);
        return true;
    }
    t->polls++;
    v = t->poll(*t);
    if (v == READY) {
        finish(t, 42);
        return true;
    }
    if (v == YIELDED && !t->ready)
        task_ready(t);
    return false;
}

/* trale_cancel */
void task_cancel(task *t)
{
    wake_batch batch = {};

    claim_cancel(t, &batch);
    wake_batch_deliver(&batch);
}

bool join_future::disarm()
{
    if (!armed)
        return true;
    armed = false;
    if (joined->joined_here) {
        joined->joined_here = false;
        return true;
    }
    if (!state_join_disarm(&joined->state))
        return false;
    waker_drop(joined->joiner(RL_INFO).load());
    return true;
}

bool join_future::arm(trale_waker *waker)
{
    if (armed && joined->joiner(RL_INFO).load() == waker && !state_is_done(&joined->state))
        return true;
    if (!disarm())
        return false;
    if (call) {
        joined->joiner(RL_INFO).store(waker);
        return joined->joined_here = armed = true;
    }
    joined->joiner(RL_INFO).store(waker_clone(waker));
    armed = state_join_arm(&joined->state);
    if (!armed)
        waker_drop(waker);
    return armed;
}

/* join_poll */
bool join_future::poll(trale_waker *waker)
{
    if (!state_is_done(&joined->state) && arm(waker))
        return false;
    armed = false;
    result = read(joined->result);
    task_release(joined);
    joined = nullptr;
    return true;
}

/* join_drop */
void join_future::drop()
{
    disarm();
}

/* await_blocking in await.c */
void join_future::wait(thread_waker *thread)
{
    while (!poll(thread))
        thread_park(thread);
}

} // namespace model
