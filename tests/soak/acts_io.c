/* Acts on descriptors: shared ones, and ones of one's own, closed while they are waited on. */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

enum { AHEAD = 64 };

trale_io *opened(trale_io *io)
{
    left(IOS, 1);
    return io;
}

void closed(trale_io *io)
{
    right(IOS, 1);
    must(trale_close(io) == 0);
}

static trale_io *adopt(int fd)
{
    trale_io *io = NULL;

    must(trale_io_open(&io, fd) == 0);
    return opened(io);
}

/* Records are whole, for a pipe takes so few bytes at once or not at all. */
void act_record(struct actor *a)
{
    bool writes = chance(a, 2);
    long record = 1 + draw(a, 1000);
    ssize_t size = writes ? trale_write(arena.writing, &record, sizeof record)
                          : trale_read(arena.reading, &record, sizeof record);

    if (!got(a, size))
        return;
    must(size == sizeof record);
    if (writes) {
        left(RECORDS, 1);
        left(RECORD_SUM, record);
    } else {
        right(RECORDS, 1);
        right(RECORD_SUM, record);
    }
}

/* No more under way than the socket has room for, or some would be lost. */
static void throw_datagram(struct actor *a)
{
    long record = 1 + draw(a, 1000);
    ssize_t size = -ECANCELED;

    if (atomic_fetch_add(&arena.flying, 1) < AHEAD)
        size = trale_sendto(arena.udp, &record, sizeof record, &arena.udp_address);
    if (!got(a, size)) {
        atomic_fetch_sub(&arena.flying, 1);
        return;
    }
    left(DATAGRAMS, 1);
    left(DATAGRAM_SUM, record);
}

static void catch_datagram(struct actor *a)
{
    long record = 0;
    ssize_t size = trale_recvfrom(arena.udp, &record, sizeof record, NULL);

    if (!got(a, size))
        return;
    must(size == sizeof record);
    atomic_fetch_sub(&arena.flying, 1);
    right(DATAGRAMS, 1);
    right(DATAGRAM_SUM, record);
}

void act_datagram(struct actor *a)
{
    if (chance(a, 2))
        throw_datagram(a);
    else
        catch_datagram(a);
}

/* A stream between two ios: what goes in comes out, and then its end. */

struct writer {
    struct actor actor;
    trale_io *io;
    size_t size;
    ssize_t written;
};

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 256);
}

static intptr_t write_stream(void *arg)
{
    struct writer *w = arg;
    unsigned char bytes[4096];

    for (size_t i = 0; i < w->size; i++)
        bytes[i] = byte_at(i);
    w->written = trale_write_all(w->io, bytes, w->size);
    trale_shutdown(w->io, SHUT_WR);
    return 0;
}

static void check_bytes(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        must(bytes[i] == byte_at(i));
}

/* Both ends are closed at last, by who opened them. */
static void stream_between(struct actor *a, trale_io *from, trale_io *to)
{
    struct writer w = {*a, from, 1 + draw(a, 4096), 0};
    unsigned char bytes[4096];
    size_t count = 0;
    trale_scope shield;
    intptr_t result;
    trale_task *task;
    ssize_t n;

    must(trale_spawn(&task, write_stream, &w) == 0);
    left(FIBERS, 1);
    trale_scope_enter_shielded(&shield, trale_now() + 20 * TRALE_SEC);
    for (;;) {
        n = trale_read(to, bytes + count, sizeof bytes - count);
        if (n <= 0 || (count += (size_t)n) == w.size)
            break;
        if (chance(a, 4))
            trale_cancel(task); /* it has begun, so it shuts its end */
    }
    trale_scope_leave(&shield);
    result = join_always(task);
    must(n >= 0 && result == 0 && (size_t)w.written == count);
    check_bytes(bytes, count);
    right(FIBERS, 1);
    left(STREAM, w.written);
    right(STREAM, (long)count);
}

static void make_pair(trale_io **ends)
{
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    ends[0] = adopt(fds[0]);
    ends[1] = adopt(fds[1]);
}

void act_stream(struct actor *a)
{
    trale_io *ends[2];

    make_pair(ends);
    stream_between(a, ends[0], ends[1]);
    closed(ends[0]);
    closed(ends[1]);
}

/* A connection of one's own, TCP or Unix. */

static bool listen_somewhere(struct actor *a, trale_io **listener, char *endpoint, bool tcp)
{
    static atomic_uint names;
    trale_addr addr;

    if (!tcp) {
        snprintf(endpoint, TRALE_ADDR_TEXT, "@trale-soak-%d-%u", (int)getpid(),
                 atomic_fetch_add(&names, 1));
        return got(a, trale_unix_listen(listener, endpoint));
    }
    if (!got(a, trale_tcp_listen(listener, "127.0.0.1:0")))
        return false;
    must(trale_addr_local(*listener, &addr) == 0);
    must(trale_addr_format(&addr, endpoint, TRALE_ADDR_TEXT) == 0);
    return true;
}

void act_connect(struct actor *a)
{
    bool tcp = chance(a, 4), connected, accepted = false;
    trale_io *listener, *client, *server;
    char endpoint[TRALE_ADDR_TEXT];

    if (!listen_somewhere(a, &listener, endpoint, tcp))
        return;
    opened(listener);
    connected = got(a, tcp ? trale_tcp_connect(&client, endpoint)
                           : trale_unix_connect(&client, endpoint));
    if (connected) {
        opened(client);
        accepted = got(a, trale_accept(listener, &server, NULL));
    }
    if (accepted) {
        opened(server);
        stream_between(a, client, server);
        closed(server);
    }
    if (connected)
        closed(client);
    closed(listener);
}

/* Closed while others wait on it. They have begun to, see there. */

struct reader {
    trale_future future;
    trale_read_future read;
    char bytes[8];
    bool told;
    trale_event *begun;
};

static void tell_begun(struct reader *r)
{
    if (!r->told)
        trale_event_notify(r->begun);
    r->told = true;
}

static enum trale_poll reader_poll(trale_future *self, trale_context *cx)
{
    struct reader *r = (struct reader *)self;
    enum trale_poll result;

    if (!r->told)
        r->read.buffer = r->bytes; /* here it stays */
    result = trale_future_poll(&r->read.future, cx);
    self->output = r->read.future.output;
    tell_begun(r);
    return result;
}

static void reader_drop(trale_future *self)
{
    struct reader *r = (struct reader *)self;

    r->read.future.output = self->output;
    trale_future_drop(&r->read.future);
    self->output = r->read.future.output;
    right(STACKLESS, 1);
    tell_begun(r);
}

static void spawn_reader(struct actor *a, trale_task **task, trale_io *io, trale_event *begun)
{
    static const struct trale_future_ops ops = {reader_poll, reader_drop, "reader"};
    struct reader r = {.future = {.ops = &ops}, .begun = begun};
    trale_spawn_options options = anywhere(a);

    trale_read_init(&r.read, io, r.bytes, sizeof r.bytes);
    left(STACKLESS, 1);
    must(trale_spawn_future_with(task, &options, &r.future, sizeof r) == 0);
}

static void end_readers(trale_task **tasks, uint32_t count, bool wrote)
{
    for (uint32_t i = 0; i < count; i++) {
        intptr_t result = join_always(tasks[i]);

        must(result == -EBADF || result == -ECANCELED || (result == 1 && wrote));
        wrote = wrote && result != 1; /* there is one byte */
        tally(CLOSED_ON, result == -EBADF);
    }
}

void act_close(struct actor *a)
{
    trale_io *ends[2];
    trale_task *tasks[3];
    trale_event begun = {0};
    uint32_t count = 1 + draw(a, 3);
    bool writes = chance(a, 2), wrote = false;
    trale_scope shield;

    make_pair(ends);
    for (uint32_t i = 0; i < count; i++)
        spawn_reader(a, &tasks[i], ends[0], &begun);
    if (chance(a, 4))
        trale_cancel(tasks[draw(a, count)]);
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    for (uint32_t i = 0; i < count; i++)
        must(trale_event_wait(&begun) == 0);
    wrote = writes && trale_write(ends[1], "x", 1) == 1;
    trale_scope_leave(&shield);
    closed(ends[0]);
    end_readers(tasks, count, wrote);
    closed(ends[1]);
}
