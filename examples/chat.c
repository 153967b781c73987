/*
 * A chat room: chat LISTEN. Clients speak lines, for instance with nc. The first is the client's
 * name, every further one goes to everybody as "name: text". Lines that begin with "* " are the
 * room's own. Two tasks per client: one reads and hands out, the other writes what is queued for
 * the client. So nobody waits for a slow client; when its queue is full, it is dropped.
 * Runs until it is killed. Prints:
 *     listening at 127.0.0.1:PORT
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

enum { NAME = 20, LINE = 256, QUEUE = 16384 };

struct client {
    trale_io *io;
    char name[NAME + 1];
    char input[LINE + 1]; /* what was read and is no line yet */
    size_t input_size;
    atomic_bool slow;
    struct client *next; /* from here on guarded by the room's lock */
    char queue[QUEUE];
    size_t queue_size;
    trale_event news; /* notified when the queue is no longer empty, and at the end */
};

static struct {
    trale_mutex lock; /* nobody waits for anything else while he has it */
    struct client *clients;
} room;

/* The room is locked. */
static void enqueue(struct client *c, const char *text, size_t size)
{
    if (size > QUEUE - c->queue_size) {
        c->slow = true;
        trale_shutdown(c->io, SHUT_RDWR); /* both its tasks find an end */
        return;
    }
    if (c->queue_size == 0)
        trale_event_notify(&c->news);
    memcpy(c->queue + c->queue_size, text, size);
    c->queue_size += size;
}

static void tell(struct client *c, const char *text)
{
    trale_mutex_lock(&room.lock);
    enqueue(c, text, strlen(text));
    trale_mutex_unlock(&room.lock);
}

__attribute__((format(printf, 1, 2))) static void tell_all(const char *format, ...)
{
    char text[NAME + LINE + 32];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    trale_mutex_lock(&room.lock);
    for (struct client *c = room.clients; c != NULL; c = c->next)
        enqueue(c, text, (size_t)size);
    trale_mutex_unlock(&room.lock);
    trale_yield(); /* the writers first: many lines at once make nobody slow */
}

static void enter(struct client *c)
{
    trale_mutex_lock(&room.lock);
    c->next = room.clients;
    room.clients = c;
    trale_mutex_unlock(&room.lock);
}

static void leave(struct client *c)
{
    struct client **link = &room.clients;

    trale_mutex_lock(&room.lock);
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    trale_mutex_unlock(&room.lock);
}

static size_t take_queue(struct client *c, char *text)
{
    trale_mutex_lock(&room.lock);
    size_t size = c->queue_size;
    memcpy(text, c->queue, size);
    c->queue_size = 0;
    trale_mutex_unlock(&room.lock);
    return size;
}

static intptr_t write_queue(void *arg)
{
    struct client *c = arg;
    char text[QUEUE];
    size_t size;

    /* Every notification but the last finds something in the queue. */
    while (trale_event_wait(&c->news) == 0 && (size = take_queue(c, text)) > 0) {
        if (trale_write_all(c->io, text, size) != (ssize_t)size) {
            trale_shutdown(c->io, SHUT_RDWR);
            break;
        }
    }
    return 0;
}

/* One line, without its end. -EMSGSIZE: it was too long, and is skipped. -EPIPE: no more. */
static int read_line(struct client *c, char *line)
{
    bool too_long = false;
    size_t size = 0;
    ssize_t n;
    char *end;

    while ((end = memchr(c->input, '\n', c->input_size)) == NULL) {
        if (c->input_size == sizeof c->input) {
            too_long = true;
            c->input_size = 0;
        }
        n = trale_read(c->io, c->input + c->input_size, sizeof c->input - c->input_size);
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        c->input_size += (size_t)n;
    }
    for (char *from = c->input; from < end; from++) {
        if (!iscntrl((unsigned char)*from)) /* no carriage return, nothing that moves cursors */
            line[size++] = *from;
    }
    line[size] = '\0';
    c->input_size -= (size_t)(end + 1 - c->input);
    memmove(c->input, end + 1, c->input_size);
    return too_long ? -EMSGSIZE : 0;
}

static void converse(struct client *c)
{
    char line[LINE + 1];
    int error;

    if (read_line(c, line) != 0 || line[0] == '\0' || strlen(line) > NAME) {
        tell(c, "* the first line is your name, 1 to 20 bytes\n");
        return;
    }
    memcpy(c->name, line, strlen(line) + 1);
    enter(c);
    tell_all("* %s joined\n", c->name);
    while ((error = read_line(c, line)) == 0 || error == -EMSGSIZE) {
        if (error == 0)
            tell_all("%s: %s\n", c->name, line);
        else
            tell(c, "* a line has up to 256 bytes\n");
    }
    tell_all("* %s %s\n", c->name, c->slow ? "was too slow and is dropped" : "left");
    leave(c);
}

static intptr_t serve_client(void *io)
{
    const int small = QUEUE; /* or else the kernel queues megabytes for the slow */
    struct client *c = calloc(1, sizeof *c);
    trale_task *writer;

    setsockopt(trale_io_fd(io), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    if (c != NULL) {
        c->io = io;
        if (trale_spawn(&writer, write_queue, c) == 0) {
            converse(c);
            trale_event_notify(&c->news);
            trale_join(writer, NULL);
        }
    }
    trale_close(io);
    free(c);
    return 0;
}

static intptr_t serve(void *listener)
{
    trale_io *client;
    int error = 0;

    while (error != -ECANCELED) {
        error = trale_accept(listener, &client, NULL);
        if (error != 0)
            trale_sleep(100 * TRALE_MS); /* no descriptor left, mostly: clients wait for one */
        else if (trale_spawn(NULL, serve_client, client) != 0)
            trale_close(client);
    }
    return error;
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "127.0.0.1:5000";
    char text[TRALE_ADDR_TEXT];
    trale_io *listener;
    trale_addr addr;
    int error = trale_tcp_listen(&listener, endpoint);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (error == 0) {
        if (trale_addr_local(listener, &addr) == 0 &&
            trale_addr_format(&addr, text, sizeof text) == 0)
            printf("listening at %s\n", text);
        error = trale_block_on(serve, listener, NULL);
    }
    fprintf(stderr, "%s: %s\n", endpoint, strerror(-error));
    return 1;
}
