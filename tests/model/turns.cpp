/* The reactor: who turns it, what it has, and that it goes away. */
#include "io.hpp"

namespace model
{
namespace
{

/* Its own reactor, that never blocks; as long as nothing is registered, epoll is not asked. */
struct own_reactor : suite<own_reactor, 2>, with_io {
    own_reactor() : with_io(1)
    {
    }
    void thread(unsigned index)
    {
        wish w = {TRALE_READABLE, 0};
        intptr_t output = 0;

        if (index == 1)
            return k.give(0, 1);
        while (poll_io(o.io, w, output, index) == TRALE_PENDING)
            while (!waker().is_woken())
                reactor_turn(&reactors[0], !k.readable(0));
        forget();
        RL_ASSERT(output == 1);
        trale_close(&o.io);
        reactor_turn(&reactors[0], false);
        RL_ASSERT(o.freed);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(own_reactor, "io: one reads and turns the reactor, a byte comes");

/* The reactor goes away, its waiters go to the next one. */
struct reactor_goes : suite<reactor_goes, 2>, with_io {
    reactor_goes() : with_io(1)
    {
    }
    void before()
    {
        begin_wait(o.io, TRALE_READABLE, 1);
        current_reactor = &reactors[1];
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            waker().park();
            read(1);
            return done(reactors[1]);
        }
        reactor_destroy(&reactors[0]);
        k.give(0, 1);
        turn_until_over(reactors[1]);
    }
    void after()
    {
        trale_close(&o.io);
        reactor_destroy(&reactors[1]);
        is_settled();
    }
};
SCENARIO(reactor_goes, "io: one reads, the reactor goes away");

/* While it is closed: the one or the other deregisters it. */
struct reactor_goes_and_close : suite<reactor_goes_and_close, 3, 3, 2>, with_io {
    reactor_goes_and_close() : with_io(2)
    {
    }
    void before()
    {
        source_retain(&o.io);
        begin_wait(o.io, TRALE_READABLE, 1);
        current_reactor = &reactors[1];
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return reactor_destroy(&reactors[0]);
        if (index == 2) {
            RL_ASSERT(trale_close(&o.io) == 0);
            return;
        }
        waker().park();
        RL_ASSERT(wait_for(o.io, TRALE_READABLE) == -EBADF);
        reached(k.files[0].serial);
        source_release(&o.io);
    }
    void after()
    {
        reactor_destroy(&reactors[1]);
        is_settled();
    }
};
SCENARIO(reactor_goes_and_close, "io: one waits, one closes, the reactor goes away");

/* One is registered as another is deregistered, and freed. */
struct two_ios : suite<two_ios, 3, 0, 2>, with_io {
    open_io other;

    two_ios() : with_io(2)
    {
        other.open(1);
    }
    void before()
    {
        begin_wait(other.io, TRALE_READABLE, 2);
        source_forget(&waiters[2]);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        if (index == 1)
            read(1);
        else
            RL_ASSERT(trale_close(&other.io) == 0);
        done(reactors[0]);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
        RL_ASSERT(other.freed);
    }
};
SCENARIO(two_ios, "io: one reads, another is closed, the reactor");

/* The reactor's thread as it is, and executors that look for events before they park. The last one
 * to leave ends it. */
struct with_executors : with_io {
    ::executor executors[2];
    claimed_waker end;
    trale_timer timers[max_threads];

    explicit with_executors(int count) : with_io(count)
    {
        reactors[0].executors = executors;
        reactors[0].count = count;
        reactor_thread = &end;
        for (int i = 0; i < count; i++) {
            atomic_init(&executors[i].queue.inbox.head, (uintptr_t)0);
            wakers[i + 1].home = &executors[i].queue.inbox;
        }
        timeouts_left[0] = at_last; /* the nap of stand_by */
    }
    struct inbox *inbox()
    {
        return waker().home;
    }
    /* executor.c, until the task is woken */
    void wait_for_work()
    {
        while (!inbox_take(inbox())) {
            reactor_turn_for(&reactors[0], inbox());
            if (!inbox_filled(inbox()) && inbox_park(inbox())) {
                baton_hand_over(&reactors[0].baton);
                inbox_wait(inbox());
            }
        }
        waker().start();
    }
    void read_one()
    {
        wish w = {TRALE_READABLE, 0};
        intptr_t output = 0;

        while (poll_io(o.io, w, output, rl::thread_index()) == TRALE_PENDING)
            wait_for_work();
        forget();
        RL_ASSERT(output == 1);
    }
    void sleep_until(int64_t deadline)
    {
        trale_timer &t = timers[rl::thread_index()];

        t.deadline = deadline;
        timer_arm(&reactors[0].timers, &t, &waker());
        while (timer_pending(&t) && timer_change_waker(&t, &waker()))
            wait_for_work();
        RL_ASSERT(timer_fired(&t) && time_now >= deadline);
    }
    void leave()
    {
        while (!inbox_park(inbox()))
            inbox_take(inbox());
        baton_hand_over(&reactors[0].baton);
        if (--left > 0)
            return;
        reactor_stop(&reactors[0]);
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};

enum { BY_REACTOR, BY_EXECUTOR };

static void note_who_delivered(const claimed_waker &w, int own)
{
    if (w.delivered_by >= 0)
        reached(w.delivered_by == own ? BY_EXECUTOR : BY_REACTOR);
}

struct executor_reads : suite<executor_reads, 3, 1 << BY_REACTOR | 1 << BY_EXECUTOR, 2>,
                        with_executors {
    executor_reads() : with_executors(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return stand_by_and_run(reactors[0]);
        if (index == 2)
            return k.give(0, 1);
        read_one();
        note_who_delivered(waker(), index);
        leave();
    }
};
SCENARIO(executor_reads, "reactor: its thread, an executor reads, a byte comes");

struct executor_sleeps : suite<executor_sleeps, 3, 1 << BY_REACTOR | 1 << BY_EXECUTOR, 2>,
                         with_executors {
    executor_sleeps() : with_executors(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return run(reactors[0]);
        if (index == 2)
            return k.time_passes(10);
        sleep_until(10);
        note_who_delivered(waker(), index);
        leave();
    }
};
SCENARIO(executor_sleeps, "reactor: its thread, an executor sleeps, time passes");

/* One parks, and the other, who finds what it waits for or hands the baton over, does not: a poll takes
 * long there. No nap helps. */
struct two_executors : suite<two_executors, 3, 1 << BY_REACTOR, 1>, with_executors {
    happening has_read;

    two_executors() : with_executors(2)
    {
        timeouts_left[0] = 0;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return stand_by_and_run(reactors[0]);
        if (index == 1) {
            read_one();
            note_who_delivered(waker(), index);
            has_read.set();
        } else {
            reactor_turn_for(&reactors[0], inbox());
            k.give(0, 1);
            has_read.wait();
        }
        leave();
    }
};
SCENARIO(two_executors, "reactor: its thread, an executor reads, another turns and is held up");

} // namespace
} // namespace model
