/*
 * An echo server that ends well. On SIGTERM it stops accepting and gives its clients five seconds
 * to finish; then it cancels those who are left, who say goodbye. It exits with 0, and nothing is
 * left behind.
 *     graceful [LISTEN [SECONDS]]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>

static trale_group clients;

/* Our task is cancelled, so it takes a scope that keeps this out; but not for long. */
static void say_goodbye(trale_io *connection)
{
    static const char text[] = "goodbye\n";
    trale_scope scope;

    trale_scope_enter_shielded(&scope, trale_now() + 200 * TRALE_MS);
    trale_write_all(connection, text, sizeof text - 1);
    trale_scope_leave(&scope);
}

/* Returns 0 whatever happens: an error of one client is none of the others'. */
static intptr_t converse(void *arg)
{
    trale_io *connection = arg;
    char buffer[4096];
    ssize_t n;

    while ((n = trale_read(connection, buffer, sizeof buffer)) > 0)
        if (trale_write_all(connection, buffer, (size_t)n) != n)
            break;
    if (trale_cancelled())
        say_goodbye(connection);
    trale_close(connection);
    return 0;
}

/* Until it is cancelled. */
static intptr_t accept_all(void *listener)
{
    trale_io *connection;
    int error;

    do {
        error = trale_accept(listener, &connection, NULL);
        if (error == 0 && trale_group_spawn(&clients, converse, connection) != 0)
            trale_close(connection);
        if (error == 0)
            trale_yield(); /* it starts now: who never starts would not close its connection */
        else if (error != -ECANCELED)
            trale_sleep(100 * TRALE_MS); /* no descriptors: they come back */
    } while (error != -ECANCELED);
    return 0;
}

static int listen_at(trale_io **listener, const char *endpoint)
{
    char text[TRALE_ADDR_TEXT];
    trale_addr local;
    int error = trale_tcp_listen(listener, endpoint);

    if (error != 0)
        return error;
    error = trale_addr_local(*listener, &local);
    if (error == 0)
        error = trale_addr_format(&local, text, sizeof text);
    if (error == 0)
        printf("listening at %s\n", text);
    else
        trale_close(*listener);
    return error;
}

/* The group's wait ends at the deadline, by cancelling who is left and waiting for their end. */
static void finish(int64_t patience)
{
    trale_scope scope;

    trale_scope_enter(&scope, trale_now() + patience);
    trale_group_wait(&clients);
    if (trale_scope_leave(&scope) == -ETIMEDOUT)
        printf("some had not finished\n");
    else
        printf("all had finished\n");
}

int main(int argc, char **argv)
{
    int64_t patience = (argc > 2 ? atoi(argv[2]) : 5) * TRALE_SEC;
    trale_io *listener;
    trale_task *acceptor;
    sigset_t signals;
    int error, received;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    error = listen_at(&listener, argc > 1 ? argv[1] : "127.0.0.1:5000");
    if (error == 0)
        error = trale_spawn(&acceptor, accept_all, listener);
    if (error != 0) {
        fprintf(stderr, "graceful: %s\n", strerror(-error));
        return 1;
    }
    sigwait(&signals, &received);
    trale_cancel(acceptor);
    trale_join(acceptor, NULL);
    trale_close(listener); /* who connects from now on is refused */
    printf("not accepting any more\n");
    finish(patience);
    return trale_runtime_free(trale_runtime_default(), TRALE_NEVER) != 0;
}
