/* The reactor and an executor: who waits for events, and that there is always somebody. */
#include "scenarios.hpp"

namespace model
{
namespace
{

/* epoll: events that are posted, and an interrupt that stays. The kernel orders nothing for us. */
class poller
{
    int posted = 0;
    bool interrupted = false;

  public:
    int wait(bool block)
    {
        for (;;) {
            announce(this, true);
            rl::ctx().sched();
            if (posted > 0 || interrupted || !block)
                return std::exchange(posted, 0);
            sleep_on(this, RL_INFO);
        }
    }
    void post(int events)
    {
        announce(this, true);
        rl::ctx().sched();
        posted += events;
        interrupted |= events == 0;
        wake_one(this, RL_INFO);
    }
};

enum goal {
    EXECUTOR_TURNS,
    EXECUTOR_DELIVERS,
    REACTOR_NAPS,
    REACTOR_SEES_MARK,
    NAP_ENDS,
    EXECUTOR_NAPS,
    FOUND_PARKED
};

struct executor_with_reactor;

struct reactor { /* reactor.c */
    struct baton baton;
    poller events;
    flag stopping;
    shared_int turning; /* what the holder may touch */
    bool held = false;
    executor *executors[2];
    int count = 0;
    task *waiting[2];  /* for each event */
    flag readiness[2]; /* one for each event */
    shared_int delivered;

    void begin()
    {
        atomic_init(&baton.holder, BATON_REACTOR);
        write(turning, 0);
        write(delivered, 0);
    }
    void turn(bool block)
    {
        wake_batch batch = {};

        RL_ASSERT(!held);
        held = true;
        write(turning, 1);
        for (int left = events.wait(block); left > 0; left--) {
            if (this_executor[rl::thread_index()])
                reached(EXECUTOR_DELIVERS);
            int event = read(delivered);
            readiness[event].set();
            write(delivered, event + 1);
            waker_claim(waiting[event], &batch);
        }
        wake_batch_deliver(&batch);
        write(turning, 0);
        held = false;
    }
    void turn_for(const struct inbox *inbox)
    {
        if (!baton_take(&baton))
            return;
        reached(EXECUTOR_TURNS);
        if (!inbox_filled(inbox))
            turn(false);
        baton_return(&baton);
        if (count > 1 && one_is_parked()) {
            reached(FOUND_PARKED);
            baton_hand_over(&baton);
        }
    }
    void serve(executor_with_reactor &ex);
    bool one_is_parked()
    {
        for (int i = 0; i < count; i++)
            if (inbox_parked(&executors[i]->queue.inbox))
                return true;
        return false;
    }
    /* It ended because all the others sleep, and not in the inbox. */
    void check_nap()
    {
        for (int i = 0; i < count && timeouts_left[rl::thread_index()] == at_last; i++)
            RL_ASSERT(executors[i]->queue.inbox.head.cell.debug_value() != INBOX_PARKED);
    }
    /* Whether a turn was made during the nap is not looked at: if so, the nap may as well go on. */
    bool stand_by()
    {
        baton_put_down(&baton);
        if (one_is_parked() && baton_take_back(&baton)) {
            reached(REACTOR_SEES_MARK);
            return true;
        }
        for (;;) {
            if (baton_nap(&baton, 1000000)) {
                reached(REACTOR_NAPS);
                return true;
            }
            if (baton_take_back(&baton)) {
                reached(NAP_ENDS);
                check_nap();
                return false;
            }
        }
    }
    void run(bool block) /* reactor_main */
    {
        while (!stopping.is_set(rl::mo_seq_cst)) {
            turn(block);
            block = stand_by();
        }
    }
    void stop() /* reactor_stop */
    {
        stopping.set(rl::mo_seq_cst);
        events.post(0);
    }
};

struct executor_with_reactor : executor {
    reactor *r;
    int timers_near = 0; /* how often a timer is due soon; then a nap always ends */

    bool look_around() override /* without the spinning */
    {
        r->turn_for(&queue.inbox);
        return has_work();
    }
    void sleep() override
    {
        if (timers_near > 0 && baton_is_down(&r->baton)) {
            timers_near--;
            reached(EXECUTOR_NAPS);
            inbox_nap(&queue.inbox, 1000);
        } else {
            baton_hand_over(&r->baton);
            inbox_wait(&queue.inbox);
        }
    }
    void nap(int64_t timeout) override
    {
        baton_hand_over(&r->baton);
        inbox_nap(&queue.inbox, timeout);
    }
    void left() override
    {
        baton_hand_over(&r->baton);
    }
};

void reactor::serve(executor_with_reactor &ex)
{
    ex.r = this;
    executors[count++] = &ex;
}

/*
 * Thread 0 is the executor, and ends the runtime when its task has ended; thread 1 is the reactor.
 * What the task waits for comes from thread 2, or is there from the start. The reactor's naps end
 * only as often as the scenario allows: no event may depend on that.
 */
template <typename S, int threads, unsigned goals, unsigned preemptions>
struct with_reactor : suite<S, threads, goals, preemptions> {
    executor_with_reactor ex;
    block<task> b;
    reactor r;
    int wanted = 2;
    bool is_cause = false; /* the first poll makes the event happen */

    static verdict poll(task &t)
    {
        auto *s = static_cast<with_reactor *>(t.scenario);

        if (s->is_cause && t.polls == 1)
            s->r.events.post(1);
        for (int i = 0; i < s->wanted; i++)
            if (!s->r.readiness[i].is_set())
                return PENDING;
        return READY;
    }
    void before()
    {
        spawn(b, ex, poll, this, 2);
        r.begin();
        r.serve(ex);
        r.waiting[0] = r.waiting[1] = b.get();
        timeouts_left[0] = always;
        timeouts_left[1] = S::naps_that_end;
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            ex.run();
            ex.leave();
            r.stop();
        } else if (index == 1) {
            r.run(S::first_turn_blocks);
        } else {
            for (int i = 0; i < wanted; i++)
                r.events.post(1);
        }
    }
    void after()
    {
        task_release(b.get());
        RL_ASSERT(b.is_freed());
    }
};

constexpr unsigned goals_with_thread =
    1 << EXECUTOR_TURNS | 1 << REACTOR_NAPS | 1 << REACTOR_SEES_MARK;

struct events_and_park : with_reactor<events_and_park, 2, goals_with_thread, 0> {
    static constexpr unsigned naps_that_end = 0;
    static constexpr bool first_turn_blocks = true;

    void before()
    {
        with_reactor::before();
        r.events.post(2);
    }
};
SCENARIO(events_and_park, "reactor, executor that parks");

struct late_events : with_reactor<late_events, 3, goals_with_thread | 1 << EXECUTOR_DELIVERS, 3> {
    static constexpr unsigned naps_that_end = 0;
    static constexpr bool first_turn_blocks = true;
};
SCENARIO(late_events, "reactor, executor that parks, late events");

/* The first turn does not block, as after a nap, so that the executor gets at the event as well. */
struct event_and_nap : with_reactor<event_and_nap, 2, 1 << NAP_ENDS | 1 << EXECUTOR_DELIVERS, 3> {
    static constexpr unsigned naps_that_end = 1;
    static constexpr bool first_turn_blocks = false;

    void before()
    {
        with_reactor::before();
        wanted = 1;
        is_cause = true;
    }
};
SCENARIO(event_and_nap, "reactor whose nap ends, executor that parks");

struct executor_naps : with_reactor<executor_naps, 3, 1 << EXECUTOR_NAPS | 1 << REACTOR_NAPS, 3> {
    static constexpr unsigned naps_that_end = 0;
    static constexpr bool first_turn_blocks = false;

    void before()
    {
        with_reactor::before();
        ex.timers_near = wanted = 1;
    }
};
SCENARIO(executor_naps, "reactor, executor that naps, late event");

/*
 * Two executors, and the reactor in thread 2. There is an event for the task of the first, which
 * makes the one happen that the other waits for.
 */
template <typename S, unsigned goals, unsigned preemptions>
struct two_with_reactor : suite<S, 3, goals, preemptions> {
    executor_with_reactor ex[2];
    block<task> b[2];
    reactor r;
    int left = 0;
    bool polls_on = false; /* the first, until the other has ended */
    happening other_ends;

    static verdict poll(task &t)
    {
        auto *s = static_cast<two_with_reactor *>(t.scenario);
        int i = &t == s->b[1].get();

        if (!s->r.readiness[i].is_set())
            return PENDING;
        if (i == 0)
            s->r.events.post(1);
        if (s->polls_on)
            i == 0 ? s->other_ends.wait() : s->other_ends.set();
        return READY;
    }
    void before()
    {
        r.begin();
        r.events.post(1);
        for (int i = 0; i < 2; i++) {
            spawn_waiting(b[i], ex[i], poll, this, 2);
            r.serve(ex[i]);
            r.waiting[i] = b[i].get();
        }
    }
    void thread(unsigned index)
    {
        if (index == 2)
            return r.run(S::first_turn_blocks);
        ex[index].run();
        ex[index].leave();
        if (++left == 2)
            r.stop();
    }
    void after()
    {
        for (auto &block : b) {
            task_release(block.get());
            RL_ASSERT(block.is_freed());
        }
    }
};

/* Naps do not end: once both are parked, or have left, it must not depend on that. */
struct two_park
    : two_with_reactor<two_park, goals_with_thread | 1 << EXECUTOR_DELIVERS | 1 << FOUND_PARKED,
                       2> {
    static constexpr bool first_turn_blocks = true;
};
SCENARIO(two_park, "reactor, two executors that park");

/* One parks, perhaps while the other has the baton: who returns it then hands it over. */
struct one_polls_on : two_with_reactor<one_polls_on, 1 << REACTOR_NAPS, 1> {
    static constexpr bool first_turn_blocks = false;

    void before()
    {
        two_with_reactor::before();
        polls_on = true;
        timeouts_left[2] = at_last;
    }
};
SCENARIO(one_polls_on, "reactor, two executors, one polls on");

/* They leave each other in peace, and for ever: an event gets them out of it. */
struct two_nap : two_with_reactor<two_nap, 1 << REACTOR_SEES_MARK, 1> {
    static constexpr bool first_turn_blocks = true;
    runtime rt{&ex[0], &ex[1]};

    void before()
    {
        two_with_reactor::before();
        ex[0].share.vain = ex[1].share.vain = true;
    }
};
SCENARIO(two_nap, "reactor, two executors that leave each other in peace");

/* The task of the first gets its event, sends a newcomer, and polls on: the other, which has handed
 * the baton over, or is about to, takes it. */
struct sends_newcomer : two_with_reactor<sends_newcomer, 1 << REACTOR_SEES_MARK, 1> {
    static constexpr bool first_turn_blocks = true;
    runtime rt{&ex[0], &ex[1]};

    static sends_newcomer &of(task &t)
    {
        return *static_cast<sends_newcomer *>(static_cast<two_with_reactor *>(t.scenario));
    }
    static verdict sends(task &t)
    {
        if (!of(t).r.readiness[0].is_set())
            return PENDING;
        share_send(&of(t).rt, prepare(of(t).b[1], of(t).rt, taken, t.scenario, 2));
        of(t).other_ends.wait();
        return READY;
    }
    static verdict taken(task &t)
    {
        of(t).other_ends.set();
        return READY;
    }
    void before()
    {
        r.begin();
        r.events.post(1);
        r.serve(ex[0]);
        r.serve(ex[1]);
        spawn_waiting(b[0], ex[0], sends, static_cast<two_with_reactor *>(this), 2);
        rt.tasks++;
        r.waiting[0] = b[0].get();
    }
};
SCENARIO(sends_newcomer, "reactor, two executors, one sends a newcomer");

} // namespace
} // namespace model
