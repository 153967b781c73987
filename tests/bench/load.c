/*
 * Load for an echo server, and what it costs the server:
 *     load tcp_N[_SHAPE] COUNT SERVER     N connections
 *     load udp_N[_SHAPE] COUNT SERVER     N clients, each with a socket of its own
 * Runs "SERVER tcp[_SHAPE] 1", which prints "tcp[_SHAPE] port PORT", and kills it at the end.
 * One thread, closed loop: each client sends MESSAGE bytes as soon as the last answer is there.
 * COUNT answers are counted, after a tenth as many to warm up; cpu is what the server's process
 * used meanwhile, by one.
 */
#include <stdbool.h>
#include <sys/epoll.h>

#include "server.h"

/* A bucket for each 64th of a power of two: a time is known to 2 %. */
#define FRACTION 6
#define BUCKETS (64 << FRACTION)
#define ANSWERS_AT_ONCE 512
#define PATIENCE 2000 /* ms without any answer: a datagram was lost */

struct client {
    int fd;
    int received; /* bytes of the answer */
    int64_t sent; /* when */
};

static struct {
    bool udp;
    long clients;
    long to_warm_up, answers;
    struct server server;
    int epoll;
} load;

static struct {
    long histogram[BUCKETS];
    int64_t longest;
    int64_t began, ended, cpu;
} found;

static int bucket_of(int64_t ns)
{
    int power = 63 - __builtin_clzll((unsigned long long)ns | 1);

    if (power < FRACTION)
        return (int)ns;
    return (power << FRACTION) + (int)(ns >> (power - FRACTION)) - (1 << FRACTION);
}

static double middle_of(int bucket)
{
    int power = bucket >> FRACTION;
    double width;

    if (bucket < 1 << FRACTION)
        return bucket;
    width = (double)(INT64_C(1) << (power - FRACTION));
    return width * ((1 << FRACTION) + bucket % (1 << FRACTION) + 0.5);
}

/* In us; never more than the longest of all. */
static double percentile(double part)
{
    long left = (long)((double)load.answers * part);
    double ns;
    int i = 0;

    while (i < BUCKETS - 1 && (left -= found.histogram[i]) >= 0)
        i++;
    ns = middle_of(i);
    return (ns < (double)found.longest ? ns : (double)found.longest) / 1000;
}

/* Clients. */

static void send_message(struct client *c)
{
    static const char message[MESSAGE];

    c->received = 0;
    c->sent = now_ns();
    if (send(c->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
        check(errno ? -errno : -EIO, "send");
}

static void open_client(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};

    c->fd = socket(AF_INET, load.udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (c->fd < 0 ||
        connect(c->fd, (struct sockaddr *)&load.server.at, sizeof load.server.at) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        check(-errno, "connect");
}

/* True once the answer is there, whole. */
static bool receive(struct client *c)
{
    char message[MESSAGE];
    ssize_t n = recv(c->fd, message, (size_t)(MESSAGE - c->received), MSG_DONTWAIT);

    if (n <= 0)
        check(n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno, "recv");
    else
        c->received += (int)n;
    return c->received == MESSAGE;
}

static void count_answer(const struct client *c, int64_t now)
{
    int64_t took = now - c->sent;

    found.histogram[bucket_of(took)]++;
    if (took > found.longest)
        found.longest = took;
}

static void send_again(struct client *clients)
{
    static int times;

    check(load.udp && times++ < 10 ? 0 : -ETIMEDOUT, "no answer");
    fprintf(stderr, "no answer for %d ms\n", PATIENCE);
    for (long i = 0; i < load.clients; i++)
        send_message(&clients[i]);
}

/* Answers that were on their way when enough were there are not counted. */
static void exchange(struct client *clients)
{
    struct epoll_event events[ANSWERS_AT_ONCE];
    long left = load.to_warm_up + load.answers;

    while (left > 0) {
        int n = epoll_wait(load.epoll, events, ANSWERS_AT_ONCE, PATIENCE);

        if (n == 0)
            send_again(clients);
        for (int i = 0; i < n && left > 0; i++) {
            struct client *c = events[i].data.ptr;

            if (!receive(c))
                continue;
            if (left-- <= load.answers)
                count_answer(c, now_ns());
            if (left == load.answers) {
                found.began = now_ns();
                found.cpu = server_cpu(&load.server);
            }
            send_message(c);
        }
    }
    found.ended = now_ns();
    found.cpu = server_cpu(&load.server) - found.cpu;
}

static void run(char **command, char *workload)
{
    struct client *clients = array(load.clients, sizeof *clients);

    start_server(&load.server, command, (char *[]){workload, (char[]){"1"}, NULL});
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < load.clients; i++)
        open_client(&clients[i]);
    for (long i = 0; i < load.clients; i++)
        send_message(&clients[i]);
    exchange(clients);
    kill(load.server.pid, SIGKILL);
    free(clients);
}

static void print(const char *workload)
{
    double answers = (double)load.answers;

    printf("%s", workload);
    report("rate", answers / ((double)(found.ended - found.began) / SEC), "/s");
    report("cpu", (double)found.cpu / answers / 1000, "us");
    report("p50", percentile(0.5), "us");
    report("p99", percentile(0.99), "us");
    report("max", (double)found.longest / 1000, "us");
    printf("\n");
}

int main(int argc, char **argv)
{
    char protocol[4] = "", shape[32] = "", workload[64];

    load.answers = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
    if (load.answers <= 0 ||
        sscanf(argv[1], "%3[a-z]_%ld%31[_a-z]", protocol, &load.clients, shape) < 2 ||
        load.clients <= 0) {
        fputs("usage: load tcp_N[_SHAPE] COUNT SERVER..., or udp_N\n", stderr);
        return EXIT_FAILURE;
    }
    load.udp = strcmp(protocol, "udp") == 0;
    load.to_warm_up = load.answers / 10 + load.clients;
    snprintf(workload, sizeof workload, "%s%s", protocol, shape);
    run(argv + 3, workload);
    print(argv[1]);
    return EXIT_SUCCESS;
}
