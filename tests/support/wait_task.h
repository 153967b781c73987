/* Tasks that wait for a descriptor, and descriptors to wait for: for test threads, asserting. */
#ifndef TESTS_WAIT_TASK_H
#define TESTS_WAIT_TASK_H

#include <trale.h>

/* A stackless task whose result is that of trale_wait. */
trale_task *spawn_wait(trale_io *io, unsigned events);
trale_task *spawn_wait_on(trale_runtime *runtime, trale_io *io, unsigned events);

trale_io *open_io(int fd);

/* Both ends are non-blocking. */
void make_pipe(int ends[2]);
void make_sockets(int ends[2]);

/* Writes until it would block, and goes on blocking until somebody reads; reads until it would
 * block. */
void fill(int fd);
void drain(int fd);

void write_byte(int fd);
void write_count(int eventfd);

#endif
