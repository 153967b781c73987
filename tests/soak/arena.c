/* What they meet at: opened before a round, emptied and closed after it. */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

struct arena arena;

static void open_io(void)
{
    int ends[2];

    must(pipe2(ends, O_CLOEXEC) == 0);
    must(trale_io_open(&arena.reading, ends[0]) == 0);
    must(trale_io_open(&arena.writing, ends[1]) == 0);
    must(trale_udp_bind(&arena.udp, "127.0.0.1:0") == 0);
    must(trale_addr_local(arena.udp, &arena.udp_address) == 0);
    opened(arena.reading);
    opened(arena.writing);
    opened(arena.udp);
}

static void open_runtimes(struct actor *a)
{
    for (int i = 0; i < RUNTIME_COUNT; i++) {
        trale_config config = {.executors = i == 0 ? 2 + draw(a, 3) : 1 + draw(a, 2)};

        must(trale_runtime_new(&arena.runtimes[i], &config) == 0);
        left(RUNTIMES, 1);
    }
}

void arena_open(uint64_t seed, bool timeless)
{
    static const size_t capacities[CHANNELS] = {0, 1, 8};
    struct actor a = {.random = seed};

    memset(&arena, 0, sizeof arena);
    arena.barrier.parties = 3;
    must(trale_semaphore_release(&arena.semaphore, PERMIT_COUNT) == 0);
    for (int i = 0; i < CHANNELS; i++)
        must(trale_channel_new(&arena.channels[i], sizeof(long), capacities[i]) == 0);
    must(trale_broadcast_new(&arena.broadcast, sizeof(long), 4) == 0);
    must(trale_watch_new(&arena.watch, sizeof(long)) == 0);
    if (timeless)
        return;
    open_io();
    open_runtimes(&a);
}

static void empty_io(void)
{
    long record;

    while (read(trale_io_fd(arena.reading), &record, sizeof record) == sizeof record) {
        right(RECORDS, 1);
        right(RECORD_SUM, record);
    }
    while (recv(trale_io_fd(arena.udp), &record, sizeof record, 0) == sizeof record) {
        right(DATAGRAMS, 1);
        right(DATAGRAM_SUM, record);
    }
}

void arena_settle(void)
{
    struct actor nobody = {0};
    long item;

    while (trale_event_try_wait(&arena.event) == 0)
        right(NOTES, 1);
    for (int i = 0; i < CHANNELS; i++)
        while (trale_channel_try_recv(arena.channels[i], &item) == 0)
            note_received(&nobody, item);
    left(GUARDED, arena.guarded);
    must(trale_semaphore_try_acquire(&arena.semaphore, PERMIT_COUNT) == 0);
    must(trale_semaphore_try_acquire(&arena.semaphore, 1) == -EAGAIN);
    must(trale_mutex_trylock(&arena.mutex) == 0 && trale_mutex_unlock(&arena.mutex) == 0);
    must(trale_rwlock_trywrlock(&arena.rwlock) == 0);
    if (arena.reading)
        empty_io();
}

/* No task is left, no timer armed, no descriptor registered but by who is to be closed. */
static void check_metrics(const trale_runtime *runtime)
{
    trale_metrics metrics;

    must(trale_metrics_read(runtime, &metrics) == 0);
    must(metrics.tasks == 0 && metrics.timers == 0 && metrics.fds == 0);
}

void arena_close(bool timeless)
{
    for (int i = 0; i < CHANNELS; i++)
        trale_channel_free(arena.channels[i]);
    trale_broadcast_free(arena.broadcast);
    trale_watch_free(arena.watch);
    if (timeless)
        return;
    closed(arena.reading);
    closed(arena.writing);
    closed(arena.udp);
    for (int i = 0; i < RUNTIME_COUNT; i++) {
        must(trale_runtime_wait(arena.runtimes[i]) == 0);
        check_metrics(arena.runtimes[i]);
        must(trale_runtime_free(arena.runtimes[i], TRALE_NEVER) == 0);
        right(RUNTIMES, 1);
    }
    must(trale_runtime_wait(trale_runtime_default()) == 0);
    check_metrics(trale_runtime_default());
    must(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
}
