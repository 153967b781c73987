/*
 * Writing without SIGPIPE. On a socket, send has a flag for it; on a pipe the signal has to be
 * held back around the write, and taken away if it came. Executor threads block it anyway, but for
 * the program's own, in trale_run.
 */
#ifndef IO_SIGPIPE_H
#define IO_SIGPIPE_H

#include <signal.h>

#include "core/io_source.h"

struct sigpipe {
    bool held;        /* we blocked it */
    bool was_pending; /* one was, before */
    sigset_t old;     /* what was blocked before */
};

void sigpipe_hold(struct sigpipe *s, const trale_io *io);

/* n is what the write returned; errno is kept. */
void sigpipe_release(struct sigpipe *s, ssize_t n);

#endif
