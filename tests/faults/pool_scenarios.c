/* The pool: work that blocks, and looking up names. */
#include "scenarios.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fault.h"
#include "gate.h"
#include "steps.h"

struct job {
    struct gate go;
    atomic_bool begun, pending;
    atomic_int ended;
};

#define JOB \
    { \
        .go = GATE \
    }

static intptr_t count(void *arg)
{
    return atomic_fetch_add((atomic_int *)arg, 1) + 1;
}

static intptr_t hold(void *arg)
{
    struct job *job = arg;

    atomic_store(&job->begun, true);
    gate_wait(&job->go);
    return atomic_fetch_add(&job->ended, 1) + 1;
}

/* When it fails, nothing has run, nor will. */
static intptr_t work_twice(void *unused)
{
    atomic_int times = 0;

    (void)unused;
    EXPECT(CALL(trale_blocking(count, &times), atomic_load(&times) == 0) == 1);
    fault_may_hide_at(FAULT_THREAD); /* there is one */
    EXPECT(CALL(trale_blocking(count, &times), atomic_load(&times) == 1) == 2);
    return atomic_load(&times);
}

void blocking(void)
{
    EXPECT(work_twice(NULL) == 2); /* before there is any runtime */
    have_threads();
    both_ways(work_twice, NULL, 2);
}

static intptr_t be_held(void *job)
{
    return CALL(trale_blocking(hold, job), true);
}

/* There is a thread: for want of a second one this comes later, but it comes. */
static intptr_t not_refused(intptr_t result)
{
    EXPECT(result != -EAGAIN);
    return result;
}

static intptr_t come_second(void *arg)
{
    struct job *job = arg;
    trale_blocking_future work;
    atomic_int times = 0;

    fault_may_hide(true);
    CALL((trale_blocking_init(&work, count, &times),
          not_refused(await_announced(&work.future, &job->pending))),
         atomic_load(&times) == 0);
    atomic_store(&job->pending, true); /* a second thread may have been quick */
    return atomic_load(&times);
}

static void with_one_thread_held(unsigned limit, bool in_task)
{
    struct job job = JOB;
    struct plain holder, second;
    trale_task *task = NULL;

    EXPECT(trale_blocking_limit(limit) == 0);
    plain_start(&holder, be_held, &job);
    wait_until(&job.begun);
    if (in_task)
        CALL(trale_spawn(&task, come_second, &job), !task);
    else
        plain_start(&second, come_second, &job);
    wait_until(&job.pending);
    EXPECT(trale_blocking_limit(64) == 0);
    gate_open(&job.go);
    EXPECT(plain_join(&holder) == 1);
    if (!in_task)
        EXPECT(plain_join(&second) == 1);
    fault_may_hide(false);
    if (in_task)
        join_for(task, 1);
}

void busy_pool(void)
{
    with_one_thread_held(64, false);
    have_threads();
    with_one_thread_held(1, false);
    with_one_thread_held(64, true);
    with_one_thread_held(1, true);
}

/* Nobody waits for its end, on a thread of the pool, where it is freed. */
static intptr_t give_up_work(void *unused)
{
    static struct job jobs[4]; /* used by those that nobody waits for */
    static atomic_int used;
    struct job *job = &jobs[atomic_fetch_add(&used, 1)];
    trale_blocking_future work;

    (void)unused;
    *job = (struct job)JOB;
    CALL((trale_blocking_init(&work, hold, job), poll_and_drop(&work.future, &job->begun)),
         !atomic_load(&job->begun));
    EXPECT(atomic_load(&job->ended) == 0);
    gate_open(&job->go);
    return 3;
}

void given_up(void)
{
    have_threads();
    both_ways(give_up_work, NULL, 3);
}

/* Looked up: "several" has three addresses, and the service "none" the port 0 (wrap_network.c).
 * The next address does for one that fails. */
static void open_named(int (*open)(trale_io **, const char *), const char *endpoint)
{
    char text[TRALE_ADDR_TEXT];
    trale_io *io = NULL;
    unsigned host, port;

    fault_may_hide(true);
    CALL(open(&io, endpoint), !io);
    fault_may_hide(false);
    local_endpoint(io, text);
    EXPECT(sscanf(text, "127.0.0.%u:%u", &host, &port) == 2 && port > 0);
    close_io(io);
}

static intptr_t open_all_named(void *unused)
{
    (void)unused;
    open_named(trale_udp_bind, "several:0");
    open_named(trale_udp_bind, "several:none");
    open_named(trale_udp_connect, "several:9");
    open_named(trale_tcp_listen, "several:none");
    return 4;
}

void names(void)
{
    both_ways(open_all_named, NULL, 4);
}
