/* Writing to streams, for what writes more than once. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "core/io_source.h"
#include "task/await.h"

/* A source_try of a trale_write_future. */
intptr_t stream_try_write(const trale_io *io, void *operation, bool *drained);

/* May a call that could wait use source_try_now? What moves nothing never waits; what is wrong, and
 * files, are left to the future. */
static inline bool stream_may_try_now(const char *function, const trale_io *io,
                                      const void *buffer, size_t size)
{
    return io && buffer && size > 0 && !io->kind.file && await_at_once(function);
}

#endif
