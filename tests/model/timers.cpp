/* Timers: they are armed, disarmed and fired on different threads, and the reactor waits for them. */
#include "reactor.hpp"

namespace model
{
namespace
{

enum { FIRED, DISARMED, EARLY, CHANGED };

struct with_timers : with_reactors {
    trale_timer timers[max_threads];
    int left; /* threads that have something to do */
    bool over = false;

    explicit with_timers(int others) : left(others)
    {
    }
    trale_timer &timer()
    {
        return timers[rl::thread_index()];
    }
    void turn_until_over(reactor &r)
    {
        while (!over)
            reactor_turn(&r, true);
    }
    void done(reactor &r)
    {
        if (--left > 0)
            return;
        over = true;
        poller_interrupt(&r.poller);
    }
    int64_t now()
    {
        announce(&k.now, false);
        rl::ctx().sched();
        return k.now;
    }
    void arm(int64_t deadline)
    {
        timer().deadline = deadline;
        timer_arm(&current_reactor->timers, &timer(), &waker());
    }
    /* sleep_poll */
    bool sleeps(int64_t deadline, claimed_waker &w)
    {
        if (timer_pending(&timer()) && timer_change_waker(&timer(), &w))
            return true;
        if (now() >= deadline)
            return false;
        timer().deadline = deadline;
        timer_arm(&current_reactor->timers, &timer(), &w);
        return true;
    }
    void sleep_until(int64_t deadline)
    {
        while (sleeps(deadline, waker()))
            waker().park();
        reached(FIRED);
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
    void destroy()
    {
        for (reactor &r : reactors)
            reactor_destroy(&r);
    }
};

/* Two sleep for different times; each arms while the reactor waits for the other, or for nothing. */
struct two_sleepers : suite<two_sleepers, 3, 1 << FIRED, 2>, with_timers {
    two_sleepers() : with_timers(2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        sleep_until(index * 10);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(two_sleepers, "timers: two sleep, the reactor");

/* It is time, and the owner does not want it any more: the memory is its own again. */
struct fires_and_disarmed : suite<fires_and_disarmed, 3, 1 << FIRED | 1 << DISARMED, 2>,
                            with_timers {
    fires_and_disarmed() : with_timers(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2)
            return k.time_passes(10);
        sleeps(10, waker());
        reached(timer_pending(&timer()) ? DISARMED : FIRED);
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
struct time_goes : suite<time_goes, 3, 1 << FIRED, 2>, with_timers {
    time_goes() : with_timers(1)
    {
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
struct waker_changes : suite<waker_changes, 2, 1 << FIRED | 1 << CHANGED, 3>, with_timers {
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
        RL_ASSERT(now() >= 10);
        reached(FIRED);
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
struct woken_in_vain : suite<woken_in_vain, 3, 1 << FIRED, 2>, with_timers {
    woken_in_vain() : with_timers(1)
    {
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
struct no_alarm : suite<no_alarm, 2, 1 << FIRED>, with_timers {
    no_alarm() : with_timers(1)
    {
        k.alarms = false;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        sleep_until(2);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
    }
};
SCENARIO(no_alarm, "timers: one sleeps, no alarm can be set");

/* The queue goes: its timers fire early, and their owners arm them elsewhere. */
struct queue_goes : suite<queue_goes, 3, 1 << FIRED | 1 << EARLY>, with_timers {
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
struct queue_empties : suite<queue_empties, 3, 1 << FIRED | 1 << DISARMED>, with_timers {
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
            reached(timer_pending(&timer()) ? DISARMED : FIRED);
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

} // namespace
} // namespace model
