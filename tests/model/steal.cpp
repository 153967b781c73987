/* The queue that an executor adds to, and every executor takes from: src/core/steal_queue.h. */
#include "scenarios.hpp"

namespace model
{
namespace
{

/* The queue by itself, about to wrap: thread 0 owns it. Each is taken once, and seen whole. */
template <typename S, int threads, unsigned goals, unsigned preemptions>
struct with_queue : suite<S, threads, goals, preemptions> {
    enum { TASKS = 3 };
    struct steal_queue q;
    block<task> b[TASKS];
    shared_int seen[TASKS];
    int taken = 0;

    with_queue()
    {
        clear(q);
    }
    void before()
    {
        for (int i = 0; i < TASKS; i++)
            write(seen[i], 0);
    }
    void push(int i)
    {
        task *t = b[i].make(&b[i], nullptr, nullptr, this, STATE_REFERENCE);

        write(seen[i], 1);
        RL_ASSERT(steal_push(&q, t));
    }
    bool take(unsigned most)
    {
        task *tasks[2];
        unsigned count = steal_take(&q, tasks, most);

        for (unsigned k = 0; k < count; k++)
            for (int i = 0; i < TASKS; i++)
                if (tasks[k] == b[i].get()) {
                    RL_ASSERT(read(seen[i]) == 1);
                    write(seen[i], 2);
                    taken++;
                }
        if (count > 0)
            reached(rl::thread_index());
        return count > 0;
    }
    void after()
    {
        while (take(1))
            ;
        RL_ASSERT(taken == TASKS);
        for (block<task> &t : b)
            t.free();
    }
};

struct one_thief : with_queue<one_thief, 2, 3, 0> {
    void thread(unsigned index)
    {
        if (index > 0) {
            this->take(2);
            this->take(2);
            return;
        }
        for (int i = 0; i < TASKS; i++)
            this->push(i);
        this->take(1);
    }
};
SCENARIO(one_thief, "steal queue: one pushes and takes, one steals");

struct two_thieves : with_queue<two_thieves, 3, 7, 3> {
    void thread(unsigned index)
    {
        if (index > 0) {
            this->take(2);
            return;
        }
        this->push(0);
        this->push(1);
        this->take(1);
        this->push(2);
    }
};
SCENARIO(two_thieves, "steal queue: one pushes and takes, two steal");

/* It is full, and a thief takes: the slot is used again only when that has read it. */
struct wraps : suite<wraps, 2, 3, 0> {
    struct steal_queue q;
    block<task> more[STEAL_ROOM + 1];
    int pushed = 0, got = 0;

    wraps()
    {
        clear(q);
        for (block<task> &m : more)
            m.make(&m, nullptr, nullptr, this, STATE_REFERENCE);
        for (; pushed < STEAL_ROOM; pushed++)
            atomic_init(&q.slots[pushed], more[pushed].get());
        atomic_init(&q.tail, (uint64_t)STEAL_ROOM);
    }
    void thread(unsigned index)
    {
        task *tasks[2];

        if (index == 0) {
            pushed += steal_push(&q, more[STEAL_ROOM].get());
            reached(pushed > STEAL_ROOM);
            return;
        }
        got = (int)steal_take(&q, tasks, 2);
        RL_ASSERT(got == 2 && tasks[0] == more[0].get() && tasks[1] == more[1].get());
    }
    void after()
    {
        task *t;

        for (int i = got; i < pushed; i++)
            RL_ASSERT(steal_take(&q, &t, 1) == 1 && t == more[i].get());
        RL_ASSERT(steal_take(&q, &t, 1) == 0);
        for (block<task> &m : more)
            m.free();
    }
};
SCENARIO(wraps, "steal queue: full, one pushes, one steals");

} // namespace
} // namespace model
