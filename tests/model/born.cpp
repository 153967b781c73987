/* New tasks that begin where they were spawned. */
#include "scenarios.hpp"

namespace model
{
namespace
{

/* A task spawns another and joins it, all on one executor; a waker of that one gets out. */
struct all_on_one_executor : suite<all_on_one_executor, 2, 3> {
    enum { WOKEN_BEFORE, WAITED };
    executor ex;
    block<task> parent, child;
    join_future f;
    happening out;
    mutex lock; /* of what the waker is handed over by */
    flag happened;

    static all_on_one_executor &of(task &t)
    {
        return *static_cast<all_on_one_executor *>(t.scenario);
    }
    static verdict waits(task &t)
    {
        if (t.polls == 1) {
            of(t).lock.lock();
            waker_clone(&t);
            of(t).lock.unlock();
            of(t).out.set();
        }
        if (of(t).happened.is_set()) {
            reached(t.polls == 1 ? WOKEN_BEFORE : WAITED);
            return READY;
        }
        return PENDING;
    }
    static verdict joins(task &t)
    {
        if (t.polls == 1) {
            spawn_here(of(t).child, of(t).ex, waits, t.scenario, 2);
            of(t).f.joined = of(t).child.get();
            of(t).f.call = true;
        }
        return of(t).f.poll(&t) ? READY : PENDING;
    }
    void before()
    {
        spawn(parent, ex, joins, this, 1);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        out.wait();
        lock.lock();
        lock.unlock();
        happened.set();
        waker_wake(child.get());
        waker_drop(child.get());
    }
    void after()
    {
        RL_ASSERT(f.result == 42 && parent.is_freed() && child.is_freed());
    }
};
SCENARIO(all_on_one_executor, "spawned and joined by one task, a waker of it");

/* A task of a group: who cancels the group may find it before it is sent. */
struct cancelled_before_sent : suite<cancelled_before_sent, 2, 7> {
    enum { SENT_BEFORE, CANCELLED_BEFORE, NOT_BEGUN };
    executor ex;
    block<task> parent, child;
    happening listed;
    mutex lock; /* of the list */
    bool cancelled = false;
    shared_int word; /* told before the cancel */

    static cancelled_before_sent &of(task &t)
    {
        return *static_cast<cancelled_before_sent *>(t.scenario);
    }
    static verdict waits(task &)
    {
        return PENDING;
    }
    static void dropped(task &t)
    {
        RL_ASSERT(read(of(t).word) == 1);
        if (t.polls == 0)
            reached(NOT_BEGUN);
    }
    static verdict spawns(task &t)
    {
        task *child = prepare_here(of(t).child, of(t).ex, waits, t.scenario, 2);

        child->drop = dropped;
        write(of(t).word, 0);
        of(t).lock.lock();
        of(t).lock.unlock();
        of(t).listed.set();
        announce(&of(t).listed, true); /* it may take a while until it is sent */
        rl::ctx().sched();
        reached(of(t).cancelled ? CANCELLED_BEFORE : SENT_BEFORE);
        submit_here(child);
        return READY;
    }
    void before()
    {
        spawn(parent, ex, spawns, this, 1);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex.run();
        listed.wait();
        lock.lock();
        lock.unlock();
        write(word, 1);
        task_cancel(child.get());
        cancelled = true;
        task_release(child.get());
    }
    void after()
    {
        RL_ASSERT(parent.is_freed() && child.is_freed());
    }
};
SCENARIO(cancelled_before_sent, "listed, cancelled, sent to the executor that spawns it");

} // namespace
} // namespace model
