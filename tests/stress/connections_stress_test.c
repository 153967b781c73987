/* Ten thousand TCP connections that all talk at once; the other half of each in a process of its
 * own, so that each process needs one descriptor a connection. */
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

#define CONNECTIONS 10000
#define SPARE 64 /* descriptors for everything else */
#define MESSAGES 8
#define MESSAGE 64
#define CONNECTORS 64 /* not more at once than the listener's queue holds */

/* Tasks wait here until so many have come: all of them on one descriptor. */
struct meeting {
    long expected;
    atomic_long here;
    trale_io *open;
};

static int meet(struct meeting *m)
{
    const uint64_t one = 1;
    if (atomic_fetch_add(&m->here, 1) + 1 == m->expected &&
        trale_write(m->open, &one, sizeof one) != sizeof one)
        return -EIO;
    int ready = trale_wait(m->open, TRALE_READABLE);
    return ready == TRALE_READABLE ? 0 : -EPROTO;
}

/* The server: the test's process. */

static struct {
    trale_io *listener;
    struct meeting meeting;
    trale_task **tasks;
} server;

/* Greets, then echoes; the first answer not before every connection has sent its first message. */
static intptr_t converse(void *arg)
{
    trale_io *io = arg;
    char message[MESSAGE];
    intptr_t echoed = 0;
    ssize_t n = trale_write_all(io, "h", 1);
    while (n > 0 && (n = trale_read_full(io, message, MESSAGE)) == MESSAGE) {
        if (echoed == 0 && meet(&server.meeting) != 0)
            n = -EPROTO;
        else
            n = trale_write_all(io, message, MESSAGE);
        echoed += n == MESSAGE;
    }
    trale_close(io);
    return n == -ECONNRESET ? echoed : n < 0 ? n : -EIO;
}

static intptr_t serve(void *arg)
{
    (void)arg;
    for (long i = 0; i < server.meeting.expected; i++) {
        trale_io *io;
        int error = trale_accept(server.listener, &io, NULL);
        if (error == 0)
            error = trale_spawn(&server.tasks[i], converse, io);
        if (error != 0)
            return error;
    }
    return 0;
}

/* The client: asserts with MUST. */

static struct {
    char endpoint[TRALE_ADDR_TEXT];
    long count;
    atomic_long next;
    trale_io **ios;
} client;

static intptr_t connect_some(void *arg)
{
    (void)arg;
    for (;;) {
        char greeting = 0;
        long i = atomic_fetch_add(&client.next, 1);
        if (i >= client.count)
            return 0;
        int error = trale_tcp_connect(&client.ios[i], client.endpoint);
        if (error != 0)
            return error;
        if (trale_read_full(client.ios[i], &greeting, 1) != 1 || greeting != 'h')
            return -EPROTO;
    }
}

/* No two messages of all are equal, and no two parts of one. */
static void compose(char *message, long connection, int number)
{
    uint64_t word = ((uint64_t)connection << 16 | (uint64_t)number) + 1;
    for (int i = 0; i < MESSAGE; i += (int)sizeof word) {
        memcpy(message + i, &word, sizeof word);
        word *= UINT64_C(0x9e3779b97f4a7c15);
    }
}

/* Ends with a reset: an orderly end would leave thousands of ports in TIME_WAIT. */
static intptr_t talk(void *arg)
{
    const struct linger at_once = {.l_onoff = 1};
    trale_io **io = arg;
    char sent[MESSAGE], got[MESSAGE];
    intptr_t good = 0;
    for (int i = 0; i < MESSAGES; i++) {
        compose(sent, io - client.ios, i);
        if (trale_write_all(*io, sent, MESSAGE) != MESSAGE ||
            trale_read_full(*io, got, MESSAGE) != MESSAGE)
            return -EIO;
        good += memcmp(sent, got, MESSAGE) == 0;
    }
    setsockopt(trale_io_fd(*io), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    trale_close(*io);
    return good;
}

static void must_join(trale_task *task, intptr_t expected)
{
    intptr_t result;
    MUST(trale_join(task, &result) == 0);
    MUST(result == expected);
}

static void be_client(int endpoint)
{
    trale_task **tasks = calloc((size_t)client.count + CONNECTORS, sizeof *tasks);
    ssize_t n;
    client.ios = calloc((size_t)client.count, sizeof(trale_io *));
    MUST(tasks && client.ios);
    do /* a signal ends it */
        n = read(endpoint, client.endpoint, TRALE_ADDR_TEXT);
    while (n < 0 && errno == EINTR);
    MUST(n == TRALE_ADDR_TEXT);
    close(endpoint);
    for (int i = 0; i < CONNECTORS; i++)
        MUST(trale_spawn(&tasks[i], connect_some, NULL) == 0);
    for (int i = 0; i < CONNECTORS; i++)
        must_join(tasks[i], 0);
    for (long i = 0; i < client.count; i++)
        MUST(trale_spawn(&tasks[i], talk, &client.ios[i]) == 0);
    for (long i = 0; i < client.count; i++)
        must_join(tasks[i], MESSAGES);
    MUST(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
    free(client.ios);
    free(tasks);
}

/* Before there is any thread. The child waits for the endpoint at the pipe. */
static pid_t fork_client(int *endpoint)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[1]);
        be_client(ends[0]);
        exit(0);
    }
    close(ends[0]);
    *endpoint = ends[1];
    return child;
}

static long how_many(void)
{
    long count = test_scale(CONNECTIONS), limit = raise_fds() - SPARE;
    if (count <= limit)
        return count;
    printf("# connections: %ld instead of %ld, for the hard limit of descriptors is low\n", limit,
           count);
    return limit;
}

START_TEST(ten_thousand_connections_talk_at_once)
{
    char endpoint[TRALE_ADDR_TEXT] = "";
    trale_task *task;
    int tell, status;
    long count = client.count = how_many();
    pid_t child = fork_client(&tell);
    int before = count_fds();
    server.meeting = (struct meeting){.expected = count};
    server.meeting.open = open_io(eventfd(0, EFD_CLOEXEC));
    server.listener = listen_any(endpoint);
    server.tasks = calloc((size_t)count, sizeof *server.tasks);
    ck_assert_int_eq(trale_spawn(&task, serve, NULL), 0);
    ck_assert_int_eq(write(tell, endpoint, sizeof endpoint), sizeof endpoint);
    ck_assert_int_eq(join(task), 0);
    for (long i = 0; i < count; i++)
        ck_assert_int_eq(join(server.tasks[i]), MESSAGES);
    ck_assert_int_eq(atomic_load(&server.meeting.here), count);
    ck_assert_int_eq(await_process(child, &status), child);
    ck_assert_int_eq(status, 0);
    trale_close(server.listener);
    trale_close(server.meeting.open);
    free_default_runtime();
    ck_assert_int_eq(count_fds(), before);
    close(tell);
    free(server.tasks);
}
END_TEST

TEST_MAIN("connections_stress", ten_thousand_connections_talk_at_once)
