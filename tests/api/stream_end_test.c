/* Streams: closed or reset while somebody uses them, and short reads that do not mean "empty". */
#define _GNU_SOURCE /* pipe2 */
#include "executors.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seed.h"
#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

START_TEST(close_ends_every_reader_and_writer_once)
{
    enum { EACH = 8 };
    for (int round = 0; round < 30; round++) {
        static char bytes[EACH][16];
        trale_task *tasks[4 * EACH];
        trale_io *ends[2];
        int count = 0;
        (round % 2 ? open_sockets : open_tcp)(ends);
        fill(trale_io_fd(ends[0]));
        for (int i = 0; i < EACH; i++) {
            tasks[count++] = spawn_read(ends[0], bytes[i], 16);
            tasks[count++] = spawn_read_full(ends[0], bytes[i], 16);
            tasks[count++] = spawn_write(ends[0], "x", 1);
            tasks[count++] =
                spawn_transfer(&(struct transfer){call_write_all, ends[0], bytes[i], 16});
        }
        settle();
        ck_assert_int_eq(trale_close(ends[0]), 0);
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(join(tasks[i]), -EBADF);
        trale_close(ends[1]);
    }
}
END_TEST

static intptr_t accept_one(void *listener)
{
    trale_io *io = NULL;
    return trale_accept(listener, &io, NULL);
}

START_TEST(close_ends_every_acceptor_once)
{
    char endpoint[TRALE_ADDR_TEXT];
    for (int round = 0; round < 30; round++) {
        trale_task *tasks[10];
        trale_io *listener = listen_any(endpoint), *io;
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(trale_spawn(&tasks[i], accept_one, listener), 0);
        settle();
        trale_close(listener);
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(join(tasks[i]), -EBADF);
        ck_assert_int_eq(trale_tcp_connect(&io, endpoint), -ECONNREFUSED);
    }
}
END_TEST

struct on_thread {
    trale_io *io;
    struct gate begins;
    ssize_t result;
    long good;
};

/* Its first poll reads a byte: then the call has begun, and goes on to wait. */
static void *read_two_on_a_thread(void *arg)
{
    struct on_thread *t = arg;
    char bytes[2];
    t->result = trale_read_full(t->io, bytes, sizeof bytes);
    return NULL;
}

START_TEST(a_plain_thread_is_in_a_call_when_it_is_closed)
{
    for (int round = 0; round < 50; round++) {
        trale_io *ends[2];
        char byte;
        pthread_t thread;
        open_sockets(ends);
        struct on_thread t = {.io = ends[0], .begins = GATE};
        ck_assert_int_eq(trale_write(ends[1], "a", 1), 1);
        ck_assert_int_eq(pthread_create(&thread, NULL, read_two_on_a_thread, &t), 0);
        while (recv(trale_io_fd(ends[0]), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
            sched_yield();
        ck_assert_int_eq(trale_close(ends[0]), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(t.result, 1);
        trale_close(ends[1]);
    }
}
END_TEST

static intptr_t read_until_it_fails(void *arg)
{
    struct on_thread *t = arg;
    char byte;
    while ((t->result = trale_read(t->io, &byte, 1)) >= 0)
        t->good++;
    gate_open(&t->begins);
    return t->result;
}

/* Closed by another thread anywhere inside one long call. */
static void *close_on_a_thread(void *arg)
{
    struct on_thread *t = arg;
    gate_wait(&t->begins);
    t->result = trale_close(t->io);
    return NULL;
}

START_TEST(close_comes_in_the_middle_of_a_long_call)
{
    enum { SIZE = 1 << 20 };
    uint64_t seed = test_seed();
    char *bytes = calloc(1, SIZE), *got = calloc(1, SIZE);
    long rounds = test_scale(500);
    for (long i = 0; i < rounds; i++) {
        trale_io *ends[2];
        pthread_t thread;
        open_sockets(ends);
        struct on_thread t = {.io = ends[0], .begins = GATE};
        ck_assert_int_eq(pthread_create(&thread, NULL, close_on_a_thread, &t), 0);
        trale_task *writer = spawn_write_all(ends[1], bytes, SIZE);
        trale_task *reader = spawn_read_full(ends[0], got, SIZE);
        settle(); /* both have begun */
        for (uint32_t spin = random_below(&seed, 20000); spin > 0; spin--)
            __asm__ volatile("");
        gate_open(&t.begins);
        intptr_t n = join(reader);
        ck_assert(n > 0 || n == -EBADF);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(t.result, 0);
        trale_cancel(writer);
        join(writer);
        trale_close(ends[1]);
    }
    free(bytes);
    free(got);
}
END_TEST

START_TEST(a_reset_is_an_error)
{
    for (int i = 0; i < 6; i++) {
        char buffer[16];
        trale_io *ends[2];
        trale_task *task = NULL;
        open_tcp(ends);
        if (i >= 2) {
            struct transfer t = {trale_read, ends[0], buffer, sizeof buffer};
            task = i >= 4 ? spawn_transfer(&t) : spawn_read(ends[0], buffer, sizeof buffer);
            settle();
        }
        close_with_reset(ends[1]);
        intptr_t n = task ? join(task) : trale_read(ends[0], buffer, sizeof buffer);
        ck_assert_int_eq(n, -ECONNRESET);
        ck_assert_int_eq(trale_write(ends[0], "x", 1), -EPIPE);
        trale_close(ends[0]);
    }
}
END_TEST

START_TEST(a_reset_ends_a_writer_that_waits)
{
    trale_io *ends[2];
    open_tcp(ends);
    fill(trale_io_fd(ends[0]));
    trale_task *task = spawn_write(ends[0], "x", 1);
    settle();
    close_with_reset(ends[1]);
    ck_assert_int_eq(join(task), -ECONNRESET);
    trale_close(ends[0]);
}
END_TEST

/* Always ready: a task that reads in a loop inside its poll, and a fiber, leave room for others. */
struct greedy {
    trale_future future;
    trale_read_future read;
};

static enum trale_poll greedy_poll(trale_future *self, trale_context *cx)
{
    struct greedy *g = (struct greedy *)self;
    for (;;) {
        trale_io *io = g->read.io;
        void *buffer = g->read.buffer;
        if (trale_future_poll(&g->read.future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        if (g->read.future.output < 0) {
            self->output = g->read.future.output;
            return TRALE_READY;
        }
        trale_future_drop(&g->read.future);
        trale_read_init(&g->read, io, buffer, 1);
    }
}

static void greedy_drop(trale_future *self)
{
    trale_future_drop(&((struct greedy *)self)->read.future);
}

static trale_task *spawn_greedy(trale_io *io, char *byte)
{
    static const struct trale_future_ops ops = {greedy_poll, greedy_drop, "greedy"};
    struct greedy g = {.future = {.ops = &ops}};
    trale_task *task = NULL;
    trale_read_init(&g.read, io, byte, 1);
    ck_assert_int_eq(trale_spawn_future(&task, &g.future, sizeof g), 0);
    return task;
}

START_TEST(a_stream_that_is_always_ready_starves_nobody)
{
    trale_task *fiber;
    trale_io *ends[2], *others[2];
    char byte, first;
    open_sockets(ends);
    open_sockets(others);
    trale_shutdown(ends[1], SHUT_WR);
    trale_task *greedy = spawn_greedy(ends[0], &first);
    struct on_thread t = {.io = ends[0], .begins = GATE};
    ck_assert_int_eq(trale_spawn(&fiber, read_until_it_fails, &t), 0);
    for (int i = 0; i < 100; i++) {
        trale_task *other = spawn_read(others[0], &byte, 1);
        settle();
        ck_assert_int_eq(trale_write(others[1], "x", 1), 1);
        ck_assert_int_eq(join(other), 1);
        ck_assert_int_eq(trale_sleep(1), 0);
    }
    trale_cancel(greedy);
    trale_cancel(fiber);
    ck_assert_int_eq(join(greedy), -ECANCELED);
    ck_assert_int_eq(join(fiber), -ECANCELED);
    close_both(ends);
    close_both(others);
}
END_TEST

/* Between two polls it waits for nothing, for it has had its share; and yet its call has begun. */
START_TEST(close_ends_a_read_that_only_made_room_for_others)
{
    for (int round = 0; round < 20; round++) {
        struct hold hold = HOLD;
        trale_io *ends[2];
        char byte;
        open_sockets(ends);
        trale_shutdown(ends[1], SHUT_WR); /* ready always: 0, 0, 0, ... */
        trale_task *task = spawn_greedy(ends[0], &byte);
        settle(); /* it has begun */
        hold_executor(&hold);
        ck_assert_int_eq(trale_close(ends[0]), 0);
        release_executor(&hold);
        ck_assert_int_eq(join(task), -EBADF);
        trale_close(ends[1]);
    }
}
END_TEST

/* The reader is polled once, then the executor is held up. */
struct arrangement {
    struct transfer transfer;
    bool fiber;
    trale_task *reader;
    struct gate held, released;
};

static intptr_t hold_here(void *arg)
{
    struct arrangement *a = arg;
    gate_open(&a->held);
    gate_wait(&a->released);
    return 0;
}

static intptr_t arrange(void *arg)
{
    struct arrangement *a = arg;
    const struct transfer *t = &a->transfer;
    a->reader = a->fiber ? spawn_transfer(t) : spawn_read_full(t->io, t->buffer, t->size);
    return trale_spawn(NULL, hold_here, a);
}

START_TEST(close_ends_a_read_full_that_only_made_room_for_others)
{
    enum { COUNT = 200 }; /* packets, each a read */
    for (int round = 0; round < 20; round++) {
        char bytes[COUNT];
        int fds[2];
        intptr_t n;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        trale_io *io = open_io(fds[0]);
        for (int i = 0; i < COUNT; i++)
            write_byte(fds[1]);
        struct arrangement a = {{trale_read_full, io, bytes, COUNT}, round % 2, NULL, GATE, GATE};
        trale_runtime *runtime = new_runtime_with(1);
        ck_assert_int_eq(join(spawn_at(runtime, 1, arrange, &a)), 0);
        gate_wait(&a.held);
        ck_assert_int_eq(trale_close(io), 0);
        gate_open(&a.released);
        n = join(a.reader);
        ck_assert_int_gt(n, 0);
        ck_assert_int_lt(n, COUNT);
        /* The holder is done with its gates. */
        ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
        close(fds[1]);
    }
}
END_TEST

/* Less than asked for, and yet there is more: the next read must not wait. */
static intptr_t read_ten(void *io)
{
    char buffer[100];
    intptr_t sum = 0;
    while (sum < 10) {
        ssize_t n = trale_read(io, buffer, sizeof buffer);
        if (n <= 0)
            return n;
        sum += n;
    }
    return sum;
}

/* The runtime has heard of all ten bytes before the first is read: nothing else will come. */
static void all_ten_are_read(trale_io *ends[2], void (*write_ten)(int fd))
{
    char byte;
    trale_task *task = spawn_read(ends[0], &byte, 1);
    settle();
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    write_ten(trale_io_fd(ends[1]));
    ck_assert_int_eq(trale_sleep(1), 0); /* one event more, after those */
    ck_assert_int_eq(trale_spawn(&task, read_ten, ends[0]), 0);
    ck_assert_int_eq(join(task), 10);
    close_both(ends);
}

static void write_packets(int fd)
{
    ck_assert_int_eq(write(fd, "abcd", 4), 4);
    ck_assert_int_eq(write(fd, "efg", 3), 3);
    ck_assert_int_eq(write(fd, "hij", 3), 3);
}

START_TEST(a_pipe_of_packets_is_read_to_its_last_packet)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
    trale_io *ends[2] = {open_io(fds[0]), open_io(fds[1])};
    all_ten_are_read(ends, write_packets);
}
END_TEST

static void write_with_urgent_byte(int fd)
{
    ck_assert_int_eq(send(fd, "abcd", 4, 0), 4);
    ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(send(fd, "efghij", 6, 0), 6);
}

START_TEST(urgent_data_does_not_hide_what_follows_it)
{
    trale_io *ends[2];
    open_tcp(ends);
    all_ten_are_read(ends, write_with_urgent_byte);
}
END_TEST

static void write_with_descriptor(int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {"abcd", 4};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.room};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    ck_assert_int_eq(sendmsg(fd, &message, 0), 4);
    ck_assert_int_eq(send(fd, "efghij", 6, 0), 6);
}

START_TEST(a_message_with_descriptors_does_not_hide_what_follows_it)
{
    int before = count_fds();
    trale_io *ends[2];
    open_sockets(ends);
    all_ten_are_read(ends, write_with_descriptor);
    free_default_runtime();
    ck_assert_int_eq(count_fds(), before); /* nobody asked for it: it was dropped */
}
END_TEST

static void *join_and_close_peer(void *arg)
{
    struct arrangement *a = arg;
    intptr_t n = 0;
    trale_join(a->reader, &n);
    trale_close(a->transfer.io); /* with bytes that nobody read: a reset */
    return (void *)n;
}

/* Its close goes on for a minute, if it is not reset. Under valgrind nobody else runs in a close, so there
 * it takes what it may. */
START_TEST(a_close_that_lingers_does_not_hold_up_who_waited)
{
    const struct linger minute = {.l_onoff = 1, .l_linger = under_valgrind() ? 1 : 60};
    pthread_t thread;
    trale_io *ends[2];
    void *n;
    char byte;
    open_tcp(ends);
    int fd = trale_io_fd(ends[0]);
    fill(fd);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &minute, sizeof minute), 0);
    struct arrangement a = {.transfer.io = ends[1], .reader = spawn_read(ends[0], &byte, 1)};
    settle();
    ck_assert_int_eq(pthread_create(&thread, NULL, join_and_close_peer, &a), 0);
    ck_assert_int_eq(trale_close(ends[0]), 0);
    ck_assert_int_eq(pthread_join(thread, &n), 0);
    ck_assert_int_eq((intptr_t)n, -EBADF);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "stream_end", close_ends_every_reader_and_writer_once,
               close_ends_every_acceptor_once, a_plain_thread_is_in_a_call_when_it_is_closed,
               close_ends_a_read_that_only_made_room_for_others,
               close_ends_a_read_full_that_only_made_room_for_others,
               ON_THREAD(a_close_that_lingers_does_not_hold_up_who_waited,
                         "its close holds up the thread"),
               close_comes_in_the_middle_of_a_long_call, a_reset_is_an_error,
               a_reset_ends_a_writer_that_waits, a_stream_that_is_always_ready_starves_nobody,
               a_pipe_of_packets_is_read_to_its_last_packet,
               urgent_data_does_not_hide_what_follows_it,
               a_message_with_descriptors_does_not_hide_what_follows_it)
