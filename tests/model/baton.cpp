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
    EXECUTOR_NAPS
};

struct reactor { /* reactor.c */
    struct baton baton;
    poller events;
    flag stopping;
    shared_int turning; /* what the holder may touch */
    bool held = false;
    struct inbox *inbox;
    task *waiting;     /* for every event */
    flag readiness[2]; /* one for each event */
    shared_int delivered;

    void turn(bool block)
    {
        wake_batch batch = {};

        RL_ASSERT(!held);
        held = true;
        write(turning, 1);
        for (int count = events.wait(block); count > 0; count--) {
            if (this_executor[rl::thread_index()])
                reached(EXECUTOR_DELIVERS);
            readiness[read(delivered)].set();
            write(delivered, read(delivered) + 1);
            waker_claim(waiting, &batch);
        }
        wake_batch_deliver(&batch);
        write(turning, 0);
        held = false;
    }
    void turn_for()
    {
        if (!baton_take(&baton))
            return;
        reached(EXECUTOR_TURNS);
        if (!inbox_filled(inbox))
            turn(false);
        baton_return(&baton);
    }
    /* Whether a turn was made during the nap is not looked at: if so, the nap may as well go on. */
    bool stand_by()
    {
        baton_put_down(&baton);
        if (inbox_parked(inbox) && baton_take_back(&baton)) {
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
        r->turn_for();
        return has_work();
    }
    void park() override
    {
        if (!inbox_park(&inbox))
            return;
        if (timers_near > 0 && baton_is_down(&r->baton)) {
            timers_near--;
            reached(EXECUTOR_NAPS);
            inbox_nap(&inbox, 1000);
        } else {
            baton_hand_over(&r->baton);
            inbox_wait(&inbox);
        }
    }
    void left() override
    {
        baton_hand_over(&r->baton);
    }
};

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
        ex.r = &r;
        spawn(b, ex, poll, this, 2);
        atomic_init(&r.baton.holder, BATON_REACTOR);
        write(r.turning, 0);
        write(r.delivered, 0);
        r.inbox = &ex.inbox;
        r.waiting = b.get();
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

} // namespace
} // namespace model
