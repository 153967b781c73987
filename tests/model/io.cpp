/* An io: readiness and who waits for it, closing it, and the reactor that goes away. */
#include "reactor.hpp"

namespace model
{
namespace
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

enum { LENT, NOT_LENT, CLOSED_LATER, USED, NOT_USED };

/* A job on another thread has the descriptor, another call uses it for a moment, and it is closed. */
struct lent_and_closed
    : suite<lent_and_closed, 3,
            1 << LENT | 1 << NOT_LENT | 1 << CLOSED_LATER | 1 << USED | 1 << NOT_USED>,
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

/* Nobody would report: then every call tries. */
struct not_registered : suite<not_registered, 2, 3>, with_io {
    not_registered() : with_io(0)
    {
        current_reactor = nullptr;
    }
    void thread(unsigned index)
    {
        if (index == 1)
            return k.give(0, 1);
        intptr_t output = wait_for(o.io, TRALE_READABLE);
        RL_ASSERT(output == 1 || output == -EAGAIN);
        RL_ASSERT(o.io.word.cell.debug_value() & SOURCE_READABLE);
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
struct adopted : suite<adopted, 2, 0, 3>, with_io {
    adopted() : with_io(0)
    {
        generation = 1;
        o.io.reactor = &reactors[1]; /* and more, in the parent */
        o.io.lent = 1;
        o.io.waiters.next = o.io.waiters.prev = nullptr;
        atomic_init(&o.io.references, 3u);
        atomic_init(&o.io.word, SOURCE_PIN | SOURCE_TICK);
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
