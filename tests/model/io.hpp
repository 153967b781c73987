/* For scenarios of ios: one that a reactor watches. */
#ifndef MODEL_IO_HPP
#define MODEL_IO_HPP

#include "reactor.hpp"

namespace model
{

/* Thread 0 is the reactor. */
struct with_io : until_over {
    open_io o;

    explicit with_io(int others) : until_over(others)
    {
        o.open(0);
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
