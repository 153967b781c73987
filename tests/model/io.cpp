/* An io: readiness and who waits for it, and closing it. */
#include "io.hpp"

namespace model
{
namespace
{

/* Bytes come one by one while one reads: a report may come between the try and the clearing. */
struct bytes_come : suite<bytes_come, 3, 1, 2>, with_io {
    bytes_come() : with_io(1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            k.give(0, 1);
            k.give(0, 1);
            return;
        }
        read(2);
        if (o.io.word.cell.debug_value() >= 2 * SOURCE_TICK) /* one report each */
            reached(0);
        trale_close(&o.io);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(bytes_come, "io: bytes come, one reads, the reactor");

/* The same on TCP, where a try tells that it took the last. */
struct drained : suite<drained, 3, 1, 2>, with_io {
    drained() : with_io(1)
    {
        o.io.kind.tcp = true;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            k.give(0, 1);
            k.give(0, 1);
            return;
        }
        read(1);
        if ((o.io.word.cell.debug_value() & SOURCE_READABLE) == 0)
            reached(0);
        read(1);
        trale_close(&o.io);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(drained, "io: bytes come on TCP, one reads, the reactor");

/* The last byte and the end in one report. */
struct end_of_stream : suite<end_of_stream, 3, 1, 2>, with_io {
    end_of_stream() : with_io(1)
    {
        o.io.kind.tcp = true;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return turn_until_over(reactors[0]);
        if (index == 2) {
            k.give(0, 1);
            return k.hang_up(0);
        }
        read(2);
        if (o.io.word.cell.debug_value() / SOURCE_TICK == 1)
            reached(0);
        trale_close(&o.io);
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(end_of_stream, "io: a byte and the end come on TCP, one reads, the reactor");

/* One only looks whether there is something, apart from what the other's tries tell. */
struct apart : suite<apart, 3, 0, 2>, with_io {
    apart() : with_io(2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            k.give(0, 1);
            reactor_turn(&reactors[0], false);
            k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        RL_ASSERT(wait_for(o.io, TRALE_READABLE | (index == 2 ? SOURCE_APART : 0)) == 1);
        done(reactors[0]);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};
SCENARIO(apart, "io: one reads, one looks, the reactor");

/* Two wait for one byte each; a report wakes both. */
struct two_readers : suite<two_readers, 3, 0, 2>, with_io {
    two_readers() : with_io(2)
    {
    }
    void thread(unsigned index)
    {
        if (index > 0) {
            read(1);
            return done(reactors[0]);
        }
        k.give(0, 1);
        reactor_turn(&reactors[0], false);
        k.give(0, 1);
        turn_until_over(reactors[0]);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};
SCENARIO(two_readers, "io: two read a byte each, the reactor");

/* Each direction by itself: what clears one leaves the other, and whose time has not come sleeps. */
struct reader_and_writer : suite<reader_and_writer, 3, 0, 2>, with_io {
    int tries = 0;

    reader_and_writer() : with_io(2)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            k.give(0, 1);
            reactor_turn(&reactors[0], false);
            k.give(0, 0, 1);
            return turn_until_over(reactors[0]);
        }
        RL_ASSERT(wait_for(o.io, index == 1 ? TRALE_READABLE : TRALE_WRITABLE) == 1);
        done(reactors[0]);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};
SCENARIO(reader_and_writer, "io: one reads, one writes, the reactor");

enum { READ, REFUSED, WITHDREW, WOKEN };

/* Either the byte, or -EBADF; nothing is tried on the number once it is another file's. */
struct close_and_readiness : suite<close_and_readiness, 3, 1 << READ | 1 << REFUSED, 2>, with_io {
    close_and_readiness() : with_io(2)
    {
    }
    void before()
    {
        source_retain(&o.io); /* the call has begun */
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        if (index == 1) {
            intptr_t output = wait_for(o.io, TRALE_READABLE);
            RL_ASSERT(output == 1 || output == -EBADF);
            reached(output == 1 ? READ : REFUSED);
            source_release(&o.io);
        } else {
            RL_ASSERT(trale_close(&o.io) == 0);
        }
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(close_and_readiness, "io: one reads, one closes, the reactor reports");

/* The same of a call that does not wait; its EAGAIN is known until the next report. */
struct close_and_try : suite<close_and_try, 3, 1 << READ | 1 << REFUSED | 1 << WITHDREW, 2>,
                       with_io {
    close_and_try() : with_io(2)
    {
    }
    void before()
    {
        begin_wait(o.io, TRALE_READABLE, 1); /* so it is registered, and the call has begun */
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        if (index == 1) {
            intptr_t first = try_now(o.io), second = try_now(o.io);
            RL_ASSERT(first == -EAGAIN || (first == 1 && second == -EAGAIN));
            reached(first == 1 ? READ : second == 1 ? WITHDREW : REFUSED);
            if (o.io.word.cell.debug_value() == SOURCE_TICK + SOURCE_WRITABLE)
                RL_ASSERT(k.files[0].bytes == 0);
            forget();
        } else {
            RL_ASSERT(trale_close(&o.io) == 0);
        }
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(close_and_try, "io: one tries, one closes, the reactor reports");

/* Two wait, and nothing but the close comes. */
struct close_and_two_waiters : suite<close_and_two_waiters, 3, 1 << REFUSED, 2>, with_io {
    close_and_two_waiters() : with_io(2)
    {
    }
    void before()
    {
        source_retain(&o.io);
        source_retain(&o.io);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(trale_close(&o.io) == 0);
            return;
        }
        if (wait_for(o.io, index == 1 ? TRALE_READABLE : TRALE_WRITABLE) == -EBADF)
            reached(REFUSED);
        source_release(&o.io);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(close_and_two_waiters, "io: two wait, one closes");

/* Who waits gives up, as a cancel does; its memory is somebody else's from then on. */
struct withdrawal : suite<withdrawal, 3, 1 << WITHDREW | 1 << WOKEN, 2>, with_io {
    withdrawal() : with_io(2)
    {
    }
    void before()
    {
        source_retain(&o.io);
    }
    void thread(unsigned index)
    {
        wish w = {TRALE_READABLE, 0};
        intptr_t output = 0;

        if (index == 0) {
            k.give(0, 1);
            return turn_until_over(reactors[0]);
        }
        if (index == 1) {
            if (poll_io(o.io, w, output, index) == TRALE_PENDING)
                reached(waker().is_woken() ? WOKEN : WITHDREW);
            forget();
            source_release(&o.io);
        } else {
            RL_ASSERT(trale_close(&o.io) == 0);
        }
        done(reactors[0]);
    }
    void after()
    {
        destroy();
        is_settled();
    }
};
SCENARIO(withdrawal, "io: one withdraws, one closes, the reactor reports");

enum { LENT, NOT_LENT, CLOSED_LATER, USED, NOT_USED };

/* A job on another thread has the descriptor, another call uses it for a moment, and it is closed. */
struct lent_and_closed
    : suite<lent_and_closed, 3,
            1 << LENT | 1 << NOT_LENT | 1 << CLOSED_LATER | 1 << USED | 1 << NOT_USED, 3>,
      with_io {
    lent_and_closed() : with_io(0)
    {
    }
    void before()
    {
        source_retain(&o.io);
        source_retain(&o.io);
    }
    void lend()
    {
        if (source_lend(&o.io) == 0) {
            k.touch(o.io.fd, 0);
            RL_ASSERT(source_is_lent(&o.io));
            if (source_is_closed(&o.io))
                reached(CLOSED_LATER);
            source_return(&o.io);
            reached(LENT);
        } else {
            reached(NOT_LENT);
        }
    }
    void use()
    {
        if (source_use(&o.io) == 0) {
            k.touch(o.io.fd, 0);
            source_unuse(&o.io);
            reached(USED);
        } else {
            reached(NOT_USED);
        }
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            RL_ASSERT(trale_close(&o.io) == 0);
            return;
        }
        index == 1 ? lend() : use();
        source_release(&o.io);
    }
    void after()
    {
        RL_ASSERT(k.files[0].serial == 1);
        is_settled();
    }
};
SCENARIO(lent_and_closed, "io: one lends it, one uses it, one closes");

/* Nobody reports any more: then every call tries. */
struct not_registered : suite<not_registered, 2, 3>, with_io {
    not_registered() : with_io(0)
    {
    }
    void before()
    {
        begin_wait(o.io, TRALE_READABLE, 1);
        source_forget(&waiters[1]);
        reactor_destroy(&reactors[0]);
        current_reactor = nullptr;
    }
    void thread(unsigned index)
    {
        if (index == 1)
            return k.give(0, 1);
        RL_ASSERT(wait_for(o.io, TRALE_READABLE) == -EAGAIN);
        intptr_t output = wait_for(o.io, TRALE_READABLE);
        RL_ASSERT(output == 1 || output == -EAGAIN);
        reached(output == 1);
    }
    void after()
    {
        trale_close(&o.io);
        is_settled();
    }
};
SCENARIO(not_registered, "io: one reads, and there is no reactor");

/* An error that is owed is given once. */
struct error_owed : suite<error_owed, 3, 3>, with_io {
    int given[2] = {};

    error_owed() : with_io(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return source_owe(&o.io, TRALE_READABLE, -EPIPE);
        int error = source_owed(&o.io, TRALE_READABLE);
        RL_ASSERT(error == 0 || error == -EPIPE);
        given[index - 1] = error != 0;
        if (error)
            reached(index - 1);
    }
    void after()
    {
        RL_ASSERT(given[0] + given[1] <= 1);
        RL_ASSERT(given[0] + given[1] + (source_owed(&o.io, TRALE_READABLE) != 0) == 1);
        RL_ASSERT(source_owed(&o.io, TRALE_WRITABLE) == 0);
        trale_close(&o.io);
        is_settled();
    }
};
SCENARIO(error_owed, "io: an error is owed, two ask");

/* The first use in a forked child, by two at once: what the parent knew is forgotten, once. */
struct adopted : suite<adopted, 2, 0, 2>, with_io {
    adopted() : with_io(0)
    {
        generation = 1;
        o.io.reactor = &reactors[1]; /* and more, in the parent */
        o.io.lent = 1;
        o.io.waiters.next = o.io.waiters.prev = nullptr;
        atomic_init(&o.io.references, 3u);
        atomic_init(&o.io.word, SOURCE_PIN | SOURCE_TICK);
        o.io.guarding_lock.word.take(); /* by a thread that is not there */
    }
    void thread(unsigned index)
    {
        wish w = {TRALE_READABLE, 0};
        intptr_t output = 0;

        source_retain(&o.io);
        RL_ASSERT(poll_io(o.io, w, output, index) == TRALE_PENDING);
        forget();
        source_release(&o.io);
    }
    void after()
    {
        trale_close(&o.io);
        destroy();
        is_settled();
    }
};
SCENARIO(adopted, "io: two first uses after a fork");

} // namespace
} // namespace model
