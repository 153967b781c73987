/* The library in miniature: src/core/{executor,runtime,spawn}.c. */
#include "library.hpp"

namespace model
{

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
        if (arrive(static_cast<task *>(w)))
            task_ready(static_cast<task *>(w));
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
    await_expected();
}

void executor::await_expected()
{
    take_inbox();
    while (expected > 0) {
        if (inbox_park(&queue.inbox))
            inbox_wait(&queue.inbox);
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

runtime::runtime(std::initializer_list<executor *> all) : count(0)
{
    newcomers_init(&newcomers);
    atomic_init(&newcomers.count, (size_t)0);
    atomic_init(&parked, 0u);
    atomic_init(&thieves, 0u);
    for (executor *ex : all) {
        clear(ex->spawned);
        ex->runtime = this;
        ex->number = count;
        executors.first[count++] = ex;
    }
}

void runtime::stop()
{
    for (unsigned i = 0; i < count; i++)
        executors[i].stop();
}

/* Of runtime_destroy, as far as others may yet come by. */
void runtime::destroy()
{
    newcomers_destroy(&newcomers);
    newcomers.count.freed = parked.freed = thieves.freed = true;
    for (unsigned i = 0; i < count; i++)
        executors[i].queue.inbox.head.freed = true;
}

/* runtime_enter: its home is any */
task *prepare(block<task> &b, runtime &rt, poll_function *poll, void *scenario, int references)
{
    return b.make(&b, &rt.executors[0], poll, scenario,
                  STATE_QUEUED | references * STATE_REFERENCE);
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

void spawn_here(block<task> &b, executor &ex, poll_function *poll, void *scenario, int references)
{
    task *t = b.make(&b, &ex, poll, scenario, STATE_QUEUED | references * STATE_REFERENCE);

    state_born_here(&t->state);
    ex.tasks++;
    task_ready(t);
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
