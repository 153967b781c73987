/*
 * The claim of a select: its arms are polled one after the other, each under the lock of a board;
 * others come to a board, and complete the arm that they find there, or leave word that they wait.
 */
#include "sync.hpp"

/* Who spins sleeps here, until the scenario says that what it spins for is over. */
#define spin_relax() futex_wait(w, CLAIM_TAKING, -1)
#include "task/claim.h"
#undef spin_relax

namespace model
{
namespace
{

enum { NONE = -1 };
enum { CLAIMED, MET, MISSED, WITHDREW, TOO_LATE, REFUSED };

struct board {
    wait_word lock;
    plain<bool> enlisted, waiting, met, served;

    board()
    {
        atomic_init(&lock, 0u);
    }
};

struct with_claim {
    claim_word word;
    plain<int> taken;
    plain<bool> begun; /* written by who polls only, before it opens */
    board boards[2];
    sync_waker waker;
    int effects = 0;

    with_claim()
    {
        atomic_init(&word, (uint32_t)CLAIM_POLLING);
        taken = NONE;
    }
    /* One arm: somebody waits there, or will find it. */
    bool poll_arm(int arm)
    {
        board &b = boards[arm];
        bool met;

        word_lock(&b.lock);
        met = b.waiting && !b.served;
        if (met)
            b.met = true, effects++;
        b.enlisted = !met && !b.served;
        met = met || b.served;
        word_unlock(&b.lock, 0, false);
        return met;
    }
    void drop_arm(int arm)
    {
        word_lock(&boards[arm].lock);
        boards[arm].enlisted = false;
        word_unlock(&boards[arm].lock, 0, false);
    }
    /* select_poll. True: an arm took effect. */
    bool poll(int arms)
    {
        if (!claim_close(&word)) {
            RL_ASSERT(taken != NONE);
            reached(CLAIMED);
            return true;
        }
        RL_ASSERT(taken == NONE);
        begun = true;
        do {
            for (int i = 0; i < arms; i++)
                if (poll_arm(i)) {
                    reached(MET);
                    return true;
                }
            RL_ASSERT(taken == NONE); /* looked at before it opens, written after */
        } while (!claim_open(&word, false));
        return false;
    }
    void wait(int arms)
    {
        while (!poll(arms))
            waker.park();
        for (int i = 0; i < arms; i++)
            drop_arm(i);
    }
    /* select_drop; a cancel. */
    void withdraw(int arms)
    {
        reached(claim_close(&word) ? WITHDREW : TOO_LATE);
        for (int i = 0; i < arms; i++)
            drop_arm(i);
    }
    /* meet and select_claim: another party, which waits if it may not. */
    void come(int arm, bool waits = true)
    {
        board &b = boards[arm];
        bool served = false;

        word_lock(&b.lock);
        if (b.enlisted) {
            served = claim_begin(&word, waits);
            if (served) {
                RL_ASSERT(begun);
                RL_ASSERT(taken == NONE);
                taken = arm;
                effects++;
                claim_finish(&word);
                futex_wake(&word);
            } else if (claim_is_taken(&word)) {
                reached(REFUSED);
                served = taken == arm;
                effects += served;
            } else if (waits) {
                reached(MISSED);
            }
            b.enlisted = b.enlisted && !served;
            b.served = b.served || served;
        }
        b.waiting = b.waiting || (!served && waits);
        word_unlock(&b.lock, 0, false);
        if (served)
            waker.wake();
    }
};

/* Two come to two arms: one of them is the one, and that nobody comes any more is no reason to
 * sleep. */
struct two_claimers
    : suite<two_claimers, 3, 1 << CLAIMED | 1 << MET | 1 << MISSED | 1 << REFUSED, 2>,
      with_claim {
    void thread(unsigned index)
    {
        index == 0 ? wait(2) : come(index - 1);
    }
    void after()
    {
        RL_ASSERT(effects == 1);
    }
};
SCENARIO(two_claimers, "claim: two come to two arms");

/* The same arm: who waits is polled for, in turn. */
struct one_arm : suite<one_arm, 2, 1 << CLAIMED | 1 << MET | 1 << MISSED>, with_claim {
    void thread(unsigned index)
    {
        index == 0 ? wait(2) : come(1);
    }
    void after()
    {
        RL_ASSERT(effects == 1);
    }
};
SCENARIO(one_arm, "claim: one comes to the second of two arms");

/* A cancel, against two who come; one of them only tries. */
struct cancelled : suite<cancelled, 3, 1 << WITHDREW | 1 << TOO_LATE | 1 << MISSED, 2>,
                   with_claim {
    bool done = false;

    void thread(unsigned index)
    {
        if (index > 0)
            return come(index - 1, index == 1);
        if (!poll(2))
            return withdraw(2);
        drop_arm(0);
        drop_arm(1);
    }
    void after()
    {
        RL_ASSERT(effects <= 1);
        RL_ASSERT((taken != NONE) + boards[0].met + boards[1].met == effects);
    }
};
SCENARIO(cancelled, "claim: a cancel, two come, one of them only tries");

/* Who was missed does not stay, and comes again: a select that polled in vain waits again. */
struct missed_and_gone : suite<missed_and_gone, 2, 1 << CLAIMED | 1 << MET | 1 << MISSED, 3>,
                         with_claim {
    bool leave()
    {
        word_lock(&boards[0].lock);
        bool over = boards[0].met || boards[0].served;
        boards[0].waiting = boards[0].waiting && over;
        word_unlock(&boards[0].lock, 0, false);
        return over;
    }
    void thread(unsigned index)
    {
        if (index == 0)
            return wait(1);
        come(0);
        if (!leave())
            come(0);
    }
    void after()
    {
        RL_ASSERT(effects == 1);
    }
};
SCENARIO(missed_and_gone, "claim: one comes, goes, and comes again");

/* Polled once more for no reason, while somebody comes. */
struct polled_again : suite<polled_again, 2, 1 << CLAIMED | 1 << MET | 1 << MISSED>, with_claim {
    void thread(unsigned index)
    {
        if (index > 0)
            return come(0);
        if (!poll(1))
            wait(1);
        else
            drop_arm(0);
    }
    void after()
    {
        RL_ASSERT(effects == 1);
    }
};
SCENARIO(polled_again, "claim: polled for no reason, one comes");

/* Part of arm 0 has taken effect in its poll; the rest of it is there for who comes. */
struct settled : suite<settled, 3, 1 << MET | 1 << MISSED | 1 << REFUSED, 2>, with_claim {
    /* True: all of it has taken effect. */
    bool poll_again()
    {
        do {
            if (poll_arm(0))
                return true;
        } while (!claim_open(&word, true));
        return false;
    }
    void thread(unsigned index)
    {
        if (index > 0)
            return come(0, index == 1);
        claim_close(&word);
        taken = 0;
        while (!poll_again()) {
            waker.park();
            RL_ASSERT(!claim_close(&word));
        }
        reached(MET);
    }
    void after()
    {
        RL_ASSERT(effects == 1);
    }
};
SCENARIO(settled, "claim: settled in its own poll, two come");

} // namespace
} // namespace model
