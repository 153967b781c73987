/*
 * An HTTP/1.1 server of the files in a folder.
 *
 *     web_server [--port N] [--address A] [--timeout SECONDS] [ROOT]
 *
 * serves ROOT, or the current folder, at 127.0.0.1:8080. Port 0 lets the system choose. Prints
 *     Serving ROOT at http://127.0.0.1:8080/
 * and runs until SIGINT or SIGTERM ends it, with exit status 0.
 *
 * One task accepts, one more per connection serves (connection.c). Files are found and read on the
 * threads of the pool (file.c). Requests are parsed by what has no idea of either (request.c).
 */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "connection.h"

struct options {
    const char *address, *root;
    unsigned long port, timeout;
};

static void check(int error, const char *what)
{
    if (error >= 0)
        return;
    fprintf(stderr, "web_server: %s: %s\n", what, strerror(-error));
    exit(EXIT_FAILURE);
}

static void usage(void)
{
    fputs("usage: web_server [--port N] [--address A] [--timeout SECONDS] [ROOT]\n", stderr);
    exit(EXIT_FAILURE);
}

static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end || value < least || value > most)
        usage();
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"address", required_argument, NULL, 'a'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {0}};
    struct options options = {"127.0.0.1", ".", 8080, 10};
    int c;

    while ((c = getopt_long(argc, argv, "p:a:t:", known, NULL)) != -1) {
        if (c == 'p')
            options.port = number(optarg, 0, 65535);
        else if (c == 'a')
            options.address = optarg;
        else if (c == 't')
            options.timeout = number(optarg, 1, 86400);
        else
            usage();
    }
    if (optind < argc)
        options.root = argv[optind++];
    if (optind < argc)
        usage();
    return options;
}

/* As many descriptors as we may have: each connection is one. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The signals that end us are read, not handled. */
static trale_io *open_signals(void)
{
    trale_io *io;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    check(fd < 0 ? -errno : 0, "signalfd");
    check(trale_io_open(&io, fd), "signalfd");
    return io;
}

static trale_io *listen_at(const struct options *options)
{
    const char *form =
        strchr(options->address, ':') && options->address[0] != '[' ? "[%s]:%lu" : "%s:%lu";
    char text[TRALE_ADDR_TEXT] = "?";
    trale_addr address;
    trale_io *listener;

    snprintf(text, sizeof text, form, options->address, options->port);
    check(trale_tcp_listen(&listener, text), text);
    check(trale_addr_local(listener, &address), text);
    check(trale_addr_format(&address, text, sizeof text), text);
    printf("Serving %s at http://%s/\n", options->root, text);
    fflush(stdout);
    return listener;
}

struct acceptor {
    const struct server *server;
    trale_io *listener;
};

/* Whatever goes wrong with one connection, the next may be better: most likely there is no
 * descriptor or memory left, and it waits until there is. */
static intptr_t accept_all(void *arg)
{
    const struct acceptor *acceptor = arg;

    for (;;) {
        trale_io *io;
        int error = trale_accept(acceptor->listener, &io, NULL);

        if (error == 0) {
            trale_tcp_nodelay(io, true);
            error = connection_start(acceptor->server, io);
        }
        if (error == -ECANCELED || error == -ESHUTDOWN)
            return error;
        if (error != 0)
            trale_sleep(100 * TRALE_MS);
    }
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    struct server server = {.timeout = (int64_t)options.timeout * TRALE_SEC};
    struct acceptor acceptor = {.server = &server};
    struct signalfd_siginfo info;
    trale_io *signals;

    raise_limit();
    server.root = open(options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(server.root < 0 ? -errno : 0, options.root);
    signals = open_signals(); /* before there is another thread, which would not block them */
    acceptor.listener = listen_at(&options);
    check(trale_spawn(NULL, accept_all, &acceptor), "cannot accept");
    check((int)trale_read(signals, &info, sizeof info), "signalfd");
    /* Ends every task: what waits returns -ECANCELED, and each task cleans up behind itself. */
    check(trale_runtime_free(trale_runtime_default(), TRALE_NEVER), "cannot end");
    trale_close(acceptor.listener);
    trale_close(signals);
    close(server.root);
    return EXIT_SUCCESS;
}
