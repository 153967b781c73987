/* Listening, connecting, accepting: what fails on the way leaves nothing behind. */
#include "scenarios.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "steps.h"

typedef int open_stream(trale_io **io, const char *where);

/* A connect whose outcome could not be asked for has connected, and hung up. */
static trale_io *accept_talking(trale_io *listener, char text[static 6])
{
    for (;;) {
        trale_io *server = NULL;
        ssize_t n;

        CALL(trale_accept(listener, &server, NULL), !server);
        n = CALL(trale_read_full(server, text, 6), text[0] == '\0');
        if (n != 0 && n != -ECONNRESET) {
            EXPECT(n == 6);
            return server;
        }
        close_io(server);
    }
}

/* A call that failed left nothing in the way of the one that is made in its place, nor of those
 * that follow: no file, no connection. */
static void talk(open_stream *listen_at, open_stream *connect_to, const char *where)
{
    trale_io *listener = NULL, *client = NULL, *server = NULL;
    char endpoint[TRALE_ADDR_TEXT], text[6] = "";

    CALL(listen_at(&listener, where), !listener);
    if (connect_to == trale_tcp_connect) {
        local_endpoint(listener, endpoint);
        where = endpoint;
    }
    CALL(connect_to(&client, where), !client);
    EXPECT(CALL(trale_write_all(client, "hello", 6), true) == 6);
    server = accept_talking(listener, text);
    EXPECT(strcmp(text, "hello") == 0);
    close_io(client);
    EXPECT(CALL(trale_read(server, text, 1), true) == 0);
    close_io(server);
    close_io(listener);
}

void opening(void)
{
    char path[64];

    snprintf(path, sizeof path, "/tmp/trale-faults-%ld", (long)getpid());
    remove(path); /* of a process that was killed, and had the same number */
    talk(trale_unix_listen, trale_unix_connect, path);
    EXPECT(remove(path) == 0);
    talk(trale_tcp_listen, trale_tcp_connect, "127.0.0.1:0");
}
