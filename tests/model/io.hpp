/* For scenarios of ios: one that a reactor watches. */
#ifndef MODEL_IO_HPP
#define MODEL_IO_HPP

#include "reactor.hpp"

namespace model
{

/* Thread 0 is the reactor, until all that is to happen has. */
struct with_io : with_reactors {
    open_io o;
    int left; /* threads that have something to do */
    bool over = false;

    explicit with_io(int others) : left(others)
    {
        o.open(0);
    }
    void turn_until_over(reactor &r)
    {
        while (!over)
            reactor_turn(&r, true);
    }
    /* The last one stops the reactor. */
    void done(reactor &r)
    {
        if (--left > 0)
            return;
        over = true;
        poller_interrupt(&r.poller);
    }
    void destroy()
    {
        for (reactor &r : reactors)
            reactor_destroy(&r);
    }
    void is_settled()
    {
        RL_ASSERT(o.freed);
        for (reactor &r : reactors)
            RL_ASSERT(list_empty(&r.sources) && list_empty(&r.retired));
    }
    void read(int count)
    {
        for (; count > 0; count--)
            RL_ASSERT(wait_for(o.io, TRALE_READABLE) == 1);
    }
};

} // namespace model

#endif
