/* Streams: all of it, byte for byte; what was moved when it ends early. */
#include "suite.h"

#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "seed.h"
#include "settle.h"
#include "streams.h"
#include "wait_task.h"

#define MIB (1l << 20)

/* Bytes that tell where they belong. */
static char *pattern(size_t size, uint64_t seed)
{
    char *bytes = malloc(size);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i += sizeof seed) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(bytes + i, &seed, size - i < sizeof seed ? size - i : sizeof seed);
    }
    return bytes;
}

/* Reads all in pieces of at most chunk bytes, of random size if seed is not 0. */
struct reader {
    trale_io *io;
    char *buffer;
    size_t size, chunk;
    uint64_t seed;
};

static intptr_t read_in_chunks(void *arg)
{
    struct reader *r = arg;
    size_t got = 0;
    while (got < r->size) {
        size_t want = r->seed ? 1 + random_below(&r->seed, (uint32_t)r->chunk) : r->chunk;
        if (want > r->size - got)
            want = r->size - got;
        ssize_t n = trale_read(r->io, r->buffer + got, want);
        if (n <= 0)
            return n;
        got += (size_t)n;
    }
    return (intptr_t)got;
}

static intptr_t read_fully(void *arg)
{
    const struct reader *r = arg;
    return trale_read_full(r->io, r->buffer, r->size);
}

/* In a fiber there, in a stackless task here, one in each direction. */
static void both_ways(void (*open_ends)(trale_io *ends[2]), trale_fn *read, size_t size,
                      size_t chunk, uint64_t seed)
{
    char *sent[2], *got[2];
    trale_io *ends[2];
    trale_task *readers[2], *writers[2];
    open_ends(ends);
    for (int i = 0; i < 2; i++) {
        sent[i] = pattern(size, seed + (uint64_t)i);
        got[i] = malloc(size);
        struct reader r = {ends[!i], got[i], size, chunk, seed ? seed + (uint64_t)i : 0};
        ck_assert_int_eq(trale_spawn_copy(&readers[i], read, &r, sizeof r), 0);
        writers[i] = spawn_write_all(ends[i], sent[i], size);
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(join(writers[i]), (intptr_t)size);
        ck_assert_int_eq(join(readers[i]), (intptr_t)size);
        ck_assert_int_eq(memcmp(sent[i], got[i], size), 0);
        free(sent[i]);
        free(got[i]);
    }
    close_both(ends);
}

START_TEST(sixty_four_megabytes_in_one_call_each)
{
    both_ways(open_sockets, read_fully, (size_t)test_scale(64 * MIB), 0, 0);
    both_ways(open_tcp, read_fully, (size_t)test_scale(64 * MIB), 0, 0);
}
END_TEST

START_TEST(sixty_four_megabytes_in_odd_chunks)
{
    uint64_t seed = test_seed();
    both_ways(open_sockets, read_in_chunks, (size_t)test_scale(64 * MIB), 99991, seed);
    both_ways(open_tcp, read_in_chunks, (size_t)test_scale(64 * MIB), 99991, seed);
    both_ways(open_tcp, read_in_chunks, (size_t)test_scale(16 * MIB), 4093, 0);
}
END_TEST

START_TEST(byte_by_byte)
{
    both_ways(open_sockets, read_in_chunks, (size_t)test_scale(MIB), 1, 0);
    both_ways(open_tcp, read_in_chunks, (size_t)test_scale(MIB), 1, 0);
}
END_TEST

static void *write_on_a_thread(void *arg)
{
    const struct reader *r = arg;
    return (void *)trale_write_all(r->io, r->buffer, r->size);
}

START_TEST(plain_threads_at_both_ends)
{
    size_t size = (size_t)test_scale(64 * MIB);
    char *sent = pattern(size, 1), *got = malloc(size);
    for (int kind = 0; kind < 3; kind++) {
        trale_io *ends[2];
        pthread_t thread;
        void *written;
        (kind == 0 ? open_pipe : kind == 1 ? open_sockets : open_tcp)(ends);
        struct reader r = {.io = ends[1], .buffer = sent, .size = size};
        memset(got, 0, size);
        ck_assert_int_eq(pthread_create(&thread, NULL, write_on_a_thread, &r), 0);
        ck_assert_int_eq(trale_read_full(ends[0], got, size), (intptr_t)size);
        ck_assert_int_eq(pthread_join(thread, &written), 0);
        ck_assert_int_eq((intptr_t)written, (intptr_t)size);
        ck_assert_int_eq(memcmp(sent, got, size), 0);
        close_both(ends);
    }
    free(sent);
    free(got);
}
END_TEST

/* Until a task has read, at ends[0], all that was written at ends[1], and waits for more. */
static void await_read(trale_io *ends[2])
{
    int sent, there;
    do {
        settle();
        ck_assert_int_eq(ioctl(trale_io_fd(ends[1]), SIOCOUTQ, &sent), 0);
        ck_assert_int_eq(ioctl(trale_io_fd(ends[0]), FIONREAD, &there), 0);
    } while (sent > 0 || there > 0);
    settle();
}

START_TEST(the_end_comes_before_the_size)
{
    for (int i = 0; i < 6; i++) {
        char buffer[100] = "";
        trale_io *ends[2];
        (i % 2 ? open_sockets : open_tcp)(ends);
        trale_task *task = spawn_read_full(ends[0], buffer, sizeof buffer);
        if (i < 4)
            settle();
        ck_assert_int_eq(trale_write_all(ends[1], "abc", 3), 3);
        if (i < 2)
            settle();
        ck_assert_int_eq(trale_write_all(ends[1], "de", 2), 2);
        trale_close(ends[1]);
        ck_assert_int_eq(join(task), 5);
        ck_assert_str_eq(buffer, "abcde");
        ck_assert_int_eq(trale_read_full(ends[0], buffer, sizeof buffer), 0);
        trale_close(ends[0]);
    }
}
END_TEST

/* The count first, then the error. */
START_TEST(a_reset_after_bytes_is_told_by_the_next_read)
{
    for (int i = 0; i < 6; i++) {
        char buffer[100];
        trale_io *ends[2];
        open_tcp(ends);
        trale_task *task = spawn_read_full(ends[0], buffer, sizeof buffer);
        settle();
        ck_assert_int_eq(trale_write(ends[1], "abcde", 5), 5);
        await_read(ends); /* a reset throws away what was not */
        close_with_reset(ends[1]);
        ck_assert_int_eq(join(task), 5);
        ck_assert_int_eq(trale_read(ends[0], NULL, 0), 0);
        if (i % 3 == 0)
            ck_assert_int_eq(trale_read_full(ends[0], buffer, sizeof buffer), -ECONNRESET);
        else if (i % 3 == 1)
            ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), -ECONNRESET);
        else
            ck_assert_int_eq(trale_recvfrom(ends[0], buffer, sizeof buffer, NULL), -ECONNRESET);
        trale_close(ends[0]);
    }
}
END_TEST

/* Fills the connection and goes on waiting; returns how much went out. */
static trale_task *write_more_than_fits(trale_io *io, char *bytes, size_t size, bool fiber)
{
    struct transfer t = {call_write_all, io, bytes, size};
    trale_task *task = fiber ? spawn_transfer(&t) : spawn_write_all(io, bytes, size);
    settle();
    return task;
}

START_TEST(a_reset_after_bytes_is_told_by_the_next_write)
{
    size_t size = 64 * MIB;
    char *bytes = calloc(1, size), some[1000];
    for (int i = 0; i < 2; i++) {
        trale_io *ends[2];
        open_tcp(ends);
        trale_task *task = write_more_than_fits(ends[0], bytes, size, i);
        ck_assert_int_gt(trale_read(ends[1], some, sizeof some), 0);
        close_with_reset(ends[1]);
        intptr_t n = join(task);
        ck_assert_int_gt(n, 0);
        ck_assert_int_lt(n, (intptr_t)size);
        ck_assert_int_eq(trale_write_all(ends[0], bytes, size), -ECONNRESET);
        ck_assert_int_eq(trale_write_all(ends[0], bytes, size), -EPIPE);
        trale_close(ends[0]);
    }
    free(bytes);
}
END_TEST

START_TEST(a_reader_that_leaves_after_bytes_is_told_by_the_next_write)
{
    size_t size = 8 * MIB;
    char *bytes = calloc(1, size), some[1000];
    for (int i = 0; i < 4; i++) {
        trale_io *ends[2];
        (i % 2 ? open_sockets : open_pipe)(ends);
        trale_task *task = write_more_than_fits(ends[1], bytes, size, i >= 2);
        ck_assert_int_gt(trale_read(ends[0], some, sizeof some), 0);
        trale_read_full(ends[0], some, sizeof some);
        trale_close(ends[0]);
        intptr_t n = join(task);
        ck_assert_int_gt(n, 0);
        ck_assert_int_lt(n, (intptr_t)size);
        intptr_t error = trale_write_all(ends[1], bytes, size);
        ck_assert(error == -EPIPE || (i % 2 && error == -ECONNRESET));
        ck_assert_int_eq(trale_write_all(ends[1], bytes, size), -EPIPE);
        trale_close(ends[1]);
    }
    free(bytes);
}
END_TEST

START_TEST(cancelled_in_the_middle_it_tells_what_was_moved)
{
    for (int i = 0; i < 8; i++) {
        char *bytes = pattern(8 * MIB, 3), *got = calloc(1, 8 * MIB);
        trale_io *ends[2];
        (i % 2 ? open_sockets : open_tcp)(ends);
        trale_task *task = write_more_than_fits(ends[1], bytes, 8 * MIB, i >= 4);
        trale_cancel(task);
        intptr_t n = join(task);
        ck_assert_int_gt(n, 0);
        ck_assert_int_lt(n, 8 * MIB);

        struct transfer t = {trale_read_full, ends[0], got, (size_t)n + 1};
        task = i >= 4 ? spawn_transfer(&t) : spawn_read_full(ends[0], got, t.size);
        await_read(ends);
        trale_cancel(task);
        ck_assert_int_eq(join(task), n);
        ck_assert_int_eq(memcmp(bytes, got, (size_t)n), 0);
        ck_assert_int_eq(trale_write(ends[1], "next", 4), 4); /* the stream goes on there */
        ck_assert_int_eq(trale_read_full(ends[0], got, 4), 4);
        ck_assert_mem_eq(got, "next", 4);
        close_both(ends);
        free(bytes);
        free(got);
    }
}
END_TEST

START_TEST(cancelled_before_a_byte_it_is_cancelled)
{
    char buffer[4];
    trale_io *ends[2];
    open_sockets(ends);
    for (int i = 0; i < 4; i++) {
        struct transfer t = {trale_read_full, ends[0], buffer, sizeof buffer};
        trale_task *task =
            i % 2 ? spawn_transfer(&t) : spawn_read_full(ends[0], buffer, sizeof buffer);
        if (i >= 2)
            settle();
        trale_cancel(task);
        ck_assert_int_eq(join(task), -ECANCELED);
    }
    fill(trale_io_fd(ends[1]));
    trale_task *task = spawn_write_all(ends[1], "x", 1);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    close_both(ends);
}
END_TEST

/* Four tasks write their own byte, four read: each byte comes out as often as it went in. */
struct share {
    trale_io *io;
    char byte;
    long seen[4];
};

static intptr_t write_share(void *arg)
{
    const struct share *s = arg;
    char bytes[333];
    memset(bytes, s->byte, sizeof bytes);
    for (int i = 0; i < 300; i++)
        if (trale_write_all(s->io, bytes, sizeof bytes) != sizeof bytes)
            return -1;
    return 0;
}

static intptr_t read_share(void *arg)
{
    struct share *s = arg;
    char bytes[1001];
    ssize_t n;
    while ((n = trale_read(s->io, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            s->seen[(int)bytes[i]]++;
    return n;
}

START_TEST(several_readers_and_several_writers_share_one_connection)
{
    for (int kind = 0; kind < 3; kind++) {
        struct share writers[4] = {0}, readers[4] = {0};
        trale_task *writing[4], *reading[4];
        trale_io *ends[2];
        (kind == 0 ? open_pipe : kind == 1 ? open_sockets : open_tcp)(ends);
        for (int i = 0; i < 4; i++) {
            writers[i] = (struct share){.io = ends[1], .byte = (char)i};
            readers[i].io = ends[0];
            ck_assert_int_eq(trale_spawn(&reading[i], read_share, &readers[i]), 0);
            ck_assert_int_eq(trale_spawn(&writing[i], write_share, &writers[i]), 0);
        }
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(join(writing[i]), 0);
        trale_close(ends[1]);
        long seen[4] = {0};
        for (int i = 0; i < 4; i++) {
            ck_assert_int_eq(join(reading[i]), 0);
            for (int j = 0; j < 4; j++)
                seen[j] += readers[i].seen[j];
        }
        for (int j = 0; j < 4; j++)
            ck_assert_int_eq(seen[j], 300 * 333);
        trale_close(ends[0]);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "stream_all", sixty_four_megabytes_in_one_call_each,
               sixty_four_megabytes_in_odd_chunks, byte_by_byte, plain_threads_at_both_ends,
               the_end_comes_before_the_size, a_reset_after_bytes_is_told_by_the_next_read,
               a_reset_after_bytes_is_told_by_the_next_write,
               a_reader_that_leaves_after_bytes_is_told_by_the_next_write,
               cancelled_in_the_middle_it_tells_what_was_moved,
               cancelled_before_a_byte_it_is_cancelled,
               several_readers_and_several_writers_share_one_connection)
