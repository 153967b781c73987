/* Calls on a file that could go on at once, and do not: they make room, or it is closed under them. */
#include "suite.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <trale.h>
#include <unistd.h>

#include "files.h"
#include "gate.h"
#include "probe.h"
#include "settle.h"
#include "system.h"

enum { READS = 300 }; /* more than a share */

static atomic_int reads;

static intptr_t read_often(void *io)
{
    char in[8];

    for (int i = 0; i < READS; i++) {
        if (trale_pread(io, in, sizeof in, 0) != 8)
            return -1;
        atomic_fetch_add(&reads, 1);
    }
    return 0;
}

static intptr_t count_reads(void *unused)
{
    (void)unused;
    return atomic_load(&reads);
}

START_TEST(who_finds_all_in_memory_lets_others_run)
{
    trale_spawn_options first = {.executor = 1};
    trale_io *io = open_filled("contents");
    trale_task *reader, *other;
    struct hold h = HOLD;

    hold_executor(&h);
    ck_assert_int_eq(trale_spawn_with(&reader, &first, read_often, io), 0);
    ck_assert_int_eq(trale_spawn_with(&other, &first, count_reads, NULL), 0);
    release_executor(&h);
    ck_assert_int_lt(join(other), READS);
    ck_assert_int_eq(join(reader), 0);
    trale_close(io);
}
END_TEST

/* Reads until one has to wait for its turn, and closes the io before it has come. */
static enum trale_poll read_and_close(struct probe *p, trale_context *cx)
{
    static trale_pread_future f;
    static char in[8];
    static bool closed;

    while (!closed) {
        trale_pread_init(&f, p->arg, in, sizeof in, 0);
        if (trale_future_poll(&f.future, cx) == TRALE_READY)
            trale_future_drop(&f.future);
        else
            closed = trale_close(p->arg) == 0;
        if (closed)
            return TRALE_PENDING;
    }
    if (trale_future_poll(&f.future, cx) == TRALE_PENDING)
        return TRALE_PENDING;
    p->output = f.future.output;
    trale_future_drop(&f.future);
    return TRALE_READY;
}

START_TEST(closed_before_its_turn_it_does_not_begin)
{
    struct probe p = PROBE_STEP(read_and_close);
    intptr_t result;

    p.arg = open_filled("contents");
    result = join(probe_spawn(&p));
    ck_assert_msg(result == -EBADF || result == 8, "%ld", (long)result); /* 8: it had begun */
}
END_TEST

static struct gate begun = GATE, go = GATE;

static intptr_t block(void *arg)
{
    (void)arg;
    gate_open(&begun);
    gate_wait(&go);
    return 0;
}

static intptr_t sync_it(void *io)
{
    return trale_fsync(io);
}

START_TEST(closed_before_its_thread_is_free_it_is_not_synced)
{
    trale_io *io = open_filled("contents");
    trale_blocking_future f;
    trale_task *blocker, *syncer;

    ck_assert_int_eq(trale_blocking_limit(1), 0);
    trale_blocking_init(&f, block, NULL);
    ck_assert_int_eq(trale_spawn_future(&blocker, &f.future, sizeof f), 0);
    gate_wait(&begun);
    ck_assert_int_eq(trale_spawn(&syncer, sync_it, io), 0);
    settle();
    ck_assert_int_eq(trale_close(io), 0);
    gate_open(&go);
    ck_assert_int_eq(join(syncer), -EBADF);
    join(blocker);
}
END_TEST

/* The kernel writes up to the limit, and says why not more when asked again. */
static void write_past_the_limit(void *io)
{
    static const char bytes[3 * 4096];
    const struct rlimit two_pages = {2 * 4096, RLIM_INFINITY};
    struct rlimit before;

    MUST(getrlimit(RLIMIT_FSIZE, &before) == 0);
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){two_pages.rlim_cur, before.rlim_max}) != 0)
        return;
    MUST(trale_write_all(io, bytes, sizeof bytes) == 2 * 4096);
    MUST(trale_write(io, bytes, 1) == -EFBIG);
    MUST(trale_write(io, bytes, 1) == -EFBIG);
    MUST(setrlimit(RLIMIT_FSIZE, &before) == 0);
    MUST(trale_write(io, bytes, 1) == 1);
}

START_TEST(the_error_after_a_part_comes_with_the_next_call)
{
    trale_io *io = open_filled("contents");

    passes_in_child(write_past_the_limit, io);
    trale_close(io);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "file_held", who_finds_all_in_memory_lets_others_run,
               closed_before_its_turn_it_does_not_begin,
               closed_before_its_thread_is_free_it_is_not_synced,
               the_error_after_a_part_comes_with_the_next_call)
