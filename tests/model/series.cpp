/*
 * Series: src/sync/series.c, watch.c and broadcast.c as they are. Who sends, receives, withdraws
 * and closes; nobody sleeps past an item, and what was missed is counted.
 */
#include "future.hpp"
#include "wait_list.hpp"

#include <climits>
#include <cstdlib>
#include <cstring>

/* In place of <trale/watch.h>, <trale/broadcast.h> and of what series.c includes. */
#define TRALE_WATCH_H
#define TRALE_BROADCAST_H
#define BASE_MISUSE_H

struct trale_watch;
struct trale_broadcast;

struct trale_watch_wait_future {
    trale_future future;
    trale_watch *watch;
    uint64_t *seen;
    void *item;
    trale_waiter waiter;
};

struct trale_broadcast_recv_future {
    trale_future future;
    trale_broadcast *broadcast;
    uint64_t *cursor;
    void *item;
    trale_waiter waiter;
};

/* C++ does not assign what has an array without bounds: here there is room for two. */
#define items \
    none; \
    alignas(8) char room[2 * sizeof(int)]; \
    static char without_bounds
#include "sync/series.h"
#undef items

namespace model
{

static series *make_series();
static void copy_item(void *to, const void *from);

} // namespace model

#define misuse(function, sentence) ((void)(function), abort())
#define malloc(size) model::make_series()
#define free(memory) (void)(memory)
#define new made
#define items room
#define memcpy(to, from, size) STEP(model::copy_item(to, from))
#define wait_list_grant_all(l, batch) STEP(wait_list_grant_all(l, batch))
#include "wait_steps.hpp"
#include "sync/series.c"
#undef new
#undef items
#undef malloc
#undef free
#undef memcpy
#include "sync/watch.c"
#include "sync/broadcast.c"

namespace model
{

/* The one series of a scenario, and who touches its items. */
static series *made;
static plain<int> *touched;

static series *make_series()
{
    alignas(series) static char memory[sizeof(series)];

    return made = ::new (memory) series();
}

static void copy_item(void *to, const void *from)
{
    if (to == made->room || to == made->room + sizeof(int))
        *touched = 1;
    else
        (void)(int)*touched;
    *(int *)to = *(const int *)from;
}

namespace
{

enum { TOOK, WITHDREW, WITHDREW_CALLED, MISSED };

struct with_series : with_wakers {
    series *s = nullptr;
    plain<int> touch;

    explicit with_series(size_t capacity)
    {
        touched = &touch;
        series_new(&s, sizeof(int), capacity);
    }
    ~with_series()
    {
        s->~series();
    }
    void send(int item)
    {
        RL_ASSERT(series_send(s, &item) == 0);
    }
    void is_settled()
    {
        RL_ASSERT(!wait_list_first(&s->list) && s->list.granted == 0);
        RL_ASSERT(s->list.word.cell.debug_value() == 0);
    }
};

/* The last item is what counts: set twice, it is seen in the end, and no older one after it. */
struct watch_twice : suite<watch_twice, 3, 1 << TOOK | 1 << WITHDREW | 1 << WITHDREW_CALLED, 2>,
                     with_series {
    trale_watch_wait_future futures[max_threads];

    watch_twice() : with_series(1)
    {
    }
    trale_watch *watch()
    {
        return container_of(s, trale_watch, series);
    }
    void thread(unsigned index)
    {
        trale_watch_wait_future &f = futures[index];
        uint64_t seen = 0;
        int item = 0, last;

        if (index == 0) {
            send(1);
            return send(2);
        }
        trale_watch_wait_init(&f, watch(), &seen, &item);
        if (index == 1) {
            if (poll(&f.future) == TRALE_READY)
                return reached(TOOK);
            reached(is_woken() ? WITHDREW_CALLED : WITHDREW);
            RL_ASSERT(withdraw(f) == -ECANCELED);
            return;
        }
        while (item != 2) {
            last = item;
            RL_ASSERT(wait(f) == 0);
            RL_ASSERT(item > last);
        }
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(watch_twice, "watch: set twice, one waits, one withdraws");

/* Every item is received or counted as missed, up to the close. */
struct broadcast_and_lag : suite<broadcast_and_lag, 2, 1 << MISSED | 1 << TOOK, 3>, with_series {
    trale_broadcast_recv_future future;

    broadcast_and_lag() : with_series(1)
    {
    }
    void thread(unsigned index)
    {
        trale_broadcast *b = container_of(s, trale_broadcast, series);
        uint64_t cursor = 0;
        int item, next = 1;

        if (index == 0) {
            for (int i = 1; i <= 3; i++)
                send(i);
            RL_ASSERT(trale_broadcast_close(b) == 0);
            return;
        }
        for (;;) {
            trale_broadcast_recv_init(&future, b, &cursor, &item);
            intptr_t missed = wait(future);
            if (missed == -EPIPE)
                break;
            RL_ASSERT(missed >= 0);
            reached(missed > 0 ? MISSED : TOOK);
            next += (int)missed;
            RL_ASSERT(item == next);
            next++;
        }
        RL_ASSERT(next == 4);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(broadcast_and_lag, "broadcast: three sent to one, with room for one");

/* One item is for both, and so is the close. */
struct broadcast_to_two : suite<broadcast_to_two, 3, 0, 2>, with_series {
    trale_broadcast_recv_future futures[max_threads];

    broadcast_to_two() : with_series(2)
    {
    }
    void thread(unsigned index)
    {
        trale_broadcast *b = container_of(s, trale_broadcast, series);
        uint64_t cursor = 0;
        int item = 0;

        if (index == 0) {
            send(7);
            RL_ASSERT(trale_broadcast_close(b) == 0);
            RL_ASSERT(series_send(s, &item) == -EPIPE);
            return;
        }
        trale_broadcast_recv_init(&futures[index], b, &cursor, &item);
        RL_ASSERT(wait(futures[index]) == 0 && item == 7);
        RL_ASSERT(trale_broadcast_try_recv(b, &cursor, &item) != 0);
        trale_broadcast_recv_init(&futures[index], b, &cursor, &item);
        RL_ASSERT(wait(futures[index]) == -EPIPE);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(broadcast_to_two, "broadcast: one sent and closed, two receive");

/* Whose cursor is ahead is let through, and has to wait again. */
struct cursor_ahead : suite<cursor_ahead, 2, 0, 3>, with_series {
    trale_broadcast_recv_future future;

    cursor_ahead() : with_series(2)
    {
    }
    void thread(unsigned index)
    {
        uint64_t cursor = 1;
        int item = 0;

        if (index == 0) {
            send(1);
            return send(2);
        }
        trale_broadcast_recv_init(&future, container_of(s, trale_broadcast, series), &cursor,
                                  &item);
        RL_ASSERT(wait(future) == 0 && item == 2);
    }
    void after()
    {
        is_settled();
    }
};
SCENARIO(cursor_ahead, "broadcast: two sent, one wants the second");

} // namespace
} // namespace model
