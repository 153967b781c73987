/*
 * Names are asked for beside the executor, in a lane of their own; numbers never. The library's
 * getaddrinfo is ours here: "slow.test" answers when a gate is opened, "none.test" is not there,
 * "here.test" and every service it leaves to the real one, as the loopback.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <trale.h>

#include "gate.h"
#include "settle.h"
#include "system.h"

static struct gate asked = GATE, answer = GATE;
static atomic_int questions;

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    lookup *real = (lookup *)(uintptr_t)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = *hints;

    atomic_fetch_add(&questions, 1);
    if (host && strcmp(host, "none.test") == 0)
        return EAI_NONAME;
    if (host && strcmp(host, "slow.test") == 0) {
        gate_open(&asked);
        gate_wait(&answer);
    }
    numeric.ai_flags |= AI_NUMERICHOST;
    return real(host ? "127.0.0.1" : NULL, service, &numeric, found);
}

static trale_io *listen_here(char endpoint[TRALE_ADDR_TEXT], const char *host)
{
    trale_io *io = NULL;
    trale_addr local;

    ck_assert_int_eq(trale_tcp_listen(&io, "127.0.0.1:0"), 0);
    ck_assert_int_eq(trale_addr_local(io, &local), 0);
    snprintf(endpoint, TRALE_ADDR_TEXT, "%s:%u", host, ntohs(local.as.in4.sin_port));
    return io;
}

static intptr_t connect_and_close(void *endpoint)
{
    trale_io *io;
    int error = trale_tcp_connect(&io, endpoint);

    return error == 0 ? trale_close(io) : error;
}

static trale_task *spawn(trale_fn *fn, void *arg)
{
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn(&task, fn, arg), 0);
    return task;
}

START_TEST(the_executor_goes_on_while_a_name_is_looked_up)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_here(endpoint, "slow.test");
    trale_task *task = spawn(connect_and_close, endpoint);

    gate_wait(&asked);
    settle();
    gate_open(&answer);
    ck_assert_int_eq(join(task), 0);
    trale_close(listener);
}
END_TEST

/* Who asked has gone, and exit does not wait for threads that are still at it. */
static void answer_nobody(void)
{
    let_threads_be_lost();
    gate_open(&answer);
}

START_TEST(a_cancelled_connect_returns_at_once)
{
    char endpoint[] = "slow.test:1";
    trale_task *task = spawn(connect_and_close, endpoint);

    gate_wait(&asked);
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
    memset(endpoint, '#', sizeof endpoint - 1); /* nobody looks at it any more */
    answer_nobody();
}
END_TEST

static intptr_t answer_at_once(void *arg)
{
    return (intptr_t)arg;
}

START_TEST(slow_names_hold_up_neither_files_nor_work)
{
    trale_task *tasks[100];

    for (int i = 0; i < 100; i++)
        tasks[i] = spawn(connect_and_close, "slow.test:1");
    gate_wait_for(&asked, 16);
    settle();
    ck_assert_int_eq(trale_blocking(answer_at_once, (void *)5), 5);
    ck_assert_int_eq(trale_mkdir("/", 0700), -EEXIST);
    for (int i = 0; i < 100; i++)
        trale_cancel(tasks[i]);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(join(tasks[i]), -ECANCELED);
    answer_nobody();
}
END_TEST

START_TEST(numbers_ask_nobody)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_here(endpoint, "127.0.0.1"), *udp;

    ck_assert_int_eq(join(spawn(connect_and_close, endpoint)), 0);
    ck_assert_int_eq(trale_udp_bind(&udp, "127.0.0.1:0"), 0);
    trale_close(udp);
    ck_assert_int_eq(trale_udp_connect(&udp, "127.0.0.1:9"), 0);
    trale_close(udp);
    ck_assert_int_eq(atomic_load(&questions), 0);
    trale_close(listener);
}
END_TEST

START_TEST(nonsense_asks_nobody)
{
    trale_io *io;

    ck_assert_int_eq(trale_udp_bind(&io, "no port"), -EINVAL);
    ck_assert_int_eq(trale_tcp_connect(&io, "a b:80"), -EINVAL);
    ck_assert_int_eq(trale_tcp_connect(&io, "1.2.3:80"), -EINVAL);
    ck_assert_int_eq(trale_tcp_listen(&io, "here.test:+1"), -EINVAL);
    ck_assert_int_eq(atomic_load(&questions), 0);
}
END_TEST

START_TEST(names_work_wherever_an_endpoint_is_wanted)
{
    char endpoint[TRALE_ADDR_TEXT];
    trale_io *listener = listen_here(endpoint, "here.test"), *io;

    ck_assert_int_eq(connect_and_close(endpoint), 0);
    ck_assert_int_eq(join(spawn(connect_and_close, endpoint)), 0);
    ck_assert_int_eq(trale_udp_bind(&io, "here.test:0"), 0);
    trale_close(io);
    ck_assert_int_eq(trale_udp_connect(&io, endpoint), 0);
    trale_close(io);
    ck_assert_int_eq(trale_tcp_listen(&io, "here.test:0"), 0);
    trale_close(io);
    ck_assert_int_eq(trale_tcp_listen(&io, endpoint), -EADDRINUSE);
    trale_close(listener);
}
END_TEST

START_TEST(an_unknown_name_is_enoent)
{
    trale_io *io;

    ck_assert_int_eq(trale_tcp_connect(&io, "none.test:80"), -ENOENT);
    ck_assert_int_eq(trale_udp_bind(&io, "none.test:80"), -ENOENT);
}
END_TEST

START_TEST(stackless_tasks_bind_and_listen_by_name)
{
    trale_io *bound = NULL, *listening = NULL;
    trale_udp_bind_future bind;
    trale_tcp_listen_future listen;
    trale_task *one, *two;

    trale_udp_bind_init(&bind, &bound, "slow.test:0");
    ck_assert_int_eq(trale_spawn_future(&one, &bind.future, sizeof bind), 0);
    trale_tcp_listen_init(&listen, &listening, "slow.test:0");
    ck_assert_int_eq(trale_spawn_future(&two, &listen.future, sizeof listen), 0);
    gate_wait_for(&asked, 2);
    gate_open(&answer);
    ck_assert_int_eq(join(one), 0);
    ck_assert_int_eq(join(two), 0);
    trale_close(bound);
    trale_close(listening);
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "names",
               the_executor_goes_on_while_a_name_is_looked_up,
               a_cancelled_connect_returns_at_once, slow_names_hold_up_neither_files_nor_work,
               numbers_ask_nobody, nonsense_asks_nobody,
               names_work_wherever_an_endpoint_is_wanted, an_unknown_name_is_enoent,
               stackless_tasks_bind_and_listen_by_name)
