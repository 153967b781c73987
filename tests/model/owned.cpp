/*
 * The lock that has an owner: src/sync/owned_lock.h and .c as they are. An executor has it without a
 * read-modify-write, until somebody else comes.
 *
 * The barrier of the kernel is the least that it may be, as in freeze.cpp: from then on the owner
 * does not see an older value of owner, and what it has written to busy is there to be seen.
 */
#include "sync.hpp"

#include <cstdlib>

#include "base/list.h"

/* In place of what owned_lock.h and .c include. */
#define BASE_BARRIER_H
#define BASE_CLOCK_H
#define TASK_RUN_QUEUE_H
#define TASK_THREAD_H
#define BASE_SPIN_H

struct run_queue {
    struct {
        bool asymmetric;
    } freeze;
};

static bool futex_wait(uint32_t *, uint32_t, int64_t)
{
    abort();
}

static int64_t clock_now() /* only where the barrier is refused: not here */
{
    abort();
}

struct owned_thread {
    run_queue *queue;
};

namespace model
{

static owned_thread threads[max_threads];
static bool (*barrier)();

} // namespace model

#define this_thread model::threads[rl::thread_index()]
#define barrier_issue() (!STEP_TAKEN || model::barrier())
/* Who waits for the owner to be out of it sleeps here, until the scenario says that it is. */
#define spin_relax() futex_wait(&l->busy, 1, -1)
#define futex_wake_all(word) STEP(futex_wake_all(word))
#include "sync/owned_lock.h"
#define owned_leave(l, as_owner) ((owned_leave)(l, as_owner), (futex_wake)(&(l)->busy))
#include "sync/owned_lock.c"
#undef futex_wake_all
#undef spin_relax

namespace model
{
namespace
{

enum { AS_OWNER, AS_OTHER };

/* Threads below executors are executors, and may own it. */
template <typename S, int count, int executors, unsigned goals, unsigned preemptions>
struct with_owned : suite<S, count, goals, preemptions> {
    static inline with_owned *current;
    struct owned_lock lock;
    run_queue queues[count];
    shared_int data;

    with_owned()
    {
        current = this;
        model::barrier = issue;
        atomic_init(&lock.owner, (uintptr_t)0);
        atomic_init(&lock.busy, 0u);
        atomic_init(&lock.word, 0u);
        write(data, 0);
        for (int i = 0; i < count; i++) {
            queues[i].freeze.asymmetric = true;
            threads[i].queue = i < executors ? &queues[i] : nullptr;
        }
    }
    /* On the processors of all others. */
    static bool issue()
    {
        rl::context &c = rl::ctx();
        auto *self = static_cast<rl::aligned<rl::thread_info<count>> *>(c.threadx_);

        for (int i = 0; i < count; i++) {
            announce(&current->lock.owner, true);
            c.sched();
            c.threadx_ = self - self->index_ + i;
            latest(current->lock.owner, RL_INFO);
            c.threadx_ = self;
        }
        return true;
    }
    void add()
    {
        bool owner = owned_enter(&lock);

        reached(owner ? AS_OWNER : AS_OTHER);
        write(data, read(data) + 1);
        owned_leave(&lock, owner);
    }
    void check(int times)
    {
        RL_ASSERT(read(data) == times);
    }
};

constexpr unsigned both = 1 << AS_OWNER | 1 << AS_OTHER;

template <typename S, int executors>
struct twice_and_once : with_owned<S, 2, executors, both, 3> {
    void thread(unsigned index)
    {
        this->add();
        if (index == 0)
            this->add();
    }
    void after()
    {
        this->check(3);
    }
};

struct owner_and_thread : twice_and_once<owner_and_thread, 1> {
};
SCENARIO(owner_and_thread, "owned lock: an executor twice, a thread");

/* Two come at the same time, and one of them asks. */
struct owner_and_two : with_owned<owner_and_two, 3, 1, both, 2> {
    void thread(unsigned)
    {
        add();
    }
    void after()
    {
        check(3);
    }
};
SCENARIO(owner_and_two, "owned lock: an executor, two threads");

struct two_executors : twice_and_once<two_executors, 2> {
};
SCENARIO(two_executors, "owned lock: two executors");

/* The barrier is not to be had, so nobody owns it. */
struct without_barrier : with_owned<without_barrier, 2, 2, 1 << AS_OTHER, 0> {
    void before()
    {
        for (run_queue &q : queues)
            q.freeze.asymmetric = false;
    }
    void thread(unsigned)
    {
        add();
    }
    void after()
    {
        check(2);
        RL_ASSERT(lock.owner.cell.debug_value() == OWNER_NONE);
    }
};
SCENARIO(without_barrier, "owned lock: two executors, no barrier");

} // namespace
} // namespace model
