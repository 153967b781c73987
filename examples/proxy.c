/*
 * A TCP forwarder: carries every connection made to LISTEN on to TARGET, for instance
 *     proxy 127.0.0.1:0 127.0.0.1:6379
 * One task per direction. Little is copied; much goes through a pipe and is not: splice(2). The
 * end of one direction is passed on and the other goes on; an error in one ends both. Runs until
 * SIGINT or SIGTERM. Prints:
 *     listening at 127.0.0.1:PORT
 *     2 connections, 4000 bytes to the target, 3000 bytes back
 */
#define _GNU_SOURCE /* splice */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>
#include <unistd.h>

#define PIPE_SIZE (1024 * 1024)

static const char *target;
static atomic_ullong connections, bytes_there, bytes_back;

struct connection {
    trale_io *client, *target;
    atomic_int directions; /* that still run: the last one closes both sides */
};

static void complain(const char *what, const char *endpoint, intptr_t error)
{
    fprintf(stderr, "cannot %s %s: %s\n", what, endpoint, strerror((int)-error));
}

static ssize_t move(int from, int to, size_t size)
{
    ssize_t n = splice(from, NULL, to, NULL, size, SPLICE_F_NONBLOCK);

    return n < 0 ? -errno : n;
}

static ssize_t empty(int pipe, trale_io *to, size_t inside, atomic_ullong *bytes)
{
    ssize_t n;
    int ready;

    while (inside > 0) {
        n = move(pipe, trale_io_fd(to), inside);
        if (n == -EAGAIN) {
            ready = trale_wait(to, TRALE_WRITABLE);
            n = ready < 0 ? ready : 0;
        }
        if (n < 0)
            return n;
        inside -= (size_t)n;
        atomic_fetch_add(bytes, (unsigned long long)n);
    }
    return 0;
}

/* Where a system call filter refuses splice, all is copied. */
static bool is_refused(ssize_t error)
{
    return error == -EINVAL || error == -ENOSYS || error == -EPERM;
}

static ssize_t pass_through(const int *pipe, trale_io *from, trale_io *to, atomic_ullong *bytes)
{
    ssize_t n;

    while ((n = move(trale_io_fd(from), pipe[1], PIPE_SIZE)) > 0) {
        n = empty(pipe[0], to, (size_t)n, bytes);
        if (n == 0)
            n = trale_yield(); /* these calls may never wait, and others want to run */
        if (n != 0)
            return n;
    }
    return n == -EAGAIN || is_refused(n) ? 0 : n;
}

/* As much as there is now. At the end of from too it is 0: the next read tells. The pipe does not
 * outlast it, for a user may have only so many large ones (pipe(7)): beyond that it is smaller, and
 * without any pipe all is copied. */
static ssize_t pass(trale_io *from, trale_io *to, atomic_ullong *bytes)
{
    int pipe[2];
    ssize_t error;

    if (pipe2(pipe, O_NONBLOCK | O_CLOEXEC) != 0)
        return 0;
    fcntl(pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
    error = pass_through(pipe, from, to, bytes);
    close(pipe[0]);
    close(pipe[1]);
    return error;
}

/* Until from has no more to say: 0; or until something goes wrong: the error. Where a read fills
 * the buffer there is more. */
static ssize_t pump(trale_io *from, trale_io *to, atomic_ullong *bytes)
{
    char buffer[16384];
    ssize_t n, written, error = 0;

    while (error == 0 && (n = trale_read(from, buffer, sizeof buffer)) > 0) {
        written = trale_write_all(to, buffer, (size_t)n);
        if (written > 0)
            atomic_fetch_add(bytes, (unsigned long long)written);
        if (written != n)
            return written < 0 ? written : -EPIPE;
        if (n == sizeof buffer)
            error = pass(from, to, bytes);
    }
    return error != 0 ? error : n;
}

static void run_direction(struct connection *c, trale_io *from, trale_io *to,
                          atomic_ullong *bytes)
{
    if (pump(from, to, bytes) == 0) {
        trale_shutdown(to, SHUT_WR);
    } else { /* whatever the other direction waits for, it finds an end */
        trale_shutdown(from, SHUT_RDWR);
        trale_shutdown(to, SHUT_RDWR);
    }
    if (atomic_fetch_sub(&c->directions, 1) > 1)
        return;
    trale_close(c->client);
    trale_close(c->target);
    free(c);
}

static intptr_t go_back(void *arg)
{
    struct connection *c = arg;

    run_direction(c, c->target, c->client, &bytes_back);
    return 0;
}

static int connect_to_target(struct connection *c)
{
    int error = trale_tcp_connect(&c->target, target);

    if (error != 0)
        return error;
    trale_tcp_nodelay(c->client, true); /* gathering small writes is up to the two ends */
    trale_tcp_nodelay(c->target, true);
    error = trale_spawn(NULL, go_back, c);
    if (error != 0)
        trale_close(c->target);
    return error;
}

/* A task per connection. It makes the second one, and is then the one that goes there itself. */
static intptr_t forward(void *client)
{
    /* Not on the stack: when all is cancelled at the end, neither task can wait for the other. */
    struct connection *c = malloc(sizeof *c);
    int error = -ENOMEM;

    if (c != NULL) {
        c->client = client;
        atomic_init(&c->directions, 2);
        error = connect_to_target(c);
    }
    if (error == 0) {
        run_direction(c, c->client, c->target, &bytes_there);
    } else {
        if (error != -ECANCELED)
            complain("reach", target, error);
        trale_close(client);
        free(c);
    }
    return error;
}

static int accept_one(trale_io *listener)
{
    trale_io *client;
    int error = trale_accept(listener, &client, NULL);

    if (error != 0)
        return error;
    error = trale_spawn(NULL, forward, client);
    if (error == 0)
        atomic_fetch_add(&connections, 1);
    else
        trale_close(client);
    return error;
}

/* No error here is for good: mostly there are no descriptors left, and clients wait for some. */
static intptr_t serve(void *listener)
{
    int error = 0, last;

    while (error != -ECANCELED) {
        last = error;
        error = accept_one(listener);
        if (error == 0 || error == -ECANCELED)
            continue;
        if (error != last)
            complain("accept", "for now", error);
        if (trale_sleep(100 * TRALE_MS) != 0)
            break;
    }
    trale_close(listener);
    return 0;
}

static int start(const char *endpoint)
{
    trale_io *listener;
    trale_addr addr;
    char text[TRALE_ADDR_TEXT];
    int error = trale_tcp_listen(&listener, endpoint);

    if (error != 0)
        return error;
    error = trale_addr_local(listener, &addr);
    if (error == 0)
        error = trale_addr_format(&addr, text, sizeof text);
    if (error == 0)
        error = trale_spawn(NULL, serve, listener);
    if (error == 0)
        printf("listening at %s\n", text);
    else
        trale_close(listener);
    return error;
}

int main(int argc, char **argv)
{
    sigset_t signals;
    int error, received;

    if (argc != 3) {
        fputs("usage: proxy LISTEN TARGET, each HOST:PORT\n", stderr);
        return 2;
    }
    target = argv[2];
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* the runtime's own threads block all */
    error = start(argv[1]);
    if (error != 0) {
        complain("listen at", argv[1], error);
        return 1;
    }
    sigwait(&signals, &received);
    trale_runtime_free(trale_runtime_default(), trale_now() + 5 * TRALE_SEC); /* cancels all */
    printf("%llu connections, %llu bytes to the target, %llu bytes back\n",
           atomic_load(&connections), atomic_load(&bytes_there), atomic_load(&bytes_back));
    return 0;
}
