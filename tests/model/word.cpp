/* The word of what is waited for: its lock, its value, and who sleeps for the lock. */
#include "sync.hpp"

namespace model
{
namespace
{

struct with_word {
    wait_word word;
    shared_int data;

    with_word()
    {
        atomic_init(&word, 0u);
        write(data, 0);
    }
    /* Adds under the lock, and has the data for itself meanwhile. */
    void add_locked(int by)
    {
        int32_t value = word_lock(&word);

        write(data, read(data) + by);
        word_unlock(&word, value + by, false);
    }
    void has_value(int value)
    {
        RL_ASSERT(word.cell.debug_value() == (uint32_t)value * WORD_ONE);
    }
};

enum { TOOK, FOUND_NOTHING, FOUND_IT_LOCKED };

struct two_lockers : suite<two_lockers, 2>, with_word {
    void thread(unsigned)
    {
        add_locked(1);
        add_locked(-3);
    }
    void after()
    {
        RL_ASSERT(read(data) == -4);
        has_value(-4);
    }
};
SCENARIO(two_lockers, "word: two lock it twice");

/* Two may sleep, and one wake each is enough. */
struct three_lockers : suite<three_lockers, 3, 0, 3>, with_word {
    void thread(unsigned)
    {
        add_locked(1);
    }
    void after()
    {
        RL_ASSERT(read(data) == 3);
        has_value(3);
    }
};
SCENARIO(three_lockers, "word: three lock it");

/* What one did before he changed the value is there for who sees the change by his own. */
struct two_changes : suite<two_changes, 2, 1 << TOOK | 1 << FOUND_NOTHING>, with_word {
    int taken = 0;

    void thread(unsigned index)
    {
        if (index == 0) {
            write(data, 1);
            RL_ASSERT(word_change(&word, 1, 0, 1) == WORD_CHANGED);
        } else if (word_change(&word, -1, 0, 1) == WORD_CHANGED) {
            RL_ASSERT(read(data) == 1);
            reached(TOOK);
            taken = 1;
        } else {
            reached(FOUND_NOTHING);
        }
    }
    void after()
    {
        has_value(1 - taken);
    }
};
SCENARIO(two_changes, "word: two change it, one for the other");

/* A change and who locks: neither loses the other's, and each sees what was done before. */
struct change_and_lockers : suite<change_and_lockers, 3, 1 << TOOK | 1 << FOUND_IT_LOCKED, 3>,
                            with_word {
    void thread(unsigned index)
    {
        if (index > 0)
            return add_locked(1);
        switch (word_change(&word, 1, 0, 9)) {
        case WORD_CHANGED:
            return reached(TOOK);
        case WORD_BUSY:
            reached(FOUND_IT_LOCKED);
            word_unlock(&word, word_lock(&word) + 1, false);
            return;
        case WORD_OUT_OF_RANGE:
            RL_ASSERT(false);
        }
    }
    void after()
    {
        RL_ASSERT(read(data) == 2);
        has_value(3);
    }
};
SCENARIO(change_and_lockers, "word: one changes it, two lock it");

/* From who unlocks to who changes, and from there to who locks. */
struct data_goes_round : suite<data_goes_round, 3, 1 << TOOK | 1 << FOUND_NOTHING>, with_word {
    void thread(unsigned index)
    {
        int32_t value;

        if (index == 0) {
            word_lock(&word);
            write(data, 1);
            word_unlock(&word, 1, false);
        } else if (index == 1) {
            if (word_change(&word, 1, 2, 9) != WORD_CHANGED)
                return reached(FOUND_NOTHING);
            RL_ASSERT(read(data) == 1);
            write(data, 2);
            word_change(&word, 1, 3, 9);
        } else {
            value = word_lock(&word);
            if (value == 3) {
                RL_ASSERT(read(data) == 2);
                reached(TOOK);
            }
            word_unlock(&word, value, false);
        }
    }
};
SCENARIO(data_goes_round, "word: data goes from one to the next");

/* Who only looks, sees what was done before; and may free it then. */
struct look_and_free : suite<look_and_free, 3, 1 << TOOK>, with_word {
    void thread(unsigned index)
    {
        if (index < 2) {
            add_locked(1);
        } else if (word_value(&word) == 2) {
            RL_ASSERT(read(data) == 2);
            reached(TOOK);
            word.freed = true;
        }
    }
};
SCENARIO(look_and_free, "word: one looks and frees it");

/* While somebody waits, a change is not made behind the back of who can let him through. */
struct waiters_and_change : suite<waiters_and_change, 2, 1 << TOOK | 1 << FOUND_IT_LOCKED>,
                            with_word {
    shared_int waits;
    bool let_through = false, busy = false;

    void before()
    {
        write(waits, 0);
    }
    void thread(unsigned index)
    {
        int32_t value;

        if (index == 0) {
            value = word_lock(&word);
            write(waits, value == 0);
            word_unlock(&word, value, value == 0);
            return;
        }
        if (word_change(&word, 1, 0, 1) == WORD_CHANGED)
            return reached(TOOK);
        reached(FOUND_IT_LOCKED);
        busy = true;
        value = word_lock(&word);
        let_through = read(waits) == 1;
        word_unlock(&word, 1, false);
    }
    void after()
    {
        RL_ASSERT(!busy || let_through);
        RL_ASSERT(read(waits) == let_through);
    }
};
SCENARIO(waiters_and_change, "word: one comes to wait, one changes it");

} // namespace
} // namespace model
