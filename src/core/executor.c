#include "core/executor.h"

#include <stdio.h>

#include "base/barrier.h"
#include "base/clock.h"
#include "base/lots.h"
#include "core/runtime.h"
#include "core/thread_start.h"
#include "task/thread.h"

#define POLLS 64       /* between two looks at the inbox */
#define NEAR_NS 100000 /* how soon a timer is due soon */
#define REST_NS 100000 /* between two timers that end a sleep */
#define TURN_NS 200000 /* between two turns of the reactor, while there is work */

/* Every task that is here and not the janitor, nor came after the freeing was given up. Those on
 * the run queue need no queueing. In a section. */
static void cancel_all(struct executor *ex)
{
    uint16_t round = runtime_round(ex->runtime);
    struct trale_link *link, *next;
    trale_task *task;

    for (link = ex->queue.ready.next; link != &ex->queue.ready; link = link->next) {
        task = container_of(link, trale_task, link);
        if (task != &ex->janitor && task->round != round)
            state_mark_cancelled(&task->waker.state);
    }
    for (link = ex->queue.waiting.next; link != &ex->queue.waiting; link = next) {
        next = link->next;
        task = container_of(link, trale_task, link);
        if (task == &ex->janitor || task->round == round)
            continue;
        state_mark_cancelled(&task->waker.state);
        task_ready_in_section(&ex->queue, task);
    }
}

static void cancel_all_if_wanted(struct executor *ex)
{
    if (atomic_exchange(&ex->cancel_wanted, false))
        cancel_all(ex);
}

static enum trale_poll janitor_poll(trale_future *self, trale_context *cx)
{
    struct executor *ex = container_of(self, struct executor, janitor_future);

    (void)cx;
    /* Asked while the janitor stood on the run queue already: take_inbox did not see it. */
    section_begin(&ex->queue.freeze);
    cancel_all_if_wanted(ex);
    section_end(&ex->queue.freeze);
    ex->stopping = atomic_load(&ex->stop_wanted);
    return TRALE_PENDING;
}

/* Somebody may learn of an end, and must find it accounted for. */
static void account(struct run_queue *queue)
{
    struct executor *ex = container_of(queue, struct executor, queue);

    runtime_tasks_ended(ex, queue->ended, 0);
    queue->ended = 0;
}

static void arm_deadline(struct run_queue *queue, struct trale_timer *timer, trale_waker *waker)
{
    timer_arm(&container_of(queue, struct executor, queue)->reactor->timers, timer, waker);
}

_Static_assert(offsetof(struct executor, janitor_future) ==
                   offsetof(struct executor, janitor) + sizeof(trale_task),
               "the janitor's future");

void executor_init(struct executor *ex, trale_runtime *runtime, unsigned number)
{
    static const struct trale_future_ops janitor_ops = {janitor_poll, NULL, "janitor"};
    static const struct deadline_ops deadlines = {arm_deadline, timer_disarm};

    *ex = (struct executor){.runtime = runtime, .reactor = &runtime->reactor, .number = number};
    list_init(&ex->queue.ready);
    list_init(&ex->queue.waiting);
    ex->queue.account = account;
    ex->queue.deadlines = &deadlines;
    ex->queue.freeze.asymmetric = barrier_register();
    ex->janitor_future.ops = &janitor_ops;
    task_init(&ex->janitor, false, "janitor", TASK_ELSEWHERE);
    ex->janitor.home = &ex->queue;
    task_arrive_in_section(&ex->janitor);
}

/*
 * Tasks of an earlier round that arrive are cancelled: their spawn got in just before the gate was
 * closed, and cancel_all may have been here before them. That was after the round began, so what
 * is read here is new enough.
 */
static bool arrive(struct executor *ex, trale_task *task, uint16_t round)
{
    if (task == &ex->janitor)
        cancel_all_if_wanted(ex);
    else if (task->round != round)
        state_mark_cancelled(&task->waker.state);
    return task_arrive_in_section(task);
}

static void take_inbox(struct executor *ex)
{
    trale_waker *w, *next, *over = NULL;
    uint16_t round;

    if (!inbox_filled(&ex->queue.inbox))
        return;
    section_begin(&ex->queue.freeze); /* what was taken stands nowhere for a moment */
    w = inbox_take(&ex->queue.inbox);
    for (round = runtime_round(ex->runtime); w; w = next) {
        next = w->next;
        counter_add(&ex->counts.woken_outside, 1);
        if (arrive(ex, container_of(w, trale_task, waker), round))
            continue;
        w->next = over;
        over = w;
    }
    section_end(&ex->queue.freeze);
    counter_add(&ex->counts.batches, 1);
    for (w = over; w; w = next) {
        next = w->next;
        trale_waker_drop(w);
    }
}

/* To the front of the run queue. False: there was none. */
static bool take_newcomer(struct executor *ex)
{
    trale_task *task;

    section_begin(&ex->queue.freeze);
    task = share_take(ex);
    if (task) {
        task->home = &ex->queue;
        arrive(ex, task, runtime_round(ex->runtime));
        list_remove(&task->link);
        list_push_front(&ex->queue.ready, &task->link);
    }
    section_end(&ex->queue.freeze);
    counter_add(&ex->counts.newcomers, task != NULL);
    return task != NULL;
}

/*
 * Starts the new tasks that are there now, one at a time, so that the others stay for who is idle;
 * then polls those that were on the run queue before. So neither kind waits for ever, and who
 * yields lets those start that it has spawned (as far as the steal queue holds them).
 */
static void poll_shared(struct executor *ex)
{
    const struct trale_link *last = ex->queue.ready.prev;
    uint64_t newcomers = steal_count(&ex->spawned) + 1;
    unsigned spent = 0;

    while (newcomers-- > 0 && spent < POLL_BUDGET && take_newcomer(ex))
        spent += run_queue_poll(&ex->queue, 1, NULL);
    if (last != &ex->queue.ready)
        run_queue_poll(&ex->queue, POLLS, last);
}

static void poll_some(struct executor *ex)
{
    if (ex->runtime->count > 1)
        poll_shared(ex);
    else
        run_queue_poll(&ex->queue, POLLS, NULL);
    runtime_tasks_ended(ex, ex->queue.ended, list_empty(&ex->queue.ready) ? 0 : CREDIT_MAX);
    ex->queue.ended = 0;
}

static bool has_work(const struct executor *ex)
{
    return !list_empty(&ex->queue.ready) || inbox_filled(&ex->queue.inbox) || share_has(ex);
}

static void turn_reactor(struct executor *ex)
{
    if (ex->is_inline)
        reactor_turn(ex->reactor, false);
    else
        reactor_turn_for(ex->reactor, &ex->queue.inbox);
}

/* Looks for work without parking: once, or for as long as it has been worth while lately. */
static bool look_around(struct executor *ex, int64_t start)
{
    turn_reactor(ex);
    ex->turned = start;
    if (has_work(ex))
        return true;
    while (spin_worth(&ex->spin) && clock_now() < start + SPIN_WINDOW_NS) {
        for (int i = 0; i < 2 && !inbox_filled(&ex->queue.inbox); i++)
            spin_relax();
        turn_reactor(ex);
        if (has_work(ex))
            return true;
    }
    return false;
}

/* When to get up for a timer that is due then. If they come thick and fast, not for each of them. */
static int64_t rise_for(const struct executor *ex, int64_t timer)
{
    return timer < ex->alarmed + REST_NS ? ex->alarmed + REST_NS : timer;
}

/* How long to sleep; -1: until it is woken. */
static int64_t sleep_time(const struct executor *ex, int64_t timer)
{
    int64_t left = rise_for(ex, timer) - clock_now();

    if (timer == TRALE_NEVER)
        return -1;
    return left > 0 ? left : 0;
}

/*
 * The thread that is to poll gets up for the timers by itself. It may be held up by a poll later,
 * so the reactor is to get up for them too, but not at once.
 */
static void sleep_by_the_clock(struct executor *ex)
{
    struct trale_timer_queue *timers = &ex->reactor->timers;

    inbox_nap(&ex->queue.inbox, sleep_time(ex, timer_queue_keep(timers)));
    timer_queue_awake(timers);
}

/* With the mark on the inbox: until something was pushed, or the reactor has something. */
static void sleep_parked(struct executor *ex)
{
    counter_add(&ex->counts.parks, 1);
    if (!ex->is_inline) {
        baton_hand_over(&ex->reactor->baton);
        if (ex->keeps_time)
            sleep_by_the_clock(ex);
        else
            inbox_wait(&ex->queue.inbox);
        counter_add(&ex->counts.futex_wakes, 1);
        return;
    }
    reactor_turn(ex->reactor, true);
    inbox_unpark(&ex->queue.inbox);
}

/* With the mark on the inbox, as sleep_parked, but not for long, or until it is kicked. */
static void nap_parked(struct executor *ex, int64_t timeout)
{
    baton_hand_over(&ex->reactor->baton);
    inbox_nap(&ex->queue.inbox, timeout);
}

/* A timer that is due soon is not worth handing the baton over, and back, and setting an
 * alarm. False: how long it took says nothing, for it was known beforehand. */
static bool park(struct executor *ex, int64_t timer)
{
    int64_t left = rise_for(ex, timer) - clock_now(), quiet;
    bool slept = false;

    if (!inbox_park(&ex->queue.inbox))
        return true;
    quiet = share_begin_idle(ex);
    if (share_has(ex)) {
        inbox_unpark(&ex->queue.inbox);
    } else if (!ex->is_inline && left < NEAR_NS && baton_is_down(&ex->reactor->baton)) {
        inbox_nap(&ex->queue.inbox, left > 0 ? left : 0);
    } else if (quiet > 0) {
        nap_parked(ex, quiet);
    } else {
        sleep_parked(ex);
        slept = true;
    }
    share_end_idle(ex, quiet, slept);
    return quiet == 0;
}

/* The polls that follow began after now: a dump tells from it how long one has taken. */
static void note_time(struct executor *ex, int64_t now)
{
    uint32_t polls = atomic_load_explicit(&ex->queue.polls, memory_order_relaxed);

    atomic_store_explicit(&ex->queue.looked, polls, memory_order_relaxed);
    atomic_store_explicit(&ex->queue.now, now, memory_order_relaxed);
}

/* Since the clock was looked at last there was nothing but polls. */
static void note_polls(struct executor *ex, int64_t now)
{
    int64_t took = now - atomic_load_explicit(&ex->queue.now, memory_order_relaxed);

    if (took > (int64_t)counter_read(&ex->counts.longest))
        atomic_store_explicit(&ex->counts.longest, (uint64_t)took, memory_order_relaxed);
}

/* Nor does a wait that a timer ended say anything for spinning. */
static void wait_for_work(struct executor *ex)
{
    int64_t start = clock_now(), end;
    int64_t timer = timer_queue_earliest(&ex->reactor->timers);
    bool tells;

    note_polls(ex, start);
    tells = look_around(ex, start) || park(ex, timer);
    end = clock_now();
    note_time(ex, end);
    if (end >= timer)
        ex->alarmed = end;
    spin_learn(&ex->spin, tells && end < timer ? end - start : TRALE_NEVER);
}

/* An executor that never runs dry turns the reactor all the same. */
static void turn_if_due(struct executor *ex)
{
    int64_t now = clock_now();

    note_polls(ex, now);
    note_time(ex, now);
    if (now - ex->turned < TURN_NS)
        return;
    turn_reactor(ex);
    ex->turned = now;
}

/* Who has set QUEUED and not pushed yet needs the inbox. */
static void await_expected(struct executor *ex)
{
    take_inbox(ex);
    while (ex->queue.expected > 0) {
        if (inbox_park(&ex->queue.inbox))
            sleep_parked(ex);
        take_inbox(ex);
    }
}

/* Whoever pushes from now on finds nobody to wake, and the reactor thread its baton. */
static void leave(struct executor *ex)
{
    if (ex->keeps_time)
        timer_queue_keep_not(&ex->reactor->timers);
    ex->keeps_time = false;
    await_expected(ex);
    section_begin(&ex->queue.freeze);
    while (!inbox_park(&ex->queue.inbox))
        inbox_take(&ex->queue.inbox); /* race: it comes at this moment */
    section_end(&ex->queue.freeze);
    baton_hand_over(&ex->reactor->baton);
    stack_cache_flush(&ex->stacks);
    block_cache_flush(&ex->blocks);
    this_thread.queue = NULL;
    this_thread.stacks = NULL;
    this_thread.blocks = NULL;
}

void executor_begin(struct executor *ex)
{
    lots_begin(ex->number);
    overflow_stack_enter(&ex->alternate);
    this_thread.queue = &ex->queue;
    this_thread.stacks = &ex->stacks;
    this_thread.blocks = &ex->blocks;
    note_time(ex, clock_now());
}

bool executor_run(struct executor *ex, bool (*over)(const struct executor *, const void *),
                  const void *arg)
{
    while (!ex->stopping && !over(ex, arg)) {
        take_inbox(ex);
        poll_some(ex);
        if (!list_empty(&ex->queue.ready))
            turn_if_due(ex);
        else if (!ex->stopping && !over(ex, arg))
            wait_for_work(ex);
    }
    return !ex->stopping;
}

void executor_end(struct executor *ex)
{
    leave(ex);
    overflow_stack_leave(&ex->alternate);
    atomic_store(&ex->left, 1);
    futex_wake(&ex->left);
}

static bool never(const struct executor *ex, const void *arg)
{
    (void)ex, (void)arg;
    return false;
}

static void *executor_main(void *arg)
{
    struct executor *ex = arg;
    char name[16];

    snprintf(name, sizeof name, "trale-exec-%u", ex->number);
    thread_name(name);
    this_thread.blocks_signals = true; /* thread_start saw to it */
    thread_be_punctual();
    ex->keeps_time = ex->runtime->count == 1;
    executor_begin(ex);
    executor_run(ex, never, NULL);
    executor_end(ex);
    return NULL;
}

static void interrupt(struct run_queue *queue)
{
    poller_interrupt(&container_of(queue, struct executor, queue)->reactor->poller);
}

void executor_make_inline(struct executor *ex)
{
    ex->is_inline = true;
    ex->queue.interrupt = interrupt;
}

int executor_start(struct executor *ex)
{
    int error = thread_start(&ex->thread, executor_main, ex);

    ex->threaded = error == 0;
    return error;
}

void executor_cancel_all(struct executor *ex)
{
    atomic_store(&ex->cancel_wanted, true);
    trale_waker_wake(&ex->janitor.waker);
}

void executor_stop(struct executor *ex)
{
    atomic_store(&ex->stop_wanted, true);
    trale_waker_wake(&ex->janitor.waker);
}

bool executor_wait_left(struct executor *ex, int64_t timeout_ns)
{
    int64_t until = clock_now() + timeout_ns, left = timeout_ns;

    while (!atomic_load(&ex->left)) {
        if (left < 0)
            return false;
        futex_wait(&ex->left, 0, left);
        left = until - clock_now(); /* a signal may have come, and come again */
    }
    return true;
}
