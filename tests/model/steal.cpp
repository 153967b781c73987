/* Several executors: steal_queue.h by itself, and what share.c does with it. */
#include "executors.hpp"

namespace model
{
namespace
{

/* Thread 0 adds more than there is room for, and takes; the others take. */
template <typename S, int threads, unsigned goals, unsigned preemptions>
struct with_queue : suite<S, threads, goals, preemptions> {
    static constexpr int count = STEAL_ROOM + 2;
    struct steal_queue q;
    block<task> b[count];
    int taken[count] = {};

    void before()
    {
        clear(q);
        for (auto &one : b)
            one.make(&one, nullptr, nullptr, nullptr, 0);
    }
    bool take(unsigned most)
    {
        task *tasks[2];
        unsigned n = steal_take(&q, tasks, most);

        for (unsigned i = 0; i < n; i++) {
            RL_ASSERT(read(tasks[i]->memory) == 1);
            taken[tasks[i]->home_block - b]++;
        }
        if (n > 1)
            reached(0);
        return n > 0;
    }
    void thread(unsigned index)
    {
        if (index > 0) {
            take(2);
            if (threads == 2)
                take(1);
            return;
        }
        for (auto &one : b) {
            write(one->memory, 1);
            while (!steal_push(&q, one.get())) {
                reached(1);
                take(1);
            }
        }
        while (take(1))
            ;
    }
    void after()
    {
        for (int times : taken)
            RL_ASSERT(times == 1);
        for (auto &one : b)
            one.free();
    }
};

struct one_thief : with_queue<one_thief, 2, 3, 2> {
};
SCENARIO(one_thief, "steal queue: its owner, one that takes");
struct two_thieves : with_queue<two_thieves, 3, 3, 1> {
};
SCENARIO(two_thieves, "steal queue: its owner, two that take");

/* More than there is room for, by a task of the first. */
struct spawns_many : suite<spawns_many, 2, 3, 1>, with_executors {
    static constexpr int count = STEAL_ROOM + 1;
    block<task> many[count];

    static verdict spawns(task &t)
    {
        auto &s = static_cast<spawns_many &>(of(t));

        for (auto &one : s.many)
            share_send(&s.rt, prepare(one, s.rt, is_ready, t.scenario, 1));
        return READY;
    }
    void before()
    {
        spawn(parent, ex[0], spawns, static_cast<with_executors *>(this), 1);
        rt.tasks += count;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        RL_ASSERT(polls == count && parent.is_freed());
        for (auto &one : many)
            RL_ASSERT(one.is_freed());
    }
};
SCENARIO(spawns_many, "steal queue: a task spawns more than there is room for");

/* Whoever takes both and keeps one must wake the other: each wants an executor. */
struct taken_and_kept : two_newcomers<taken_and_kept, 2, 3, 2> {
    void before()
    {
        trale_link *list = &rt.newcomers.tasks;

        for (auto &one : b)
            list_push_back(
                list, &prepare(one, rt, meets, static_cast<with_executors *>(this), 1)->link);
        atomic_init(&rt.newcomers.count, (size_t)2);
        rt.tasks = 2;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
};
SCENARIO(taken_and_kept, "steal queue: two newcomers taken at once, one kept");

/* The same of two that the third executor, which is busy for good, has spawned with another. */
struct stolen_and_kept : two_newcomers<stolen_and_kept, 2, 3, 2> {
    executor busy;
    block<task> third;
    runtime all{&ex[0], &ex[1], &busy};

    void put(block<task> &one, poll_function *poll, unsigned place)
    {
        task *t = prepare(one, all, poll, static_cast<with_executors *>(this), 1);

        atomic_init(&busy.spawned.slots[place], t);
        atomic_init(&busy.spawned.tail, (uint64_t)place + 1);
        all.tasks++;
    }
    void before()
    {
        put(b[0], meets, 0);
        put(b[1], meets, 1);
        put(
            third, [](task &) { return READY; }, 2);
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        two_newcomers::after();
        RL_ASSERT(third.is_freed());
    }
};
SCENARIO(stolen_and_kept, "steal queue: two stolen at once, one kept");

/* It leaves the others in peace, and for ever: what comes from outside kicks it. */
struct quiet_outside : suite<quiet_outside, 2, 0, 4>, with_executors {
    void before()
    {
        naps_end(0);
        ex[0].share.vain = true;
        rt.tasks = 1;
    }
    void thread(unsigned index)
    {
        index == 0 ? ex[0].run() : send(0, is_ready, 1);
    }
    void after()
    {
        RL_ASSERT(polls == 1 && b[0].is_freed());
    }
};
SCENARIO(quiet_outside, "steal queue: one sent, the executor naps");

/* The same of what its own tasks spawn: it is not to be left in peace by itself. */
struct quiet_by_itself : suite<quiet_by_itself, 2, 0, 4>, with_executors {
    static verdict spawns(task &t)
    {
        of(t).send(0, is_ready, 1);
        return READY;
    }
    void before()
    {
        naps_end(0);
        ex[0].share.vain = true;
        spawn_waiting(parent, ex[0], spawns, static_cast<with_executors *>(this), 2);
        rt.tasks++;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return ex[0].run();
        waker_wake(parent.get());
        waker_drop(parent.get());
    }
    void after()
    {
        RL_ASSERT(polls == 1 && b[0].is_freed() && parent.is_freed());
    }
};
SCENARIO(quiet_by_itself, "steal queue: one spawned, its executor had looked in vain");

/* The first spawns one and polls on until it is taken. */
template <typename S, unsigned goals, unsigned preemptions>
struct polls_on : suite<S, 2, goals, preemptions>, with_executors {
    happening taken;

    static verdict takes(task &t)
    {
        static_cast<polls_on &>(of(t)).taken.set();
        return is_ready(t);
    }
    static verdict spawns(task &t)
    {
        of(t).send(0, takes, 1);
        static_cast<polls_on &>(of(t)).taken.wait();
        return READY;
    }
    void before()
    {
        spawn(parent, ex[0], spawns, static_cast<with_executors *>(this), 1);
        rt.tasks++;
    }
    void thread(unsigned index)
    {
        ex[index].run();
    }
    void after()
    {
        RL_ASSERT(polls == 1 && b[0].is_freed() && parent.is_freed());
    }
};

/* The other must take it. */
struct spawner_polls_on : polls_on<spawner_polls_on, 1 << TAKEN_BY_SECOND, 0> {
    void before()
    {
        polls_on::before();
        naps_end(0);
    }
};
SCENARIO(spawner_polls_on, "steal queue: one spawned by an executor that polls on");

/* The other is kicked, and finds a task of its own before it has looked: that was not in vain. */
struct kicked_and_woken : polls_on<kicked_and_woken, 1 << TAKEN_BY_SECOND, 2> {
    static verdict spawns_and_wakes(task &t)
    {
        of(t).send(0, takes, 1);
        waker_wake(of(t).b[1].get());
        waker_drop(of(t).b[1].get());
        static_cast<polls_on &>(of(t)).taken.wait();
        return READY;
    }
    void before()
    {
        polls_on::before();
        parent->poll = spawns_and_wakes;
        naps_end(0);
        spawn_waiting(
            b[1], ex[1], [](task &) { return READY; }, static_cast<with_executors *>(this), 2);
    }
};
SCENARIO(kicked_and_woken, "steal queue: one spawned, the other executor kicked and woken");

/* The same where that task polls on too: a third executor sleeps, and will not be kicked again. */
struct kicked_and_busy : suite<kicked_and_busy, 3, 0, 1>, with_executors {
    executor third;
    runtime all{&ex[0], &ex[1], &third};
    happening taken[2];

    static kicked_and_busy &of(task &t)
    {
        return static_cast<kicked_and_busy &>(with_executors::of(t));
    }
    static verdict takes(task &t)
    {
        of(t).taken[0].set();
        of(t).taken[1].set();
        return READY;
    }
    static verdict polls_on(task &t)
    {
        of(t).taken[1].wait();
        return READY;
    }
    static verdict spawns_and_wakes(task &t)
    {
        share_send(&of(t).all, prepare(of(t).b[0], of(t).all, takes, t.scenario, 1));
        waker_wake(of(t).b[1].get());
        waker_drop(of(t).b[1].get());
        of(t).taken[0].wait();
        return READY;
    }
    void before()
    {
        naps_end(0);
        spawn(parent, ex[0], spawns_and_wakes, static_cast<with_executors *>(this), 1);
        spawn_waiting(b[1], ex[1], polls_on, static_cast<with_executors *>(this), 2);
        all.tasks++;
    }
    void thread(unsigned index)
    {
        all.executors[index].run();
    }
    void after()
    {
        RL_ASSERT(b[0].is_freed() && b[1].is_freed() && parent.is_freed());
    }
};
SCENARIO(kicked_and_busy, "steal queue: one spawned, an executor kicked and woken, a third");

/* The other leaves it in peace, but not for ever. */
struct quiet_inside : polls_on<quiet_inside, 1 << TAKEN_BY_SECOND, 3> {
    void before()
    {
        polls_on::before();
        ex[1].share.vain = true;
    }
};
SCENARIO(quiet_inside, "steal queue: one spawned, the other executor naps");

} // namespace
} // namespace model
