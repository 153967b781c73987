/*
 * An executor that is its own reactor (trale_run): it parks in epoll_wait with the mark on its
 * inbox, whoever pushes calls it out of there, and it is freed as soon as its tasks have ended.
 */
#include "scenarios.hpp"

namespace model
{
namespace
{

enum goal { INTERRUPTED, NOT_PARKED, WAITED_FOR_PUSHER, ENDED_ON_ITS_WAY };

/* poller_epoll.c: every write to the eventfd is an edge, and the next wait reports it. */
class interrupts
{
    bool edge = false, closed = false;

  public:
    shared_int memory; /* where its descriptors are */

    interrupts()
    {
        model::write(memory, 0);
    }
    void wait(bool block)
    {
        for (;;) {
            announce(this, true);
            rl::ctx().sched();
            if (std::exchange(edge, false) || !block)
                return;
            sleep_on(this, RL_INFO);
        }
    }
    void write()
    {
        read(memory);
        announce(this, true);
        rl::ctx().sched();
        RL_ASSERT(!closed);
        edge = true;
        wake_one(this, RL_INFO);
    }
    void close()
    {
        announce(this, true);
        rl::ctx().sched();
        closed = true;
        model::write(memory, -1);
    }
};

struct inline_executor : executor {
    interrupts poller;

    inline_executor()
    {
        is_inline = true;
    }
    bool look_around() override /* without the spinning */
    {
        poller.wait(false);
        return has_work();
    }
    void sleep() override /* sleep_parked */
    {
        poller.wait(true);
        inbox_unpark(&queue.inbox);
    }
    void interrupt() override
    {
        reached(INTERRUPTED);
        poller.write();
    }
    void await_pushers()
    {
        while (!pushers_are_gone(&queue.pushers)) {
            reached(WAITED_FOR_PUSHER);
            spin_while(queue.pushers.count, ~0u);
        }
    }
    void run_and_end() /* trale_run */
    {
        run();
        leave();
        await_pushers();
        poller.close();
        queue.inbox.head.freed = queue.pushers.count.freed = true;
    }
};

/* The task is polled until so many events have happened; each has a thread that wakes it. */
template <typename S, int threads, unsigned goals, unsigned preemptions>
struct with_inline : suite<S, threads, goals, preemptions> {
    inline_executor ex;
    block<task> b;
    flag happened[2];
    int wanted = threads - 1;

    static verdict poll(task &t)
    {
        auto *s = static_cast<with_inline *>(t.scenario);

        for (int i = 0; i < s->wanted; i++)
            if (!s->happened[i].is_set())
                return PENDING;
        if (state_is_queued(&t.state))
            reached(ENDED_ON_ITS_WAY);
        return READY;
    }
    void before()
    {
        spawn(b, ex, poll, this, threads);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run_and_end();
        happened[index - 1].set();
        if (ex.queue.inbox.head.cell.debug_value() != INBOX_PARKED)
            reached(NOT_PARKED);
        waker_wake(b.get());
        waker_drop(b.get());
    }
    void after()
    {
        RL_ASSERT(b.is_freed());
    }
};

struct inline_and_waker : with_inline<inline_and_waker, 2, 15, 0> {
};
SCENARIO(inline_and_waker, "inline: a waker, the end");

struct inline_and_two_wakers : with_inline<inline_and_two_wakers, 3, 15, 2> {
};
SCENARIO(inline_and_two_wakers, "inline: two wakers, the end");

} // namespace
} // namespace model
