/* Barrier and wait group: src/sync/barrier.c and wait_group.c as they are. */
#include "future.hpp"
#include "wait_list.hpp"

#define SYNC_OPS_H

struct trale_barrier {
    unsigned parties;
    trale_wait_list list;
};

struct trale_barrier_wait_future {
    trale_future future;
    trale_barrier *barrier;
    trale_waiter waiter;
};

struct trale_wait_group {
    trale_wait_list list;
};

struct trale_wait_group_wait_future {
    trale_future future;
    trale_wait_group *group;
    trale_waiter waiter;
};

#define wait_list_grant_all(l, batch) STEP(wait_list_grant_all(l, batch))
#include "wait_steps.hpp"
#include "sync/barrier.c"
#define wait_poll wait_group_poll
#define wait_drop wait_group_drop
#include "sync/wait_group.c"

namespace model
{
namespace
{

enum { CAME, LAST, WITHDREW, TOO_LATE, FOUND_DONE };

/* Who waits has no part in the value of the barrier once it is let through. */
struct with_barrier : with_wakers {
    trale_barrier barrier;
    trale_barrier_wait_future futures[2];
    shared_int data[2];
    int last = 0;

    with_barrier()
    {
        barrier.parties = 2;
        atomic_init(&barrier.list.word, 0u);
        for (auto &d : data)
            write(d, 0);
    }
    trale_barrier_wait_future &waiting()
    {
        trale_barrier_wait_future &f = futures[rl::thread_index()];

        trale_barrier_wait_init(&f, &barrier);
        return f;
    }
    void note(intptr_t output)
    {
        RL_ASSERT(output == 0 || output == 1);
        reached(output == 1 ? LAST : CAME);
        last += (int)output;
    }
    void is_settled(int rounds)
    {
        RL_ASSERT(last == rounds);
        RL_ASSERT(barrier.list.word.cell.debug_value() == 0);
        RL_ASSERT(!wait_list_first(&barrier.list) && barrier.list.granted == 0);
    }
};

/* Each sees what the other did before. */
struct two_rounds : suite<two_rounds, 2, 1 << CAME | 1 << LAST, 2>, with_barrier {
    void thread(unsigned index)
    {
        for (int round = 1; round <= 2; round++) {
            write(data[index], round);
            note(wait(waiting()));
            RL_ASSERT(read(data[!index]) == round);
            note(wait(waiting()));
        }
    }
    void after()
    {
        is_settled(4);
    }
};
SCENARIO(two_rounds, "barrier: two come, again and again");

/* Who withdraws has not come, unless it was let through. */
struct barrier_withdrawal
    : suite<barrier_withdrawal, 2, 1 << WITHDREW | 1 << TOO_LATE | 1 << CAME, 3>,
      with_barrier {
    void thread(unsigned index)
    {
        if (index == 0)
            return note(wait(waiting()));
        trale_barrier_wait_future &f = waiting();
        if (poll(&f.future) == TRALE_READY)
            return note(f.future.output);
        if (withdraw(f) == 0)
            return reached(TOO_LATE);
        reached(WITHDREW);
        note(wait(waiting()));
    }
    void after()
    {
        is_settled(1);
    }
};
SCENARIO(barrier_withdrawal, "barrier: one comes, one withdraws and comes again");

struct with_wait_group : with_wakers {
    trale_wait_group group;
    trale_wait_group_wait_future futures[max_threads];
    shared_int data[2];

    with_wait_group()
    {
        atomic_init(&group.list.word, 0u);
        for (auto &d : data)
            write(d, 0);
    }
    trale_wait_group_wait_future &waiting()
    {
        trale_wait_group_wait_future &f = futures[rl::thread_index()];

        trale_wait_group_wait_init(&f, &group);
        return f;
    }
    void finish(int index)
    {
        write(data[index], 1);
        RL_ASSERT(trale_wait_group_done(&group) == 0);
    }
    void is_settled()
    {
        RL_ASSERT(group.list.word.cell.debug_value() == 0);
        RL_ASSERT(!wait_list_first(&group.list) && group.list.granted == 0);
    }
};

/* The wait sees what both have done, and then it is gone. */
struct done_and_free : suite<done_and_free, 3, 0, 3>, with_wait_group {
    void before()
    {
        RL_ASSERT(trale_wait_group_add(&group, 2) == 0);
    }
    void thread(unsigned index)
    {
        if (index < 2)
            return finish(index);
        RL_ASSERT(wait(waiting()) == 0);
        RL_ASSERT(read(data[0]) == 1 && read(data[1]) == 1);
        is_settled();
        group.list.word.freed = true;
    }
};
SCENARIO(done_and_free, "wait group: two are done, one waits and frees it");

/* One more is added while there is one; two wait, and one of them withdraws. */
struct add_and_withdrawal
    : suite<add_and_withdrawal, 3, 1 << WITHDREW | 1 << TOO_LATE | 1 << FOUND_DONE, 2>,
      with_wait_group {
    void before()
    {
        RL_ASSERT(trale_wait_group_add(&group, 1) == 0);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(trale_wait_group_add(&group, 1) == 0);
            RL_ASSERT(trale_wait_group_done(&group) == 0);
            finish(0);
        } else if (index == 1) {
            RL_ASSERT(wait(waiting()) == 0);
            RL_ASSERT(read(data[0]) == 1);
        } else if (poll(&waiting().future) == TRALE_READY) {
            reached(FOUND_DONE);
            RL_ASSERT(read(data[0]) == 1);
        } else {
            reached(is_woken() ? TOO_LATE : WITHDREW);
            withdraw(futures[2]);
        }
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(add_and_withdrawal, "wait group: one adds and is done, two wait, one withdraws");

} // namespace
} // namespace model
