#include "library.hpp"

namespace model
{

executor *this_executor[max_threads];
const void *sleeps_on[max_threads], *spins_on[max_threads];
bool naps[max_threads];
int64_t naps_until[max_threads], time_now;
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

static void push_and_interrupt(wake_batch *batch, executor *home)
{
    pushers_enter(&home->queue.pushers);
    if (inbox_push(&home->queue.inbox, batch->newest, batch->oldest))
        home->interrupt();
    pushers_leave(&home->queue.pushers);
}

static void batch_push(wake_batch *batch, executor *home)
{
    if (!batch->newest)
        return;
    if (batch->oldest != batch->newest) /* inbox_push writes this one */
        write(as_node(batch->oldest)->chain, 1);
    if (home->is_inline)
        push_and_interrupt(batch, home);
    else if (inbox_push(&home->queue.inbox, batch->newest, batch->oldest))
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

void executor::enqueue(task *t)
{
    RL_ASSERT(!t->ready && !t->over);
    RL_ASSERT(this_executor[rl::thread_index()] == this);
    t->ready = true;
    queue.ready.push_back(t);
}

void executor::take_inbox()
{
    trale_waker *w, *next;

    if (!inbox_filled(&queue.inbox))
        return;
    for (w = inbox_take(&queue.inbox); w; w = next) {
        write(as_node(w)->chain, 0); /* by inbox_take */
        next = w->next;
        if (arrive(as_task(w)))
            task_ready(as_task(w));
    }
}

/* True: it is to be made ready. */
bool executor::arrive(task *t)
{
    if (t->over) {
        expected--;
        task_release(t);
        return false;
    }
    RL_ASSERT(!t->arrived);
    t->arrived = true;
    return !t->ready;
}

bool executor::take_newcomer()
{
    task *t = share_take(this);

    if (t) {
        t->home = this;
        RL_ASSERT(arrive(t));
        t->ready = true;
        queue.ready.push_front(t);
    }
    return t != nullptr;
}

/* The last task of the runtime ends it. */
void executor::run_first()
{
    bool ended = task_run(queue.ready.pop());

    tasks -= ended;
    if (runtime && ended && --runtime->tasks == 0)
        runtime->stop();
}

/* How many newcomers there are. */
static uint64_t count_own(const executor &ex)
{
    quiet is_a_hint;

    return steal_count(&ex.spawned);
}

/* poll_shared, and run_queue_poll */
void executor::run_some()
{
    unsigned before = runtime ? queue.ready.count() : 64;
    uint64_t newcomers = runtime ? count_own(*this) + 1 : 0;

    for (; newcomers > 0 && take_newcomer(); newcomers--)
        run_first();
    for (; before > 0 && !list_empty(&queue.ready); before--)
        run_first();
}

bool executor::has_work()
{
    return !list_empty(&queue.ready) || inbox_filled(&queue.inbox) ||
           (runtime && share_has(this));
}

bool executor::is_over()
{
    return runtime ? stopping : tasks == 0;
}

/* What the janitor does, and its wake, in one step. */
void executor::stop()
{
    if (this == this_executor[rl::thread_index()]) {
        stopping = true;
        return;
    }
    atomic<uintptr_t> &head = queue.inbox.head;
    announce(&head, true);
    rl::ctx().sched();
    rl::preemption_disabler undisturbed(rl::ctx());
    uintptr_t mark = INBOX_PARKED;
    stop_wanted = true;
    if (head.cell.compare_exchange_strong(mark, 0, rl::mo_relaxed, RL_INFO))
        wake_one(&head, RL_INFO);
}

/* stop_wanted is looked at right after its own step, which is on the inbox too. */
void executor::park()
{
    bool slept = false;
    int64_t quiet;

    if (!inbox_park(&queue.inbox))
        return;
    if (!runtime)
        return sleep();
    quiet = share_begin_idle(this);
    if (stop_wanted || share_has(this)) {
        inbox_unpark(&queue.inbox);
    } else if (quiet > 0) {
        nap(quiet);
    } else {
        sleep();
        slept = true;
    }
    share_end_idle(this, quiet, slept);
    stopping = stop_wanted;
}

void executor::leave()
{
    while (!inbox_park(&queue.inbox))
        inbox_take(&queue.inbox);
    left();
    this_executor[rl::thread_index()] = nullptr;
}

/* executor_main */
void executor::run()
{
    this_executor[rl::thread_index()] = this;
    while (!is_over()) {
        take_inbox();
        run_some();
        if (!is_over() && list_empty(&queue.ready) && !look_around())
            park();
    }
    RL_ASSERT(!runtime || runtime->is_counted());
    await_expected();
}

void executor::await_expected()
{
    take_inbox();
    while (expected > 0) {
        if (inbox_park(&queue.inbox))
            sleep();
        take_inbox();
    }
}

/* What cancel_all does to a task that waits. */
void executor::cancel(task *t)
{
    state_mark_cancelled(&t->state);
    if (!t->ready)
        enqueue(t);
}

/* task_submit, before the threads start */
void spawn(block<task> &b, executor &ex, poll_function *poll, void *scenario, int references)
{
    task *t = b.make(&b, &ex, poll, scenario, STATE_QUEUED | references * STATE_REFERENCE);

    ex.tasks++;
    if (ex.runtime)
        ex.runtime->tasks++;
    t->next = ex.tasks > 1 ? (trale_waker *)ex.queue.inbox.head.cell.debug_value() : NULL;
    atomic_init(&ex.queue.inbox.head, (uintptr_t) static_cast<trale_waker *>(t));
}

/* runtime_enter */
task *prepare_here(block<task> &b, executor &ex, poll_function *poll, void *scenario,
                   int references)
{
    task *t = b.make(&b, &ex, poll, scenario, STATE_QUEUED | references * STATE_REFERENCE);

    state_born_here(&t->state);
    ex.tasks++;
    return t;
}

/* task_submit */
void submit_here(task *t)
{
    task_ready(t);
}

void spawn_here(block<task> &b, executor &ex, poll_function *poll, void *scenario, int references)
{
    submit_here(prepare_here(b, ex, poll, scenario, references));
}

void spawn_waiting(block<task> &b, executor &ex, poll_function *poll, void *scenario,
                   int references)
{
    b.make(&b, &ex, poll, scenario, references * STATE_REFERENCE)->polls = 1;
    ex.tasks++;
    if (ex.runtime)
        ex.runtime->tasks++;
}

} // namespace model
