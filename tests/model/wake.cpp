/* Wakers against polls, completion and the executor's parking. */
#include "scenarios.hpp"

namespace model
{
namespace
{

/* The task wants both of two events; a poll that does not see one relies on the wake to come. */
struct two_events {
    executor ex;
    block<task> b;
    flag happened[2];

    static verdict poll(task &t)
    {
        auto *s = static_cast<two_events *>(t.scenario);

        return s->happened[0].is_set() && s->happened[1].is_set() ? READY : PENDING;
    }
    void cause(int event)
    {
        happened[event].set();
        waker_wake(b.get());
    }
};

/* The task waits; the wake, and only the wake, makes it run, and sees to it that it finds data. */
struct waker_and_park : suite<waker_and_park, 2, 3> {
    executor ex;
    block<task> b;
    shared_int event;

    static verdict poll(task &t)
    {
        RL_ASSERT(read(static_cast<waker_and_park *>(t.scenario)->event) == 1);
        return READY;
    }
    void before()
    {
        spawn_waiting(b, ex, poll, this, 2);
        write(event, 0);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        reached(inbox_parked(&ex.queue.inbox));
        write(event, 1);
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(waker_and_park, "a waker, the executor parks");

struct two_wakers : suite<two_wakers, 3, 0, 3>, two_events {
    void before()
    {
        spawn(b, ex, poll, static_cast<two_events *>(this), 2);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        cause(index - 1);
    }
    void after()
    {
        task_release(b.get());
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(two_wakers, "two wakers, a poll, the executor parks");

/* The poll waits for nobody: the wakes come before, during or after it. */
struct wakes_and_completion : suite<wakes_and_completion, 2, 1> {
    executor ex;
    block<task> b;

    void before()
    {
        spawn(
            b, ex, [](task &) { return READY; }, this, 2);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        if (state_is_done(&b->state))
            reached(0);
        waker_wake(b.get());
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(wakes_and_completion, "two wakes and the last reference, completion");

struct two_drops_and_completion : suite<two_drops_and_completion, 3> {
    executor ex;
    block<task> b;

    void before()
    {
        spawn(
            b, ex, [](task &) { return READY; }, this, 3);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        read(b->memory);
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(two_drops_and_completion, "two wakers, completion");

/* Tasks that wait, each for an event of its own; a poll without it would be one too many. */
struct two_tasks {
    executor ex;
    block<task> b[2];
    flag happened[2];

    static verdict poll(task &t)
    {
        auto *s = static_cast<two_tasks *>(t.scenario);

        RL_ASSERT(s->happened[&t == s->b[1].get()].is_set());
        return READY;
    }
    void spawn_both()
    {
        spawn_waiting(b[0], ex, poll, this, 2);
        spawn_waiting(b[1], ex, poll, this, 2);
    }
    void release_both()
    {
        task_release(b[0].get());
        task_release(b[1].get());
        RL_ASSERT(b[0].is_freed() && b[1].is_freed());
    }
};

/* As the reactor does: both in one push. */
struct batch_and_park : suite<batch_and_park, 2>, two_tasks {
    void before()
    {
        spawn_both();
    }
    void thread(unsigned index)
    {
        wake_batch batch = {};

        if (index == 0)
            return ex.run();
        for (int i = 0; i < 2; i++) {
            happened[i].set();
            waker_claim(b[i].get(), &batch);
        }
        wake_batch_deliver(&batch);
    }
    void after()
    {
        release_both();
    }
};
SCENARIO(batch_and_park, "two tasks in one batch, the executor parks");

struct pushes_and_park : suite<pushes_and_park, 3, 0, 3>, two_tasks {
    void before()
    {
        spawn_both();
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        happened[index - 1].set();
        waker_wake(b[index - 1].get());
    }
    void after()
    {
        release_both();
    }
};
SCENARIO(pushes_and_park, "two tasks, a waker each, the executor parks");

/* A neighbour wakes the task, and so does another thread, whose wake may arrive after the end. */
struct neighbour_and_waker : suite<neighbour_and_waker, 2, 7> {
    executor ex;
    block<task> b, other;

    static verdict wakes(task &t)
    {
        auto *s = static_cast<neighbour_and_waker *>(t.scenario);

        if (t.polls == 1 && s->b->ready)
            reached(0);
        waker_wake(s->b.get());
        return READY;
    }
    static verdict poll(task &t)
    {
        auto *s = static_cast<neighbour_and_waker *>(t.scenario);

        if (s->other.is_freed() && state_is_queued(&t.state))
            reached(1);
        return s->other.is_freed() ? READY : PENDING;
    }
    void before()
    {
        spawn(other, ex, wakes, this, 1);
        spawn_waiting(b, ex, poll, this, 2);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            ex.run();
            if (b.is_freed())
                reached(2);
            return;
        }
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(neighbour_and_waker, "a neighbour that wakes, a waker, completion");

/* The task yields once, then waits for the wake. */
struct yield_and_waker : suite<yield_and_waker, 2, 1> {
    executor ex;
    block<task> b;
    flag happened;

    static verdict poll(task &t)
    {
        auto *s = static_cast<yield_and_waker *>(t.scenario);

        if (t.polls == 1)
            return YIELDED;
        if (s->happened.is_set())
            return READY;
        reached(0);
        return PENDING;
    }
    void before()
    {
        spawn(b, ex, poll, this, 2);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        happened.set();
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(yield_and_waker, "a task that yields, a waker");

/* What a task does to itself while it is polled is answered by one poll, not by two. */
struct wakes_itself : suite<wakes_itself, 2, 1> {
    executor ex;
    block<task> b;
    flag happened;
    int polls_when_woken;

    static verdict poll(task &t)
    {
        auto *s = static_cast<wakes_itself *>(t.scenario);

        if (t.polls == 1) {
            waker_wake(&t);
            return YIELDED;
        }
        if (s->happened.is_set())
            return READY;
        RL_ASSERT(t.polls == 2);
        reached(0);
        return PENDING;
    }
    void before()
    {
        spawn(b, ex, poll, this, 2);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        happened.set();
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(wakes_itself, "a task that wakes itself and yields, a waker");

} // namespace
} // namespace model
