/*
 * Plain threads, as far as they are an alternative. Their stacks are 64 KiB; what the kernel keeps
 * for each is not in parked. For yield all threads share one CPU: else nobody takes turns.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "../resident.h"
#include "sockets.h"

#define BATCH 100

static pthread_attr_t small;

static pthread_t start(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    check(-pthread_create(&thread, &small, run, arg), "pthread_create");
    return thread;
}

static void init(void)
{
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
}

static void *end(void *arg)
{
    return arg;
}

static void spawn_and_join(void)
{
    pthread_join(start(end, NULL), NULL);
}

static void join(long count)
{
    struct span span;

    init();
    for (long i = 0; i < 1000; i++)
        spawn_and_join();
    span = span_start();
    for (long i = 0; i < count; i++)
        spawn_and_join();
    report_each(span_since(span), count);
}

static void join_cold(long count)
{
    int64_t *times = array(count, sizeof *times);

    init();
    for (long i = 0; i < count; i++) {
        pause_ns(2 * MSEC);
        times[i] = now_ns();
        spawn_and_join();
        times[i] = now_ns() - times[i];
    }
    report_times(times, count);
}

static void few(long count)
{
    pthread_t threads[BATCH];
    struct span span;

    init();
    span = span_start();
    for (long i = 0; i < count; i += BATCH) {
        for (int j = 0; j < BATCH; j++)
            threads[j] = start(end, NULL);
        for (int j = 0; j < BATCH; j++)
            pthread_join(threads[j], NULL);
    }
    report_each(span_since(span), count);
}

/* So many threads run the same, and start together. */

struct team {
    long threads, turns;
    void (*turn)(void);
    pthread_barrier_t ready;
};

static void *take_turns(void *arg)
{
    struct team *team = arg;

    pthread_barrier_wait(&team->ready);
    for (long i = 0; i < team->turns; i++)
        team->turn();
    return NULL;
}

static void run_team(long threads, void (*turn)(void), long count)
{
    struct team team = {.threads = threads, .turns = (count + threads - 1) / threads, turn};
    pthread_t *members = array(threads, sizeof *members);
    struct span span;

    init();
    pthread_barrier_init(&team.ready, NULL, (unsigned)threads + 1);
    for (long i = 0; i < threads; i++)
        members[i] = start(take_turns, &team);
    pthread_barrier_wait(&team.ready);
    span = span_start();
    for (long i = 0; i < threads; i++)
        pthread_join(members[i], NULL);
    report_each(span_since(span), team.turns * threads);
    free(members);
}

static void yield(void)
{
    sched_yield();
}

static void yield_among(long threads, long count)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    check(sched_setaffinity(0, sizeof one, &one) == 0 ? 0 : -errno, "sched_setaffinity");
    run_team(threads, yield, count);
}

static void yield_2(long count)
{
    yield_among(2, count);
}

static void yield_1000(long count)
{
    yield_among(1000, count);
}

static void lock_and_yield(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&mutex);
    sched_yield();
    pthread_mutex_unlock(&mutex);
}

static void mutex_100(long count)
{
    run_team(100, lock_and_yield, count);
}

/* A channel: a ring of items, two semaphores, one sender and one receiver. */

static struct {
    long items[1024], size, count;
    sem_t room, full, taken;
} channel;

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        ;
}

static void *send_all(void *arg)
{
    for (long i = 0; i < channel.count; i++) {
        wait_for(&channel.room);
        channel.items[i % channel.size] = i;
        sem_post(&channel.full);
        if (arg) /* a rendezvous */
            wait_for(&channel.taken);
    }
    return NULL;
}

static void through(long size, void *rendezvous, long count)
{
    struct span span;
    pthread_t sender;

    init();
    channel.size = size;
    channel.count = count;
    sem_init(&channel.room, 0, (unsigned)size);
    sem_init(&channel.full, 0, 0);
    sem_init(&channel.taken, 0, 0);
    span = span_start();
    sender = start(send_all, rendezvous);
    for (long i = 0; i < count; i++) {
        wait_for(&channel.full);
        check(channel.items[i % size] == i ? 0 : -EPROTO, "item");
        sem_post(&channel.room);
        if (rendezvous)
            sem_post(&channel.taken);
    }
    pthread_join(sender, NULL);
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

static sem_t bell;
static long seen;

static void *park(void *arg)
{
    __atomic_fetch_add(&seen, 1, __ATOMIC_SEQ_CST);
    wait_for(&bell);
    return arg;
}

static void wait_seen(long count)
{
    for (int i = 1; __atomic_load_n(&seen, __ATOMIC_ACQUIRE) < count; i++)
        if (i % 10000 == 0)
            sched_yield();
}

static void parked(long count)
{
    long resident, tables;

    init();
    sem_init(&bell, 0, 0);
    start(park, NULL);
    wait_seen(1);
    resident = resident_bytes();
    tables = page_table_bytes();
    for (long i = 0; i < count; i++)
        start(park, NULL);
    wait_seen(count + 1);
    pause_ns(10 * MSEC);
    report("resident", (double)(resident_bytes() - resident) / (double)count, "B");
    report("page_tables", (double)(page_table_bytes() - tables) / (double)count, "B");
}

static void sleep_1ms(long count)
{
    int64_t *late = array(count, sizeof *late);
    struct span span = span_start();

    for (long i = 0; i < count; i++) {
        int64_t deadline = now_ns() + MSEC;
        struct timespec time = {.tv_sec = deadline / SEC, .tv_nsec = deadline % SEC};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
        late[i] = now_ns() - deadline;
    }
    span = span_since(span);
    report_times(late, count);
    report("cpu", (double)span.cpu / (double)count / 1000, "us");
}

static int64_t last_seen;

static void *answer(void *arg)
{
    for (;;) {
        wait_for(&bell);
        last_seen = now_ns();
        __atomic_fetch_add(&seen, 1, __ATOMIC_RELEASE);
    }
    return arg;
}

static void wake_after(int64_t pause, long count)
{
    int64_t *times = array(count, sizeof *times);

    init();
    sem_init(&bell, 0, 0);
    start(answer, NULL);
    for (long i = 0; i < count; i++) {
        int64_t begin;

        if (pause)
            pause_ns(pause);
        begin = now_ns();
        sem_post(&bell);
        wait_seen(i + 1);
        times[i] = last_seen - begin;
    }
    report_times(times, count);
}

static void wake_hot(long count)
{
    wake_after(0, count);
}

static void wake_cold(long count)
{
    wake_after(2 * MSEC, count);
}

static void *converse(void *arg)
{
    int fd = (int)(intptr_t)arg;

    while (echo_once(fd))
        ;
    close(fd);
    return NULL;
}

static void tcp(long count)
{
    int fd, listener = server_socket(SOCK_STREAM);

    (void)count;
    init();
    while ((fd = accept(listener, NULL, NULL)) >= 0)
        pthread_detach(start(converse, (void *)(intptr_t)fd));
}

static void udp(long count)
{
    int fd = server_socket(SOCK_DGRAM);

    (void)count;
    for (;;)
        echo_datagram(fd);
}

BENCH_MAIN({"join", join}, {"join_main_hot", join}, {"join_main_cold", join_cold}, {"few", few},
           {"yield_2", yield_2}, {"yield_1000", yield_1000}, {"mutex_100", mutex_100},
           {"channel_0", channel_0}, {"channel_1024", channel_1024}, {"parked", parked},
           {"sleep_1ms", sleep_1ms}, {"wake_hot", wake_hot}, {"wake_cold", wake_cold},
           {"tcp", tcp}, {"udp", udp})
