#include "traffic.h"

#include <errno.h>

#include "settle.h"
#include "streams.h"
#include "suite.h"

struct player {
    struct traffic *traffic;
    trale_io *io;
};

static intptr_t ping(void *arg)
{
    const struct player *player = arg;
    intptr_t result = 0;
    for (uint64_t sent = 0, got = 0; result == 0 && !atomic_load(&player->traffic->stop);
         sent++) {
        if (trale_write_all(player->io, &sent, sizeof sent) != sizeof sent ||
            trale_read_full(player->io, &got, sizeof got) != sizeof got || got != sent)
            result = -EPROTO;
        atomic_fetch_add(&player->traffic->rounds, 1);
        if (sent % 16 == 0)
            trale_sleep(100 * TRALE_US); /* leaves the others some time */
    }
    trale_close(player->io);
    return result;
}

static intptr_t pong(void *arg)
{
    const struct player *player = arg;
    uint64_t ball;
    ssize_t n;
    while ((n = trale_read_full(player->io, &ball, sizeof ball)) == sizeof ball)
        if (trale_write_all(player->io, &ball, sizeof ball) != sizeof ball)
            break;
    trale_close(player->io);
    return n == 0 ? 0 : -EPROTO;
}

void start_traffic(struct traffic *traffic)
{
    for (int i = 0; i < 2 * traffic->pairs; i += 2) {
        trale_io *ends[2];
        open_sockets(ends);
        struct player one = {traffic, ends[0]}, other = {traffic, ends[1]};
        ck_assert_int_eq(trale_spawn_copy(&traffic->tasks[i], ping, &one, sizeof one), 0);
        ck_assert_int_eq(trale_spawn_copy(&traffic->tasks[i + 1], pong, &other, sizeof other), 0);
    }
}

void stop_traffic(struct traffic *traffic)
{
    atomic_store(&traffic->stop, true);
    for (int i = 0; i < 2 * traffic->pairs; i++)
        ck_assert_int_eq(join(traffic->tasks[i]), 0);
}
