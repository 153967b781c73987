/* Streams: reading and writing once, and what is there or not. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seed.h"
#include "settle.h"
#include "streams.h"
#include "wait_task.h"

typedef void opener(trale_io *ends[2]);

static opener *const kinds[] = {open_pipe, open_sockets, open_tcp};

/* The test, on each kind from the first: 0 is the pipe. */
#define EACH_KIND(name, first) \
    START_TEST(name) \
    { \
        for (int kind = (first); kind < 3; kind++) \
            name##_there(kinds[kind]); \
    } \
    END_TEST

static void what_is_written_is_read_there(opener *open_ends)
{
    char buffer[16];
    trale_io *ends[2];
    open_ends(ends);
    ck_assert_int_eq(trale_write(ends[1], "hello", 5), 5);
    ck_assert_int_eq(trale_write(ends[1], "you", 3), 3);
    ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 8);
    ck_assert_mem_eq(buffer, "helloyou", 8);
    ck_assert_int_eq(join(spawn_write(ends[1], "again", 5)), 5);
    ck_assert_int_eq(join(spawn_read(ends[0], buffer, 2)), 2);
    ck_assert_int_eq(
        join(spawn_transfer(&(struct transfer){trale_read, ends[0], buffer + 2, 14})), 3);
    ck_assert_mem_eq(buffer, "again", 5);
    close_both(ends);
}
EACH_KIND(what_is_written_is_read, 0)

static void a_reader_waits_for_the_first_byte_there(opener *open_ends)
{
    char buffer[16];
    trale_io *ends[2];
    open_ends(ends);
    for (int i = 0; i < 50; i++) {
        struct transfer t = {trale_read, ends[0], buffer, sizeof buffer};
        trale_task *task = i % 2 ? spawn_transfer(&t) : spawn_read(ends[0], buffer, 16);
        if (i % 3)
            settle();
        ck_assert_int_eq(trale_write(ends[1], "x", 1), 1);
        ck_assert_int_eq(join(task), 1);
    }
    for (int i = 0; i < 50; i++) { /* a plain thread waits, a task writes */
        trale_task *task = spawn_write(ends[1], "x", 1);
        ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 1);
        ck_assert_int_eq(join(task), 1);
    }
    close_both(ends);
}
EACH_KIND(a_reader_waits_for_the_first_byte, 0)

static void a_writer_waits_for_room_there(opener *open_ends)
{
    enum { SIZE = 8 << 20 };
    char *bytes = calloc(1, SIZE);
    trale_io *ends[2];
    open_ends(ends);
    ssize_t n = trale_write(ends[1], bytes, SIZE); /* a short write */
    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, SIZE);
    for (int i = 0; i < 10; i++) {
        struct transfer t = {call_write, ends[1], bytes, SIZE};
        fill(trale_io_fd(ends[1]));
        trale_task *task = i % 2 ? spawn_transfer(&t) : spawn_write(ends[1], bytes, SIZE);
        settle();
        drain(trale_io_fd(ends[0]));
        n = join(task);
        ck_assert_int_gt(n, 0);
        ck_assert_int_lt(n, SIZE);
    }
    close_both(ends);
    free(bytes);
}
EACH_KIND(a_writer_waits_for_room, 0)

static void the_end_is_told_again_and_again_there(opener *open_ends)
{
    char buffer[4];
    trale_io *ends[2];
    open_ends(ends);
    trale_task *task = spawn_read(ends[0], buffer, sizeof buffer);
    settle();
    trale_close(ends[1]);
    ck_assert_int_eq(join(task), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 0);
        ck_assert_int_eq(trale_read_full(ends[0], buffer, sizeof buffer), 0);
        ck_assert_int_eq(join(spawn_read(ends[0], buffer, sizeof buffer)), 0);
    }
    trale_close(ends[0]);
}
EACH_KIND(the_end_is_told_again_and_again, 0)

static void size_0_is_0_at_once_whatever_is_there_there(opener *open_ends)
{
    char buffer[16];
    trale_io *ends[2];
    open_ends(ends);
    ck_assert_int_eq(trale_write(ends[1], "abc", 3), 3);
    for (int i = 0; i < 2; i++) { /* something there; nothing, and the library knows it */
        ck_assert_int_eq(trale_read(ends[0], buffer, 0), 0);
        ck_assert_int_eq(trale_read(ends[0], NULL, 0), 0);
        ck_assert_int_eq(trale_read_full(ends[0], NULL, 0), 0);
        ck_assert_int_eq(trale_readv(ends[0], NULL, 0), 0);
        if (i == 0)
            ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 3);
    }
    for (int i = 0; i < 2; i++) { /* room; none */
        ck_assert_int_eq(trale_write(ends[1], buffer, 0), 0);
        ck_assert_int_eq(trale_write(ends[1], NULL, 0), 0);
        ck_assert_int_eq(trale_write_all(ends[1], NULL, 0), 0);
        ck_assert_int_eq(trale_writev(ends[1], NULL, 0), 0);
        fill(trale_io_fd(ends[1]));
        trale_task *task = spawn_write(ends[1], "x", 1);
        settle();
        trale_cancel(task);
        join(task);
    }
    close_both(ends);
}
EACH_KIND(size_0_is_0_at_once_whatever_is_there, 0)

START_TEST(an_eventfd_is_read_and_written)
{
    uint64_t count = 3;
    trale_io *io = open_io(eventfd(0, EFD_CLOEXEC));
    trale_task *task = spawn_read(io, &count, sizeof count);
    settle();
    uint64_t five = 5;
    ck_assert_int_eq(trale_write(io, &five, sizeof five), sizeof five);
    ck_assert_int_eq(join(task), sizeof count);
    ck_assert_uint_eq(count, 5);
    uint64_t most = UINT64_MAX - 1, one = 1;
    ck_assert_int_eq(trale_write(io, &most, sizeof most), sizeof most);
    task = spawn_write(io, &one, sizeof one); /* full: waits */
    settle();
    ck_assert_int_eq(trale_read(io, &count, sizeof count), sizeof count);
    ck_assert_uint_eq(count, most);
    ck_assert_int_eq(join(task), sizeof one);
    ck_assert_int_eq(trale_read(io, &count, 4), -EINVAL); /* too small, eventfd(2) */
    ck_assert_int_eq(trale_close(io), 0);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    char b[4] = "";
    struct iovec iov = {b, sizeof b};
    trale_io *ends[2];
    open_pipe(ends);
    ck_assert_int_eq(trale_read(NULL, b, sizeof b), -EINVAL);
    ck_assert_int_eq(trale_write(NULL, b, sizeof b), -EINVAL);
    ck_assert_int_eq(trale_read(ends[0], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_write(ends[1], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_read_full(NULL, b, sizeof b), -EINVAL);
    ck_assert_int_eq(trale_write_all(NULL, b, sizeof b), -EINVAL);
    ck_assert_int_eq(trale_read_full(ends[0], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_write_all(ends[1], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_readv(NULL, &iov, 1), -EINVAL);
    ck_assert_int_eq(trale_writev(NULL, &iov, 1), -EINVAL);
    ck_assert_int_eq(trale_readv(ends[0], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_writev(ends[1], NULL, 1), -EINVAL);
    ck_assert_int_eq(trale_readv(ends[0], &iov, -1), -EINVAL);
    ck_assert_int_eq(trale_writev(ends[1], &iov, -1), -EINVAL);
    ck_assert_int_eq(join(spawn_read(NULL, b, 1)), -EINVAL);
    ck_assert_int_eq(join(spawn_write_all(NULL, b, 1)), -EINVAL);
    ck_assert_int_eq(trale_close(NULL), -EINVAL);
    ck_assert_int_eq(trale_write(ends[0], b, 1), -EBADF); /* write(2): open for reading only */
    ck_assert_int_eq(trale_read(ends[1], b, 1), -EBADF);
    close_both(ends);
}
END_TEST

static void several_buffers_are_gathered_and_scattered_there(opener *open_ends)
{
    char one[4] = "", two[4] = "", three[8] = "";
    struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cdefg", 5}, {"h", 1}};
    struct iovec in[] = {{one, 3}, {two, 4}, {NULL, 0}, {three, 8}};
    trale_io *ends[2];
    open_ends(ends);
    ck_assert_int_eq(trale_writev(ends[1], out, 4), 8);
    ck_assert_int_eq(trale_readv(ends[0], in, 4), 8);
    ck_assert_mem_eq(one, "abc", 3);
    ck_assert_mem_eq(two, "defg", 4);
    ck_assert_mem_eq(three, "h", 2);
    trale_readv_future f;
    trale_task *task;
    trale_readv_init(&f, ends[0], in, 2);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    settle();
    ck_assert_int_eq(trale_writev(ends[1], out, 1), 2);
    ck_assert_int_eq(join(task), 2);
    trale_writev_future g;
    fill(trale_io_fd(ends[1]));
    trale_writev_init(&g, ends[1], out, 4);
    ck_assert_int_eq(trale_spawn_future(&task, &g.future, sizeof g), 0);
    settle();
    drain(trale_io_fd(ends[0]));
    ck_assert_int_eq(join(task), 8);
    close_both(ends);
}
EACH_KIND(several_buffers_are_gathered_and_scattered, 0)

#define MOST 1024 /* IOV_MAX */

static void there_are_at_most_iov_max_buffers_there(opener *open_ends)
{
    static char bytes[MOST + 1], got[MOST + 1];
    struct iovec out[MOST + 1], in[MOST + 1];
    trale_io *ends[2];
    open_ends(ends);
    for (int i = 0; i <= MOST; i++) {
        bytes[i] = (char)i;
        out[i] = (struct iovec){&bytes[i], 1};
        in[i] = (struct iovec){&got[i], 1};
    }
    ck_assert_int_eq(trale_writev(ends[1], out, MOST + 1), -EINVAL);
    ck_assert_int_eq(trale_writev(ends[1], out, INT_MAX), -EINVAL);
    ck_assert_int_eq(trale_writev(ends[1], out, MOST), MOST);
    ck_assert_int_eq(trale_readv(ends[0], in, MOST + 1), -EINVAL);
    ck_assert_int_eq(trale_readv(ends[0], in, INT_MIN), -EINVAL);
    ck_assert_int_eq(trale_readv(ends[0], in, MOST), MOST);
    ck_assert_mem_eq(got, bytes, MOST);
    close_both(ends);
}
EACH_KIND(there_are_at_most_iov_max_buffers, 0)

static void one_direction_is_closed_the_other_goes_on_there(opener *open_ends)
{
    char buffer[8];
    trale_io *ends[2];
    open_ends(ends);
    trale_task *task = spawn_read(ends[0], buffer, sizeof buffer);
    settle();
    ck_assert_int_eq(trale_shutdown(ends[1], SHUT_WR), 0);
    ck_assert_int_eq(join(task), 0);
    ck_assert_int_eq(trale_write(ends[1], "x", 1), -EPIPE);
    for (int i = 0; i < 5; i++) {
        task = spawn_read(ends[1], buffer, sizeof buffer);
        settle();
        ck_assert_int_eq(trale_write(ends[0], "back", 4), 4);
        ck_assert_int_eq(join(task), 4);
        ck_assert_mem_eq(buffer, "back", 4);
    }
    ck_assert_int_eq(trale_shutdown(ends[0], SHUT_WR), 0);
    ck_assert_int_eq(trale_read(ends[1], buffer, sizeof buffer), 0);
    close_both(ends);
}
EACH_KIND(one_direction_is_closed_the_other_goes_on, 1)

/* The reader's buffers fit the message exactly, are larger, or smaller. */
static intptr_t read_to_the_end(void *arg)
{
    const struct transfer *t = arg;
    char buffer[256];
    intptr_t sum = 0;
    ssize_t n;
    while ((n = trale_read(t->io, buffer, t->size)) > 0)
        sum += n;
    return n < 0 ? n : sum;
}

static void data_and_the_end_come_at_once_there(opener *open_ends)
{
    uint64_t seed = test_seed();
    long rounds = test_scale(2000);
    for (long i = 0; i < rounds; i++) {
        static char bytes[128];
        struct hold hold = HOLD;
        trale_io *ends[2];
        size_t size = 1 + random_below(&seed, sizeof bytes);
        uint32_t how = random_below(&seed, 3), first = random_below(&seed, 3);
        open_ends(ends);
        struct transfer t = {NULL, ends[0], NULL, size};
        t.size = how == 0 ? size : how == 1 ? size + 1 + random_below(&seed, 100) : 1 + size / 2;
        trale_task *task;
        ck_assert_int_eq(trale_spawn(&task, read_to_the_end, &t), 0);
        if (first) /* it waits already */
            settle();
        if (first == 2)
            hold_executor(&hold);
        ck_assert_int_eq(trale_write(ends[1], bytes, size), size);
        trale_close(ends[1]);
        if (first == 2)
            release_executor(&hold);
        ck_assert_int_eq(join(task), size);
        trale_close(ends[0]);
    }
}
EACH_KIND(data_and_the_end_come_at_once, 0)

static void a_cancelled_reader_takes_nothing_there(opener *open_ends)
{
    char taken[8], buffer[8];
    trale_io *ends[2];
    open_ends(ends);
    for (int i = 0; i < 500; i++) {
        struct transfer t = {trale_read, ends[0], taken, sizeof taken};
        trale_task *task = i % 2 ? spawn_transfer(&t) : spawn_read(ends[0], taken, 8);
        if (i % 3)
            settle();
        if (i % 5 == 0) { /* before the data */
            memset(taken, '#', sizeof taken);
            trale_cancel(task);
            ck_assert_int_eq(join(task), -ECANCELED);
            ck_assert_int_eq(taken[0], '#');
        }
        ck_assert_int_eq(trale_write(ends[1], "once", 4), 4);
        if (i % 5) { /* at the same time */
            trale_cancel(task);
            intptr_t result = join(task);
            ck_assert(result == 4 || result == -ECANCELED);
            if (result == 4)
                continue;
        }
        ck_assert_int_eq(trale_read(ends[0], buffer, sizeof buffer), 4);
        ck_assert_mem_eq(buffer, "once", 4);
    }
    close_both(ends);
}
EACH_KIND(a_cancelled_reader_takes_nothing, 0)

TEST_MAIN_WITH(NULL, free_default_runtime, "stream", what_is_written_is_read,
               a_reader_waits_for_the_first_byte, a_writer_waits_for_room,
               the_end_is_told_again_and_again, size_0_is_0_at_once_whatever_is_there,
               an_eventfd_is_read_and_written, bad_arguments_are_refused,
               several_buffers_are_gathered_and_scattered, there_are_at_most_iov_max_buffers,
               one_direction_is_closed_the_other_goes_on, data_and_the_end_come_at_once,
               a_cancelled_reader_takes_nothing)
