/* Acts on descriptors that all share, and on streams of one's own. */
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

trale_io *adopt(int fd)
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
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
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

void make_pair(trale_io **ends)
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

bool listen_somewhere(struct actor *a, trale_io **listener, char *endpoint, bool tcp)
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
