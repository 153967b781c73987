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

} // namespace
} // namespace model
