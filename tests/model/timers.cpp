/* Timers: they are armed, disarmed and fired on different threads, and the reactor waits for them. */
#include "reactor.hpp"

namespace model
{
namespace
{

enum { ON_TIME, DISARMED, EARLY, CHANGED, LATE, BY_OTHERS };

/* Of timer_queue: one lies in a slot, unless the queue has come to it; and the alarm may be late by this
 * much when somebody else looks at the clock. */
constexpr int64_t a_slot = INT64_C(1) << SLOT_SHIFT, late = TRALE_MS;

struct with_timers : until_over {
    trale_timer timers[max_threads];
    bool punctual = true; /* time passes only while all wait */

    explicit with_timers(int others) : until_over(others)
    {
    }
    trale_timer &timer()
    {
        return timers[rl::thread_index()];
    }
    int64_t now()
    {
        return clock_now();
    }
    /* sleep_poll */
    bool sleeps(int64_t deadline, claimed_waker &w)
    {
        if (timer_pending(&timer()) && timer_change_waker(&timer(), &w))
            return true;
        if (timer_fired(&timer())) {
            RL_ASSERT(now() >= deadline);
            return false;
        }
        if (now() >= deadline)
            return false;
        arm(deadline, w);
        return true;
    }
    void arm(int64_t deadline, claimed_waker &w)
    {
        timer().deadline = deadline;
        timer_arm(&current_reactor->timers, &timer(), &w);
    }
    void sleep_until(int64_t deadline)
    {
        while (sleeps(deadline, waker()))
            waker().park();
        RL_ASSERT(!punctual || time_now == deadline);
        reached(ON_TIME);
        end();
    }
    /* The timer's memory belongs to somebody else then. */
    void end()
    {
        trale_timer &t = timer();

        timer_disarm(&t);
        t.deadline = -1;
        t.waker = nullptr;
        t.child = t.next = t.prev = nullptr;
        t.place.freed = true;
    }
    /* And then it is another one's. */
    void anew()
    {
        timer().place.freed = false;
        atomic_init(&timer().place, 0u);
    }
    void destroy()
    {
        for (reactor &r : reactors)
            reactor_destroy(&r);
    }
};

/* Two sleep for different times; each arms while the reactor waits for the other, or for nothing. */
struct two_sleepers : suite<two_sleepers, 3, 1 << ON_TIME, 2>, with_timers {
    two_sleepers() : with_timers(2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        sleep_until(index == 1 ? 10 : 2 * a_slot);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(two_sleepers, "timers: two sleep, the reactor");

/* It is time, and the owner does not want it any more: the memory is its own again. Another one is in
 * the same slot. */
struct fires_and_disarmed : suite<fires_and_disarmed, 3, 1 << ON_TIME | 1 << DISARMED, 2>,
                            with_timers {
    fires_and_disarmed() : with_timers(2)
    {
    }
    void before()
    {
        timers[2].deadline = a_slot + 10;
        timer_arm(&reactors[0].timers, &timers[2], &wakers[2]);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            k.time_passes(a_slot + 10);
            waker().park();
        } else {
            sleeps(a_slot + 10, waker());
            reached(timer_pending(&timer()) ? DISARMED : ON_TIME);
        }
        end();
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(fires_and_disarmed, "timers: one disarms, time passes, the reactor");

/* Time goes by itself; the reactor's turns do not block before the last one, and may see the alarm
 * that was set for another. */
struct time_goes : suite<time_goes, 3, 1 << ON_TIME, 2>, with_timers {
    time_goes() : with_timers(1)
    {
        punctual = false;
    }
    void thread(unsigned index)
    {
        if (index == 2)
            return k.time_passes(10);
        if (index == 1) {
            sleep_until(10);
            return done(reactors[0]);
        }
        reactor_turn(&reactors[0], true);
        reactor_turn(&reactors[0], false);
        turn_until_over(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(time_goes, "timers: one sleeps, time passes, the reactor");

/* It fires for whom polled last, or for who did before and has not gone yet. */
struct waker_changes : suite<waker_changes, 2, 1 << ON_TIME | 1 << CHANGED, 3>, with_timers {
    claimed_waker second;

    waker_changes() : with_timers(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        sleeps(10, waker());
        while (sleeps(10, second)) {
            reached(CHANGED);
            second.park();
        }
        RL_ASSERT(time_now == 10);
        reached(ON_TIME);
        end();
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(waker_changes, "timers: another waker, the reactor");

/* The wake of something else is on its way as it fires. */
struct woken_in_vain : suite<woken_in_vain, 3, 1 << ON_TIME, 2>, with_timers {
    woken_in_vain() : with_timers(1)
    {
        punctual = false;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            k.time_passes(10);
            return wake_in_vain(wakers[1]);
        }
        sleep_until(10);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(woken_in_vain, "timers: one sleeps and is woken in vain, the reactor");

/* No alarm is to be had: the reactor is called when it is to look at the clock, and looks often. */
struct no_alarm : suite<no_alarm, 2, 1 << ON_TIME>, with_timers {
    no_alarm() : with_timers(1)
    {
        k.alarms = punctual = false;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        sleep_until(2 * TRALE_MS);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(no_alarm, "timers: one sleeps, no alarm can be set");

/* The queue goes: its timers fire early, and their owners arm them elsewhere. */
struct queue_goes : suite<queue_goes, 3, 1 << ON_TIME | 1 << EARLY>, with_timers {
    queue_goes() : with_timers(2)
    {
    }
    void before()
    {
        for (int i = 1; i < 3; i++) {
            timers[i].deadline = i * 10;
            timer_arm(&reactors[0].timers, &timers[i], &wakers[i]);
        }
        current_reactor = &reactors[1];
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            reactor_destroy(&reactors[0]);
            return turn_until_over(reactors[1]);
        }
        waker().park();
        if (now() < index * 10)
            reached(EARLY);
        sleep_until(index * 10);
        done(reactors[1]);
    }
    void after()
    {
        reactor_destroy(&reactors[1]);
    }
};
SCENARIO(queue_goes, "timers: two sleep, the reactor goes away");

/* Before it is destroyed, while owners still come by. */
struct queue_empties : suite<queue_empties, 3, 1 << ON_TIME | 1 << DISARMED>, with_timers {
    queue_empties() : with_timers(0)
    {
    }
    void before()
    {
        for (int i = 1; i < 3; i++) {
            timers[i].deadline = i * 10;
            timer_arm(&reactors[0].timers, &timers[i], &wakers[i]);
        }
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return evict(reactors[0]);
        if (index == 1) {
            reached(timer_pending(&timer()) ? DISARMED : ON_TIME);
            return end();
        }
        while (timer_pending(&timer()) && timer_change_waker(&timer(), &waker()))
            waker().park();
        end();
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(queue_empties, "timers: one disarms, one waits, all are sent away");

/* Two expire: what is due earlier is delivered first. */
struct in_order : suite<in_order, 3, 1 << ON_TIME | 1 << BY_OTHERS>, with_timers {
    shared_int deliveries;

    in_order() : with_timers(0)
    {
        write(deliveries, 0);
    }
    void before()
    {
        for (int i = 1; i < 3; i++) {
            wakers[i].deliveries = &deliveries;
            timers[i].deadline = i * 10;
            timer_arm(&reactors[0].timers, &timers[i], &wakers[i]);
        }
        time_now = 10;
    }
    void thread(unsigned index)
    {
        if (index == 2)
            k.time_passes(20);
        else
            expire(reactors[0]);
    }
    void after()
    {
        int by = wakers[2].delivered_by;

        reached(by >= 0 && by != wakers[1].delivered_by ? BY_OTHERS : ON_TIME);
        expire(reactors[0]);
        RL_ASSERT(wakers[1].delivered_at == 1 && wakers[2].delivered_at == 2);
        destroy();
    }
};
SCENARIO(in_order, "timers: two expire, time passes");

/* One thread gets up for the timers by itself, as an executor does. */
struct with_keeper : with_timers {
    explicit with_keeper(int others) : with_timers(others)
    {
    }
    trale_timer_queue *queue()
    {
        return &reactors[0].timers;
    }
    /* sleep_by_the_clock, and the turn that follows. */
    void keep()
    {
        int64_t until = timer_queue_keep(queue());

        kept(until);
        waker().park(until);
        timer_queue_awake(queue());
        expire(reactors[0]);
    }
    virtual void kept(int64_t)
    {
    }
    void keep_until(int64_t deadline)
    {
        while (sleeps(deadline, waker()))
            keep();
        RL_ASSERT(time_now == deadline);
        end();
        timer_queue_keep_not(queue());
    }
};

/* The alarm is for those who come earlier, and later, when it keeps the time no more. */
struct keeper_and_sleeper : suite<keeper_and_sleeper, 3, 1 << ON_TIME, 2>, with_keeper {
    keeper_and_sleeper() : with_keeper(2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 1) {
            keep_until(20);
        } else {
            sleep_until(10);
            anew();
            sleep_until(30);
        }
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(keeper_and_sleeper, "timers: one keeps the time, one sleeps, the reactor");

/* The reactor is not to get up beside it. */
struct keeper_alone : suite<keeper_alone, 2, 1 << ON_TIME>, with_keeper {
    keeper_alone() : with_keeper(1)
    {
    }
    void kept(int64_t until)
    {
        RL_ASSERT(reactors[0].poller.alarm >= until + late);
        reached(ON_TIME);
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        keep_until(20);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(keeper_alone, "timers: one keeps the time, the reactor");

/* It ends, and the alarm is what it was without it. */
struct keeper_leaves : suite<keeper_leaves, 3, 1 << ON_TIME, 2>, with_keeper {
    keeper_leaves() : with_keeper(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 1) {
            timer_queue_keep(queue());
            timer_queue_awake(queue());
            return timer_queue_keep_not(queue());
        }
        sleep_until(10);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(keeper_leaves, "timers: one kept the time and ends, one sleeps, the reactor");

/* It is held up by a poll, and gets up no more: the reactor does, a little later. */
struct keeper_held_up : suite<keeper_held_up, 3, 1 << ON_TIME | 1 << LATE, 2>, with_keeper {
    keeper_held_up() : with_keeper(2)
    {
        punctual = false;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 1) {
            timer_queue_awake(queue());
            waker().park(); /* what it waits for is the other one's */
        } else {
            sleep_until(10);
            RL_ASSERT(time_now <= 10 + late);
            reached(time_now == 10 ? ON_TIME : LATE);
            wake_in_vain(wakers[1]);
        }
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(keeper_held_up, "timers: one keeps the time and is held up, one sleeps, the reactor");

} // namespace
} // namespace model
