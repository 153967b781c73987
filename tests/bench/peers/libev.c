/*
 * libev: callbacks.
 *   join_main_*, wake_*    ev_async_send, see outside.h
 *   parked                 a timer each: there is nothing smaller that waits
 *   sleepers, sleep_1ms    ev_timer
 *   tcp, udp               echo
 */
#define _GNU_SOURCE
#include <ev.h>

#include "../resident.h"
#include "outside.h"
#include "sockets.h"

#define BATCH 100

static struct ev_loop *loop;

/* Woken from outside. */

static ev_async bell;

static void on_bell(struct ev_loop *l, ev_async *w, int events)
{
    (void)l;
    (void)w;
    (void)events;
    attend();
}

static void *run_loop(void *arg)
{
    ev_run(loop, 0);
    return arg;
}

static void start_loop(void)
{
    loop = ev_default_loop(0);
    ev_async_init(&bell, on_bell);
    ev_async_start(loop, &bell);
    start_thread(run_loop, NULL);
}

static void wake_loop(void)
{
    ev_async_send(loop, &bell);
}

static void run_and_join(void)
{
    hand_over_and_wait();
}

/* Time. */

static struct sleeper {
    ev_timer timer;
    int64_t deadline;
} * all;
static long made, awake, wanted;
static int64_t *late;

static void on_time(struct ev_loop *l, ev_timer *timer, int events)
{
    const struct sleeper *s = (struct sleeper *)timer;

    (void)l;
    (void)events;
    late[awake++] = now_ns() - s->deadline;
}

static void start_batch(struct ev_loop *l, ev_idle *idle, int events)
{
    (void)events;
    ev_now_update(l);
    for (int i = 0; i < BATCH && made < wanted; i++, made++) {
        struct sleeper *s = &all[made];

        s->deadline = random_deadline();
        ev_timer_init(&s->timer, on_time, (double)(s->deadline - now_ns()) / SEC, 0);
        ev_timer_start(l, &s->timer);
    }
    if (made == wanted)
        ev_idle_stop(l, idle);
}

static void sleepers(long count)
{
    struct span span;
    ev_idle idle;

    loop = ev_default_loop(0);
    late = array(count, sizeof *late);
    all = array(count, sizeof *all);
    wanted = count;
    span = span_start();
    ev_idle_init(&idle, start_batch);
    ev_idle_start(loop, &idle);
    ev_run(loop, 0);
    check(awake == count ? 0 : -EPROTO, "not every sleeper woke up");
    report_sleepers(span_since(span), late, count);
}

static void on_ms(struct ev_loop *l, ev_timer *timer, int events)
{
    struct sleeper *s = (struct sleeper *)timer;

    (void)events;
    late[awake++] = now_ns() - s->deadline;
    if (awake == wanted)
        return;
    ev_now_update(l);
    s->deadline = now_ns() + MSEC;
    ev_timer_set(timer, 0.001, 0);
    ev_timer_start(l, timer);
}

static void sleep_1ms(long count)
{
    struct span span = span_start();
    struct sleeper s;

    loop = ev_default_loop(0);
    late = array(count, sizeof *late);
    wanted = count;
    s.deadline = now_ns() + MSEC;
    ev_timer_init(&s.timer, on_ms, 0.001, 0);
    ev_timer_start(loop, &s.timer);
    ev_run(loop, 0);
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

static void park(long count)
{
    for (long i = 0; i < count; i++) {
        ev_timer *timer = malloc(sizeof *timer);

        check(timer ? 0 : -ENOMEM, "malloc");
        ev_timer_init(timer, on_time, 3600, 0);
        ev_timer_start(loop, timer);
    }
}

static void parked(long count)
{
    long resident, tables;

    loop = ev_default_loop(0);
    park(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    park(count);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

/* Echo. */

static void on_readable(struct ev_loop *l, ev_io *io, int events)
{
    (void)events;
    if (echo_once(io->fd))
        return;
    ev_io_stop(l, io);
    close(io->fd);
    free(io);
}

static void on_connection(struct ev_loop *l, ev_io *listener, int events)
{
    ev_io *io = malloc(sizeof *io);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    check(io && fd >= 0 ? 0 : -errno, "accept");
    ev_io_init(io, on_readable, fd, EV_READ);
    ev_io_start(l, io);
}

static void on_datagram(struct ev_loop *l, ev_io *io, int events)
{
    (void)l;
    (void)events;
    echo_datagram(io->fd);
}

static void serve(int type, void (*ready)(struct ev_loop *, ev_io *, int))
{
    ev_io io;

    loop = ev_default_loop(0);
    ev_io_init(&io, ready, server_socket(type | SOCK_NONBLOCK | SOCK_CLOEXEC), EV_READ);
    ev_io_start(loop, &io);
    ev_run(loop, 0);
}

static void tcp(long count)
{
    (void)count;
    serve(SOCK_STREAM, on_connection);
}

static void udp(long count)
{
    (void)count;
    serve(SOCK_DGRAM, on_datagram);
}

BENCH_MAIN(OUTSIDE_WORKLOADS, {"sleepers", sleepers}, {"sleep_1ms", sleep_1ms},
           {"parked", parked}, {"tcp", tcp}, {"udp", udp})
