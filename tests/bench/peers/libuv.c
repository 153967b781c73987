/*
 * libuv: callbacks.
 *   join_main_*, wake_*    uv_async_send, see outside.h
 *   parked                 a timer each: there is nothing smaller that waits
 *   sleepers, sleep_1ms    uv_timer_t, which knows whole milliseconds
 *   tcp, udp               echo
 */
#include <uv.h>

#include "../resident.h"
#include "outside.h"
#include "sockets.h"

#define BATCH 100

static uv_loop_t *loop;

/* Woken from outside. */

static uv_async_t bell;

static void on_bell(uv_async_t *handle)
{
    (void)handle;
    attend();
}

static void *run_loop(void *arg)
{
    uv_run(loop, UV_RUN_DEFAULT);
    return arg;
}

static void start_loop(void)
{
    loop = uv_default_loop();
    check(uv_async_init(loop, &bell, on_bell), "uv_async_init");
    start_thread(run_loop, NULL);
}

static void wake_loop(void)
{
    uv_async_send(&bell);
}

static void run_and_join(void)
{
    hand_over_and_wait();
}

/* Time. */

static struct sleeper {
    uv_timer_t timer;
    int64_t deadline;
} * all;
static long made, awake, wanted;
static int64_t *late;

static void on_time(uv_timer_t *timer)
{
    const struct sleeper *s = (struct sleeper *)timer;

    late[awake++] = now_ns() - s->deadline;
}

/* The first millisecond at or after the deadline. */
static uint64_t ms_until(int64_t deadline)
{
    int64_t left = deadline - (int64_t)uv_now(loop) * MSEC;

    return left > 0 ? (uint64_t)((left + MSEC - 1) / MSEC) : 0;
}

static void start_batch(uv_idle_t *idle)
{
    uv_update_time(loop);
    for (int i = 0; i < BATCH && made < wanted; i++, made++) {
        struct sleeper *s = &all[made];

        s->deadline = random_deadline();
        uv_timer_init(loop, &s->timer);
        uv_timer_start(&s->timer, on_time, ms_until(s->deadline), 0);
    }
    if (made == wanted)
        uv_idle_stop(idle);
}

static void sleepers(long count)
{
    struct span span;
    uv_idle_t idle;

    loop = uv_default_loop();
    late = array(count, sizeof *late);
    all = array(count, sizeof *all);
    wanted = count;
    span = span_start();
    uv_idle_init(loop, &idle);
    uv_idle_start(&idle, start_batch);
    uv_run(loop, UV_RUN_DEFAULT);
    check(awake == count ? 0 : -EPROTO, "not every sleeper woke up");
    report_sleepers(span_since(span), late, count);
}

static void on_ms(uv_timer_t *timer)
{
    struct sleeper *s = (struct sleeper *)timer;

    late[awake++] = now_ns() - s->deadline;
    if (awake == wanted)
        return;
    uv_update_time(loop);
    s->deadline = now_ns() + MSEC;
    uv_timer_start(timer, on_ms, 1, 0);
}

static void sleep_1ms(long count)
{
    struct span span = span_start();
    struct sleeper s;

    loop = uv_default_loop();
    late = array(count, sizeof *late);
    wanted = count;
    uv_timer_init(loop, &s.timer);
    s.deadline = now_ns() + MSEC;
    uv_timer_start(&s.timer, on_ms, 1, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

static void park(long count)
{
    for (long i = 0; i < count; i++) {
        uv_timer_t *timer = malloc(sizeof *timer);

        check(timer ? 0 : -ENOMEM, "malloc");
        uv_timer_init(loop, timer);
        uv_timer_start(timer, NULL, 3600000, 0);
    }
}

static void parked(long count)
{
    long resident, tables;

    loop = uv_default_loop();
    park(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    park(count);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

/* Echo. */

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    char buffer[BUFFER];
};

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_buffer(uv_handle_t *handle, size_t wanted_size, uv_buf_t *buffer)
{
    (void)wanted_size;
    *buffer = uv_buf_init(((struct connection *)handle)->buffer, BUFFER);
}

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    check(status == UV_ECANCELED ? 0 : status, "uv_write");
}

/* The client waits for the answer before it says more, so one buffer and one request do. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)stream;
    uv_buf_t answer = uv_buf_init(buffer->base, n > 0 ? (unsigned)n : 0);

    if (n > 0)
        check(uv_write(&c->write, stream, &answer, 1, on_written), "uv_write");
    else if (n < 0)
        uv_close((uv_handle_t *)stream, on_close);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *c = malloc(sizeof *c);

    check(c ? status : -ENOMEM, "connection");
    uv_tcp_init(loop, &c->tcp);
    check(uv_accept(listener, (uv_stream_t *)&c->tcp), "uv_accept");
    uv_read_start((uv_stream_t *)&c->tcp, on_buffer, on_read);
}

static struct sockaddr_in any_port(void)
{
    struct sockaddr_in at;

    uv_ip4_addr("127.0.0.1", 0, &at);
    return at;
}

static void print_handle(uv_handle_t *handle)
{
    int fd;

    check(uv_fileno(handle, &fd), "uv_fileno");
    print_port(fd);
}

static void tcp(long count)
{
    struct sockaddr_in at = any_port();
    uv_tcp_t listener;

    (void)count;
    loop = uv_default_loop();
    uv_tcp_init(loop, &listener);
    check(uv_tcp_bind(&listener, (struct sockaddr *)&at, 0), "uv_tcp_bind");
    check(uv_listen((uv_stream_t *)&listener, 1024, on_connection), "uv_listen");
    print_handle((uv_handle_t *)&listener);
    uv_run(loop, UV_RUN_DEFAULT);
}

static void on_datagram_buffer(uv_handle_t *handle, size_t wanted_size, uv_buf_t *buffer)
{
    static char message[BUFFER];

    (void)handle;
    (void)wanted_size;
    *buffer = uv_buf_init(message, sizeof message);
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags)
{
    uv_buf_t answer = uv_buf_init(buffer->base, n > 0 ? (unsigned)n : 0);

    (void)flags;
    check((int)n, "uv_udp_recv");
    if (from)
        check(uv_udp_try_send(socket, &answer, 1, from), "uv_udp_try_send");
}

static void udp(long count)
{
    struct sockaddr_in at = any_port();
    uv_udp_t socket;

    (void)count;
    loop = uv_default_loop();
    uv_udp_init(loop, &socket);
    check(uv_udp_bind(&socket, (struct sockaddr *)&at, 0), "uv_udp_bind");
    print_handle((uv_handle_t *)&socket);
    uv_udp_recv_start(&socket, on_datagram_buffer, on_datagram);
    uv_run(loop, UV_RUN_DEFAULT);
}

BENCH_MAIN(OUTSIDE_WORKLOADS, {"sleepers", sleepers}, {"sleep_1ms", sleep_1ms},
           {"parked", parked}, {"tcp", tcp}, {"udp", udp})
