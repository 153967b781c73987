/* One-shot and once: src/sync/oneshot.c and once.c as they are. */
#include "future.hpp"
#include "wait_list.hpp"

/* In place of <trale/oneshot.h>, and of sync/ops.h. */
#define TRALE_ONESHOT_H
#define SYNC_OPS_H

using trale_fn = intptr_t(void *arg);

struct trale_oneshot {
    trale_wait_list list;
    model::plain<intptr_t> value;
};

struct trale_oneshot_get_future {
    trale_future future;
    trale_oneshot *oneshot;
    intptr_t *value;
    trale_waiter waiter;
};

struct trale_once {
    trale_wait_list list;
};

struct trale_once_do_future {
    trale_future future;
    trale_once *once;
    trale_fn *fn;
    void *arg;
    trale_waiter waiter;
};

#define wait_list_grant_first(l, batch) STEP(wait_list_grant_first(l, batch))
#define wait_list_grant_all(l, batch) STEP(wait_list_grant_all(l, batch))
#include "wait_steps.hpp"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wc99-designator"
#endif
#include "sync/oneshot.c"
#include "sync/once.c"

namespace model
{
namespace
{

enum { TOOK, WITHDREW, WITHDREW_CALLED, FAILED, FOUND_NOTHING };

struct with_oneshot : with_wakers {
    trale_oneshot oneshot;
    trale_oneshot_get_future futures[max_threads];
    shared_int data;

    with_oneshot()
    {
        atomic_init(&oneshot.list.word, 0u);
        write(data, 0);
    }
    trale_oneshot_get_future &getting(intptr_t *value)
    {
        trale_oneshot_get_future &f = futures[rl::thread_index()];

        trale_oneshot_get_init(&f, &oneshot, value);
        return f;
    }
    void has(intptr_t value)
    {
        RL_ASSERT(value == 7);
        RL_ASSERT(read(data) == 1);
        reached(TOOK);
    }
    void is_settled()
    {
        RL_ASSERT(!wait_list_first(&oneshot.list) && oneshot.list.granted == 0);
        RL_ASSERT((oneshot.list.word.cell.debug_value() & (WORD_ONE - 1)) == 0);
    }
};

struct set_and_withdrawal
    : suite<set_and_withdrawal, 3, 1 << TOOK | 1 << WITHDREW | 1 << WITHDREW_CALLED, 3>,
      with_oneshot {
    void thread(unsigned index)
    {
        intptr_t value = 0;

        if (index == 0) {
            write(data, 1);
            RL_ASSERT(trale_oneshot_set(&oneshot, 7) == 0);
        } else if (index == 2) {
            RL_ASSERT(wait(getting(&value)) == 0);
            has(value);
        } else if (poll(&getting(&value).future) == TRALE_READY) {
            has(value);
        } else {
            reached(is_woken() ? WITHDREW_CALLED : WITHDREW);
            withdraw(futures[1]);
        }
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(set_and_withdrawal, "oneshot: one sets, one waits, one withdraws");

/* Who got the value frees it at once; who tried before may have seen it. */
struct set_and_free : suite<set_and_free, 2, 1 << TOOK | 1 << FOUND_NOTHING>, with_oneshot {
    void thread(unsigned index)
    {
        intptr_t value = 0;

        if (index == 0) {
            write(data, 1);
            RL_ASSERT(trale_oneshot_set(&oneshot, 7) == 0);
            return;
        }
        if (trale_oneshot_try_get(&oneshot, &value) != 0) {
            reached(FOUND_NOTHING);
            RL_ASSERT(wait(getting(&value)) == 0);
        }
        has(value);
        is_settled();
        oneshot.value = 0;
        oneshot.list.word.freed = true;
    }
};
SCENARIO(set_and_free, "oneshot: one sets, one waits and frees it");

/* Set or closed, and all agree on which. */
struct set_or_closed : suite<set_or_closed, 3, 1 << TOOK | 1 << FOUND_NOTHING, 3>, with_oneshot {
    int set = 1, got = 1;

    void thread(unsigned index)
    {
        intptr_t value = 0;

        if (index == 0) {
            write(data, 1);
            set = trale_oneshot_set(&oneshot, 7);
            RL_ASSERT(trale_oneshot_set(&oneshot, 8) == (set == 0 ? -EALREADY : -EPIPE));
        } else if (index == 1) {
            RL_ASSERT(trale_oneshot_close(&oneshot) == 0);
        } else if ((got = (int)wait(getting(&value))) == 0) {
            has(value);
        } else {
            reached(FOUND_NOTHING);
            RL_ASSERT(got == -EPIPE);
        }
    }
    void after()
    {
        RL_ASSERT(set == got);
        is_settled();
    }
};
SCENARIO(set_or_closed, "oneshot: one sets, one closes, one waits");

/* The first try fails. Who is to make the next one, and withdraws, leaves it to another. */
struct second_try
    : suite<second_try, 3, 1 << FAILED | 1 << WITHDREW | 1 << WITHDREW_CALLED | 1 << TOOK, 2>,
      with_wakers {
    trale_once once;
    trale_once_do_future futures[max_threads];
    shared_int tries;
    int done = 0;

    second_try()
    {
        atomic_init(&once.list.word, 0u);
        write(tries, 0);
    }
    static intptr_t attempt(void *arg)
    {
        auto *s = static_cast<second_try *>(arg);
        int before = read(s->tries);

        write(s->tries, before + 1);
        s->done += before > 0;
        return before > 0 ? 5 : -5;
    }
    void thread(unsigned index)
    {
        trale_once_do_future &f = futures[index];

        trale_once_do_init(&f, &once, attempt, this);
        if (index < 2) {
            intptr_t result = wait(f);
            RL_ASSERT(result == 0 || result == -5);
            reached(result == 0 ? TOOK : FAILED);
            RL_ASSERT(result != 0 || read(tries) == 2);
        } else if (poll(&f.future) == TRALE_PENDING) {
            reached(is_woken() ? WITHDREW_CALLED : WITHDREW);
            withdraw(f);
        } else if (::is_done(&once)) {
            RL_ASSERT(read(tries) == 2);
        }
    }
    void after()
    {
        RL_ASSERT(done == 1);
        RL_ASSERT(once.list.word.cell.debug_value() == DONE * WORD_ONE);
        RL_ASSERT(!wait_list_first(&once.list) && once.list.granted == 0);
    }
};
SCENARIO(second_try, "once: the first try fails, one withdraws");

} // namespace
} // namespace model
