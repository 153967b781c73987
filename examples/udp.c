/*
 * Three tasks on one thread: one prints, one receives a datagram, and one sends it.
 * Prints, half a second apart (PORT is what the system chose for the sender):
 *     Hello A!
 *     Sent 20 bytes
 *     Received 20 bytes from 127.0.0.1:PORT
 *     Hello B!
 * and after another second
 *     Hello C!
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

#define ENDPOINT "127.0.0.1:9998"

static intptr_t failed(const char *what, intptr_t error)
{
    fprintf(stderr, "cannot %s: %s\n", what, strerror((int)-error));
    return error;
}

static intptr_t greet(void *arg)
{
    (void)arg;
    trale_sleep(500 * TRALE_MS);
    puts("Hello A!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello B!");
    trale_sleep(1 * TRALE_SEC);
    puts("Hello C!");
    return 0;
}

static intptr_t receive(void *arg)
{
    (void)arg;
    trale_io *io;
    int error = trale_udp_bind(&io, ENDPOINT);
    if (error < 0)
        return failed("bind " ENDPOINT, error);

    unsigned char buffer[64];
    char text[TRALE_ADDR_TEXT] = "?";
    trale_addr from;
    ssize_t n = trale_recvfrom(io, buffer, sizeof buffer, &from);
    trale_close(io);
    if (n < 0)
        return failed("receive", n);
    trale_addr_format(&from, text, sizeof text);
    printf("Received %zd bytes from %s\n", n, text);
    return n;
}

static intptr_t send_later(void *arg)
{
    (void)arg;
    trale_io *io;
    int error = trale_udp_bind(&io, "127.0.0.1:0");
    if (error < 0)
        return failed("bind 127.0.0.1:0", error);

    unsigned char bytes[20];
    trale_addr to;
    memset(bytes, 0xad, sizeof bytes);
    trale_addr_parse(&to, ENDPOINT);
    trale_sleep(1 * TRALE_SEC);
    ssize_t n = trale_sendto(io, bytes, sizeof bytes, &to);
    trale_close(io);
    if (n < 0)
        return failed("send", n);
    printf("Sent %zd bytes\n", n);
    return n;
}

static trale_task *spawn(trale_fn *fn)
{
    trale_task *task;
    int error = trale_spawn(&task, fn, NULL);
    if (error < 0) {
        failed("spawn a task", error);
        exit(EXIT_FAILURE);
    }
    return task;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, into a pipe too */
    trale_task *greeter = spawn(greet);
    trale_task *receiver = spawn(receive); /* runs, and binds, before the sender starts */
    trale_task *sender = spawn(send_later);
    intptr_t sent, received;
    trale_join(sender, &sent);
    if (sent < 0)
        return EXIT_FAILURE; /* the receiver would wait for ever */
    trale_join(receiver, &received);
    trale_join(greeter, NULL);
    return received < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
