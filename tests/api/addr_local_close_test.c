/* A close that comes while somebody asks for the address: the number stays what it is until the
 * answer is there. The library's getsockname stops at gates here. */
#define _GNU_SOURCE
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <trale.h>
#include <unistd.h>

#include "gate.h"
#include "settle.h"

static struct gate asked = GATE, answer = GATE;
static atomic_bool closed;
static atomic_long yields;
static _Thread_local bool closing;

int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    gate_open(&asked);
    gate_wait(&answer);
    return (int)syscall(SYS_getsockname, fd, address, length);
}

/* The close waits by yielding. */
int sched_yield(void)
{
    if (closing)
        atomic_fetch_add(&yields, 1);
    return (int)syscall(SYS_sched_yield);
}

static void *ask(void *io)
{
    trale_addr local;

    return (void *)(intptr_t)trale_addr_local(io, &local);
}

static void *close_it(void *io)
{
    intptr_t result;

    closing = true;
    result = trale_close(io);
    atomic_store(&closed, true);
    return (void *)result;
}

START_TEST(a_close_waits_for_the_answer)
{
    pthread_t asker, closer;
    void *told, *result;
    trale_io *io = NULL;

    ck_assert_int_eq(trale_udp_bind(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(pthread_create(&asker, NULL, ask, io), 0);
    gate_wait(&asked);
    ck_assert_int_eq(pthread_create(&closer, NULL, close_it, io), 0);
    while (!atomic_load(&closed) && atomic_load(&yields) < 10)
        syscall(SYS_sched_yield);
    ck_assert(!atomic_load(&closed));
    gate_open(&answer);
    ck_assert_int_eq(pthread_join(asker, &told), 0);
    ck_assert_int_eq(pthread_join(closer, &result), 0);
    ck_assert_int_eq((intptr_t)told, 0);
    ck_assert_int_eq((intptr_t)result, 0);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "addr_local_close", a_close_waits_for_the_answer)
