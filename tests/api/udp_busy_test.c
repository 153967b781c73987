/*
 * A datagram socket that always has something need not be watched: epoll would be called at each of
 * its packets. What epoll watches, /proc tells.
 */
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <trale.h>

#include "settle.h"
#include "system.h"
#include "wait_task.h"

ENDS_AS_IT_IS

#define MANY 256 /* found in a row: SOURCE_FOUND_MANY */

static int ends[2]; /* of a pair of sockets; the first one is the io's */
static trale_io *io;

static bool tells_of(const char *fdinfo, int fd)
{
    char path[300], line[128];
    bool found = false;
    int tfd;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%s", fdinfo);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        found = found || (sscanf(line, "tfd: %d", &tfd) == 1 && tfd == fd);
    if (f)
        fclose(f);
    return found;
}

static bool is_watched(void)
{
    DIR *dir = opendir("/proc/self/fdinfo");
    struct dirent *entry;
    bool found = false;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)))
        found = found || tells_of(entry->d_name, ends[0]);
    closedir(dir);
    return found;
}

static intptr_t receive_one(void *unused)
{
    char byte = 0;
    ssize_t n = trale_recv(io, &byte, 1);

    (void)unused;
    return n < 0 ? n : byte;
}

/* One that a task waits for. */
static void await_one(char byte)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, receive_one, NULL), 0);
    settle();
    ck_assert(is_watched());
    ck_assert_int_eq(write(ends[1], &byte, 1), 1);
    ck_assert_int_eq(join(task), byte);
}

static intptr_t receive_many(void *count)
{
    char byte = 0;

    for (int i = *(int *)count; i > 0; i--)
        if (trale_recv(io, &byte, 1) != 1)
            return -1;
    return byte;
}

static intptr_t receive_by_lists(void *count)
{
    char byte[2];
    trale_datagram list[2] = {{.buffer = &byte[0], .size = 1}, {.buffer = &byte[1], .size = 1}};

    for (int i = *(int *)count; i > 0; i--)
        if (trale_recv_many(io, list, 1) != 1)
            return -1;
    return byte[0];
}

/* So many that are there at once; in parts, for there is not room for all. */
static void find(int count, trale_fn *receive)
{
    intptr_t last = 0;

    for (int part; count > 0; count -= part) {
        part = count < 8 ? count : 8;
        for (int i = 0; i < part; i++)
            ck_assert_int_eq(write(ends[1], "x", 1), 1);
        ck_assert_int_eq(trale_block_on(receive, &part, &last), 0);
        ck_assert_int_eq(last, 'x');
    }
}

static void begin(int type)
{
    ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    io = open_io(ends[0]);
    await_one('0');
}

static void end(void)
{
    trale_close(io);
    close(ends[1]);
}

START_TEST(who_finds_many_in_a_row_is_not_watched_until_he_waits)
{
    begin(SOCK_DGRAM);
    for (char round = '1'; round < '4'; round++) {
        find(MANY - 2, receive_many); /* the one that was waited for is the first */
        ck_assert(is_watched());
        find(1, receive_many);
        ck_assert(!is_watched());
        find(10, receive_many);
        ck_assert(!is_watched());
        await_one(round);
    }
    end();
}
END_TEST

START_TEST(likewise_who_receives_lists)
{
    begin(SOCK_DGRAM);
    find(MANY - 2, receive_by_lists);
    ck_assert(is_watched());
    find(1, receive_by_lists);
    ck_assert(!is_watched());
    await_one('1');
    end();
}
END_TEST

START_TEST(who_waits_in_between_is_watched)
{
    begin(SOCK_DGRAM);
    for (char round = '1'; round < '4'; round++) {
        find(MANY - 2, receive_many);
        await_one(round);
        ck_assert(is_watched());
    }
    end();
}
END_TEST

/* Nothing calls epoll there unless somebody waits. */
START_TEST(a_stream_stays_watched)
{
    begin(SOCK_STREAM);
    find(2 * MANY, receive_many);
    ck_assert(is_watched());
    end();
}
END_TEST

START_TEST(while_another_one_waits_it_is_watched)
{
    trale_task *task;

    begin(SOCK_DGRAM);
    fill(ends[0]);
    task = spawn_wait(io, TRALE_WRITABLE);
    settle();
    find(2 * MANY, receive_many);
    ck_assert(is_watched());
    drain(ends[1]);
    ck_assert_int_ge(join(task), 0);
    find(MANY, receive_many); /* from then on it need not be */
    ck_assert(!is_watched());
    await_one('1');
    end();
}
END_TEST

START_TEST(who_waits_to_send_is_watched_again)
{
    trale_task *task;

    begin(SOCK_DGRAM);
    find(MANY, receive_many);
    ck_assert(!is_watched());
    fill(ends[0]);
    task = spawn_wait(io, TRALE_WRITABLE);
    settle();
    ck_assert(is_watched());
    drain(ends[1]);
    ck_assert_int_ge(join(task), 0);
    find(1, receive_many);
    await_one('1');
    end();
}
END_TEST

START_TEST(what_is_not_watched_can_be_closed)
{
    char byte = 0;

    begin(SOCK_DGRAM);
    find(MANY, receive_many);
    ck_assert(!is_watched());
    end();
    begin(SOCK_DGRAM); /* most likely the same number */
    find(MANY, receive_many);
    ck_assert_int_eq(trale_close(io), 0);
    ck_assert_int_lt(write(ends[1], &byte, 1), 0);
    close(ends[1]);
}
END_TEST

/* Elsewhere it is registered anew, once. */
START_TEST(its_runtime_may_be_freed)
{
    begin(SOCK_DGRAM);
    find(MANY, receive_many);
    ck_assert(!is_watched());
    free_default_runtime();
    await_one('1');
    await_one('2');
    end();
}
END_TEST

static void wait_in_child(void *unused)
{
    (void)unused;
    await_one('1');
    await_one('2');
    find(MANY, receive_many);
    MUST(!is_watched());
    await_one('3');
}

START_TEST(a_forked_child_may_wait_for_it)
{
    begin(SOCK_DGRAM);
    find(MANY, receive_many);
    passes_in_child(wait_in_child, NULL);
    ck_assert(!is_watched());
    await_one('4');
    end();
}
END_TEST

/* epoll_ctl(2): the user has no watches left. Who does not wait needs none. */
static void without_watches(void *unused)
{
    (void)unused;
    begin(SOCK_DGRAM);
    find(MANY, receive_many);
    deny_call(SYS_epoll_ctl, ENOSPC);
    for (int i = 0; i < 2; i++) {
        MUST(receive_one(NULL) == -ENOSPC);
        MUST(write(ends[1], "y", 1) == 1);
        MUST(receive_one(NULL) == 'y');
    }
    end();
}

static void refused_to_let_go(void *unused)
{
    (void)unused;
    begin(SOCK_DGRAM);
    deny_call(SYS_epoll_ctl, EPERM);
    find(2 * MANY, receive_many);
    await_one('1');
    end();
}

START_TEST(watches_may_be_refused)
{
    passes_in_child(without_watches, NULL);
    passes_in_child(refused_to_let_go, NULL);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "udp_busy",
               who_finds_many_in_a_row_is_not_watched_until_he_waits, likewise_who_receives_lists,
               who_waits_in_between_is_watched, a_stream_stays_watched,
               while_another_one_waits_it_is_watched, who_waits_to_send_is_watched_again,
               what_is_not_watched_can_be_closed, its_runtime_may_be_freed,
               a_forked_child_may_wait_for_it, watches_may_be_refused)
