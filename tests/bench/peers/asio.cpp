/*
 * Boost.Asio: callbacks.
 *   join_main_*, wake_*    post, see outside.h
 *   join                   post a handler, which posts what comes after it
 *   few, all, yield_*      post
 *   parked                 a timer each, with a handler
 *   sleepers, sleep_1ms    steady_timer
 *   tcp, udp               echo
 */
#include <memory>
#include <utility> /* boost 1.74 forgot it */
#include <vector>
#include <boost/asio.hpp>

#include "../resident.h"
#include "outside.h"
#include "sockets.h"

#define BATCH 100

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using clock_type = std::chrono::steady_clock;

/* One thread runs it, at times still at the exit: it is never destroyed. */
static asio::io_context &ctx = *new asio::io_context(1);

static clock_type::time_point at(int64_t ns)
{
    return clock_type::time_point(std::chrono::nanoseconds(ns));
}

/* Woken from outside. */

static void *run_loop(void *arg)
{
    auto work = asio::make_work_guard(ctx);

    ctx.run();
    return arg;
}

static void start_loop()
{
    start_thread(run_loop, NULL);
}

static void wake_loop()
{
    asio::post(ctx, attend);
}

static void run_and_join()
{
    hand_over_and_wait();
}

/* Tasks that end at once. */

static long wanted, ended;

static void end()
{
    ended++;
}

static void join_next()
{
    if (ended == wanted)
        return;
    asio::post(ctx, [] {
        end();
        asio::post(ctx, join_next);
    });
}

static void post_batch()
{
    static long posted;

    for (int i = 0; i < BATCH && posted < wanted; i++, posted++)
        asio::post(ctx, end);
    if (posted < wanted)
        asio::post(ctx, post_batch);
}

static void post_all()
{
    for (long i = 0; i < wanted; i++)
        asio::post(ctx, end);
}

static void run_tasks(void (*first)(), long count)
{
    struct span span;

    wanted = count;
    asio::post(ctx, first);
    span = span_start();
    ctx.run();
    span = span_since(span);
    check(ended == count ? 0 : -EPROTO, "not every task has run");
    report_each(span, count);
}

static void join(long count)
{
    run_tasks(join_next, count);
}

static void few(long count)
{
    run_tasks(post_batch, count);
}

static void all(long count)
{
    run_tasks(post_all, count);
}

static void take_turns(long rounds)
{
    if (rounds > 0)
        asio::post(ctx, [rounds] { take_turns(rounds - 1); });
}

static void yield_among(long tasks, long count)
{
    long rounds = (count + tasks - 1) / tasks;
    struct span span = span_start();

    for (long i = 0; i < tasks; i++)
        take_turns(rounds);
    ctx.run();
    report_each(span_since(span), rounds * tasks);
}

static void yield_2(long count)
{
    yield_among(2, count);
}

static void yield_1000(long count)
{
    yield_among(1000, count);
}

/* Time. */

static int64_t *late;
static long made, awake;

static void start_batch(std::vector<asio::steady_timer> &timers)
{
    for (int i = 0; i < BATCH && made < wanted; i++, made++) {
        int64_t deadline = random_deadline();

        timers.emplace_back(ctx, at(deadline));
        timers.back().async_wait([deadline](auto) { late[awake++] = now_ns() - deadline; });
    }
    if (made < wanted)
        asio::post(ctx, [&timers] { start_batch(timers); });
}

static void sleepers(long count)
{
    std::vector<asio::steady_timer> timers;
    struct span span;

    late = (int64_t *)array(count, sizeof *late);
    wanted = count;
    timers.reserve((size_t)count);
    span = span_start();
    start_batch(timers);
    ctx.run();
    check(awake == count ? 0 : -EPROTO, "not every sleeper woke up");
    report_sleepers(span_since(span), late, count);
}

static void sleep_once(asio::steady_timer &timer)
{
    int64_t deadline = now_ns() + MSEC;

    timer.expires_at(at(deadline));
    timer.async_wait([&timer, deadline](auto) {
        late[awake++] = now_ns() - deadline;
        if (awake < wanted)
            sleep_once(timer);
    });
}

static void sleep_1ms(long count)
{
    struct span span = span_start();
    asio::steady_timer timer(ctx);

    late = (int64_t *)array(count, sizeof *late);
    wanted = count;
    sleep_once(timer);
    ctx.run();
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

static void park(long count)
{
    for (long i = 0; i < count; i++) {
        auto timer = new asio::steady_timer(ctx, std::chrono::hours(1));

        timer->async_wait([](auto) {});
    }
}

static void parked(long count)
{
    long resident, tables;

    park(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    park(count);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

/* Echo. */

struct connection : std::enable_shared_from_this<connection> {
    tcp::socket socket;
    char buffer[BUFFER];

    explicit connection(tcp::socket s) : socket(std::move(s))
    {
    }

    void read()
    {
        socket.async_read_some(asio::buffer(buffer),
                               [self = shared_from_this()](auto error, size_t n) {
                                   if (!error)
                                       self->write(n);
                               });
    }

    void write(size_t n)
    {
        asio::async_write(socket, asio::buffer(buffer, n),
                          [self = shared_from_this()](auto error, size_t) {
                              if (!error)
                                  self->read();
                          });
    }
};

static void accept_next(tcp::acceptor &acceptor)
{
    acceptor.async_accept([&acceptor](auto error, tcp::socket socket) {
        check(error ? -EIO : 0, "accept");
        std::make_shared<connection>(std::move(socket))->read();
        accept_next(acceptor);
    });
}

static void serve_tcp(long)
{
    tcp::acceptor acceptor(ctx, {asio::ip::address_v4::loopback(), 0});

    print_port(acceptor.native_handle());
    accept_next(acceptor);
    ctx.run();
}

struct datagrams {
    udp::socket socket{ctx, {asio::ip::address_v4::loopback(), 0}};
    udp::endpoint from;
    char buffer[BUFFER];

    void receive()
    {
        socket.async_receive_from(asio::buffer(buffer), from, [this](auto error, size_t n) {
            check(error ? -EIO : 0, "receive_from");
            send(n);
        });
    }

    void send(size_t n)
    {
        socket.async_send_to(asio::buffer(buffer, n), from, [this](auto error, size_t) {
            check(error ? -EIO : 0, "send_to");
            receive();
        });
    }
};

static void serve_udp(long)
{
    datagrams d;

    print_port(d.socket.native_handle());
    d.receive();
    ctx.run();
}

BENCH_MAIN(OUTSIDE_WORKLOADS, {"join", join}, {"few", few}, {"all", all}, {"yield_2", yield_2},
           {"yield_1000", yield_1000}, {"sleepers", sleepers}, {"sleep_1ms", sleep_1ms},
           {"parked", parked}, {"tcp", serve_tcp}, {"udp", serve_udp})
