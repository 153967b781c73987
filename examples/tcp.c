/*
 * An echo client that talks to 127.0.0.1:5000 (examples/tcp_serv), or to the endpoint given as the
 * argument, while another task prints. Prints:
 *     Hello A!            at 0.5, 1.5 and 2.5 s, by the other task (B, C)
 *     Sent 20 bytes       after a second
 *     Received 20 bytes
 */
#include <stdio.h>
#include <string.h>
#include <trale.h>

static intptr_t hello(void *arg)
{
    (void)arg;
    trale_sleep(500 * TRALE_MS);
    puts("Hello A!");
    trale_sleep(TRALE_SEC);
    puts("Hello B!");
    trale_sleep(TRALE_SEC);
    puts("Hello C!");
    return 0;
}

/* Says something, and hears the same. */
static intptr_t converse(trale_io *connection)
{
    char sent[20], received[20];
    ssize_t n;

    memset(sent, 0xad, sizeof sent);
    n = trale_write_all(connection, sent, sizeof sent);
    if (n < 0)
        return n;
    printf("Sent %zd bytes\n", n);
    n = trale_read_full(connection, received, sizeof received);
    if (n < 0)
        return n;
    printf("Received %zd bytes\n", n);
    return 0;
}

static intptr_t talk(void *endpoint)
{
    trale_io *connection;
    intptr_t error;

    trale_sleep(TRALE_SEC);
    error = trale_tcp_connect(&connection, endpoint);
    if (error != 0)
        return error;
    error = converse(connection);
    trale_close(connection);
    return error;
}

int main(int argc, char **argv)
{
    char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:5000";
    trale_task *greeter, *talker;
    intptr_t error;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (trale_spawn(&greeter, hello, NULL) != 0 || trale_spawn(&talker, talk, endpoint) != 0) {
        fputs("cannot spawn a task\n", stderr);
        return 1;
    }
    trale_join(talker, &error);
    if (error != 0)
        fprintf(stderr, "%s: %s\n", endpoint, strerror((int)-error));
    trale_join(greeter, NULL);
    return error != 0;
}
