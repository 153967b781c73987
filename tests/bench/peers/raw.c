/*
 * The floor: loops over epoll by hand, which do what the workload needs and nothing else.
 *   join_main_*, wake_*    an eventfd wakes the loop, see outside.h
 *   sleepers               a binary heap, and epoll_pwait2 up to the next of them
 *   sleep_1ms              epoll_pwait2
 *   tcp, udp               echo, level-triggered
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "outside.h"
#include "sockets.h"

#define AT_ONCE 512
#define BATCH 100

static int epoll;

static void add(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno, "epoll_ctl");
}

static void open_epoll(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    check(epoll >= 0 ? 0 : -errno, "epoll_create1");
}

/* Woken from outside. */

static int bell;

static void *attend_forever(void *arg)
{
    struct epoll_event event;
    uint64_t times;

    for (;;)
        if (epoll_wait(epoll, &event, 1, -1) == 1 && read(bell, &times, sizeof times) > 0)
            attend();
    return arg;
}

static void start_loop(void)
{
    open_epoll();
    bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    add(bell);
    start_thread(attend_forever, NULL);
}

static void wake_loop(void)
{
    if (write(bell, &(uint64_t){1}, sizeof(uint64_t)) < 0)
        check(-errno, "eventfd");
}

static void run_and_join(void)
{
    hand_over_and_wait();
}

/* Time. */

static int64_t *heap;
static long sleeping;

static void push(int64_t deadline)
{
    long i = sleeping++;

    for (; i > 0 && heap[(i - 1) / 2] > deadline; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = deadline;
}

static int64_t pop(void)
{
    int64_t first = heap[0], last = heap[--sleeping];
    long i = 0, child;

    while ((child = 2 * i + 1) < sleeping) {
        if (child + 1 < sleeping && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= last)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return first;
}

static void wait_until(int64_t deadline)
{
    int64_t left = deadline - now_ns();
    struct timespec time = {.tv_sec = left / SEC, .tv_nsec = left % SEC};
    struct epoll_event event;

    if (left < 0)
        time = (struct timespec){0};
    epoll_pwait2(epoll, &event, 1, &time, NULL);
}

static void sleepers(long count)
{
    int64_t *late = array(count, sizeof *late);
    struct span start;
    long made = 0, awake = 0;

    open_epoll();
    heap = array(count, sizeof *heap);
    start = span_start();
    while (awake < count) {
        for (int i = 0; i < BATCH && made < count; i++, made++)
            push(random_deadline());
        wait_until(made < count ? 0 : heap[0]);
        while (sleeping && heap[0] <= now_ns()) {
            int64_t deadline = pop();

            late[awake++] = now_ns() - deadline;
        }
    }
    report_sleepers(span_since(start), late, count);
}

static void sleep_1ms(long count)
{
    int64_t *late = array(count, sizeof *late);
    struct span start = span_start();

    open_epoll();
    for (long i = 0; i < count; i++) {
        int64_t deadline = now_ns() + MSEC;

        wait_until(deadline);
        late[i] = now_ns() - deadline;
    }
    report_times(late, count);
    report("cpu", (double)span_since(start).cpu / (double)count / 1000, "us");
}

/* Echo. */

static void echo(int listener, int fd)
{
    if (fd == listener)
        add(accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    else if (!echo_once(fd))
        close(fd);
}

static void serve(int listener, void (*ready)(int listener, int fd))
{
    struct epoll_event events[AT_ONCE];

    open_epoll();
    add(listener);
    for (;;) {
        int n = epoll_wait(epoll, events, AT_ONCE, -1);

        for (int i = 0; i < n; i++)
            ready(listener, events[i].data.fd);
    }
}

static void tcp(long count)
{
    (void)count;
    serve(server_socket(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK), echo);
}

static void echo_one(int socket, int fd)
{
    (void)socket;
    echo_datagram(fd);
}

static void udp(long count)
{
    (void)count;
    serve(server_socket(SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK), echo_one);
}

BENCH_MAIN(OUTSIDE_WORKLOADS, {"sleepers", sleepers}, {"sleep_1ms", sleep_1ms}, {"tcp", tcp},
           {"udp", udp})
