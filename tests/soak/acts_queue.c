/* Acts on channels, broadcasts and watches. */
#include <errno.h>
#include <pthread.h>

#include "soak.h"

trale_channel *any_channel(struct actor *a)
{
    return arena.channels[draw(a, CHANNELS)];
}

static long any_item(struct actor *a)
{
    return 1 + draw(a, 1000);
}

void note_sent(long item)
{
    left(ITEMS, 1);
    left(ITEM_SUM, item);
}

void note_received(struct actor *a, long item)
{
    trace(a, item);
    right(ITEMS, 1);
    right(ITEM_SUM, item);
}

void act_send(struct actor *a)
{
    trale_channel *channel = any_channel(a);
    long item = any_item(a);

    if (got(a, trale_channel_send(channel, &item)))
        note_sent(item);
}

void act_receive(struct actor *a)
{
    long item = 0;

    if (got(a, trale_channel_recv(any_channel(a), &item)))
        note_received(a, item);
}

void act_try_channel(struct actor *a)
{
    trale_channel *channel = any_channel(a);
    bool send = chance(a, 2);
    long item = any_item(a);
    int result =
        send ? trale_channel_try_send(channel, &item) : trale_channel_try_recv(channel, &item);

    must(result == 0 || result == -EAGAIN);
    trace(a, result);
    if (result == 0 && send)
        note_sent(item);
    else if (result == 0)
        note_received(a, item);
}

/* One of them takes effect, and the result says which. */
void act_select(struct actor *a)
{
    trale_channel *to = any_channel(a), *from = any_channel(a);
    long sends = any_item(a), receives = 0;
    trale_channel_send_future send;
    trale_channel_recv_future receive;
    trale_event_wait_future wait;
    trale_yield_future yield;
    int index;

    trale_channel_send_init(&send, to, &sends);
    trale_channel_recv_init(&receive, from, &receives);
    trale_event_wait_init(&wait, &arena.event);
    trale_yield_init(&yield);
    index = TRALE_SELECT(&receive.future, &send.future, &wait.future, &yield.future);
    must((index == 0) == (receive.future.output == 0));
    must((index == 1) == (send.future.output == 0));
    must((index == 2) == (wait.future.output == 0));
    if (got(a, index))
        tally(SELECTS, 1);
    if (index == 0)
        note_received(a, receives);
    if (index == 1)
        note_sent(sends);
    if (index == 2)
        right(NOTES, 1);
}

/* A channel of one's own, closed while others send and receive. */

struct party {
    struct actor actor;
    trale_channel *channel;
};

static intptr_t send_until_closed(void *arg)
{
    struct party *party = arg;
    int result;

    do {
        long item = any_item(&party->actor);

        result = trale_channel_send(party->channel, &item);
        if (result == 0)
            note_sent(item);
    } while (result == 0);
    must(result == -EPIPE || result == -ECANCELED);
    return 0;
}

static intptr_t receive_until_closed(void *arg)
{
    struct party *party = arg;
    long item = 0;
    int result;

    while ((result = trale_channel_recv(party->channel, &item)) == 0)
        note_received(&party->actor, item);
    must(result == -EPIPE || result == -ECANCELED);
    return 0;
}

void act_own_channel(struct actor *a)
{
    struct party party = {*a, NULL}, other;
    trale_scope shield;
    trale_group group = {0};
    long item;

    must(trale_channel_new(&party.channel, sizeof(long), draw(a, 5)) == 0);
    other = party;
    other.actor.random ^= 0x5555;
    must(trale_group_spawn(&group, send_until_closed, &party) == 0);
    must(trale_group_spawn(&group, receive_until_closed, &other) == 0);
    for (uint32_t n = draw(a, 20); n > 0; n--)
        trale_yield();
    must(trale_channel_close(party.channel) == 0);
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    must(trale_group_wait(&group) == 0);
    trale_scope_leave(&shield);
    while (trale_channel_try_recv(party.channel, &item) == 0)
        note_received(a, item);
    trale_channel_free(party.channel);
}

/* Numbered items: who subscribes knows which comes next. */

static pthread_mutex_t numbering = PTHREAD_MUTEX_INITIALIZER;
static long broadcasts, values;

static void send_numbered(bool broadcast)
{
    pthread_mutex_lock(&numbering);
    if (broadcast) {
        broadcasts++;
        must(trale_broadcast_send(arena.broadcast, &broadcasts) == 0);
    } else {
        values++;
        must(trale_watch_set(arena.watch, &values) == 0);
    }
    pthread_mutex_unlock(&numbering);
}

void act_broadcast(struct actor *a)
{
    long item = 0, before = 0;
    uint64_t cursor;
    int missed;

    if (chance(a, 2)) {
        send_numbered(true);
        return;
    }
    must(trale_broadcast_subscribe(arena.broadcast, &cursor) == 0);
    for (uint32_t n = 1 + draw(a, 4); n > 0; n--) {
        missed = trale_broadcast_recv(arena.broadcast, &cursor, &item);
        if (!got(a, missed))
            return;
        must(before == 0 || item == before + missed + 1);
        before = item;
    }
}

void act_watch(struct actor *a)
{
    long value = 0, before = 0;
    uint64_t seen = 0;

    if (chance(a, 2)) {
        send_numbered(false);
        return;
    }
    for (uint32_t n = 1 + draw(a, 3); n > 0; n--) {
        if (!got(a, trale_watch_wait(arena.watch, &seen, &value)))
            return;
        must(value > before);
        before = value;
    }
}
