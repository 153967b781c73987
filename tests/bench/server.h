/* A server in a process of its own, while it is measured: its port, and its CPU time. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define ARGUMENTS 16

struct server {
    struct sockaddr_in at;
    pid_t pid;
    clockid_t cpu;
};

static inline int64_t server_cpu(const struct server *s)
{
    struct timespec time;

    check(clock_gettime(s->cpu, &time) == 0 ? 0 : -errno, "the server's CPU time");
    return time.tv_sec * SEC + time.tv_nsec;
}

/* The last number in the first line. */
static inline int read_port(int fd)
{
    FILE *out = fdopen(fd, "r");
    char line[512], *digits = line;
    int port = 0;

    if (!out || !fgets(line, sizeof line, out))
        check(-EPROTO, "the server said nothing");
    while (*(digits += strcspn(digits, "0123456789")))
        port = (int)strtol(digits, &digits, 10);
    return port; /* fd stays open: the server may say more */
}

/* Runs the command, with more arguments behind it; both lists end with NULL. It is killed when
 * this process ends. */
static inline void start_server(struct server *s, char **command, char **more)
{
    char *argv[ARGUMENTS] = {NULL};
    int out[2], n = 0;

    while (*command && n < ARGUMENTS - 1)
        argv[n++] = *command++;
    while (*more && n < ARGUMENTS - 1)
        argv[n++] = *more++;
    check(pipe(out) == 0 ? 0 : -errno, "pipe");
    s->pid = fork();
    check(s->pid >= 0 ? 0 : -errno, "fork");
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(127);
    }
    close(out[1]);
    s->at.sin_family = AF_INET;
    s->at.sin_port = htons((uint16_t)read_port(out[0]));
    s->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(-clock_getcpuclockid(s->pid, &s->cpu), "clock_getcpuclockid");
}

#endif
