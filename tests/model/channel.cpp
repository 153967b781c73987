/*
 * Channels: src/sync/channel.c and src/task/select.c as they are, on what channel.hpp has in place
 * of what they include. Who sends, receives, selects, withdraws and closes; no item is lost or
 * received twice, and nobody sleeps who could go on.
 *
 * Beside the atomic operations, what channel.c does to lists and wakers is mutated: left out.
 */
#include "with_channel.hpp"

#define calloc(count, size) model::make_channel()
#define free(memory) (void)(memory)
#include "sync/channel.c"
#undef calloc
#undef free

namespace model
{

/* The one channel of a scenario; the ring is behind it. */
static struct {
    alignas(trale_channel) char channel[sizeof(trale_channel)];
    long items[4];
} memory;

trale_channel *make_channel()
{
    trale_channel *ch = ::new (memory.channel) trale_channel();

    atomic_init(&ch->lock.word, 0u);
    return ch;
}

namespace
{

/* A send in a select, which is cancelled, and two who receive; one of them only tries. */
struct select_and_cancel
    : suite<select_and_cancel, 3, 1 << TOOK | 1 << WITHDREW | 1 << TOO_LATE, 2>,
      with_channel {
    select_and_cancel() : with_channel(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            note_select(try_future(select(sending(5), nullptr), 2));
        else if (index == 1)
            note_received(try_future(receiving()));
        else
            note_received(trale_channel_try_recv(ch, &received[2][0]));
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(select_and_cancel, "channel: a select sends and is cancelled, two receive");

/* Both offer both: what one sends the other receives. */
struct face_to_face : suite<face_to_face, 2, 0, 3>, with_channel {
    face_to_face() : with_channel(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            note_select(wait(select(sending(1), receiving())));
        else
            note_select(wait(select(receiving(), sending(2))));
    }
    void after()
    {
        RL_ASSERT(sent == 1 || sent == 2);
        is_settled();
    }
};
SCENARIO(face_to_face, "channel: two selects face each other");

/* What needs nobody who waits is done at once, and only that: here somebody may wait. */
struct receive_and_try_buffered : suite<receive_and_try_buffered, 2>, with_channel {
    receive_and_try_buffered() : with_channel(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return note_received(wait(receiving()));
        items[1] = 5;
        note_sent(trale_channel_try_send(ch, &items[1]));
    }
    void after()
    {
        RL_ASSERT(sent == 5 && sum == 5);
        is_settled();
    }
};
SCENARIO(receive_and_try_buffered, "channel: room for one, one receives, one tries to send");

struct send_and_try_buffered : suite<send_and_try_buffered, 2>, with_channel {
    send_and_try_buffered() : with_channel(1)
    {
    }
    void before()
    {
        long item = 10;

        trale_channel_try_send(ch, &item);
        sent = item, count = 1;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            note_sent(wait(sending(1)));
        else
            note_received(trale_channel_try_recv(ch, &received[1][0]));
    }
    void after()
    {
        RL_ASSERT(sent == 11 && sum == 10);
        is_settled();
    }
};
SCENARIO(send_and_try_buffered, "channel: full, one sends, one tries to receive");

/* An item that somebody was called for is his. */
struct called_and_try : suite<called_and_try, 3, 1 << TOOK, 2>, with_channel {
    called_and_try() : with_channel(2)
    {
    }
    void thread(unsigned index)
    {
        intptr_t error;

        if (index == 0)
            return note_received(wait(receiving()));
        if (index == 1)
            return note_sent(wait(sending(1))), note_sent(wait(sending(2)));
        error = trale_channel_try_recv(ch, &received[2][0]);
        if (error == 0)
            reached(TOOK);
        note_received(error);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(called_and_try, "channel: one receives, one sends two, one tries to receive");

/* Room that somebody was called for, likewise. */
struct room_and_try : suite<room_and_try, 3, 1 << TOOK, 2>, with_channel {
    room_and_try() : with_channel(1)
    {
    }
    void before()
    {
        long item = 10;

        trale_channel_try_send(ch, &item);
        sent = item, count = 1;
    }
    void thread(unsigned index)
    {
        intptr_t error;

        if (index == 0)
            return note_sent(wait(sending(1)));
        if (index == 1)
            return note_received(wait(receiving())), note_received(wait(receiving()));
        items[2] = 5;
        error = trale_channel_try_send(ch, &items[2]);
        if (error == 0)
            reached(TOOK);
        note_sent(error);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(room_and_try, "channel: full, one sends, one receives two, one tries to send");

struct closed_and_try : suite<closed_and_try, 2, 1 << TOOK | 1 << CLOSED, 2>, with_channel {
    closed_and_try() : with_channel(1)
    {
    }
    void thread(unsigned index)
    {
        intptr_t error;

        if (index == 0) {
            trale_channel_close(ch);
            RL_ASSERT(trale_channel_try_send(ch, &items[0]) == -EPIPE);
            return;
        }
        items[1] = 5;
        error = trale_channel_try_send(ch, &items[1]);
        reached(error == 0 ? TOOK : CLOSED);
        note_sent(error);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(closed_and_try, "channel: one closes, one tries to send");

/* A receiver who may withdraw when he is called, one who waits, and two items. */
struct buffered_and_withdrawal
    : suite<buffered_and_withdrawal, 3, 1 << TOOK | 1 << WITHDREW | 1 << WITHDREW_CALLED, 2>,
      with_channel {
    buffered_and_withdrawal() : with_channel(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            note_sent(wait(sending(1)));
            note_sent(wait(sending(2)));
        } else if (index == 1) {
            note_received(try_future(receiving()));
        } else {
            note_received(wait(receiving()));
        }
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(buffered_and_withdrawal, "channel: one sends two, one withdraws, one receives");

/* Room for one more: who is called for it and withdraws leaves it to the other. */
struct room_and_withdrawal
    : suite<room_and_withdrawal, 3, 1 << TOOK | 1 << WITHDREW | 1 << WITHDREW_CALLED, 2>,
      with_channel {
    room_and_withdrawal() : with_channel(1)
    {
    }
    void before()
    {
        long item = 10;

        trale_channel_try_send(ch, &item);
        sent = item, count = 1;
    }
    void thread(unsigned index)
    {
        if (index == 1)
            return note_sent(try_future(sending(1)));
        if (index == 2)
            return note_sent(wait(sending(2)));
        note_received(wait(receiving()));
        note_received(wait(receiving()));
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(room_and_withdrawal, "channel: full, one withdraws, one sends, one receives");

/* Who only tries meets who waits. */
struct send_and_try : suite<send_and_try, 2, 1 << TOOK>, with_channel {
    send_and_try() : with_channel(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return note_sent(wait(sending(5)));
        intptr_t error = trale_channel_try_recv(ch, &received[1][0]);
        if (error == 0)
            reached(TOOK);
        note_received(error == 0 ? error : wait(receiving()));
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(send_and_try, "channel: one sends, one tries to receive");

struct receive_and_try : suite<receive_and_try, 2, 1 << TOOK>, with_channel {
    receive_and_try() : with_channel(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return note_received(wait(receiving()));
        trale_future *f = sending(5);
        intptr_t error = trale_channel_try_send(ch, &items[1]);
        if (error == 0)
            reached(TOOK);
        note_sent(error == 0 ? error : wait(f));
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(receive_and_try, "channel: one receives, one tries to send");

/* Closed while one sends and one receives: both end, and what was sent is received. */
struct close_and_all : suite<close_and_all, 3, 1 << CLOSED | 1 << TOOK, 2>, with_channel {
    close_and_all() : with_channel(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            for (int i = 1; i <= 2; i++) {
                intptr_t error = wait(sending(i));
                reached(error == -EPIPE ? CLOSED : TOOK);
                note_sent(error);
            }
        } else if (index == 1) {
            while (true) {
                intptr_t error = wait(receiving());
                RL_ASSERT(error == 0 || error == -EPIPE);
                if (error == -EPIPE)
                    break;
                note_received(error);
            }
            RL_ASSERT(ch->closed);
        } else {
            trale_channel_close(ch);
        }
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(close_and_all, "channel: one sends two, one receives all, one closes");

} // namespace
} // namespace model
