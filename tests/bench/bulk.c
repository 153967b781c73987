/*
 * One connection through a forwarder, as fast as it goes:
 *     bulk bulk MIB FORWARDER
 * Runs "FORWARDER 127.0.0.1:0 127.0.0.1:PORT", which prints where it listens. Main writes, another
 * thread reads; rate is from the first byte written to the end read, cpu what the forwarder used.
 */
#include <pthread.h>

#include "server.h"

#define CHUNK (256 * 1024)

static int listen_anywhere(struct sockaddr_in *at)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof *at;

    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &length) != 0)
        check(-errno, "listen");
    return fd;
}

struct sink {
    int listener;
    int64_t bytes;
};

static void *read_all(void *arg)
{
    struct sink *sink = arg;
    char *buffer = array(CHUNK, 1);
    int fd = accept(sink->listener, NULL, NULL);
    ssize_t n;

    while ((n = read(fd, buffer, CHUNK)) > 0)
        sink->bytes += n;
    check(n == 0 ? 0 : -errno, "read");
    free(buffer);
    close(fd);
    return NULL;
}

static void write_all(int fd, int64_t bytes)
{
    char *buffer = array(CHUNK, 1);
    ssize_t n;

    for (; bytes > 0; bytes -= n) {
        n = send(fd, buffer, bytes < CHUNK ? (size_t)bytes : CHUNK, MSG_NOSIGNAL);
        check(n > 0 ? 0 : -errno, "send");
    }
    free(buffer);
    shutdown(fd, SHUT_WR);
}

static void transfer(const struct server *forwarder, struct sink *sink, int64_t bytes)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *at = (const struct sockaddr *)&forwarder->at;
    int64_t cpu, start;
    pthread_t reader;

    check(-pthread_create(&reader, NULL, read_all, sink), "pthread_create");
    check(connect(fd, at, sizeof forwarder->at) == 0 ? 0 : -errno, "connect");
    start = now_ns();
    cpu = server_cpu(forwarder);
    write_all(fd, bytes);
    pthread_join(reader, NULL);
    start = now_ns() - start;
    cpu = server_cpu(forwarder) - cpu;
    check(sink->bytes == bytes ? 0 : -EIO, "bytes are missing");
    report("rate", (double)bytes / 1e6 / ((double)start / SEC), "MB/s");
    report("cpu", (double)cpu / 1e6 / ((double)bytes / 1e9), "ms/GB");
}

int main(int argc, char **argv)
{
    int64_t mib = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
    char here[] = "127.0.0.1:0", there[32];
    struct sockaddr_in at = {0};
    struct server forwarder = {0};
    struct sink sink = {0};

    if (mib <= 0) {
        fputs("usage: bulk bulk MIB FORWARDER...\n", stderr);
        return EXIT_FAILURE;
    }
    sink.listener = listen_anywhere(&at);
    snprintf(there, sizeof there, "127.0.0.1:%d", ntohs(at.sin_port));
    start_server(&forwarder, argv + 3, (char *[]){here, there, NULL});
    printf("%s", argv[1]);
    transfer(&forwarder, &sink, mib << 20);
    printf("\n");
    kill(forwarder.pid, SIGKILL);
    return EXIT_SUCCESS;
}
