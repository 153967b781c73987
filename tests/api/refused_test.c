/* A kernel that refuses what a runtime needs: a clear error, nothing leaked, nothing changed. */
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gate.h"
#include "system.h"
#include "wait_task.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

ENDS_AS_IT_IS

struct refusal {
    long call;
    int error;
};

static const struct refusal refusals[] = {
    {SYS_epoll_create1, ENOSYS}, {SYS_epoll_create1, EPERM},   {SYS_eventfd2, ENOSYS},
    {SYS_eventfd2, EPERM},       {SYS_timerfd_create, ENOSYS}, {SYS_timerfd_create, EPERM},
    {SYS_epoll_ctl, ENOSYS},     {SYS_epoll_ctl, ENOSPC}};

#define REFUSALS (sizeof refusals / sizeof *refusals)

/* Every way to a runtime says why there is none. */
static void every_call_says_so(int error)
{
    trale_runtime *runtime = (trale_runtime *)&runtime;
    trale_task *task = (trale_task *)&task;
    trale_sleep_future sleep;
    struct gate gate = GATE;
    intptr_t result = 88;
    int fds = count_fds(), threads = count_threads();
    MUST(trale_runtime_new(&runtime, NULL) == -error);
    MUST(runtime == (trale_runtime *)&runtime);
    MUST(trale_runtime_default() == NULL);
    MUST(trale_spawn(&task, gate_open_in_task, &gate) == -error);
    trale_sleep_init(&sleep, TRALE_SEC);
    MUST(trale_spawn_future(&task, &sleep.future, sizeof sleep) == -error);
    MUST(task == (trale_task *)&task);
    MUST(trale_block_on(gate_open_in_task, &gate, &result) == -error);
    MUST(result == 88);
    MUST(trale_sleep(TRALE_SEC) == -error);
    MUST(gate_opened(&gate) == 0);
    MUST(count_fds() == fds);
    await_threads(threads);
}

static void refuse(void *arg)
{
    const struct refusal *r = arg;
    deny_call(r->call, r->error);
    every_call_says_so(r->error);
}

START_TEST(a_kernel_without_a_feature_gives_a_clear_error)
{
    for (size_t i = 0; i < REFUSALS; i++)
        passes_in_child(refuse, (void *)&refusals[i]);
}
END_TEST

struct ios {
    int count; /* an eventfd */
    trale_io *io, *socket;
};

/* Then the refusal begins. */
static struct ios open_ios(const struct refusal *r)
{
    struct ios ios = {.count = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    MUST(ios.count >= 0 && trale_io_open(&ios.io, ios.count) == 0);
    MUST(trale_udp_bind(&ios.socket, "127.0.0.1:0") == 0);
    deny_call(r->call, r->error);
    return ios;
}

static void close_ios(const struct ios *ios)
{
    MUST(trale_close(ios->io) == 0);
    MUST(trale_close(ios->socket) == 0);
}

/* -EPERM could be taken for epoll_ctl's own: "such files are always ready". */
static void wait_and_be_refused(void *arg)
{
    const struct refusal *r = arg;
    struct ios ios = open_ios(r);
    char byte;
    for (int i = 0; i < 3; i++) {
        MUST(trale_wait(ios.io, TRALE_READABLE) == -r->error);
        MUST(trale_recvfrom(ios.socket, &byte, 1, NULL) == -r->error);
    }
    close_ios(&ios);
}

START_TEST(a_wait_that_needs_a_runtime_gives_a_clear_error)
{
    for (size_t i = 0; i < REFUSALS; i++)
        passes_in_child(wait_and_be_refused, (void *)&refusals[i]);
}
END_TEST

static void find_ready(void *arg)
{
    const struct refusal *r = arg;
    struct ios ios = open_ios(r);
    write_count(ios.count);
    MUST(trale_wait(ios.io, TRALE_READABLE) == TRALE_READABLE);
    drain(ios.count);
    MUST(trale_wait(ios.io, TRALE_READABLE) == -r->error);
    write_count(ios.count);
    MUST(trale_wait(ios.io, TRALE_READABLE) == TRALE_READABLE);
    close_ios(&ios);
}

START_TEST(what_is_ready_is_found_ready_without_a_runtime)
{
    for (size_t i = 0; i < REFUSALS; i++)
        passes_in_child(find_ready, (void *)&refusals[i]);
}
END_TEST

static void refuse_threads(void *arg)
{
    (void)arg;
    deny_call(SYS_clone3, ENOSYS); /* the C library falls back to clone */
    deny_call(SYS_clone, EAGAIN);
    every_call_says_so(EAGAIN);
}

START_TEST(no_thread_gives_a_clear_error)
{
    passes_in_child(refuse_threads, NULL);
}
END_TEST

/* Room for so many more descriptors; those that are open may leave gaps. */
static void room_for_fds(int room)
{
    struct rlimit limit;
    int fds[32] = {0};
    MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i <= room; i++)
        MUST((fds[i] = dup(0)) >= 0);
    limit.rlim_cur = (rlim_t)fds[room];
    for (int i = 0; i <= room; i++)
        close(fds[i]);
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void no_room(void *arg)
{
    trale_runtime *runtime = NULL;
    struct gate gate = GATE;
    int fds = count_fds(), threads = count_threads();
    (void)arg;
    for (int room = 0; room < 3; room++) {
        room_for_fds(room);
        for (int i = 0; i < 3; i++) {
            MUST(trale_runtime_new(&runtime, NULL) == -EMFILE);
            MUST(runtime == NULL);
            MUST(trale_spawn(NULL, gate_open_in_task, &gate) == -EMFILE);
        }
    }
    room_for_fds(3);
    MUST(trale_runtime_new(&runtime, NULL) == 0);
    MUST(trale_runtime_free(runtime, TRALE_NEVER) == 0);
    MUST(trale_block_on(gate_open_in_task, &gate, NULL) == 0);
    MUST(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
    room_for_fds(20);
    MUST(count_fds() == fds);
    if (!UNDER_TSAN) /* which starts a thread of its own */
        await_threads(threads);
}

START_TEST(without_descriptors_there_is_no_runtime_and_no_leak)
{
    passes_in_child(no_room, NULL);
}
END_TEST

START_TEST(a_runtime_works_on_without_new_descriptors)
{
    struct gate gate = GATE;
    ck_assert_int_eq(trale_block_on(gate_open_in_task, &gate, NULL), 0);
    forbid_fds();
    int error = trale_block_on(gate_open_in_task, &gate, NULL);
    int slept = trale_sleep(TRALE_MS);
    allow_fds();
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(slept, 0);
}
END_TEST

TEST_MAIN("refused", a_kernel_without_a_feature_gives_a_clear_error,
          a_wait_that_needs_a_runtime_gives_a_clear_error,
          what_is_ready_is_found_ready_without_a_runtime, no_thread_gives_a_clear_error,
          without_descriptors_there_is_no_runtime_and_no_leak,
          a_runtime_works_on_without_new_descriptors)
