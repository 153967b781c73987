/* Who holds the handle against completion: cancel, join, detach. */
#include "scenarios.hpp"

namespace model
{

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

namespace
{

/* What all of them share: one task, its executor in thread 0, the handle in thread 1. */
struct with_handle {
    executor ex;
    block<task> b;
    shared_int word; /* told to the task before it is cancelled */

    static verdict is_ready(task &)
    {
        return READY;
    }
    static verdict waits_for_ever(task &)
    {
        return PENDING;
    }
    void begin(poll_function *poll)
    {
        spawn(b, ex, poll, this, 2);
        write(word, 0);
    }
    void cancel()
    {
        write(word, 1);
        task_cancel(b.get());
    }
    void detach() /* trale_detach, by one who looked at the task before */
    {
        read(b->memory);
        task_release(b.get());
    }
};

struct detach_and_completion : suite<detach_and_completion, 2>, with_handle {
    void before()
    {
        begin(is_ready);
    }
    void thread(unsigned index)
    {
        index == 0 ? ex.run() : detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(detach_and_completion, "detach, completion");

struct cancel_and_completion : suite<cancel_and_completion, 2, 3>, with_handle {
    void before()
    {
        begin(is_ready);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        cancel();
        if (state_is_done(&b->state)) {
            RL_ASSERT(read(b->result) == (b->polls == 0 ? CANCELED : 42));
            reached(b->polls);
        }
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(cancel_and_completion, "cancel, completion, detach");

/* Nothing but the cancel ends the task. A second cancel does nothing. */
struct cancel_and_poll : suite<cancel_and_poll, 2>, with_handle {
    void before()
    {
        begin(waits_for_ever);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            ex.run();
            RL_ASSERT(read(word) == 1);
            return;
        }
        cancel();
        task_cancel(b.get());
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(cancel_and_poll, "cancel, a poll, the executor parks, detach");

/* A fiber that yields sees the cancel at its next wait: trale_cancelled. */
struct cancel_and_yield : suite<cancel_and_yield, 2, 1>, with_handle {
    static verdict yields(task &t)
    {
        if (state_is_cancelled(&t.state)) {
            reached(0);
            return READY;
        }
        return t.polls < 3 ? YIELDED : PENDING;
    }
    void before()
    {
        begin(yields);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            ex.run();
            return;
        }
        cancel();
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(cancel_and_yield, "cancel, a task that yields, detach");

/* A task without a stack is dropped, perhaps before its wake has arrived, and finds what was told
 * before the cancel. */
struct cancel_and_drop : suite<cancel_and_drop, 2, 1>, with_handle {
    static verdict yields(task &t)
    {
        return t.polls < 2 ? YIELDED : PENDING;
    }
    static void dropped(task &t)
    {
        auto *s = static_cast<with_handle *>(t.scenario);

        if (state_is_queued(&t.state))
            reached(0);
        RL_ASSERT(read(s->word) == 1);
    }
    void before()
    {
        begin(yields);
        b->drop = dropped;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        cancel();
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(cancel_and_drop, "cancel, a task that yields and is dropped, detach");

struct cancel_and_waker : suite<cancel_and_waker, 3, 0, 3>, with_handle {
    flag happened;

    static verdict poll(task &t)
    {
        return static_cast<cancel_and_waker *>(static_cast<with_handle *>(t.scenario))
                       ->happened.is_set()
                   ? READY
                   : PENDING;
    }
    void before()
    {
        spawn_waiting(b, ex, poll, static_cast<with_handle *>(this), 3);
        write(word, 0);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        if (index == 1) {
            cancel();
        } else {
            happened.set();
            waker_wake(b.get());
        }
        task_release(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};
SCENARIO(cancel_and_waker, "cancel, a waker, the executor parks");

/* A task of the same executor cancels it, while it may be on its way. */
struct cancel_here : suite<cancel_here, 2>, with_handle {
    block<task> other;

    static verdict cancels(task &t)
    {
        task_cancel(static_cast<cancel_here *>(static_cast<with_handle *>(t.scenario))->b.get());
        return READY;
    }
    void before()
    {
        spawn(other, ex, cancels, static_cast<with_handle *>(this), 1);
        spawn_waiting(b, ex, waits_for_ever, static_cast<with_handle *>(this), 2);
        write(word, 0);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        waker_wake(b.get());
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed() && other.is_freed());
    }
};
SCENARIO(cancel_here, "cancel by a neighbour, a waker, detach");

/* A freeing: its executor marks it, while it may be on its way. */
struct cancelled_by_executor : suite<cancelled_by_executor, 2>, with_handle {
    block<task> janitor;

    static verdict cancels(task &t)
    {
        auto *s = static_cast<cancelled_by_executor *>(static_cast<with_handle *>(t.scenario));

        s->ex.cancel(s->b.get());
        return READY;
    }
    void before()
    {
        spawn(janitor, ex, cancels, static_cast<with_handle *>(this), 1);
        spawn_waiting(b, ex, waits_for_ever, static_cast<with_handle *>(this), 2);
        write(word, 0);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        waker_wake(b.get());
        detach();
    }
    void after()
    {
        RL_ASSERT(b.is_freed() && janitor.is_freed());
    }
};
SCENARIO(cancelled_by_executor, "cancel by the executor, a waker, detach");

/* Joins by a plain thread, whose waker it brings along; it leaves as a thread does. */
struct joined : with_handle {
    block<thread_waker> own[2];

    void begin_join(int wakers)
    {
        begin(is_ready);
        for (int i = 0; i < wakers; i++)
            own[i].make(&own[i], 1);
    }
    void end_join(int wakers)
    {
        for (int i = 0; i < wakers; i++)
            thread_waker_release(own[i].get());
    }
    void check_freed(int wakers)
    {
        RL_ASSERT(b.is_freed());
        for (int i = 0; i < wakers; i++)
            RL_ASSERT(own[i].is_freed());
    }
};

struct join_and_completion : suite<join_and_completion, 2>, joined {
    void before()
    {
        begin_join(1);
    }
    void thread(unsigned index)
    {
        join_future f = {b.get()};

        if (index == 0)
            return ex.run();
        f.wait(own[0].get());
        RL_ASSERT(f.result == 42);
        end_join(1);
    }
    void after()
    {
        check_freed(1);
    }
};
SCENARIO(join_and_completion, "join, completion");

/* The second poll comes with another waker: what an outer future, moved elsewhere, does. */
struct rearm_and_completion : suite<rearm_and_completion, 2>, joined {
    void before()
    {
        begin_join(2);
    }
    void thread(unsigned index)
    {
        join_future f = {b.get()};

        if (index == 0)
            return ex.run();
        if (!f.poll(own[0].get()))
            f.wait(own[1].get());
        RL_ASSERT(f.result == 42);
        end_join(2);
    }
    void after()
    {
        check_freed(2);
    }
};
SCENARIO(rearm_and_completion, "join with one waker, then another, completion");

/* The join is given up: disarm, detach. */
struct disarm_and_completion : suite<disarm_and_completion, 2>, joined {
    void before()
    {
        begin_join(1);
    }
    void thread(unsigned index)
    {
        join_future f = {b.get()};

        if (index == 0)
            return ex.run();
        if (!f.poll(own[0].get())) {
            f.drop();
            task_release(b.get());
        }
        end_join(1);
    }
    void after()
    {
        check_freed(1);
    }
};
SCENARIO(disarm_and_completion, "join given up, detach, completion");

} // namespace
} // namespace model
