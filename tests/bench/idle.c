/*
 * idle: a runtime whose tasks all wait, one for a datagram, one for a point in time far away,
 *   for COUNT seconds: it should do nothing at all.
 * busy: a runtime with one fiber that never stops yielding, for COUNT seconds: what the rest of
 *   it does meanwhile.
 */
#include "bench.h"

static intptr_t receive(void *arg)
{
    char byte;

    return trale_recvfrom(arg, &byte, 1, NULL);
}

static intptr_t sleep_long(void *arg)
{
    (void)arg;
    return trale_sleep(3600 * TRALE_SEC);
}

static void report_cpu(struct span span)
{
    report("cpu", (double)span.cpu / (double)span.wall * 1e6, "us/s");
}

static void idle(long count)
{
    trale_task *receiver, *sleeper;
    struct span start;
    trale_io *io;

    check(trale_udp_bind(&io, "127.0.0.1:0"), "udp_bind");
    check(trale_spawn(&receiver, receive, io), "spawn");
    check(trale_spawn(&sleeper, sleep_long, NULL), "spawn");
    pause_ns(10 * TRALE_MS);
    start = span_start();
    pause_ns(count * TRALE_SEC);
    report_cpu(span_since(start));
    trale_cancel(receiver);
    trale_cancel(sleeper);
    check(trale_join(receiver, NULL), "join");
    check(trale_join(sleeper, NULL), "join");
    trale_close(io);
}

static intptr_t yield_until(void *arg)
{
    int64_t deadline = *(int64_t *)arg;

    while (trale_now() < deadline)
        trale_yield();
    return 0;
}

static void busy(long count)
{
    struct span start = span_start();
    int64_t deadline = start.wall + count * TRALE_SEC;

    check(trale_block_on(yield_until, &deadline, NULL), "block_on");
    report_cpu(span_since(start));
}

BENCH_MAIN({"idle", idle}, {"busy", busy})
