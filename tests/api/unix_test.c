/* Unix stream sockets: files and abstract names. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "settle.h"
#include "system.h"
#include "wait_task.h"

static char directory[] = "/tmp/trale-unix-XXXXXX", path[64], name[64];

static void make_names(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(name, sizeof name, "@%s", directory);
}

static void remove_names(void)
{
    free_default_runtime();
    unlink(path);
    rmdir(directory);
}

static trale_task *spawn_connect(trale_io **io, const char *where)
{
    trale_unix_connect_future f;
    trale_task *task = NULL;
    trale_unix_connect_init(&f, io, where);
    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    return task;
}

static trale_io *listen_at(const char *where)
{
    trale_io *listener = NULL;
    ck_assert_int_eq(trale_unix_listen(&listener, where), 0);
    return listener;
}

static void talk_at(const char *where)
{
    char buffer[16], text[TRALE_ADDR_TEXT], expected[TRALE_ADDR_TEXT];
    trale_addr local, peer;
    trale_io *listener = listen_at(where), *client, *server;
    ck_assert_int_eq(trale_addr_local(listener, &local), 0);
    ck_assert_int_eq(trale_addr_format(&local, text, sizeof text), 0);
    snprintf(expected, sizeof expected, "unix:%s", where);
    ck_assert_str_eq(text, expected);
    for (int i = 0; i < 10; i++) {
        memset(&peer, 0xff, sizeof peer);
        if (i % 2)
            ck_assert_int_eq(trale_unix_connect(&client, where), 0);
        else
            ck_assert_int_eq(join(spawn_connect(&client, where)), 0);
        ck_assert_int_eq(trale_accept(listener, &server, &peer), 0);
        ck_assert_int_eq(peer.as.any.sa_family, AF_UNIX);
        ck_assert_int_eq(trale_write(client, "hello", 5), 5);
        ck_assert_int_eq(trale_read(server, buffer, sizeof buffer), 5);
        ck_assert_int_eq(trale_write_all(server, "you", 3), 3);
        ck_assert_int_eq(trale_read_full(client, buffer, 3), 3);
        ck_assert_int_eq(trale_shutdown(client, SHUT_WR), 0);
        ck_assert_int_eq(trale_read(server, buffer, sizeof buffer), 0);
        trale_close(client);
        trale_close(server);
    }
    trale_close(listener);
}

START_TEST(a_file_connects_two)
{
    struct stat status;
    talk_at(path);
    ck_assert_int_eq(stat(path, &status), 0); /* it stays */
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_int_eq(unlink(path), 0);
    talk_at(path);
}
END_TEST

START_TEST(an_abstract_name_connects_two_and_leaves_no_file)
{
    talk_at(name);
    ck_assert_int_ne(access(name, F_OK), 0);
    talk_at(name); /* free again at once */
}
END_TEST

START_TEST(a_name_in_use_is_refused)
{
    trale_io *io = NULL, *listener = listen_at(path), *abstract = listen_at(name);
    ck_assert_int_eq(trale_unix_listen(&io, path), -EADDRINUSE);
    ck_assert_int_eq(trale_unix_listen(&io, name), -EADDRINUSE);
    trale_close(listener);
    trale_close(abstract);
    ck_assert_int_eq(trale_unix_listen(&io, path), -EADDRINUSE); /* the file is in the way */
    ck_assert_int_eq(trale_unix_connect(&io, path), -ECONNREFUSED);
    ck_assert_int_eq(trale_unix_connect(&io, name), -ECONNREFUSED);
    ck_assert_int_eq(unlink(path), 0);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(trale_unix_listen(&io, path), -EADDRINUSE); /* any file */
    ck_assert_int_eq(trale_unix_connect(&io, path), -ECONNREFUSED);
    ck_assert_ptr_null(io);
}
END_TEST

START_TEST(a_path_has_at_most_107_bytes)
{
    char longest[200];
    trale_io *io = NULL, *listener;
    snprintf(longest, sizeof longest, "%s/", directory);
    memset(longest + strlen(longest), 'x', sizeof longest - strlen(longest));
    longest[108] = 0;
    ck_assert_int_eq(trale_unix_listen(&io, longest), -ENAMETOOLONG);
    ck_assert_int_eq(trale_unix_connect(&io, longest), -ENAMETOOLONG);
    ck_assert_ptr_null(io);
    for (int abstract = 0; abstract < 2; abstract++) {
        longest[107] = 0;
        longest[0] = abstract ? '@' : '/';
        listener = listen_at(longest);
        ck_assert_int_eq(trale_unix_connect(&io, longest), 0);
        trale_close(io);
        trale_close(listener);
    }
    longest[0] = '/';
    unlink(longest);
}
END_TEST

START_TEST(paths_that_are_no_use_are_refused)
{
    char missing[100];
    trale_io *io = NULL;
    snprintf(missing, sizeof missing, "%s/none/socket", directory);
    ck_assert_int_eq(trale_unix_connect(&io, path), -ENOENT);
    ck_assert_int_eq(trale_unix_connect(&io, missing), -ENOENT);
    ck_assert_int_eq(trale_unix_listen(&io, missing), -ENOENT);
    ck_assert_int_eq(join(spawn_connect(&io, missing)), -ENOENT);
    ck_assert_int_eq(trale_unix_connect(&io, ""), -EINVAL);
    ck_assert_int_eq(trale_unix_listen(&io, ""), -EINVAL);
    ck_assert_int_eq(trale_unix_connect(&io, NULL), -EINVAL);
    ck_assert_int_eq(trale_unix_listen(&io, NULL), -EINVAL);
    ck_assert_int_eq(trale_unix_connect(NULL, path), -EINVAL);
    ck_assert_int_eq(trale_unix_listen(NULL, path), -EINVAL);
    ck_assert_int_ne(access(path, F_OK), 0); /* nothing was made */
    ck_assert_ptr_null(io);
}
END_TEST

/* Linux lets the name of a socket fill all of sun_path, and then tells a length beyond it. */
START_TEST(a_peer_may_have_a_name_without_an_end)
{
    struct {
        struct sockaddr_un address;
        char end; /* for valgrind, which looks for one */
    } named = {.address.sun_family = AF_UNIX};
    struct sockaddr_un *full = &named.address, server = {.sun_family = AF_UNIX};
    trale_io *listener = listen_at(path), *connection = NULL;
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char unlinked[sizeof full->sun_path + 1] = "";
    trale_addr peer;
    memset(full->sun_path, 'x', sizeof full->sun_path);
    memcpy(full->sun_path, directory, strlen(directory));
    full->sun_path[strlen(directory)] = '/';
    memcpy(unlinked, full->sun_path, sizeof full->sun_path);
    memcpy(server.sun_path, path, strlen(path));
    ck_assert_int_eq(bind(client, (const void *)full, sizeof *full), 0);
    ck_assert_int_eq(connect(client, (const void *)&server, sizeof server), 0);
    ck_assert_int_eq(trale_accept(listener, &connection, &peer), 0);
    ck_assert_uint_eq(peer.length, sizeof *full);
    ck_assert_mem_eq(peer.as.local.sun_path, full->sun_path, sizeof full->sun_path);
    unlink(unlinked);
    close(client);
    trale_close(connection);
    trale_close(listener);
}
END_TEST

/* The backlog is 0, and one connection waits: the next must. */
static trale_io *listen_with_full_queue(trale_io **first)
{
    trale_io *listener = listen_at(path);
    ck_assert_int_eq(listen(trale_io_fd(listener), 0), 0);
    ck_assert_int_eq(trale_unix_connect(first, path), 0);
    return listener;
}

START_TEST(a_connect_waits_for_room_in_the_queue)
{
    enum { COUNT = 10 };
    trale_io *first, *server, *clients[COUNT] = {0};
    trale_io *listener = listen_with_full_queue(&first);
    trale_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = spawn_connect(&clients[i], path);
    settle();
    for (int i = 0; i < COUNT + 1; i++) {
        ck_assert_int_eq(trale_accept(listener, &server, NULL), 0);
        trale_close(server);
    }
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(join(tasks[i]), 0);
        trale_close(clients[i]);
    }
    trale_close(first);
    trale_close(listener);
}
END_TEST

static intptr_t accept_two(void *listener)
{
    for (int i = 0; i < 2; i++) {
        trale_io *io;
        int error = trale_accept(listener, &io, NULL);
        if (error)
            return error;
        trale_close(io);
    }
    return 0;
}

START_TEST(a_plain_thread_waits_for_room_too)
{
    trale_io *first, *second;
    trale_io *listener = listen_with_full_queue(&first);
    trale_task *task;
    struct hold hold = HOLD;
    hold_executor(&hold);
    ck_assert_int_eq(trale_spawn(&task, accept_two, listener), 0);
    release_executor(&hold);
    ck_assert_int_eq(trale_unix_connect(&second, path), 0);
    ck_assert_int_eq(join(task), 0);
    trale_close(first);
    trale_close(second);
    trale_close(listener);
}
END_TEST

START_TEST(a_connect_that_waits_for_room_is_cancelled)
{
    trale_io *first, *io = NULL;
    trale_io *listener = listen_with_full_queue(&first);
    settle();
    int before = count_fds();
    for (int i = 0; i < 20; i++) {
        trale_task *task = spawn_connect(&io, path);
        settle();
        if (i % 2)
            ck_assert_int_eq(trale_sleep(3 * TRALE_MS), 0); /* some tries later */
        trale_cancel(task);
        ck_assert_int_eq(join(task), -ECANCELED);
        ck_assert_ptr_null(io);
        ck_assert_int_eq(count_fds(), before);
    }
    trale_close(first);
    trale_close(listener);
}
END_TEST

START_TEST(a_connect_that_waits_for_room_is_told_that_the_listener_is_gone)
{
    trale_io *first, *io = NULL;
    trale_io *listener = listen_with_full_queue(&first);
    trale_task *task = spawn_connect(&io, path);
    settle();
    trale_close(listener);
    ck_assert_int_eq(join(task), -ECONNREFUSED);
    trale_close(first);
}
END_TEST

/* One descriptor is left: enough for the socket, not for the runtime that the wait needs. */
static void connect_without_runtime(void *unused)
{
    struct rlimit limit;
    trale_io *io = NULL;
    (void)unused;
    int next = dup(0);
    MUST(next >= 0);
    close(next);
    signal(SIGALRM, SIG_DFL);
    alarm(5);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next + 1;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MUST(trale_unix_connect(&io, path) == -EMFILE);
    MUST(!io);
}

START_TEST(a_connect_that_cannot_wait_says_so)
{
    int first;
    trale_io *listener = listen_at(path);
    trale_addr local;
    ck_assert_int_eq(listen(trale_io_fd(listener), 0), 0);
    ck_assert_int_eq(trale_addr_local(listener, &local), 0);
    first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(first, &local.as.any, local.length), 0);
    passes_in_child(connect_without_runtime, NULL);
    close(first);
    trale_close(listener);
}
END_TEST

TEST_MAIN_WITH(make_names, remove_names, "unix", a_file_connects_two,
               an_abstract_name_connects_two_and_leaves_no_file, a_name_in_use_is_refused,
               a_path_has_at_most_107_bytes, paths_that_are_no_use_are_refused,
               a_peer_may_have_a_name_without_an_end, a_connect_waits_for_room_in_the_queue,
               a_plain_thread_waits_for_room_too, a_connect_that_waits_for_room_is_cancelled,
               a_connect_that_waits_for_room_is_told_that_the_listener_is_gone,
               a_connect_that_cannot_wait_says_so)
