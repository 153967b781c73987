/*
 * Boost.Asio: coroutines of C++20.
 *   join_main_*            co_spawn, and a future that main waits for
 *   wake_*                 a coroutine that waits for a timer, which is cancelled from outside
 *   join, few, all         co_spawn
 *   yield_*                co_await post
 *   parked                 a coroutine each that waits for its timer
 *   sleepers, sleep_1ms    steady_timer
 *   tcp, udp               echo
 */
#include <utility> /* boost 1.74 forgot it */
#include <boost/asio.hpp>

#include "../resident.h"
#include "outside.h"
#include "sockets.h"

#define BATCH 100

namespace asio = boost::asio;
using asio::awaitable;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using asio::ip::udp;
using clock_type = std::chrono::steady_clock;

/* One thread runs it, at times still at the exit: it is never destroyed. */
static asio::io_context &ctx = *new asio::io_context(1);

static clock_type::time_point at(int64_t ns)
{
    return clock_type::time_point(std::chrono::nanoseconds(ns));
}

static awaitable<void> yield()
{
    return asio::post(ctx, use_awaitable);
}

static void run(awaitable<void> first, long count)
{
    struct span span = span_start();

    co_spawn(ctx, std::move(first), detached);
    ctx.run();
    report_each(span_since(span), count);
}

/* Woken from outside. */

static asio::steady_timer &bell = *new asio::steady_timer(ctx);

static awaitable<void> answer()
{
    boost::system::error_code cancelled;

    for (;;) {
        bell.expires_at(clock_type::time_point::max());
        co_await bell.async_wait(redirect_error(use_awaitable, cancelled));
        attend();
    }
}

static void *run_loop(void *arg)
{
    ctx.run();
    return arg;
}

static void start_loop()
{
    co_spawn(ctx, answer(), detached);
    start_thread(run_loop, NULL);
}

static void wake_loop()
{
    asio::post(ctx, [] { bell.cancel(); });
}

static awaitable<void> nothing()
{
    co_return;
}

static void run_and_join()
{
    co_spawn(ctx, nothing(), asio::use_future).get();
}

/* Tasks that end at once. */

static long ended;

static awaitable<void> end()
{
    ended++;
    co_return;
}

static awaitable<void> join_each(long count)
{
    for (long i = 0; i < count; i++)
        co_await co_spawn(ctx, end(), use_awaitable);
}

static awaitable<void> in_batches(long count)
{
    for (long i = 1; i <= count; i++) {
        co_spawn(ctx, end(), detached);
        if (i % BATCH == 0)
            co_await yield();
    }
}

static awaitable<void> all_at_once(long count)
{
    for (long i = 0; i < count; i++)
        co_spawn(ctx, end(), detached);
    co_return;
}

static void join(long count)
{
    run(join_each(count), count);
}

static void few(long count)
{
    run(in_batches(count), count);
    check(ended == count ? 0 : -EPROTO, "not every task has run");
}

static void all(long count)
{
    run(all_at_once(count), count);
    check(ended == count ? 0 : -EPROTO, "not every task has run");
}

static awaitable<void> take_turns(long rounds)
{
    for (long i = 0; i < rounds; i++)
        co_await yield();
}

static awaitable<void> start_ring(long tasks, long rounds)
{
    for (long i = 0; i < tasks; i++)
        co_spawn(ctx, take_turns(rounds), detached);
    co_return;
}

static void yield_among(long tasks, long count)
{
    long rounds = (count + tasks - 1) / tasks;

    run(start_ring(tasks, rounds), rounds * tasks);
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
static long awake;

static awaitable<void> sleep_until(int64_t deadline)
{
    asio::steady_timer timer(ctx, at(deadline));

    co_await timer.async_wait(use_awaitable);
    late[awake++] = now_ns() - deadline;
}

static awaitable<void> spawn_sleepers(long count)
{
    for (long i = 1; i <= count; i++) {
        co_spawn(ctx, sleep_until(random_deadline()), detached);
        if (i % BATCH == 0)
            co_await yield();
    }
}

static void sleepers(long count)
{
    struct span span;

    late = (int64_t *)array(count, sizeof *late);
    span = span_start();
    co_spawn(ctx, spawn_sleepers(count), detached);
    ctx.run();
    check(awake == count ? 0 : -EPROTO, "not every sleeper woke up");
    report_sleepers(span_since(span), late, count);
}

static awaitable<void> sleep_often(long count)
{
    asio::steady_timer timer(ctx);

    for (long i = 0; i < count; i++) {
        int64_t deadline = now_ns() + MSEC;

        timer.expires_at(at(deadline));
        co_await timer.async_wait(use_awaitable);
        late[i] = now_ns() - deadline;
    }
}

static void sleep_1ms(long count)
{
    struct span span = span_start();

    late = (int64_t *)array(count, sizeof *late);
    co_spawn(ctx, sleep_often(count), detached);
    ctx.run();
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

static awaitable<void> park()
{
    asio::steady_timer timer(ctx, std::chrono::hours(1));

    co_await timer.async_wait(use_awaitable);
}

static void park_many(long count)
{
    for (long i = 0; i < count; i++) {
        co_spawn(ctx, park(), detached);
        ctx.poll();
    }
}

static void parked(long count)
{
    long resident, tables;

    park_many(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    park_many(count);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

/* Echo. */

static awaitable<void> converse(tcp::socket socket)
{
    char buffer[BUFFER];

    try {
        for (;;) {
            size_t n = co_await socket.async_read_some(asio::buffer(buffer), use_awaitable);

            co_await async_write(socket, asio::buffer(buffer, n), use_awaitable);
        }
    } catch (const boost::system::system_error &) { /* the end of the connection */
    }
}

static awaitable<void> accept_all(tcp::acceptor &acceptor)
{
    for (;;)
        co_spawn(ctx, converse(co_await acceptor.async_accept(use_awaitable)), detached);
}

static void serve_tcp(long)
{
    tcp::acceptor acceptor(ctx, {asio::ip::address_v4::loopback(), 0});

    print_port(acceptor.native_handle());
    co_spawn(ctx, accept_all(acceptor), detached);
    ctx.run();
}

static awaitable<void> echo_datagrams(udp::socket &socket)
{
    char buffer[BUFFER];
    udp::endpoint from;

    for (;;) {
        size_t n = co_await socket.async_receive_from(asio::buffer(buffer), from, use_awaitable);

        co_await socket.async_send_to(asio::buffer(buffer, n), from, use_awaitable);
    }
}

static void serve_udp(long)
{
    udp::socket socket(ctx, {asio::ip::address_v4::loopback(), 0});

    print_port(socket.native_handle());
    co_spawn(ctx, echo_datagrams(socket), detached);
    ctx.run();
}

BENCH_MAIN(OUTSIDE_WORKLOADS, {"join", join}, {"few", few}, {"all", all}, {"yield_2", yield_2},
           {"yield_1000", yield_1000}, {"sleepers", sleepers}, {"sleep_1ms", sleep_1ms},
           {"parked", parked}, {"tcp", serve_tcp}, {"udp", serve_udp})
