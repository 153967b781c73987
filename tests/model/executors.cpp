/* Several executors: share.c, whom it makes sleep and wakes; tasks that reach across. See
 * steal.cpp too. */
#include "executors.hpp"

namespace model
{
namespace
{

/* The runtime ends with the task, and who sent it may be unlocking yet. */
struct spawner_outside : suite<spawner_outside, 3, 1 << TAKEN_BY_FIRST | 1 << TAKEN_BY_SECOND, 2>,
                         with_executors {
    int left = 0;

    void before()
    {
        rt.tasks = 1;
    }
    void thread(unsigned index)
    {
        if (index == 2)
            return send(0, is_ready, 1);
        ex[index].run();
        if (++left == 2)
            rt.destroy();
    }
    void after()
    {
        RL_ASSERT(polls == 1 && b[0].is_freed());
    }
};
SCENARIO(spawner_outside, "newcomers: one sent, two executors that park");

struct two_from_outside : two_newcomers<two_from_outside, 3, 3, 1> {
    void before()
    {
        rt.tasks = 2;
    }
    void thread(unsigned index)
    {
        index < 2 ? ex[index].run() : send_both();
    }
};
SCENARIO(two_from_outside, "newcomers: two sent, each wants an executor");

struct two_from_inside : two_newcomers<two_from_inside, 2, 3, 2> {
    static verdict sends(task &t)
    {
        static_cast<two_from_inside &>(of(t)).send_both();
        return READY;
    }
    void before()
    {
        spawn(parent, ex[0], sends, static_cast<with_executors *>(this), 1);
        rt.tasks += 2;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
};
SCENARIO(two_from_inside, "newcomers: two sent by an executor, each wants one");

/* Nothing but the cancel ends it; it finds what was told before. */
struct cancelled_newcomer : with_executors {
    shared_int word;

    static verdict waits_for_ever(task &t)
    {
        of(t).polls++;
        RL_ASSERT(of(t).polls == 1);
        return PENDING;
    }
    static void dropped(task &t)
    {
        RL_ASSERT(read(static_cast<cancelled_newcomer &>(of(t)).word) == 1);
        reached(of(t).polls);
        of(t).drops++;
    }
    void send_it()
    {
        task *t = prepare(b[0], rt, waits_for_ever, static_cast<with_executors *>(this), 2);

        t->drop = dropped;
        write(word, 0);
        share_send(&rt, t);
    }
    void cancel_it()
    {
        write(word, 1);
        task_cancel(b[0].get());
        task_release(b[0].get());
    }
    void check()
    {
        RL_ASSERT(drops == 1 && b[0].is_freed());
    }
};

struct cancel_outside : suite<cancel_outside, 2, 3, 4>, cancelled_newcomer {
    void before()
    {
        rt.tasks = 1;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex[0].run();
        send_it();
        cancel_it();
    }
    void after()
    {
        check();
    }
};
SCENARIO(cancel_outside, "newcomers: one sent and cancelled");

/* It may be taken by the executor that cancels it, or by the other. */
struct cancel_inside : suite<cancel_inside, 2, 3, 2>, cancelled_newcomer {
    static verdict sends_and_cancels(task &t)
    {
        auto &s = static_cast<cancel_inside &>(of(t));

        if (t.polls == 1) {
            s.send_it();
            return YIELDED;
        }
        s.cancel_it();
        return READY;
    }
    void before()
    {
        spawn(parent, ex[0], sends_and_cancels, static_cast<with_executors *>(this), 1);
        rt.tasks++;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        check();
    }
};
SCENARIO(cancel_inside, "newcomers: sent and cancelled by an executor");

/* A push instead of the kick, or after it: taking the mark back must not lose it. */
struct newcomer_and_waker : suite<newcomer_and_waker, 2, 0, 3>, with_executors {
    flag happened;

    static verdict poll(task &t)
    {
        RL_ASSERT(static_cast<newcomer_and_waker &>(of(t)).happened.is_set());
        return is_ready(t);
    }
    void before()
    {
        spawn_waiting(b[1], ex[0], poll, static_cast<with_executors *>(this), 2);
        rt.tasks++;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex[0].run();
        send(0, is_ready, 1);
        happened.set();
        waker_wake(b[1].get());
        waker_drop(b[1].get());
    }
    void after()
    {
        RL_ASSERT(polls == 2 && b[0].is_freed() && b[1].is_freed());
    }
};
SCENARIO(newcomer_and_waker, "newcomers: one sent, a waker, the executor parks");

/* A task is woken by a task of another executor and by the reactor, whose batch goes to both
 * executors; either wake ends it. */
struct woken_from_two_sides : suite<woken_from_two_sides, 3, 3, 2> {
    executor ex[2];
    block<task> b, other;
    flag happened[2];

    static verdict poll(task &t)
    {
        auto *s = static_cast<woken_from_two_sides *>(t.scenario);

        if (!s->happened[0].is_set() && !s->happened[1].is_set())
            return PENDING;
        if (state_is_queued(&t.state))
            reached(0);
        return READY;
    }
    static verdict wakes(task &t)
    {
        auto *s = static_cast<woken_from_two_sides *>(t.scenario);

        if (t.polls == 1) {
            s->happened[0].set();
            waker_wake(s->b.get());
            waker_drop(s->b.get());
        }
        return s->happened[1].is_set() ? READY : PENDING;
    }
    void before()
    {
        spawn_waiting(b, ex[0], poll, this, 3);
        spawn(other, ex[1], wakes, this, 2);
    }
    void thread(unsigned index)
    {
        wake_batch batch = {};

        if (index < 2)
            return ex[index].run();
        happened[1].set();
        waker_claim(b.get(), &batch);
        waker_claim(other.get(), &batch);
        wake_batch_deliver(&batch);
        if (state_is_done(&b->state))
            reached(1);
        waker_drop(b.get());
        waker_drop(other.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed() && other.is_freed());
    }
};
SCENARIO(woken_from_two_sides, "two executors, one wakes a task of the other, a batch");

/* A task joins one of another executor. */
struct join_across : suite<join_across, 2> {
    executor ex[2];
    block<task> b, joiner;
    join_future f;

    static verdict joins(task &t)
    {
        auto *s = static_cast<join_across *>(t.scenario);

        return s->f.poll(&t) ? READY : PENDING;
    }
    void before()
    {
        spawn(
            b, ex[0], [](task &) { return READY; }, this, 2);
        spawn(joiner, ex[1], joins, this, 1);
        f.joined = b.get();
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        RL_ASSERT(f.result == 42 && b.is_freed() && joiner.is_freed());
    }
};
SCENARIO(join_across, "two executors, one joins a task of the other");

/* The same of a newcomer, whichever takes it. */
struct join_newcomer : suite<join_newcomer, 2, 3, 2>, with_executors {
    join_future f;

    static verdict sends_and_joins(task &t)
    {
        auto &s = static_cast<join_newcomer &>(of(t));

        if (t.polls == 1) {
            s.send(0, is_ready, 2);
            s.f.joined = s.b[0].get();
        }
        return s.f.poll(&t) ? READY : PENDING;
    }
    void before()
    {
        spawn(parent, ex[0], sends_and_joins, static_cast<with_executors *>(this), 1);
        rt.tasks++;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        RL_ASSERT(f.result == 42 && polls == 1 && b[0].is_freed() && parent.is_freed());
    }
};
SCENARIO(join_newcomer, "newcomers: sent and joined by an executor");

} // namespace
} // namespace model
