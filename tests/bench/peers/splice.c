/*
 * A forwarder as examples/proxy is one, by hand: a loop over epoll, splice(2) through a pipe for
 * each direction.
 *     splice LISTEN TARGET, each 127.0.0.1:PORT
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/epoll.h>

#include "sockets.h"

#define PIPE (1 << 20)

struct direction {
    int from, to, pipe[2];
    ssize_t inside; /* bytes in the pipe */
    int open;
};

struct connection {
    struct direction there, back;
};

static int epoll;

static void add(int fd, uint32_t events, void *ptr)
{
    struct epoll_event event = {.events = events, .data = {.ptr = ptr}};

    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno, "epoll_ctl");
}

static ssize_t move(int from, int to, ssize_t size)
{
    return splice(from, NULL, to, NULL, (size_t)size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

/* As much as goes: until one side has no more, or the other takes no more. */
static void pump(struct direction *d)
{
    ssize_t in = 1, out = 1;

    while (d->open && (in > 0 || out > 0)) {
        in = d->inside < PIPE ? move(d->from, d->pipe[1], PIPE - d->inside) : -1;
        if (in > 0)
            d->inside += in;
        if (in == 0 && d->inside == 0) {
            shutdown(d->to, SHUT_WR);
            d->open = 0;
        }
        out = d->inside > 0 ? move(d->pipe[0], d->to, d->inside) : -1;
        if (out > 0)
            d->inside -= out;
    }
}

static void start_direction(struct direction *d, int from, int to)
{
    *d = (struct direction){.from = from, .to = to, .open = 1};
    check(pipe2(d->pipe, O_NONBLOCK | O_CLOEXEC) == 0 ? 0 : -errno, "pipe");
    fcntl(d->pipe[1], F_SETPIPE_SZ, PIPE);
}

static void stop(struct connection *c)
{
    for (int i = 0; i < 2; i++) {
        close(c->there.pipe[i]);
        close(c->back.pipe[i]);
    }
    close(c->there.from);
    close(c->there.to);
    free(c);
}

static void forward(int listener, const struct sockaddr_in *target)
{
    struct connection *c = malloc(sizeof *c);
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(c ? 0 : -ENOMEM, "malloc");
    if (client < 0 || connect(server, (const struct sockaddr *)target, sizeof *target) != 0)
        check(-errno, "connect");
    fcntl(server, F_SETFL, O_NONBLOCK);
    start_direction(&c->there, client, server);
    start_direction(&c->back, server, client);
    add(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
    add(server, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
}

int main(int argc, char **argv)
{
    struct sockaddr_in target = {.sin_family = AF_INET};
    struct epoll_event event;
    char *port = argc == 3 ? strrchr(argv[2], ':') : NULL;
    int listener;

    if (!port)
        return EXIT_FAILURE;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons((uint16_t)strtol(port + 1, NULL, 10));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    listener = server_socket(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
    add(listener, EPOLLIN, NULL);
    while (epoll_wait(epoll, &event, 1, -1) == 1) {
        struct connection *c = event.data.ptr;

        if (!c) {
            forward(listener, &target);
            continue;
        }
        pump(&c->there);
        pump(&c->back);
        if (!c->there.open && !c->back.open)
            stop(c);
    }
    return EXIT_FAILURE;
}
