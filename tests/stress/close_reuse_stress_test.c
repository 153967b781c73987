/*
 * Descriptors are closed while events come, their numbers are used again at once, and duplicates
 * of what was closed go on producing events. Nobody misses a wake-up, nobody gets another's.
 */
#include "suite.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "seed.h"
#include "settle.h"
#include "wait_task.h"

/* A thread that writes to and reads from whatever it is given, through duplicates. */
static struct {
    pthread_mutex_t lock;
    int write, read; /* lock; -1: nothing */
    atomic_bool stop;
    pthread_t thread;
} noise = {.lock = PTHREAD_MUTEX_INITIALIZER, .write = -1, .read = -1};

static void *make_noise(void *arg)
{
    char byte;
    (void)arg;
    for (unsigned i = 0; !atomic_load(&noise.stop); i++) {
        pthread_mutex_lock(&noise.lock);
        ssize_t n = write(noise.write, "x", 1);
        if (i % 3 == 0)
            n += read(noise.read, &byte, 1);
        pthread_mutex_unlock(&noise.lock);
        if (n < 0)
            sched_yield();
    }
    return NULL;
}

static void give_noise(int write, int read)
{
    pthread_mutex_lock(&noise.lock);
    noise.write = write;
    noise.read = read;
    pthread_mutex_unlock(&noise.lock);
}

static atomic_bool yield_on;

/* Load for the executor, so that events meet it awake as well as parked. */
static intptr_t keep_busy(void *arg)
{
    (void)arg;
    while (atomic_load(&yield_on))
        trale_sleep(TRALE_US);
    return 0;
}

/* One descriptor's life under noise, then the next one's under the same number. */
static void live_twice(uint64_t *seed)
{
    int ends[2];
    make_pipe(ends);
    int number = ends[0], kept = dup(number);
    trale_io *io = open_io(number);
    trale_task *old = spawn_wait(io, TRALE_READABLE);
    trale_task *more = random_below(seed, 2) ? spawn_wait(io, TRALE_READABLE) : NULL;
    settle(); /* no call may begin on what is closed */
    give_noise(ends[1], kept);
    if (random_below(seed, 4) == 0)
        sched_yield();
    ck_assert_int_eq(trale_close(io), 0);

    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ck_assert_int_eq(fd, number);
    io = open_io(fd);
    trale_task *new = spawn_wait(io, TRALE_READABLE);
    if (random_below(seed, 4) == 0)
        settle();
    intptr_t result = join(old);
    ck_assert(result == -EBADF || result == TRALE_READABLE);
    result = more ? join(more) : -EBADF;
    ck_assert(result == -EBADF || result == TRALE_READABLE);
    write_count(fd);
    ck_assert_int_eq(join(new), TRALE_READABLE);
    give_noise(-1, -1);
    ck_assert_int_eq(trale_close(io), 0);
    close(kept);
    close(ends[1]);
}

static void live(long count, bool noisy, bool busy)
{
    uint64_t seed = test_seed();
    trale_task *task;
    atomic_store(&yield_on, busy);
    if (noisy)
        ck_assert_int_eq(pthread_create(&noise.thread, NULL, make_noise, NULL), 0);
    ck_assert_int_eq(trale_spawn(&task, keep_busy, NULL), 0);
    for (long n = test_scale(count); n > 0; n--)
        live_twice(&seed);
    atomic_store(&yield_on, false);
    join(task);
    atomic_store(&noise.stop, true);
    if (noisy)
        pthread_join(noise.thread, NULL);
}

START_TEST(numbers_are_reused_in_silence)
{
    live(5000, false, false);
}
END_TEST

START_TEST(numbers_are_reused_while_duplicates_make_noise)
{
    live(6000, true, false);
}
END_TEST

START_TEST(numbers_are_reused_while_the_executor_is_awake)
{
    live(6000, false, true);
}
END_TEST

START_TEST(numbers_are_reused_in_noise_while_the_executor_is_awake)
{
    live(3000, true, true);
}
END_TEST

/* A fiber that waits only until its io is closed, and notes every wrong answer. */
struct waiter {
    _Atomic(trale_io *) io;
    atomic_long wakes, wrong;
};

static intptr_t wait_until_closed(void *arg)
{
    struct waiter *w = arg;
    trale_io *io = atomic_load(&w->io);
    int ready;
    while ((ready = trale_wait(io, TRALE_READABLE)) == TRALE_READABLE) {
        uint64_t count;
        atomic_fetch_add(&w->wakes, 1);
        if (read(trale_io_fd(io), &count, sizeof count) < 0 && errno != EAGAIN)
            atomic_fetch_add(&w->wrong, 1);
        trale_yield();
        if (trale_cancelled())
            return -ECANCELED;
    }
    return ready;
}

START_TEST(waiters_come_and_go_by_cancel)
{
    enum { WAITERS = 8 };
    uint64_t seed = test_seed();
    for (long n = test_scale(1000); n > 0; n--) {
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        trale_task *tasks[WAITERS];
        struct waiter w = {.io = open_io(fd)};
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(trale_spawn(&tasks[i], wait_until_closed, &w), 0);
        for (int i = 0; i < WAITERS; i++) {
            if (random_below(&seed, 2))
                write_count(fd);
            if (random_below(&seed, 3) == 0)
                settle();
            trale_cancel(tasks[i]);
        }
        for (int i = 0; i < WAITERS; i++)
            ck_assert_int_eq(join(tasks[i]), -ECANCELED);
        ck_assert_int_eq(trale_close(atomic_load(&w.io)), 0);
        ck_assert_int_eq(atomic_load(&w.wrong), 0);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "close_reuse_stress", numbers_are_reused_in_silence,
               numbers_are_reused_while_duplicates_make_noise,
               numbers_are_reused_while_the_executor_is_awake,
               numbers_are_reused_in_noise_while_the_executor_is_awake,
               waiters_come_and_go_by_cancel)
