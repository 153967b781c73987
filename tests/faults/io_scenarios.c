/* Datagrams, pipes, and threads that wait for the first time. */
#include "scenarios.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "steps.h"

struct peers {
    trale_io *receiver, *sender;
    trale_addr to, from;
};

static intptr_t receive(void *arg)
{
    struct peers *peers = arg;
    trale_addr from = {0};
    char text[16] = "";

    CALL(trale_recvfrom(peers->receiver, text, sizeof text, &from), from.length == 0);
    EXPECT(strcmp(text, "hello") == 0);
    EXPECT(memcmp(&from.as.in4, &peers->from.as.in4, sizeof from.as.in4) == 0);
    return 1;
}

static intptr_t send_hello(void *arg)
{
    const struct peers *peers = arg;

    return CALL(trale_sendto(peers->sender, "hello", 6, &peers->to), true);
}

void datagrams(void)
{
    struct peers peers = {0};
    trale_task *receiver = NULL, *sender = NULL;

    CALL(trale_udp_bind(&peers.receiver, "127.0.0.1:0"), !peers.receiver);
    CALL(trale_udp_bind(&peers.sender, "127.0.0.1:0"), !peers.sender);
    CALL(trale_addr_local(peers.receiver, &peers.to), peers.to.length == 0);
    CALL(trale_addr_local(peers.sender, &peers.from), peers.from.length == 0);
    for (int i = 0; i < 2; i++) {
        receiver = sender = NULL;
        CALL(trale_spawn(&receiver, receive, &peers), !receiver);
        CALL(trale_spawn(&sender, send_hello, &peers), !sender);
        join_for(receiver, 1);
        join_for(sender, 6);
    }
    close_io(peers.receiver);
    close_io(peers.sender);
}

struct reader {
    trale_io *io;
    atomic_bool pending;
};

static intptr_t wait_announced(struct reader *reader)
{
    trale_wait_future wait;

    trale_wait_init(&wait, reader->io, TRALE_READABLE);
    return await_announced(&wait.future, &reader->pending);
}

static intptr_t wait_readable(void *arg)
{
    return CALL(trale_wait(arg, TRALE_READABLE), true);
}

static intptr_t wait_until_closed(void *arg)
{
    intptr_t result = wait_announced(arg);

    if (result != -EBADF) {
        EXPECT(result < 0);
        call_failed(result, "trale_wait until closed");
        result = wait_announced(arg);
    }
    EXPECT(result == -EBADF);
    return 2;
}

static void open_pipe(trale_io **reader, int *writer)
{
    int ends[2];

    EXPECT(pipe(ends) == 0);
    *reader = NULL;
    CALL(trale_io_open(reader, ends[0]), !*reader);
    *writer = ends[1];
}

void pipes(void)
{
    struct reader of_task = {0}, of_thread = {0};
    trale_task *task = NULL;
    struct plain thread;
    trale_io *io;
    int writer;

    open_pipe(&io, &writer);
    CALL(trale_spawn(&task, wait_readable, io), !task);
    plain_start(&thread, wait_readable, io);
    write_raw(writer);
    join_for(task, TRALE_READABLE);
    EXPECT(plain_join(&thread) == TRALE_READABLE);
    read_raw(trale_io_fd(io));

    task = NULL;
    of_task.io = of_thread.io = io;
    CALL(trale_spawn(&task, wait_until_closed, &of_task), !task);
    plain_start(&thread, wait_until_closed, &of_thread);
    wait_until(&of_task.pending);
    wait_until(&of_thread.pending);
    close_io(io);
    join_for(task, 2);
    EXPECT(plain_join(&thread) == 2);
    close_raw(writer);
}

struct work {
    atomic_int started, ended;
};

static intptr_t work(void *arg)
{
    struct work *work = arg;
    int error;

    atomic_fetch_add(&work->started, 1);
    error = trale_yield();
    atomic_fetch_add(&work->ended, 1);
    return error == 0 ? 42 : error;
}

/* When it fails, nothing may still run with an arg on the caller's stack. */
static intptr_t first_block_on(void *arg)
{
    struct work w = {0};
    intptr_t result = INTPTR_MIN;

    (void)arg;
    CALL(trale_block_on(work, &w, &result),
         result == INTPTR_MIN && atomic_load(&w.started) == atomic_load(&w.ended));
    EXPECT(result == 42);
    return 0;
}

static intptr_t first_sleep(void *arg)
{
    (void)arg;
    return CALL(trale_sleep(300 * TRALE_US), true);
}

static intptr_t first_join(void *arg)
{
    struct work w = {0};
    trale_task *task = NULL;

    (void)arg;
    CALL(trale_spawn(&task, work, &w), !task);
    join_for(task, 42);
    return 0;
}

static intptr_t first_wait(void *arg)
{
    trale_io *io;
    int writer;

    (void)arg;
    open_pipe(&io, &writer);
    close_raw(writer);
    EXPECT(CALL(trale_wait(io, TRALE_READABLE), true) == TRALE_READABLE);
    close_io(io);
    return 0;
}

void first_waits(void)
{
    plain_run(first_sleep, NULL);
    plain_run(first_block_on, NULL);
    plain_run(first_join, NULL);
    plain_run(first_wait, NULL);
}
