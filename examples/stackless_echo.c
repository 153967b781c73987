/*
 * An echo server whose connections have no stack: each is a function over a struct (async.h),
 * with two futures and a buffer in it. Prints where it listens, and runs until it is killed:
 *     stackless_echo [LISTEN]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <trale.h>

struct echo {
    trale_async async;
    trale_io *io;
    union { /* what it waits for, one at a time */
        trale_read_future read;
        trale_write_all_future write;
    } wait;
    char buffer[4096];
};

static void echo_drop(trale_future *self)
{
    trale_async_drop(self);
    trale_close(((struct echo *)self)->io);
}

TRALE_ASYNC_WITH(echo, struct echo, echo_drop)
{
    TRALE_ASYNC_BEGIN;
    for (;;) {
        trale_read_init(&self->wait.read, self->io, self->buffer, sizeof self->buffer);
        TRALE_AWAIT(&self->wait.read.future);
        ssize_t n = self->wait.read.future.output; /* gone after the next wait, and not needed */
        if (n <= 0)
            TRALE_RETURN(n);
        trale_write_all_init(&self->wait.write, self->io, self->buffer, (size_t)n);
        TRALE_AWAIT(&self->wait.write.future);
        if (self->wait.write.future.output < 0)
            TRALE_RETURN(self->wait.write.future.output);
    }
    TRALE_ASYNC_END;
}

static intptr_t serve(void *arg)
{
    struct echo e = {.async = TRALE_ASYNC_INIT(echo)};
    int error;

    for (;;) {
        error = trale_accept(arg, &e.io, NULL);
        if (error == 0 && trale_spawn_future(NULL, &e.async.future, sizeof e) != 0)
            trale_close(e.io);
        if (error == -ECANCELED || error == -EBADF)
            return error;
        if (error != 0)
            trale_sleep(100 * TRALE_MS); /* no descriptors: they come back */
    }
}

int main(int argc, char **argv)
{
    char text[TRALE_ADDR_TEXT];
    trale_io *listener;
    trale_addr local;
    int error;

    error = trale_tcp_listen(&listener, argc > 1 ? argv[1] : "127.0.0.1:5000");
    if (error == 0)
        error = trale_addr_local(listener, &local);
    if (error == 0)
        error = trale_addr_format(&local, text, sizeof text);
    if (error != 0) {
        fprintf(stderr, "stackless_echo: cannot listen: %s\n", strerror(-error));
        return 1;
    }
    printf("listening at %s, %zu bytes a connection, of which %zu are its buffer\n", text,
           sizeof(struct echo), sizeof((struct echo *)0)->buffer);
    fflush(stdout);
    trale_block_on(serve, listener, NULL);
    return 0;
}
