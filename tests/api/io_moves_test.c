/* An io belongs to no runtime: when the one it was used in is freed, it moves on. */
#include "suite.h"

#include <errno.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

static trale_runtime *new_runtime(void)
{
    trale_runtime *runtime = NULL;
    ck_assert_int_eq(trale_runtime_new(&runtime, NULL), 0);
    return runtime;
}

static void free_runtime(trale_runtime *runtime)
{
    ck_assert_int_eq(trale_runtime_free(runtime, TRALE_NEVER), 0);
}

/* As settle, on a runtime of choice. */
static trale_task *waits_on(trale_runtime *runtime, trale_io *io)
{
    trale_task *task = spawn_wait_on(runtime, io, TRALE_READABLE);
    settle_on(runtime);
    return task;
}

START_TEST(the_next_runtime_takes_it_over)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    for (int i = 0; i < 10; i++) {
        trale_runtime *runtime = new_runtime();
        trale_task *woken = waits_on(runtime, io);
        write_byte(ends[1]);
        ck_assert_int_eq(join(woken), TRALE_READABLE);
        drain(ends[0]);
        trale_task *cancelled = waits_on(runtime, io);
        free_runtime(runtime);
        ck_assert_int_eq(join(cancelled), -ECANCELED);
    }
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(who_waits_from_another_runtime_waits_on)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_runtime *one = new_runtime(), *two = new_runtime();
    trale_task *first = waits_on(one, io), *second = waits_on(two, io);
    free_runtime(one);
    ck_assert_int_eq(join(first), -ECANCELED);
    settle_on(two);
    write_byte(ends[1]);
    ck_assert_int_eq(join(second), TRALE_READABLE);
    free_runtime(two);
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(tasks_of_two_runtimes_wait_for_one_io)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_runtime *one = new_runtime(), *two = new_runtime();
    for (int i = 0; i < 20; i++) {
        trale_task *first = waits_on(one, io), *second = waits_on(two, io);
        write_byte(ends[1]);
        ck_assert_int_eq(join(first), TRALE_READABLE);
        ck_assert_int_eq(join(second), TRALE_READABLE);
        drain(ends[0]);
    }
    free_runtime(one);
    free_runtime(two);
    trale_close(io);
    close(ends[1]);
}
END_TEST

START_TEST(it_can_be_closed_after_its_runtime_is_gone)
{
    int ends[2];
    make_pipe(ends);
    trale_io *io = open_io(ends[0]);
    trale_runtime *runtime = new_runtime();
    trale_task *task = waits_on(runtime, io);
    free_runtime(runtime);
    ck_assert_int_eq(join(task), -ECANCELED);
    ck_assert_int_eq(trale_close(io), 0);
    close(ends[1]);
}
END_TEST

START_TEST(datagrams_wait_for_the_next_runtime)
{
    trale_io *io;
    trale_addr local;
    char byte = 0;
    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, &local), 0);
    for (char i = 1; i < 5; i++) {
        trale_runtime *runtime = new_runtime();
        trale_task *task = waits_on(runtime, io);
        free_runtime(runtime);
        ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_int_eq(trale_sendto(io, &i, 1, &local), 1);
        ck_assert_int_eq(trale_recvfrom(io, &byte, 1, NULL), 1);
        ck_assert_int_eq(byte, i);
    }
    trale_close(io);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "io_moves", the_next_runtime_takes_it_over,
               who_waits_from_another_runtime_waits_on, tasks_of_two_runtimes_wait_for_one_io,
               it_can_be_closed_after_its_runtime_is_gone, datagrams_wait_for_the_next_runtime)
