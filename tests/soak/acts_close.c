/* Descriptors of every kind, closed while others wait on them. */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "soak.h"

/* It has begun to wait, and says so after its first poll: then the io may be closed. */
struct waiter {
    trale_future future;
    union {
        trale_future future;
        trale_read_future read;
        trale_wait_future wait;
    } inner;
    char byte;
    bool reads, told;
    trale_event *begun;
};

static void tell_begun(struct waiter *w)
{
    if (!w->told)
        trale_event_notify(w->begun);
    w->told = true;
}

static enum trale_poll waiter_poll(trale_future *self, trale_context *cx)
{
    struct waiter *w = (struct waiter *)self;
    enum trale_poll result;

    if (w->reads && !w->told)
        w->inner.read.buffer = &w->byte; /* here it stays */
    result = trale_future_poll(&w->inner.future, cx);
    self->output = w->inner.future.output;
    tell_begun(w);
    return result;
}

static void waiter_drop(trale_future *self)
{
    struct waiter *w = (struct waiter *)self;

    w->inner.future.output = self->output;
    trale_future_drop(&w->inner.future);
    self->output = w->inner.future.output;
    right(STACKLESS, 1);
    tell_begun(w);
}

static void spawn_waiter(struct actor *a, trale_task **task, trale_io *io, bool reads,
                         trale_event *begun)
{
    static const struct trale_future_ops ops = {waiter_poll, waiter_drop, "waiter"};
    struct waiter w = {.future = {.ops = &ops}, .reads = reads, .begun = begun};
    trale_spawn_options options = anywhere(a);

    if (reads)
        trale_read_init(&w.inner.read, io, &w.byte, 1);
    else
        trale_wait_init(&w.inner.wait, io, TRALE_READABLE);
    left(STACKLESS, 1);
    must(trale_spawn_future_with(task, &options, &w.future, sizeof w) == 0);
}

/* Who has the byte has it alone; who only waits for it may have seen it, and so may others. */
static void end_waiters(trale_task **tasks, uint32_t count, bool reads, bool wrote)
{
    uint32_t had = 0;

    for (uint32_t i = 0; i < count; i++) {
        intptr_t result = join_always(tasks[i]);

        must(result == -EBADF || result == -ECANCELED || (result == 1 && wrote));
        had += reads && result == 1;
        tally(CLOSED_ON, result == -EBADF);
    }
    must(had <= 1);
}

static void make_pipe(trale_io **ends)
{
    int fds[2];

    must(pipe2(fds, O_CLOEXEC) == 0);
    ends[0] = adopt(fds[0]);
    ends[1] = adopt(fds[1]);
}

/* What is waited on, and where a byte would come from, if that is to be. */
static bool make_ends(struct actor *a, trale_io **ends)
{
    char endpoint[TRALE_ADDR_TEXT];
    uint32_t kind = draw(a, 5);
    bool made = true;

    ends[1] = NULL;
    if (kind == 0)
        make_pair(ends);
    else if (kind == 1)
        make_pipe(ends);
    else if (kind == 2)
        made = got(a, trale_udp_bind(&ends[0], "127.0.0.1:0"));
    else
        made = listen_somewhere(a, &ends[0], endpoint, kind == 3);
    if (made && !ends[1])
        opened(ends[0]);
    return made;
}

void act_close(struct actor *a)
{
    trale_io *ends[2];
    trale_task *tasks[3];
    trale_event begun = {0};
    uint32_t count = 1 + draw(a, 3);
    bool wrote = false, reads;
    trale_scope shield;

    if (!make_ends(a, ends))
        return;
    reads = ends[1] && chance(a, 2);
    for (uint32_t i = 0; i < count; i++)
        spawn_waiter(a, &tasks[i], ends[0], reads, &begun);
    if (chance(a, 4))
        trale_cancel(tasks[draw(a, count)]);
    trale_scope_enter_shielded(&shield, TRALE_NEVER);
    for (uint32_t i = 0; i < count; i++)
        must(trale_event_wait(&begun) == 0);
    if (ends[1] && chance(a, 2))
        wrote = trale_write(ends[1], "x", 1) == 1;
    trale_scope_leave(&shield);
    closed(ends[0]);
    end_waiters(tasks, count, reads, wrote);
    if (ends[1])
        closed(ends[1]);
}
