/*
 * An echo server: one task accepts, one more per connection echoes until the client has finished.
 * Listens on 127.0.0.1:5000, or on the endpoint given as the argument; runs until it is killed.
 * Prints, for each conversation:
 *     Connection from 127.0.0.1:PORT
 *     Conversation finished.  Read N bytes
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <trale.h>

static intptr_t converse(void *arg)
{
    trale_io *connection = arg;
    char buffer[4096];
    size_t total = 0;
    ssize_t n;

    while ((n = trale_read(connection, buffer, sizeof buffer)) > 0) {
        total += (size_t)n;
        if (trale_write_all(connection, buffer, (size_t)n) != n)
            break;
    }
    trale_close(connection);
    printf("Conversation finished.  Read %zu bytes\n", total);
    return 0;
}

static intptr_t serve(void *arg)
{
    trale_io *listener = arg, *connection;
    char text[TRALE_ADDR_TEXT];
    trale_addr peer;
    int error;

    for (;;) {
        error = trale_accept(listener, &connection, &peer);
        if (error == -EMFILE || error == -ENFILE || error == -ENOMEM) {
            trale_sleep(100 * TRALE_MS); /* the connection waits until there is room */
            continue;
        }
        if (error != 0)
            return error;
        if (trale_addr_format(&peer, text, sizeof text) == 0)
            printf("Connection from %s\n", text);
        if (trale_spawn(NULL, converse, connection) != 0)
            trale_close(connection);
    }
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:5000";
    trale_io *listener;
    intptr_t result = trale_tcp_listen(&listener, endpoint);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (result == 0) {
        int error = trale_block_on(serve, listener, &result);

        if (error != 0)
            result = error;
    }
    fprintf(stderr, "%s: %s\n", endpoint, strerror((int)-result));
    return 1;
}
