/* Streams: every call in any order at both ends, ends that come one by one, peers that vanish. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "seed.h"
#include "settle.h"
#include "streams.h"
#include "wait_task.h"

#define MIB (1l << 20)

enum { MOST = 100000, PIECES = 8 };

/* One end's sender or receiver: all bytes from 0 to size, in calls of any kind and length. */
struct flow {
    trale_io *io;
    uint64_t seed;
    long size;
    bool shuts; /* when all is sent */
    char bytes[MOST];
};

/* The byte that belongs at a place of the stream. */
static char byte_at(long place)
{
    return (char)((uint64_t)place * UINT64_C(0x9e3779b97f4a7c15) >> 29);
}

/* Cuts the buffer into pieces, some of them empty. */
static int cut(struct flow *f, size_t size, struct iovec *iov)
{
    char *at = f->bytes;
    for (int i = 0; i < PIECES; i++) {
        size_t length = i + 1 < PIECES ? random_below(&f->seed, (uint32_t)size + 1) : size;
        iov[i] = (struct iovec){at, length};
        at += length;
        size -= length;
    }
    return PIECES;
}

/* One to MOST bytes, small ones as likely as large ones, and not more than are left. */
static size_t some(struct flow *f, long left)
{
    long most = random_below(&f->seed, 2) ? MOST : 16;
    long size = 1 + random_below(&f->seed, (uint32_t)most);
    return (size_t)(size < left ? size : left);
}

static intptr_t send_all(void *arg)
{
    struct flow *f = arg;
    struct iovec iov[PIECES];
    long sent = 0;
    while (sent < f->size) {
        size_t size = some(f, f->size - sent);
        uint32_t how = random_below(&f->seed, 3);
        for (size_t i = 0; i < size; i++)
            f->bytes[i] = byte_at(sent + (long)i);
        ssize_t n = how == 0   ? trale_write(f->io, f->bytes, size)
                    : how == 1 ? trale_writev(f->io, iov, cut(f, size, iov))
                               : trale_write_all(f->io, f->bytes, size);
        if (n <= 0 || (size_t)n > size || (how == 2 && (size_t)n != size))
            return n < 0 ? n : -EIO;
        sent += n;
    }
    return f->shuts && trale_shutdown(f->io, SHUT_WR) != 0 ? -EPROTO : sent;
}

/* To the end of the stream. */
static intptr_t receive_all(void *arg)
{
    struct flow *f = arg;
    struct iovec iov[PIECES];
    long got = 0;
    for (;;) {
        size_t size = some(f, MOST);
        uint32_t how = random_below(&f->seed, 3);
        ssize_t n = how == 0   ? trale_read(f->io, f->bytes, size)
                    : how == 1 ? trale_readv(f->io, iov, cut(f, size, iov))
                               : trale_read_full(f->io, f->bytes, size);
        if (n <= 0)
            return n < 0 ? n : got;
        for (ssize_t i = 0; i < n; i++)
            if (f->bytes[i] != byte_at(got + i)) {
                trale_shutdown(f->io, SHUT_RDWR); /* or the sender would wait for ever */
                return -EILSEQ;
            }
        got += n;
    }
}

static struct flow *new_flow(trale_io *io, uint64_t seed, long size)
{
    struct flow *f = malloc(sizeof *f);
    ck_assert_ptr_nonnull(f);
    f->io = io;
    f->seed = seed;
    f->size = size;
    f->shuts = true;
    return f;
}

/* Sizes may differ: then one direction ends long before the other. */
static void flow_both_ways(void (*open_ends)(trale_io *ends[2]), const long sizes[2])
{
    uint64_t seed = test_seed();
    struct flow *flows[4];
    trale_task *tasks[4];
    trale_io *ends[2];
    open_ends(ends);
    for (unsigned i = 0; i < 4; i++) {
        flows[i] = new_flow(ends[i % 2], random_fork(seed, i), sizes[i % 2]);
        ck_assert_int_eq(trale_spawn(&tasks[i], i < 2 ? send_all : receive_all, flows[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(join(tasks[i]), i < 2 ? sizes[i] : sizes[!(i % 2)]);
        free(flows[i]);
    }
    close_both(ends);
}

START_TEST(calls_of_every_kind_and_length_carry_every_byte)
{
    const long sizes[2] = {test_scale(64 * MIB), test_scale(64 * MIB)};
    flow_both_ways(open_sockets, sizes);
    flow_both_ways(open_tcp, sizes);
}
END_TEST

START_TEST(one_direction_ends_while_the_other_goes_on)
{
    const long sizes[][2] = {{0, 8 * MIB}, {8 * MIB, 1}, {100000, 8 * MIB}, {0, 0}};
    for (int i = 0; i < 4; i++) {
        const long scaled[2] = {sizes[i][0] ? test_scale(sizes[i][0]) : 0,
                                sizes[i][1] ? test_scale(sizes[i][1]) : 0};
        flow_both_ways(open_sockets, scaled);
        flow_both_ways(open_tcp, scaled);
    }
}
END_TEST

/* As many bytes as readers: each gets one, nobody is forgotten. */
START_TEST(every_waiting_reader_gets_its_byte)
{
    enum { READERS = 24 };
    for (int round = 0; round < 60; round++) {
        char bytes[READERS];
        int seen[READERS] = {0};
        trale_task *tasks[READERS];
        trale_io *ends[2];
        (round % 3 == 0 ? open_pipe : round % 3 == 1 ? open_sockets : open_tcp)(ends);
        for (int i = 0; i < READERS; i++) {
            struct transfer t = {i % 3 ? trale_read : trale_read_full, ends[0], &bytes[i], 1};
            tasks[i] = i % 2 ? spawn_transfer(&t) : spawn_read(ends[0], &bytes[i], 1);
        }
        settle();
        char all[READERS];
        for (int i = 0; i < READERS; i++)
            all[i] = (char)i;
        size_t first = (size_t)round % READERS;
        if (first)
            ck_assert_int_eq(trale_write_all(ends[1], all, first), first);
        ck_assert_int_eq(trale_write_all(ends[1], all + first, READERS - first), READERS - first);
        for (int i = 0; i < READERS; i++)
            ck_assert_int_eq(join(tasks[i]), 1);
        for (int i = 0; i < READERS; i++)
            seen[(int)bytes[i]]++;
        for (int i = 0; i < READERS; i++)
            ck_assert_int_eq(seen[i], 1);
        close_both(ends);
    }
}
END_TEST

START_TEST(every_waiting_writer_gets_its_room)
{
    enum { WRITERS = 24 };
    static char bytes[WRITERS][5000];
    for (int round = 0; round < 10; round++) {
        trale_task *tasks[WRITERS];
        long seen[WRITERS + 1] = {0}, sum = 0;
        trale_io *ends[2];
        char got[30000];
        (round % 2 ? open_sockets : open_tcp)(ends);
        fill(trale_io_fd(ends[1])); /* with zeros */
        for (int i = 0; i < WRITERS; i++) {
            struct transfer t = {call_write_all, ends[1], bytes[i], 5000};
            memset(bytes[i], i + 1, 5000);
            tasks[i] = i % 2 ? spawn_transfer(&t) : spawn_write_all(ends[1], bytes[i], 5000);
        }
        settle();
        while (sum < WRITERS * 5000) {
            ssize_t n = trale_read(ends[0], got, sizeof got);
            ck_assert_int_gt(n, 0);
            for (ssize_t i = 0; i < n; i++) {
                seen[(int)got[i]]++;
                sum += got[i] != 0;
            }
        }
        for (int i = 0; i < WRITERS; i++) {
            ck_assert_int_eq(join(tasks[i]), 5000);
            ck_assert_int_eq(seen[i + 1], 5000);
        }
        close_both(ends);
    }
}
END_TEST

/* A reset in the middle of a call of each direction: counts, and nobody hangs. */
START_TEST(a_peer_vanishes_under_a_reader_and_a_writer)
{
    enum { SIZE = 4 << 20 };
    uint64_t seed = test_seed();
    char *out = calloc(1, SIZE), *in = calloc(1, SIZE), *taken = calloc(1, SIZE);
    for (long round = test_scale(200); round > 0; round--) {
        trale_io *ends[2];
        open_tcp(ends);
        trale_task *reader = spawn_read_full(ends[0], in, SIZE);
        trale_task *writer = spawn_write_all(ends[0], out, SIZE);
        size_t size = 1 + random_below(&seed, SIZE / 4);
        trale_task *back = spawn_write_all(ends[1], out, size);
        ck_assert_int_eq(trale_read_full(ends[1], taken, size), size);
        bool cancels = random_below(&seed, 2);
        if (cancels)
            trale_cancel(back);
        intptr_t b = join(back);
        ck_assert(b == (intptr_t)size || (cancels && (b == -ECANCELED || b > 0)));
        close_with_reset(ends[1]);
        intptr_t n = join(writer), m = join(reader);
        ck_assert_int_ge(n, (intptr_t)size);
        ck_assert_int_lt(n, SIZE);
        ck_assert((m >= 0 && m < SIZE) || m == -ECONNRESET);
        /* The kernel tells of the reset once; afterwards it is an end, and a broken pipe. */
        intptr_t error = trale_write(ends[0], out, 1);
        ck_assert(error == -ECONNRESET || error == -EPIPE);
        ck_assert_int_eq(trale_write(ends[0], out, 1), -EPIPE);
        error = trale_read(ends[0], in, 1);
        ck_assert(error == -ECONNRESET || error == 0);
        ck_assert_int_eq(trale_read(ends[0], in, 1), 0);
        trale_close(ends[0]);
    }
    free(out);
    free(in);
    free(taken);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "stream_mixed",
               calls_of_every_kind_and_length_carry_every_byte,
               one_direction_ends_while_the_other_goes_on, every_waiting_reader_gets_its_byte,
               every_waiting_writer_gets_its_room, a_peer_vanishes_under_a_reader_and_a_writer)
