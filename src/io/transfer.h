/* Moving bytes between memory and a file, which is done by a job of the pool. */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include "core/io_source.h"

/* What the kernel takes at once, readv(2). */
#define BUFFERS_MAX 1024

struct transfer {
    bool write;
    off_t offset; /* TRANSFER_AT_POSITION: where the file offset is */
    const struct iovec *iov;
    int count;
};

#define TRANSFER_AT_POSITION ((off_t)-1)

/* The poll of a read or write on a file; source_forget is its drop. */
enum trale_poll transfer_poll(struct trale_io_waiter *waiter, trale_io *io,
                              const struct transfer *t, trale_context *cx, intptr_t *output);

/* Has nothing been moved, and the job, if there is one, not begun? It will not begin any more, and
 * the next poll is READY if something has been moved. For await_call_to_end. */
bool transfer_withdraw(struct trale_io_waiter *waiter);

size_t transfer_size(const struct transfer *t);

#endif
