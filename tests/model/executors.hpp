/* What scenarios of several executors have in common. */
#ifndef MODEL_EXECUTORS_HPP
#define MODEL_EXECUTORS_HPP

#include "scenarios.hpp"

namespace model
{

/* Thread 0 is one executor, thread 1 the other where there are two that run; else the other is busy
 * for good. */
struct with_executors {
    executor ex[2];
    runtime rt{&ex[0], &ex[1]};
    block<task> parent, b[2];
    int polls = 0, drops = 0;

    static with_executors &of(task &t)
    {
        return *static_cast<with_executors *>(t.scenario);
    }
    static int here(task &t)
    {
        return t.home == &of(t).ex[1];
    }
    static verdict is_ready(task &t)
    {
        of(t).polls++;
        reached(here(t));
        return READY;
    }
    with_executors()
    {
        naps_end(at_last);
    }
    /* Of both. */
    static void naps_end(unsigned how_often)
    {
        timeouts_left[0] = timeouts_left[1] = how_often;
    }
    void send(int i, poll_function *poll, int references)
    {
        share_send(&rt, prepare(b[i], rt, poll, this, references));
    }
};

enum { TAKEN_BY_FIRST, TAKEN_BY_SECOND };

/* Two that wait for each other as they are polled: each executor must take one. */
template <typename S, int threads, unsigned goals, unsigned preemptions>
struct two_newcomers : suite<S, threads, goals, preemptions>, with_executors {
    happening begun[2];

    static verdict meets(task &t)
    {
        auto &s = static_cast<two_newcomers &>(of(t));
        int own = &t == s.b[1].get();

        s.begun[own].set();
        s.begun[!own].wait();
        return is_ready(t);
    }
    void send_both()
    {
        send(0, meets, 1);
        send(1, meets, 1);
    }
    void after()
    {
        RL_ASSERT(polls == 2 && b[0].is_freed() && b[1].is_freed());
    }
};

} // namespace model

#endif
