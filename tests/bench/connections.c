/*
 * conn_fiber, conn_stackless: what an idle TCP connection of an echo server keeps in
 *   memory, page tables beside it: a task that has echoed one message and waits for the next, its
 *   buffer of MESSAGE bytes, and the io. The kernel's memory for the socket is not counted, nor
 *   are the clients, which are another process.
 */
#include <stdatomic.h>
#include <sys/wait.h>

#include "bench.h"
#include "resident.h"

#define AT_ONCE 256 /* connections on their way: fewer than the listener's queue holds */

static atomic_long echoed;

/* The server: fibers. */

static intptr_t echo_fiber(void *arg)
{
    char message[MESSAGE];
    trale_io *io = arg;
    ssize_t n;

    while ((n = trale_read(io, message, sizeof message)) > 0 &&
           trale_write_all(io, message, (size_t)n) == n)
        atomic_fetch_add(&echoed, 1);
    return trale_close(io);
}

/* The same as a state machine. */

struct echo {
    trale_future future;
    trale_io *io;
    bool writes, begun;
    union {
        trale_future future;
        trale_read_future read;
        trale_write_all_future write;
    } of;
    char message[MESSAGE];
};

static void begin(struct echo *e, ssize_t n)
{
    e->writes = n > 0;
    if (e->writes)
        trale_write_all_init(&e->of.write, e->io, e->message, (size_t)n);
    else
        trale_read_init(&e->of.read, e->io, e->message, sizeof e->message);
    e->begun = true;
}

static enum trale_poll echo_poll(trale_future *self, trale_context *cx)
{
    struct echo *e = (struct echo *)self;
    intptr_t n;

    if (!e->begun)
        begin(e, 0);
    while (trale_future_poll(&e->of.future, cx) == TRALE_READY) {
        trale_future_drop(&e->of.future);
        n = e->of.future.output;
        if (n <= 0) {
            e->begun = false;
            return TRALE_READY;
        }
        atomic_fetch_add(&echoed, e->writes);
        begin(e, e->writes ? 0 : n);
    }
    return TRALE_PENDING;
}

static void echo_drop(trale_future *self)
{
    struct echo *e = (struct echo *)self;

    if (e->begun)
        trale_future_drop(&e->of.future);
    trale_close(e->io);
}

static int spawn_echo(trale_io *io, bool stackless)
{
    static const struct trale_future_ops ops = {echo_poll, echo_drop, "echo"};
    struct echo e = {.future = {.ops = &ops}, .io = io};

    return stackless ? trale_spawn_future(NULL, &e.future, sizeof e)
                     : trale_spawn(NULL, echo_fiber, io);
}

struct server {
    trale_io *listener;
    long count;
    bool stackless;
};

static intptr_t serve(void *arg)
{
    const struct server *s = arg;
    trale_io *io;

    for (long i = 0; i < s->count; i++) {
        check(trale_accept(s->listener, &io, NULL), "accept");
        check(spawn_echo(io, s->stackless), "spawn");
    }
    return 0;
}

/* The clients: plain sockets, each of which sends one message and reads the answer. */

struct order {
    struct sockaddr_in at;
    long count;
};

/* Ends with a reset: an orderly end would leave thousands of ports in TIME_WAIT. */
static int connect_and_send(const struct order *order)
{
    const struct linger at_once = {.l_onoff = 1};
    char message[MESSAGE] = "message";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0 ||
        connect(fd, (const struct sockaddr *)&order->at, sizeof order->at) != 0 ||
        write(fd, message, MESSAGE) != MESSAGE)
        check(-errno, "client");
    return fd;
}

static void open_clients(const struct order *order)
{
    char message[MESSAGE];
    int fds[AT_ONCE];
    long n;

    for (long i = 0; i < order->count; i += n) {
        for (n = 0; n < AT_ONCE && i + n < order->count; n++)
            fds[n] = connect_and_send(order);
        for (long j = 0; j < n; j++)
            if (recv(fds[j], message, MESSAGE, MSG_WAITALL) != MESSAGE)
                check(-EIO, "recv");
    }
}

/* A process that opens as many as it is told, until there is nobody to tell it. Forked while
 * there is no other thread. */
static pid_t start_clients(int *orders)
{
    struct order order;
    int ends[2];
    pid_t child;

    check(pipe(ends) == 0 ? 0 : -errno, "pipe");
    child = fork();
    check(child >= 0 ? 0 : -errno, "fork");
    if (child == 0) {
        close(ends[1]);
        while (read(ends[0], &order, sizeof order) == sizeof order)
            open_clients(&order);
        _exit(EXIT_SUCCESS);
    }
    close(ends[0]);
    *orders = ends[1];
    return child;
}

static void open_connections(int orders, const struct server *server)
{
    long before = atomic_load(&echoed);
    struct order order = {.count = server->count};
    trale_addr local;
    trale_task *task;

    check(trale_addr_local(server->listener, &local), "addr_local");
    order.at = local.as.in4;
    if (write(orders, &order, sizeof order) != sizeof order)
        check(-errno, "write");
    check(trale_spawn_copy(&task, serve, server, sizeof *server), "spawn");
    check(trale_join(task, NULL), "join");
    while (atomic_load(&echoed) < before + server->count)
        pause_ns(TRALE_MS);
    pause_ns(10 * TRALE_MS);
}

static void raise_fds(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* One connection before the first look: what the first of all needs does not count. */
static void measure(long count, bool stackless)
{
    struct server server = {.count = 1, .stackless = stackless};
    long resident, tables;
    pid_t clients;
    int orders;

    raise_fds();
    clients = start_clients(&orders);
    check(trale_tcp_listen(&server.listener, "127.0.0.1:0"), "tcp_listen");
    open_connections(orders, &server);
    resident = resident_bytes();
    tables = page_table_bytes();
    server.count = count;
    open_connections(orders, &server);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
    close(orders);
    waitpid(clients, NULL, 0);
    check(trale_runtime_wait(trale_runtime_default()), "runtime_wait");
    trale_close(server.listener);
}

static void conn_fiber(long count)
{
    measure(count, false);
}

static void conn_stackless(long count)
{
    measure(count, true);
}

BENCH_MAIN({"conn_fiber", conn_fiber}, {"conn_stackless", conn_stackless})
