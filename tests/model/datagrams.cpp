/* An io of datagrams: whoever finds two in a row has it detached, until somebody waits. */
#include "io.hpp"

namespace model
{
namespace
{

struct found_many : suite<found_many, 3, 1, 2>, with_io {
    found_many() : with_io(1)
    {
        datagrams = true;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            for (int i = 0; i < 4; i++)
                k.give(0, 1);
            return;
        }
        for (int i = 0; i < 4; i++) {
            read(1);
            if (o.io.detached)
                reached(0);
        }
        trale_close(&o.io);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(found_many, "io: datagrams come, one receives, the reactor");

struct found_by_two : suite<found_by_two, 3, 1, 2>, with_io {
    found_by_two() : with_io(2)
    {
        datagrams = true;
    }
    void before()
    {
        begin_wait(o.io, TRALE_READABLE, 1);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            for (int i = 0; i < 4; i++)
                k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        for (int i = 0; i < 2; i++) {
            read(1);
            if (o.io.detached)
                reached(0);
        }
        done(reactors[0]);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};
SCENARIO(found_by_two, "io: datagrams come, two receive, the reactor");

} // namespace
} // namespace model
