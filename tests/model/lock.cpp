/* The lock of one word: src/base/lock.h as it is. */
#include "scenarios.hpp"

#include "base/lock.h"

namespace model
{
namespace
{

template <int thread_count, int times>
struct locking : suite<locking<thread_count, times>, thread_count> {
    lock l;
    shared_int guarded;

    void before()
    {
        atomic_init(&l.word, 0);
        write(guarded, 0);
    }
    void thread(unsigned)
    {
        for (int i = 0; i < times; i++) {
            lock_take(&l);
            write(guarded, read(guarded) + 1);
            lock_give(&l);
        }
    }
    void after()
    {
        RL_ASSERT(read(guarded) == thread_count * times);
    }
};

using two_lock_twice = locking<2, 2>;
SCENARIO(two_lock_twice, "lock: two take it twice");

using three_lock = locking<3, 1>;
SCENARIO(three_lock, "lock: three take it");

} // namespace
} // namespace model
