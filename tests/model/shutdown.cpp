/*
 * Shutdown: tasks are let in, or not, while the runtime is freed; those that are in, of an earlier
 * round, are cancelled, and nothing else ends them; whoever waits for the last is woken once and may
 * free all.
 */
#include "shutdown.hpp"

namespace model
{

static void destroyed(trale_runtime *rt)
{
    of(rt)->destroy();
}

static bool process_is_exiting()
{
    return false;
}

static bool waits_in_vain()
{
    return false;
}

namespace
{

/* Let in before the gate closes, and cancelled, or not let in. */
struct spawn_and_free
    : suite<spawn_and_free, 3,
            1 << LET_IN | 1 << REFUSED | 1 << ARRIVED_LATE | 1 << CANCELLED | 1 << FREED, 3>,
      with_runtime {
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(free_it() == 0);
            freed_all();
        } else if (index == 1) {
            spawn();
        } else {
            current_executor[2] = &ex();
            while (!freed_flag) {
                turn();
                if (!freed_flag)
                    ex().janitor.park();
            }
        }
    }
    bool freed_flag = false;
    /* executor_stop */
    void freed_all()
    {
        freed_flag = true;
        ex().janitor.wake();
    }
    void after()
    {
        RL_ASSERT(freed && arrived == sent_over);
    }
};
SCENARIO(spawn_and_free, "shutdown: one spawns, one frees, the executor");

/* The same on the executor's own credit. */
struct own_spawn_and_free
    : suite<own_spawn_and_free, 2, 1 << LET_IN | 1 << REFUSED | 1 << CANCELLED | 1 << FREED>,
      with_runtime {
    bool over = false;

    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(free_it() == 0);
            over = true;
            return ex().janitor.wake();
        }
        current_executor[1] = &ex();
        spawn_here();
        runtime_tasks_ended(&ex(), 0, 0); /* it runs dry, and keeps no credit */
        while (!over) {
            turn();
            if (!over)
                ex().janitor.park();
        }
    }
    void after()
    {
        RL_ASSERT(freed && !own);
    }
};
SCENARIO(own_spawn_and_free, "shutdown: the executor spawns, one frees");

/* One waits for the last task, and comes to see what it did; another spawns meanwhile. */
struct waits_for_last : suite<waits_for_last, 3, 1 << LET_IN, 3>, with_runtime {
    void before()
    {
        let_one_in();
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            write(work, 1);
            return runtime_uncount(&rt, 1);
        }
        if (index == 1) {
            RL_ASSERT(wait_for_all() == 0);
            RL_ASSERT(read(work) == 1);
            return;
        }
        let_one_in();
        RL_ASSERT(runtime_count_tasks(&rt) >= 1);
        reached(LET_IN);
        runtime_uncount(&rt, 1);
    }
    void after()
    {
        RL_ASSERT(rt.tasks.cell.debug_value() == 0 && list_empty(&rt.waiters));
    }
};
SCENARIO(waits_for_last, "shutdown: one waits, the last ends, one spawns");

/* The same, but it gives up. */
struct wait_gives_up : suite<wait_gives_up, 2>, with_runtime {
    void before()
    {
        let_one_in();
    }
    void thread(unsigned index)
    {
        trale_runtime_wait_future &f = waits[0];

        if (index == 0)
            return runtime_uncount(&rt, 1);
        trale_runtime_wait_init(&f, &rt);
        poll(&f.future);
        end(&f.future);
        forget(f);
    }
    void after()
    {
        RL_ASSERT(rt.tasks.cell.debug_value() == 0 && list_empty(&rt.waiters));
    }
};
SCENARIO(wait_gives_up, "shutdown: one waits and gives up, the last ends");

/* Its deadline passes, and the gate opens again; or the task ends just then. */
struct free_gives_up
    : suite<free_gives_up, 3, 1 << LET_IN | 1 << REFUSED | 1 << TIMED_OUT | 1 << FREED, 3>,
      with_runtime {
    bool gave_up = false;

    void before()
    {
        let_one_in();
        the_time = 10;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return runtime_uncount(&rt, 1);
        if (index == 1) {
            int error = free_it(10);
            RL_ASSERT(error == 0 || error == -ETIMEDOUT);
            gave_up = error != 0;
            if (gave_up)
                reached(TIMED_OUT);
            return;
        }
        int error = runtime_count_in(&rt, &round);
        reached(error == 0 ? LET_IN : REFUSED);
        if (error == 0)
            runtime_uncount(&rt, 1);
    }
    void after()
    {
        RL_ASSERT(gave_up != freed && list_empty(&rt.waiters));
        RL_ASSERT(!gave_up || (runtime_count_in(&rt, &round) == 0 && round == 1));
    }
};
SCENARIO(free_gives_up, "shutdown: a freeing gives up, the last ends, one spawns");

/* It was let in, and given up by who spawned it: that thread may come by for the last time. */
struct spawn_given_up : suite<spawn_given_up, 2, 1 << FREED>, with_runtime {
    void before()
    {
        let_one_in();
        nobody_starts = true;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return runtime_uncount(&rt, 1);
        RL_ASSERT(free_it() == 0);
    }
    void after()
    {
        RL_ASSERT(freed);
    }
};
SCENARIO(spawn_given_up, "shutdown: a spawn is given up, one frees");

/* One of two frees it. */
struct two_free : suite<two_free, 2, 1 << FREED>, with_runtime {
    int busy = 0;

    void thread(unsigned)
    {
        int error = free_it();

        RL_ASSERT(error == 0 || error == -EBUSY);
        busy += error != 0;
    }
    void after()
    {
        RL_ASSERT(freed && busy == 1);
    }
};
SCENARIO(two_free, "shutdown: two free it");

} // namespace
} // namespace model
