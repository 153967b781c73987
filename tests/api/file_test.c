/* Files: every call on them, from tasks and from plain threads, and what is refused. */
#define _GNU_SOURCE
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trale.h>
#include <unistd.h>

#include "settle.h"
#include "wait_task.h"

static char directory[] = "/tmp/trale-file-XXXXXX";
static char path[sizeof directory + 8], other[sizeof directory + 8];

static void make_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(other, sizeof other, "%s/other", directory);
}

static void remove_directory(void)
{
    unlink(path);
    unlink(other);
    ck_assert_int_eq(rmdir(directory), 0);
}

static trale_io *open_file(int flags)
{
    trale_io *io = NULL;

    ck_assert_int_eq(trale_file_open(&io, path, flags, 0600), 0);
    return io;
}

#define BIG ((size_t)3 << 20)

static unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 4096);
    return bytes;
}

/* Writes and reads BIG bytes both ways; 0 or the line that went wrong. */
static intptr_t round_trip(void *arg)
{
    unsigned char *out = pattern(BIG), *in = calloc(1, BIG);
    trale_io *io = NULL;
    int line = 0;

    (void)arg;
    if (!in || trale_file_open(&io, path, O_RDWR | O_CREAT | O_TRUNC, 0600) != 0)
        line = __LINE__;
    else if (trale_write_all(io, out, BIG) != (ssize_t)BIG || trale_fsync(io) != 0)
        line = __LINE__;
    else if (trale_pread(io, in, BIG, 0) != (ssize_t)BIG || memcmp(in, out, BIG) != 0)
        line = __LINE__;
    else if (memset(in, 0, BIG), lseek(trale_io_fd(io), 0, SEEK_SET) != 0)
        line = __LINE__;
    else if (trale_read_full(io, in, BIG) != (ssize_t)BIG || memcmp(in, out, BIG) != 0)
        line = __LINE__;
    else if (trale_read(io, in, BIG) != 0)
        line = __LINE__;
    if (io && trale_close(io) != 0)
        line = __LINE__;
    free(in);
    free(out);
    return line;
}

START_TEST(a_task_writes_and_reads)
{
    trale_task *task;

    ck_assert_int_eq(trale_spawn(&task, round_trip, NULL), 0);
    ck_assert_int_eq(join(task), 0);
}
END_TEST

START_TEST(a_plain_thread_writes_and_reads)
{
    ck_assert_int_eq(round_trip(NULL), 0);
}
END_TEST

START_TEST(reading_and_writing_go_on_at_the_offset)
{
    trale_io *io = open_file(O_RDWR | O_CREAT);
    char buffer[8] = "";

    ck_assert_int_eq(trale_write(io, "one", 3), 3);
    ck_assert_int_eq(trale_write(io, "two", 3), 3);
    ck_assert_int_eq(lseek(trale_io_fd(io), 1, SEEK_SET), 1);
    ck_assert_int_eq(trale_read(io, buffer, 3), 3);
    ck_assert_mem_eq(buffer, "net", 3);
    ck_assert_int_eq(trale_read(io, buffer, 8), 2);
    ck_assert_mem_eq(buffer, "wo", 2);
    ck_assert_int_eq(trale_read(io, buffer, 8), 0);
    trale_close(io);
}
END_TEST

START_TEST(an_offset_given_leaves_the_files_own_alone)
{
    trale_io *io = open_file(O_RDWR | O_CREAT);
    char buffer[8] = "";

    ck_assert_int_eq(trale_pwrite(io, "abcdef", 6, 10), 6);
    ck_assert_int_eq(trale_pread(io, buffer, 3, 12), 3);
    ck_assert_mem_eq(buffer, "cde", 3);
    ck_assert_int_eq(trale_pread(io, buffer, 8, 14), 2);
    ck_assert_int_eq(trale_pread(io, buffer, 8, 16), 0);
    ck_assert_int_eq(trale_pread(io, buffer, 8, 1 << 20), 0);
    ck_assert_int_eq(lseek(trale_io_fd(io), 0, SEEK_CUR), 0);
    trale_close(io);
}
END_TEST

START_TEST(several_buffers_are_filled_and_written_in_turn)
{
    trale_io *io = open_file(O_RDWR | O_CREAT);
    char one[3], two[4];
    struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cdefg", 5}}, in[] = {{one, 3}, {two, 4}};

    ck_assert_int_eq(trale_writev(io, out, 3), 7);
    ck_assert_int_eq(lseek(trale_io_fd(io), 0, SEEK_SET), 0);
    ck_assert_int_eq(trale_readv(io, in, 2), 7);
    ck_assert_mem_eq(one, "abc", 3);
    ck_assert_mem_eq(two, "defg", 4);
    ck_assert_int_eq(trale_readv(io, in, 0), 0);
    trale_close(io);
}
END_TEST

START_TEST(a_future_moves_a_mebibyte_at_most)
{
    unsigned char *out = pattern(BIG), *in = calloc(1, BIG);
    trale_io *io = open_file(O_RDWR | O_CREAT);
    trale_pread_future read;
    trale_pwrite_future write;
    trale_task *task;

    ck_assert_ptr_nonnull(in);
    trale_pwrite_init(&write, io, out, BIG, 5);
    ck_assert_int_eq(trale_spawn_future(&task, &write.future, sizeof write), 0);
    ck_assert_int_eq(join(task), 1 << 20);
    trale_pread_init(&read, io, in, BIG, 5);
    ck_assert_int_eq(trale_spawn_future(&task, &read.future, sizeof read), 0);
    ck_assert_int_eq(join(task), 1 << 20);
    ck_assert_mem_eq(in, out, (size_t)1 << 20);
    ck_assert_int_eq(in[1 << 20], 0);
    trale_close(io);
    free(in);
    free(out);
}
END_TEST

START_TEST(a_file_is_always_ready)
{
    trale_io *io = open_file(O_RDWR | O_CREAT);

    ck_assert_int_eq(trale_wait(io, TRALE_READABLE), TRALE_READABLE);
    ck_assert_int_eq(trale_wait(io, TRALE_READABLE | TRALE_WRITABLE),
                     TRALE_READABLE | TRALE_WRITABLE);
    trale_close(io);
}
END_TEST

START_TEST(the_null_device_needs_no_epoll)
{
    trale_io *io = NULL;
    char buffer[8];

    ck_assert_int_eq(trale_file_open(&io, "/dev/null", O_RDWR, 0), 0);
    ck_assert_int_eq(trale_read(io, buffer, 8), 0);
    ck_assert_int_eq(trale_write(io, "12345678", 8), 8);
    ck_assert_int_eq(trale_write_all(io, "12345678", 8), 8);
    ck_assert_int_eq(trale_wait(io, TRALE_READABLE), TRALE_READABLE);
    trale_close(io);
}
END_TEST

START_TEST(a_directory_opens_and_does_not_read)
{
    trale_io *io = NULL;
    char buffer[8];

    ck_assert_int_eq(trale_file_open(&io, directory, O_RDONLY | O_DIRECTORY, 0), 0);
    ck_assert_int_eq(trale_read(io, buffer, 8), -EISDIR);
    ck_assert_int_eq(trale_pread(io, buffer, 8, 0), -EISDIR);
    ck_assert_int_eq(trale_fsync(io), 0);
    trale_close(io);
}
END_TEST

START_TEST(paths_are_made_moved_looked_at_and_removed)
{
    struct stat status;

    ck_assert_int_eq(trale_mkdir(path, 0700), 0);
    ck_assert_int_eq(trale_mkdir(path, 0700), -EEXIST);
    ck_assert_int_eq(trale_stat(path, &status), 0);
    ck_assert_int_ne(S_ISDIR(status.st_mode), 0);
    ck_assert_int_eq(trale_rename(path, other), 0);
    ck_assert_int_eq(trale_stat(path, &status), -ENOENT);
    ck_assert_int_eq(trale_unlink(other), -EISDIR);
    ck_assert_int_eq(rmdir(other), 0);
    trale_close(open_file(O_WRONLY | O_CREAT));
    ck_assert_int_eq(trale_unlink(path), 0);
    ck_assert_int_eq(trale_unlink(path), -ENOENT);
    ck_assert_int_eq(trale_rename(path, other), -ENOENT);
}
END_TEST

START_TEST(bad_arguments_are_einval)
{
    trale_io *io = open_file(O_RDWR | O_CREAT), *untouched = io;
    struct stat status;
    char byte;

    ck_assert_int_eq(trale_file_open(NULL, path, O_RDONLY, 0), -EINVAL);
    ck_assert_int_eq(trale_file_open(&untouched, NULL, O_RDONLY, 0), -EINVAL);
    ck_assert_int_eq(trale_pread(NULL, &byte, 1, 0), -EINVAL);
    ck_assert_int_eq(trale_pread(io, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(trale_pread(io, &byte, 1, -1), -EINVAL);
    ck_assert_int_eq(trale_pwrite(NULL, &byte, 1, 0), -EINVAL);
    ck_assert_int_eq(trale_pwrite(io, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(trale_pwrite(io, &byte, 1, -5), -EINVAL);
    ck_assert_int_eq(trale_fsync(NULL), -EINVAL);
    ck_assert_int_eq(trale_mkdir(NULL, 0700), -EINVAL);
    ck_assert_int_eq(trale_unlink(NULL), -EINVAL);
    ck_assert_int_eq(trale_rename(path, NULL), -EINVAL);
    ck_assert_int_eq(trale_rename(NULL, path), -EINVAL);
    ck_assert_int_eq(trale_stat(path, NULL), -EINVAL);
    ck_assert_int_eq(trale_stat(NULL, &status), -EINVAL);
    ck_assert_ptr_eq(untouched, io);
    trale_close(io);
}
END_TEST

START_TEST(what_the_system_refuses_is_said)
{
    trale_io *io = open_file(O_WRONLY | O_CREAT), *untouched = io, *ends[2];
    int pipes[2];
    char byte;

    ck_assert_int_eq(trale_file_open(&untouched, other, O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(trale_file_open(&untouched, path, O_WRONLY | O_CREAT | O_EXCL, 0), -EEXIST);
    ck_assert_ptr_eq(untouched, io);
    ck_assert_int_eq(trale_read(io, &byte, 1), -EBADF);
    ck_assert_int_eq(trale_pread(io, &byte, 1, 0), -EBADF);
    make_pipe(pipes);
    ends[0] = open_io(pipes[0]);
    ends[1] = open_io(pipes[1]);
    ck_assert_int_eq(trale_pread(ends[0], &byte, 1, 0), -ESPIPE);
    ck_assert_int_eq(trale_pwrite(ends[1], "x", 1, 0), -ESPIPE);
    ck_assert_int_eq(trale_fsync(ends[1]), -EINVAL);
    trale_close(ends[0]);
    trale_close(ends[1]);
    trale_close(io);
}
END_TEST

static void tear_down(void)
{
    remove_directory();
    free_default_runtime();
}

TEST_MAIN_WITH(make_directory, tear_down, "file", a_task_writes_and_reads,
               a_plain_thread_writes_and_reads, reading_and_writing_go_on_at_the_offset,
               an_offset_given_leaves_the_files_own_alone,
               several_buffers_are_filled_and_written_in_turn, a_future_moves_a_mebibyte_at_most,
               a_file_is_always_ready, the_null_device_needs_no_epoll,
               a_directory_opens_and_does_not_read, paths_are_made_moved_looked_at_and_removed,
               bad_arguments_are_einval, what_the_system_refuses_is_said)
