/* fork: the child starts afresh, and nothing it does reaches the parent's runtime. */
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors.h"
#include "fork.h"
#include "settle.h"
#include "streams.h"
#include "system.h"
#include "wait_task.h"

ENDS_AS_IT_IS

static intptr_t answer(void *arg)
{
    if (trale_sleep(TRALE_MS) != 0 || trale_yield() != 0)
        return -1;
    return (intptr_t)arg;
}

/* What a program does with the library, asserting as a child does. */
static void use_everything(void *arg)
{
    trale_task *task;
    trale_io *io;
    trale_addr local;
    char byte = 0;
    intptr_t result = 0;
    (void)arg;
    MUST(trale_self() == NULL);
    MUST(trale_spawn(&task, answer, (void *)42) == 0);
    MUST(trale_join(task, &result) == 0 && result == 42);
    MUST(trale_sleep(TRALE_MS) == 0);
    MUST(trale_block_on(answer, (void *)43, &result) == 0 && result == 43);
    MUST(trale_udp_bind(&io, "127.0.0.1:0") == 0);
    MUST(trale_addr_local(io, &local) == 0);
    MUST(trale_sendto(io, "y", 1, &local) == 1);
    MUST(trale_recvfrom(io, &byte, 1, NULL) == 1 && byte == 'y');
    MUST(trale_wait(io, TRALE_WRITABLE) == TRALE_WRITABLE);
    MUST(trale_close(io) == 0);
}

/* ThreadSanitizer does not let a forked child start threads. */
static bool cannot_start_threads(void)
{
    if (UNDER_TSAN)
        printf("# fork: skipped, ThreadSanitizer cannot start threads in a forked child\n");
    return UNDER_TSAN;
}

START_TEST(a_child_uses_the_library_afresh)
{
    if (cannot_start_threads())
        return;
    settle();
    passes_in_child(use_everything, NULL);
    settle();
}
END_TEST

static void use_and_free(void *arg)
{
    int threads = count_threads();
    trale_metrics metrics;
    MUST(threads == 1);
    use_everything(arg);
    MUST(trale_metrics_read(trale_runtime_default(), &metrics) == 0);
    MUST(count_threads() == 1 + (int)metrics.executors + reactor_threads());
    MUST(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
    await_threads(1);
    use_everything(arg);
}

START_TEST(a_child_frees_its_runtime_and_makes_another)
{
    if (cannot_start_threads())
        return;
    settle();
    passes_in_child(use_and_free, NULL);
}
END_TEST

static void fork_again(void *arg)
{
    use_everything(arg);
    pid_t child = test_fork();
    int status;
    if (child == 0) {
        use_everything(arg);
        _exit(0);
    }
    MUST(await_process(child, &status) == child);
    MUST(status == 0);
    use_everything(arg);
}

START_TEST(a_grandchild_uses_it_afresh_too)
{
    if (cannot_start_threads())
        return;
    settle();
    passes_in_child(fork_again, NULL);
}
END_TEST

START_TEST(a_child_has_no_descriptor_of_the_parents_runtime)
{
    int before = count_fds();
    settle();
    ck_assert_int_eq(count_fds(), before + 3);
    pid_t child = test_fork();
    if (child == 0)
        _exit(count_fds() - before);
    int status;
    ck_assert_int_eq(await_process(child, &status), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

static void close_inherited(void *io)
{
    MUST(trale_close(io) == 0);
}

static void use_inherited(void *arg)
{
    trale_io *io = arg;
    uint64_t count;
    MUST(trale_wait(io, TRALE_WRITABLE) == TRALE_WRITABLE);
    MUST(read(trale_io_fd(io), &count, sizeof count) < 0 && errno == EAGAIN);
    use_everything(NULL);
    MUST(trale_close(io) == 0);
    use_everything(NULL);
}

/* The parent's task waits before, while and after a child does something to the same io. */
static void parent_still_hears(void (*child)(void *io))
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    trale_io *io = open_io(fd);
    for (int i = 0; i < 3; i++) {
        trale_task *task = spawn_wait(io, TRALE_READABLE);
        settle();
        passes_in_child(child, io);
        write_count(fd);
        ck_assert_int_eq(join(task), TRALE_READABLE);
        drain(fd);
    }
    ck_assert_int_eq(trale_close(io), 0);
}

START_TEST(a_child_that_closes_an_io_does_not_deregister_the_parents)
{
    parent_still_hears(close_inherited);
}
END_TEST

START_TEST(a_child_that_uses_an_io_does_not_disturb_the_parent)
{
    if (cannot_start_threads())
        return;
    parent_still_hears(use_inherited);
}
END_TEST

static void wait_on_inherited(void *arg)
{
    trale_io *io = ((trale_io **)arg)[0];
    int *fd = ((void **)arg)[1];
    trale_task *task;
    trale_wait_future f;
    intptr_t result = 0;
    trale_wait_init(&f, io, TRALE_READABLE);
    MUST(trale_spawn_future(&task, &f.future, sizeof f) == 0);
    MUST(trale_sleep(TRALE_MS) == 0);
    write_count(*fd);
    MUST(trale_join(task, &result) == 0 && result == TRALE_READABLE);
    drain(*fd);
    MUST(trale_close(io) == 0);
}

START_TEST(a_child_waits_on_an_io_of_the_parents)
{
    if (cannot_start_threads())
        return;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    trale_io *io = open_io(fd);
    void *arg[] = {io, &fd};
    trale_task *task = spawn_wait(io, TRALE_READABLE);
    settle();
    passes_in_child(wait_on_inherited, arg);
    write_count(fd);
    ck_assert_int_eq(join(task), TRALE_READABLE);
    trale_close(io);
}
END_TEST

/* Its first use in the child is by a call that keeps the io from one read or write to the next. */
static void move_all_on_inherited(void *arg)
{
    trale_io *const *ends = arg;
    char byte = 0;
    MUST(trale_write_all(ends[1], "x", 1) == 1);
    MUST(trale_close(ends[1]) == 0);
    MUST(trale_read_full(ends[0], &byte, 1) == 1 && byte == 'x');
    MUST(trale_close(ends[0]) == 0);
}

START_TEST(a_child_reads_and_writes_all_on_ios_of_the_parents)
{
    trale_io *ends[2];
    char byte = 0;
    open_pipe(ends);
    passes_in_child(move_all_on_inherited, ends);
    ck_assert_int_eq(trale_write_all(ends[1], "y", 1), 1);
    ck_assert_int_eq(trale_read_full(ends[0], &byte, 1), 1);
    close_both(ends);
}
END_TEST

/* Returns the wait status of a child that goes on in this task's function. */
static intptr_t fork_in_task(void *arg)
{
    int status = -1;
    pid_t child = test_fork();
    if (child == 0) {
        MUST(trale_self() == NULL);
        MUST(!trale_cancelled());
        use_everything(arg);
        _exit(5);
    }
    await_process(child, &status);
    return trale_yield() == 0 ? status : -1;
}

START_TEST(a_task_forks)
{
    if (cannot_start_threads())
        return;
    for (int i = 0; i < 5; i++) {
        intptr_t status = 0;
        ck_assert_int_eq(trale_block_on(fork_in_task, NULL, &status), 0);
        ck_assert_msg(WIFEXITED((int)status) && WEXITSTATUS((int)status) == 5,
                      "the wait status is 0x%x", (unsigned)status);
    }
}
END_TEST

static intptr_t fork_and_exit(void *arg)
{
    int status = -1;
    pid_t child = test_fork();
    if (child == 0) {
        use_everything(arg);
        exit(6);
    }
    await_process(child, &status);
    return status;
}

START_TEST(a_child_that_was_forked_in_a_task_exits)
{
    if (cannot_start_threads())
        return;
    intptr_t status = 0;
    ck_assert_int_eq(trale_block_on(fork_and_exit, NULL, &status), 0);
    ck_assert_msg(WIFEXITED((int)status) && WEXITSTATUS((int)status) == 6,
                  "the wait status is 0x%x", (unsigned)status);
}
END_TEST

START_TEST(a_child_of_a_program_with_many_tasks_starts_afresh)
{
    if (cannot_start_threads())
        return;
    enum { COUNT = 200 };
    trale_task *tasks[COUNT];
    int64_t hour = 3600 * TRALE_SEC;
    for (int i = 0; i < COUNT; i++) {
        trale_sleep_future f;
        trale_sleep_init(&f, hour + i);
        ck_assert_int_eq(trale_spawn_future(&tasks[i], &f.future, sizeof f), 0);
    }
    for (int i = 0; i < 5; i++)
        passes_in_child(use_everything, NULL);
    for (int i = 0; i < COUNT; i++) {
        trale_cancel(tasks[i]);
        ck_assert_int_eq(join(tasks[i]), -ECANCELED);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "fork", a_child_uses_the_library_afresh,
               a_child_frees_its_runtime_and_makes_another, a_grandchild_uses_it_afresh_too,
               ON_THREAD(a_child_has_no_descriptor_of_the_parents_runtime,
                         "it counts descriptors from before its runtime"),
               a_child_that_closes_an_io_does_not_deregister_the_parents,
               a_child_that_uses_an_io_does_not_disturb_the_parent,
               a_child_waits_on_an_io_of_the_parents,
               a_child_reads_and_writes_all_on_ios_of_the_parents, a_task_forks,
               a_child_that_was_forked_in_a_task_exits,
               a_child_of_a_program_with_many_tasks_starts_afresh)
