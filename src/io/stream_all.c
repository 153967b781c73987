/* Reading and writing until all is done: the single operation again and again, on what is
 * left. */
#include <errno.h>

#include <trale/io.h>

#include "base/list.h"
#include "core/io_source.h"
#include "io/ops.h"
#include "io/stream.h"
#include "io/transfer.h"
#include "task/await.h"

/* After an error some bytes count more: they have taken effect, and the error comes again. */
static intptr_t outcome(size_t moved, intptr_t result)
{
    return moved > 0 || result > 0 ? (intptr_t)moved : result;
}

static enum trale_poll read_full_poll(trale_future *self, trale_context *cx)
{
    trale_read_full_future *f = container_of(self, trale_read_full_future, future);
    trale_read_future *read = &f->read;
    intptr_t n;

    if (read->io && !f->held)
        source_retain(read->io);
    f->held = read->io != NULL;
    do {
        read->waiter.to_end = f->to_end;
        if (trale_future_poll(&read->future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        n = read->future.output;
        if (n > 0) {
            f->moved += (size_t)n;
            trale_read_init(read, read->io, (char *)read->buffer + n, read->size - (size_t)n);
        }
    } while (n > 0 && read->size > 0);
    if (n < 0 && f->moved > 0)
        source_owe(read->io, TRALE_READABLE, (int)n);
    return future_ready(self, outcome(f->moved, n));
}

/* Withdrawn after some bytes have moved: that is the effect it had. */
static void read_full_drop(trale_future *self)
{
    trale_read_full_future *f = container_of(self, trale_read_full_future, future);

    source_forget(&f->read.waiter);
    if (f->held)
        source_release(f->read.io);
    if (f->moved == 0)
        return;
    f->timed_out = self->output == -ETIMEDOUT;
    self->output = (intptr_t)f->moved;
}

const struct trale_future_ops read_full_ops = {read_full_poll, read_full_drop, "read_full"};

void trale_read_full_init(trale_read_full_future *f, trale_io *io, void *buffer, size_t size)
{
    *f = (trale_read_full_future){.future = {.ops = &read_full_ops}};
    trale_read_init(&f->read, io, buffer, size);
}

static bool read_full_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_read_full_future, future)->read.waiter);
}

ssize_t trale_read_full(trale_io *io, void *buffer, size_t size)
{
    trale_read_full_future f;
    ssize_t moved;

    trale_read_full_init(&f, io, buffer, size);
    f.to_end = true;
    moved = await_call_to_end(__func__, &f.future, read_full_withdraw);
    if (f.timed_out)
        await_timed_out();
    return moved;
}

static void wrote(trale_write_all_future *f, size_t n)
{
    f->moved += n;
    trale_write_init(&f->write, f->write.io, (const char *)f->write.buffer + n,
                     f->write.size - n);
}

/* A source_try. It is pinned: once it is not, a close may come, and the call has begun. */
static intptr_t try_write_first(const trale_io *io, void *operation, bool *drained)
{
    trale_write_all_future *f = operation;
    intptr_t n = stream_write(io, f->write.buffer, f->write.size, drained);

    f->held = n > 0 && (size_t)n < f->write.size;
    if (f->held)
        source_retain(f->write.io);
    return n;
}

/* What moves nothing, what is wrong, and files, are left to the single operation. */
static bool may_write_first(const trale_write_all_future *f)
{
    const trale_write_future *write = &f->write;

    return !f->held && write->io && write->buffer && write->size > 0 && !write->io->kind.file;
}

/* The first system call. If it takes all, as most do, or nothing, READY is the end, and the io needs
 * no reference of ours; else it is held. */
static enum trale_poll write_first(trale_write_all_future *f, trale_context *cx)
{
    trale_write_future *write = &f->write;
    intptr_t n;

    if (source_poll_known(&write->waiter, write->io, TRALE_WRITABLE, try_write_first, f, cx,
                          &n) == TRALE_PENDING)
        return TRALE_PENDING;
    if (f->held)
        wrote(f, (size_t)n);
    else if (n > 0)
        f->moved = (size_t)n;
    return future_ready(&f->future, n);
}

static enum trale_poll write_rest_poll(trale_write_all_future *f, trale_context *cx)
{
    trale_write_future *write = &f->write;
    intptr_t n;

    if (write->io && !f->held)
        source_retain(write->io);
    f->held = write->io != NULL;
    do {
        write->waiter.to_end = f->to_end;
        if (trale_future_poll(&write->future, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        n = write->future.output;
        if (n > 0)
            wrote(f, (size_t)n);
    } while (n > 0 && write->size > 0);
    if (n < 0 && f->moved > 0)
        source_owe(write->io, TRALE_WRITABLE, (int)n);
    return future_ready(&f->future, outcome(f->moved, n));
}

static enum trale_poll write_all_poll(trale_future *self, trale_context *cx)
{
    trale_write_all_future *f = container_of(self, trale_write_all_future, future);

    if (may_write_first(f)) {
        if (write_first(f, cx) == TRALE_PENDING)
            return TRALE_PENDING;
        if (!f->held)
            return TRALE_READY;
    }
    return write_rest_poll(f, cx);
}

static void write_all_drop(trale_future *self)
{
    trale_write_all_future *f = container_of(self, trale_write_all_future, future);

    source_forget(&f->write.waiter);
    if (f->held)
        source_release(f->write.io);
    if (f->moved == 0)
        return;
    f->timed_out = self->output == -ETIMEDOUT;
    self->output = (intptr_t)f->moved;
}

const struct trale_future_ops write_all_ops = {write_all_poll, write_all_drop, "write_all"};

void trale_write_all_init(trale_write_all_future *f, trale_io *io, const void *buffer,
                          size_t size)
{
    *f = (trale_write_all_future){.future = {.ops = &write_all_ops}};
    trale_write_init(&f->write, io, buffer, size);
}

static bool write_all_withdraw(trale_future *self)
{
    return transfer_withdraw(&container_of(self, trale_write_all_future, future)->write.waiter);
}

struct whole {
    trale_io *io;
    const void *buffer;
    size_t size;
    bool held; /* a reference to the io, for what is left */
};

/* A source_try. It is pinned: once it is not, a close may come, and the call has begun. */
static intptr_t try_write_whole(const trale_io *io, void *operation, bool *drained)
{
    struct whole *w = operation;
    intptr_t n = stream_write(io, w->buffer, w->size, drained);

    w->held = n > 0 && (size_t)n < w->size;
    if (w->held)
        source_retain(w->io);
    return n;
}

/* Goes on where that ended. */
static ssize_t write_rest(const char *function, const struct whole *w, size_t moved)
{
    trale_write_all_future f;
    ssize_t n;

    trale_write_all_init(&f, w->io, w->buffer, w->size);
    if (w->held)
        wrote(&f, moved);
    f.held = w->held;
    f.to_end = true;
    n = await_call_to_end(function, &f.future, write_all_withdraw);
    if (f.timed_out)
        await_timed_out();
    return n;
}

ssize_t trale_write_all(trale_io *io, const void *buffer, size_t size)
{
    struct whole w = {io, buffer, size, false};
    intptr_t n = -EAGAIN;

    if (stream_may_try_now(__func__, io, buffer, size))
        n = source_try_now(io, TRALE_WRITABLE, try_write_whole, &w);
    return n == -EAGAIN || w.held ? write_rest(__func__, &w, (size_t)n) : n;
}
