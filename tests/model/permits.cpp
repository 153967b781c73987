/*
 * Permits: src/sync/permits.c and wait_list.c as they are, on what sync.hpp has in place of what
 * they include. Those who wait, put, try and withdraw; none may lose a permit or a wake.
 *
 * Beside the atomic operations every step of theirs is mutated: left out, or with unlocking, that
 * the value changes or that somebody waits.
 */
#include "wait_list.hpp"

#define list_init(head) STEP(list_init(head))
#define list_push_back(head, link) STEP(list_push_back(head, link))
#define list_remove(link) STEP(list_remove(link))
#define waker_claim(waker, batch) STEP(waker_claim(waker, batch))
#include "sync/wait_list.c"
#undef list_init
#undef list_push_back
#undef list_remove
#undef waker_claim

#include "wait_steps.hpp"
#include "sync/permits.c"

namespace model
{
namespace
{

/* One call that waits, and who makes it. */
struct sync_wait {
    trale_waiter waiter;
    sync_waker waker;
    bool left = false;

    trale_poll poll(trale_wait_list *l, const permits &kind, int count)
    {
        trale_context cx = {&waker};
        intptr_t output = -1;
        trale_poll result = permits_poll(l, &kind, &waiter, count, &cx, &output);

        RL_ASSERT(!left);
        RL_ASSERT(output == 0);
        if (result == TRALE_READY)
            end(kind);
        return result;
    }
    void wait(trale_wait_list *l, const permits &kind, int count)
    {
        while (poll(l, kind, count) == TRALE_PENDING)
            waker.park();
    }
    /* The drop; its memory is somebody else's then. */
    void end(const permits &kind)
    {
        permits_drop(&kind, &waiter);
        left = true;
        waiter.need = -1;
        waiter.waker = NULL;
        waiter.granted = false;
        waiter.link.next = waiter.link.prev = NULL;
    }
};

enum { WITHDREW, WITHDREW_GRANTED, TOOK, WAITED, REFUSED, FOUND_NOTHING };

struct with_permits {
    trale_wait_list list;
    sync_wait waits[max_threads];
    shared_int data;
    int taken[max_threads] = {};

    explicit with_permits(int value)
    {
        atomic_init(&list.word, (uint32_t)value * WORD_ONE);
        write(data, 0);
    }
    sync_wait &mine()
    {
        return waits[rl::thread_index()];
    }
    /* Comes, and gives up if it has to wait. True: it has what it wants. */
    bool try_future(const permits &kind, int count, int polls = 1)
    {
        sync_wait &w = mine();

        for (; polls > 0; polls--)
            if (w.poll(&list, kind, count) == TRALE_READY) {
                reached(TOOK);
                taken[rl::thread_index()] += count;
                return true;
            }
        reached(w.waker.woken ? WITHDREW_GRANTED : WITHDREW);
        w.end(kind);
        return false;
    }
    void wait(const permits &kind, int count)
    {
        mine().wait(&list, kind, count);
        taken[rl::thread_index()] += count;
    }
    void put(const permits &kind, int count)
    {
        RL_ASSERT(permits_put(&list, &kind, count) == 0);
    }
    void use()
    {
        write(data, read(data) + 1);
    }
    int all_taken()
    {
        return taken[0] + taken[1] + taken[2];
    }
    /* Nobody waits, nothing is on its way, and the value is this. */
    void is_left(int value)
    {
        RL_ASSERT(list.word.cell.debug_value() == (uint32_t)value * WORD_ONE);
        RL_ASSERT(list.granted == 0);
        RL_ASSERT(!wait_list_first(&list));
    }
};

constexpr permits mutex_kind = {-1, 0}, event_kind = {0, TRALE_COUNT_MAX}, small_kind = {0, 2};

/* Unlocks, what was handed over is not wanted any more, and somebody else comes. */
struct unlock_and_withdrawal
    : suite<unlock_and_withdrawal, 3, 1 << WITHDREW | 1 << WITHDREW_GRANTED | 1 << TOOK, 3>,
      with_permits {
    unlock_and_withdrawal() : with_permits(-1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 1 && !try_future(mutex_kind, 1))
            return;
        if (index == 2)
            wait(mutex_kind, 1);
        use();
        put(mutex_kind, 1);
    }
    void after()
    {
        is_left(0);
        RL_ASSERT(read(data) == 1 + all_taken());
    }
};
SCENARIO(unlock_and_withdrawal, "permits: unlock, one withdraws, one locks");

/* Two wait for the lock, one after the other; who tries does not get between. */
struct lock_in_turn : suite<lock_in_turn, 3, 1 << TOOK | 1 << FOUND_NOTHING, 3>, with_permits {
    lock_in_turn() : with_permits(0)
    {
    }
    void thread(unsigned index)
    {
        if (index < 2) {
            wait(mutex_kind, 1);
        } else if (permits_try(&list, &mutex_kind, 1)) {
            reached(TOOK);
        } else {
            return reached(FOUND_NOTHING);
        }
        use();
        put(mutex_kind, 1);
        if (index == 2)
            taken[2] = 1;
    }
    void after()
    {
        is_left(0);
        RL_ASSERT(read(data) == all_taken());
    }
};
SCENARIO(lock_in_turn, "permits: two lock, one tries");

/* Notified once for each; who gives up leaves his to the other, or on the event. */
struct notify_and_withdrawal
    : suite<notify_and_withdrawal, 3, 1 << WITHDREW | 1 << WITHDREW_GRANTED | 1 << TOOK, 3>,
      with_permits {
    notify_and_withdrawal() : with_permits(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            use();
            put(event_kind, 1);
            put(event_kind, 1);
        } else if (index == 1) {
            try_future(event_kind, 1);
        } else {
            wait(event_kind, 1);
            RL_ASSERT(read(data) == 1);
        }
    }
    void after()
    {
        is_left(2 - all_taken());
    }
};
SCENARIO(notify_and_withdrawal, "permits: two notifications, one withdraws, one waits");

/* Who wants much and withdraws, lets those through who stood behind him. */
struct much_and_withdrawal : suite<much_and_withdrawal, 3, 1 << WITHDREW | 1 << WAITED, 3>,
                             with_permits {
    much_and_withdrawal() : with_permits(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            put(event_kind, 1);
        } else if (index == 1) {
            try_future(event_kind, 2);
        } else {
            announce(&list.word, false);
            rl::ctx().sched();
            if (list.word.cell.debug_value() & WORD_WAITERS)
                reached(WAITED);
            wait(event_kind, 1);
        }
    }
    void after()
    {
        is_left(1 - all_taken());
    }
};
SCENARIO(much_and_withdrawal, "permits: one wants much and withdraws, one wants little");

/* One put lets both through; the last of the two frees the list at once. */
struct put_and_free : suite<put_and_free, 3, 0, 3>, with_permits {
    wait_word through; /* orders the two */

    put_and_free() : with_permits(0)
    {
        atomic_init(&through, 0u);
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            use();
            return put(event_kind, 2);
        }
        wait(event_kind, 1);
        RL_ASSERT(read(data) == 1);
        if (word_change(&through, 1, 1, 1) == WORD_CHANGED)
            return;
        RL_ASSERT(word_change(&through, 1, 2, 2) == WORD_CHANGED);
        is_left(0);
        list.word.freed = true;
    }
};
SCENARIO(put_and_free, "permits: one put, two wait, the last one frees it");

/* Two put, one waits for both and is polled for no reason in between. */
struct polled_for_nothing : suite<polled_for_nothing, 3, 0, 3>, with_permits {
    polled_for_nothing() : with_permits(0)
    {
    }
    void thread(unsigned index)
    {
        if (index < 2)
            return put(event_kind, 1);
        if (mine().poll(&list, event_kind, 2) == TRALE_PENDING)
            wait(event_kind, 2);
    }
    void after()
    {
        is_left(0);
    }
};
SCENARIO(polled_for_nothing, "permits: two puts, one is polled too often");

/* At the most there can be: what is on its way to one who may withdraw leaves no room. */
struct full_and_withdrawal
    : suite<full_and_withdrawal, 3, 1 << WITHDREW_GRANTED | 1 << TOOK | 1 << REFUSED, 3>,
      with_permits {
    int accepted = 0;

    full_and_withdrawal() : with_permits(0)
    {
    }
    void thread(unsigned index)
    {
        if (index == 1) {
            try_future(small_kind, 1);
        } else if (permits_put(&list, &small_kind, index == 0 ? 2 : 1) == 0) {
            accepted += index == 0 ? 2 : 1;
        } else {
            reached(REFUSED);
        }
    }
    void after()
    {
        RL_ASSERT(accepted - all_taken() <= small_kind.highest);
        is_left(accepted - all_taken());
    }
};
SCENARIO(full_and_withdrawal, "permits: full, one withdraws");

/* A reader unlocks, a writer withdraws, and a reader stood behind it. */
struct writer_withdraws
    : suite<writer_withdraws, 3, 1 << WITHDREW | 1 << WITHDREW_GRANTED | 1 << TOOK, 3>,
      with_permits {
    static constexpr permits kind = {-2, 0};

    writer_withdraws() : with_permits(-1)
    {
    }
    void thread(unsigned index)
    {
        if (index == 0) {
            read(data);
            put(kind, 1);
        } else if (index == 1) {
            if (!try_future(kind, 2))
                return;
            use();
            put(kind, 2);
        } else {
            wait(kind, 1);
            read(data);
            put(kind, 1);
        }
    }
    void after()
    {
        is_left(0);
    }
};
SCENARIO(writer_withdraws, "permits: a reader, a writer withdraws, a reader");

} // namespace
} // namespace model
