/* The waker of a plain thread, and the parker it ends in. */
#include "scenarios.hpp"

namespace model
{
namespace
{

struct with_thread {
    block<thread_waker> own;
    flag happened[2];

    void cause(int event)
    {
        happened[event].set();
        waker_wake(own.get());
        waker_drop(own.get());
    }
};

/* await_blocking: polls, parks, polls. The thread forgets its waker at the end. */
struct two_wakers_and_thread : suite<two_wakers_and_thread, 3, 0, 3>, with_thread {
    void before()
    {
        own.make(&own, 3);
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return cause(index - 1);
        while (!happened[0].is_set() || !happened[1].is_set())
            thread_park(own.get());
        thread_waker_release(own.get());
    }
    void after()
    {
        RL_ASSERT(own.is_freed());
    }
};
SCENARIO(two_wakers_and_thread, "two wakers, a thread that parks and ends");

/* The park, and only the park, says that the data is there; also the second time. */
struct thread_parks_twice : suite<thread_parks_twice, 2>, with_thread {
    shared_int data[2];

    void before()
    {
        own.make(&own, 2);
        write(data[0], 0);
        write(data[1], 0);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            thread_park(own.get());
            RL_ASSERT(read(data[0]) == 1);
            while (!happened[0].is_set())
                thread_park(own.get());
            thread_waker_release(own.get());
            return;
        }
        write(data[0], 1);
        waker_wake(own.get());
        cause(0);
    }
    void after()
    {
        RL_ASSERT(own.is_freed());
    }
};
SCENARIO(thread_parks_twice, "a waker twice, a thread that parks twice");

/* Naps end by themselves a few times, then only by a wake; what was woken for is seen after it. */
struct thread_naps : suite<thread_naps, 3, 3, 3>, with_thread {
    int naps = 0;

    void before()
    {
        own.make(&own, 3);
        timeouts_left[0] = 2;
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return cause(index - 1);
        while (!happened[0].is_set() || !happened[1].is_set()) {
            thread_nap(own.get());
            naps++;
        }
        thread_waker_release(own.get());
    }
    void after()
    {
        reached(timeouts_left[0] == 0);
        /* Two ended by themselves, two by a notification, and a late wake may find the next one. */
        RL_ASSERT(naps <= 6);
        RL_ASSERT(own.is_freed());
    }
};
SCENARIO(thread_naps, "two wakers, a thread that naps");

} // namespace
} // namespace model
