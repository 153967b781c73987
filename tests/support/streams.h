/* Connected streams, and tasks that read and write them: for test threads, asserting. */
#ifndef TESTS_STREAMS_H
#define TESTS_STREAMS_H

#include <trale.h>

/* What is read at ends[0] was written at ends[1], and the other way round but for the pipe. */
void open_pipe(trale_io *ends[2]);
void open_sockets(trale_io *ends[2]);
void open_tcp(trale_io *ends[2]);

/* A listener at a port of the loopback, and its endpoint. */
trale_io *listen_any(char endpoint[TRALE_ADDR_TEXT]);

void close_both(trale_io *ends[2]);

/* Closes so that the other side's connection is reset. */
void close_with_reset(trale_io *io);

/* Stackless tasks whose result is that of the call. */
trale_task *spawn_read(trale_io *io, void *buffer, size_t size);
trale_task *spawn_write(trale_io *io, const void *buffer, size_t size);
trale_task *spawn_read_full(trale_io *io, void *buffer, size_t size);
trale_task *spawn_write_all(trale_io *io, const void *buffer, size_t size);

/* One call in a fiber: its result is that of call(io, buffer, size). */
struct transfer {
    ssize_t (*call)(trale_io *io, void *buffer, size_t size);
    trale_io *io;
    void *buffer;
    size_t size;
};
trale_task *spawn_transfer(const struct transfer *t);
ssize_t call_write(trale_io *io, void *buffer, size_t size);
ssize_t call_write_all(trale_io *io, void *buffer, size_t size);

#endif
