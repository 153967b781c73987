/* The calls of channels: src/sync/channel_calls.c as it is, on what channel.cpp is about. */
#include "with_channel.hpp"

static intptr_t wait_as_fiber(trale_future *future)
{
    trale_context cx = {&this_thread.task->waker};

    while (trale_future_poll(future, &cx) == TRALE_PENDING)
        this_thread.task->waker.park();
    return future->output;
}

#define await_call(function, future) wait_as_fiber(future)
#include "sync/channel_calls.c"

namespace model
{
namespace
{

/* The calls of fibers, which begin with a future that waits already. */
struct with_calls : with_channel {
    trale_task tasks[max_threads];

    explicit with_calls(size_t capacity) : with_channel(capacity)
    {
        for (int i = 0; i < max_threads; i++)
            channel_threads[i].task = &tasks[i];
        lock_refuses = true;
    }
    void send(int item)
    {
        items[rl::thread_index()] = item;
        note_sent(trale_channel_send(ch, &items[rl::thread_index()]));
    }
    intptr_t recv()
    {
        intptr_t error = trale_channel_recv(ch, &received[rl::thread_index()][0]);

        note_received(error);
        return error;
    }
};

struct calls_meet : suite<calls_meet, 2, 0, 2>, with_calls {
    calls_meet() : with_calls(0)
    {
    }
    void thread(unsigned index)
    {
        for (int i = 1; i <= 2; i++)
            index == 0 ? send(i) : (void)recv();
    }
    void after()
    {
        is_settled();
        RL_ASSERT(sent == 3);
    }
};
SCENARIO(calls_meet, "channel: one call after the other sends two, and receives two");

struct calls_and_room : suite<calls_and_room, 2, 0, 1>, with_calls {
    calls_and_room() : with_calls(1)
    {
    }
    void thread(unsigned index)
    {
        for (int i = 1; i <= 2; i++)
            index == 0 ? send(i) : (void)recv();
    }
    void after()
    {
        is_settled();
        RL_ASSERT(sent == 3);
    }
};
SCENARIO(calls_and_room, "channel: room for one, calls send two, and receive two");

struct call_and_select : suite<call_and_select, 2, 0, 3>, with_calls {
    call_and_select() : with_calls(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            note_select(wait(select(sending(5), receiving())));
        else
            send(7);
    }
    void after()
    {
        is_settled();
        RL_ASSERT(sent == 7);
    }
};
SCENARIO(call_and_select, "channel: a call sends to a select that would send as well");

struct select_and_call : suite<select_and_call, 2, 0, 3>, with_calls {
    select_and_call() : with_calls(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            note_select(wait(select(sending(5), receiving())));
        else
            RL_ASSERT(recv() == 0);
    }
    void after()
    {
        is_settled();
        RL_ASSERT(sent == 5);
    }
};
SCENARIO(select_and_call, "channel: a call receives from a select that would receive as well");

struct calls_and_close : suite<calls_and_close, 3, 1 << CLOSED | 1 << TOOK, 2>, with_calls {
    calls_and_close() : with_calls(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            send(5);
        else if (index == 1)
            reached(recv() == 0 ? TOOK : CLOSED);
        else
            trale_channel_close(ch);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(calls_and_close, "channel: calls send and receive, one closes");

} // namespace
} // namespace model
