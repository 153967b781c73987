/* For scenarios of channels: what is done to one, its memory, and who sends and receives. */
#ifndef MODEL_WITH_CHANNEL_HPP
#define MODEL_WITH_CHANNEL_HPP

#include "channel.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/list.h"
#include "task/select.h"

namespace model
{

trale_channel *make_channel();

} // namespace model

#define BASE_MISUSE_H
#define misuse(function, sentence) abort()
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define waker_claim(waker, batch) STEP(waker_claim(waker, batch))
#define wake_batch_deliver(batch) STEP(wake_batch_deliver(batch))
#include "sync/channel_state.h"

namespace model
{

enum { TOOK, WITHDREW, WITHDREW_CALLED, TOO_LATE, CLOSED };

struct with_channel {
    trale_channel *ch = nullptr;
    sync_waker wakers[max_threads];
    trale_channel_send_future sends[max_threads];
    trale_channel_recv_future receives[max_threads];
    trale_select_future selects[max_threads];
    trale_future *arms[max_threads][2];
    long items[max_threads], received[max_threads][4] = {};
    int sent = 0, count = 0, sum = 0;

    explicit with_channel(size_t capacity)
    {
        lock_refuses = false;
        trale_channel_new(&ch, sizeof(long), capacity);
    }
    ~with_channel()
    {
        ch->~trale_channel();
    }
    trale_poll poll(trale_future *f)
    {
        trale_context cx = {&wakers[rl::thread_index()]};

        return trale_future_poll(f, &cx);
    }
    intptr_t finish(trale_future *f)
    {
        intptr_t output = f->output;

        trale_future_drop(f);
        return output;
    }
    intptr_t wait(trale_future *f)
    {
        while (poll(f) == TRALE_PENDING)
            wakers[rl::thread_index()].park();
        return finish(f);
    }
    /* Polls it so often, then withdraws. */
    intptr_t try_future(trale_future *f, int polls = 1)
    {
        for (; polls > 0; polls--)
            if (poll(f) == TRALE_READY) {
                reached(TOOK);
                return finish(f);
            }
        reached(wakers[rl::thread_index()].woken ? WITHDREW_CALLED : WITHDREW);
        f->output = -ECANCELED;
        trale_future_drop(f);
        if (f->output >= 0)
            reached(TOO_LATE);
        return f->output;
    }
    trale_future *sending(int item)
    {
        int me = (int)rl::thread_index();

        items[me] = item;
        trale_channel_send_init(&sends[me], ch, &items[me]);
        return &sends[me].future;
    }
    trale_future *receiving()
    {
        int me = (int)rl::thread_index();

        received[me][0] = 0;
        trale_channel_recv_init(&receives[me], ch, &received[me][0]);
        return &receives[me].future;
    }
    trale_future *select(trale_future *first, trale_future *second)
    {
        int me = (int)rl::thread_index();

        arms[me][0] = first;
        arms[me][1] = second;
        trale_select_init(&selects[me], arms[me], second ? 2 : 1);
        return &selects[me].future;
    }
    /* What took effect, summed up. */
    void note_sent(intptr_t output)
    {
        if (output == 0)
            count++, sent += items[rl::thread_index()];
    }
    void note_received(intptr_t output)
    {
        if (output == 0)
            count--, sum += received[rl::thread_index()][0];
    }
    void note_select(intptr_t output)
    {
        int me = (int)rl::thread_index();

        if (output < 0)
            return;
        RL_ASSERT(arms[me][output]->output == 0);
        RL_ASSERT(!arms[me][1] || arms[me][!output]->output == -ECANCELED);
        if (arms[me][output] == &sends[me].future)
            note_sent(0);
        else
            note_received(0);
    }
    /* All that was sent was received or is there; nobody stands in the books. */
    void is_settled()
    {
        for (long item; trale_channel_try_recv(ch, &item) == 0; count--)
            sum += item;
        RL_ASSERT(count == 0);
        RL_ASSERT(sum == sent);
        RL_ASSERT(ch->count == 0 && ch->waiting == 0 && ch->served == 0);
        RL_ASSERT(ch->senders_called == 0 && ch->receivers_called == 0);
        RL_ASSERT(list_empty(&ch->senders) && list_empty(&ch->receivers));
    }
};

} // namespace model

#endif
