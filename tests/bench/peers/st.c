/*
 * State Threads: threads in user space, each with a stack, on one thread of the system.
 *   join, few              joinable threads, stacks used again
 *   yield_*, mutex_100     a yield is st_usleep(0): there is no other
 *   channel_*              a ring, and a condition for each side
 *   parked                 a thread each that waits for a condition
 *   sleep_1ms              st_usleep
 *   tcp, udp               echo, a thread for each connection
 */
#define _GNU_SOURCE
#include <st.h>

#include "../resident.h"
#include "sockets.h"

#define BATCH 100
#define STACK (64 * 1024)

static void init(void)
{
    check(st_set_eventsys(ST_EVENTSYS_ALT) == 0 ? 0 : -errno, "st_set_eventsys"); /* epoll */
    check(st_init() == 0 ? 0 : -errno, "st_init");
}

static st_thread_t start(void *(*run)(void *), void *arg)
{
    st_thread_t thread = st_thread_create(run, arg, 1, STACK);

    check(thread ? 0 : -ENOMEM, "st_thread_create");
    return thread;
}

static void join_all(const st_thread_t *threads, long count)
{
    for (long i = 0; i < count; i++)
        st_thread_join(threads[i], NULL);
}

static void *end(void *arg)
{
    return arg;
}

static void join(long count)
{
    struct span span;

    init();
    span = span_start();
    for (long i = 0; i < count; i++)
        st_thread_join(start(end, NULL), NULL);
    report_each(span_since(span), count);
}

static void few(long count)
{
    st_thread_t threads[BATCH];
    struct span span;

    init();
    span = span_start();
    for (long i = 0; i < count; i += BATCH) {
        for (int j = 0; j < BATCH; j++)
            threads[j] = start(end, NULL);
        join_all(threads, BATCH);
    }
    report_each(span_since(span), count);
}

/* So many threads run the same. */

struct team {
    long turns;
    void (*turn)(void);
};

static void *take_turns(void *arg)
{
    const struct team *team = arg;

    for (long i = 0; i < team->turns; i++)
        team->turn();
    return NULL;
}

static void run_team(long threads, void (*turn)(void), long count)
{
    struct team team = {.turns = (count + threads - 1) / threads, turn};
    st_thread_t *members = array(threads, sizeof *members);
    struct span span = span_start();

    for (long i = 0; i < threads; i++)
        members[i] = start(take_turns, &team);
    join_all(members, threads);
    report_each(span_since(span), team.turns * threads);
}

static void yield(void)
{
    st_usleep(0);
}

static void yield_2(long count)
{
    init();
    run_team(2, yield, count);
}

static void yield_1000(long count)
{
    init();
    run_team(1000, yield, count);
}

static st_mutex_t mutex;

static void lock_and_yield(void)
{
    st_mutex_lock(mutex);
    yield();
    st_mutex_unlock(mutex);
}

static void mutex_100(long count)
{
    init();
    mutex = st_mutex_new();
    run_team(100, lock_and_yield, count);
}

/* A channel. Nobody is interrupted, so it needs no lock. */

static struct {
    long items[1024], size, count;
    long sent, received;
    st_cond_t room, full;
} channel;

static void *send_all(void *arg)
{
    for (long i = 0; i < channel.count; i++) {
        while (channel.sent - channel.received == channel.size)
            st_cond_wait(channel.room);
        channel.items[channel.sent++ % channel.size] = i;
        st_cond_signal(channel.full);
        if (arg) /* a rendezvous */
            while (channel.received < channel.sent)
                st_cond_wait(channel.room);
    }
    return NULL;
}

static void through(long size, void *rendezvous, long count)
{
    st_thread_t sender;
    struct span span;

    init();
    channel.size = size;
    channel.count = count;
    channel.room = st_cond_new();
    channel.full = st_cond_new();
    span = span_start();
    sender = start(send_all, rendezvous);
    for (long i = 0; i < count; i++) {
        while (channel.sent == channel.received)
            st_cond_wait(channel.full);
        check(channel.items[channel.received++ % size] == i ? 0 : -EPROTO, "item");
        st_cond_signal(channel.room);
    }
    st_thread_join(sender, NULL);
    report_each(span_since(span), count);
}

static void channel_0(long count)
{
    through(1, &channel, count);
}

static void channel_1024(long count)
{
    through(1024, NULL, count);
}

static void *wait_forever(void *cond)
{
    st_cond_wait(cond);
    return NULL;
}

static void park(long count, st_cond_t cond)
{
    for (long i = 0; i < count; i++)
        start(wait_forever, cond);
    yield(); /* until the last one waits */
}

static void parked(long count)
{
    long resident, tables;
    st_cond_t cond;

    init();
    cond = st_cond_new();
    park(1, cond);
    resident = resident_bytes();
    tables = page_table_bytes();
    park(count, cond);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

/* Time. */

/* In microseconds, rounded up. */
static void sleep_until(int64_t deadline)
{
    int64_t left = deadline - now_ns();

    st_usleep(left > 0 ? (st_utime_t)(left + 999) / 1000 : 0);
}

static void sleep_1ms(long count)
{
    int64_t *late = array(count, sizeof *late);
    struct span span;

    init();
    span = span_start();
    for (long i = 0; i < count; i++) {
        int64_t deadline = now_ns() + MSEC;

        sleep_until(deadline);
        late[i] = now_ns() - deadline;
    }
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

/* Echo. */

static void *echo(void *arg)
{
    st_netfd_t fd = arg;
    char buffer[BUFFER];
    ssize_t n;

    while ((n = st_read(fd, buffer, sizeof buffer, ST_UTIME_NO_TIMEOUT)) > 0 &&
           st_write(fd, buffer, (size_t)n, ST_UTIME_NO_TIMEOUT) == n)
        ;
    st_netfd_close(fd);
    return NULL;
}

static void tcp(long count)
{
    st_netfd_t listener, fd;

    (void)count;
    init();
    listener = st_netfd_open_socket(server_socket(SOCK_STREAM | SOCK_CLOEXEC));
    check(listener ? 0 : -errno, "st_netfd_open_socket");
    while ((fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT)))
        check(st_thread_create(echo, fd, 0, STACK) ? 0 : -ENOMEM, "st_thread_create");
    check(-errno, "st_accept");
}

static void udp(long count)
{
    struct sockaddr_in from;
    char buffer[BUFFER];
    st_netfd_t fd;
    int n, length;

    (void)count;
    init();
    fd = st_netfd_open_socket(server_socket(SOCK_DGRAM | SOCK_CLOEXEC));
    check(fd ? 0 : -errno, "st_netfd_open_socket");
    for (;;) {
        length = sizeof from;
        n = st_recvfrom(fd, buffer, sizeof buffer, (struct sockaddr *)&from, &length,
                        ST_UTIME_NO_TIMEOUT);
        if (n >= 0)
            n = st_sendto(fd, buffer, n, (struct sockaddr *)&from, length, ST_UTIME_NO_TIMEOUT);
        check(n >= 0 ? 0 : -errno, "datagram");
    }
}

BENCH_MAIN({"join", join}, {"few", few}, {"yield_2", yield_2}, {"yield_1000", yield_1000},
           {"mutex_100", mutex_100}, {"channel_0", channel_0}, {"channel_1024", channel_1024},
           {"parked", parked}, {"sleep_1ms", sleep_1ms}, {"tcp", tcp}, {"udp", udp})
