/* What blocks is done in the pool; the task waits, and the others go on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "file.h"

struct search {
    struct file *file;
    int root;
    char *path;
    void *buffer;
    size_t size;
    int fd; /* that was found; -1: all of it has been read */
};

/* Does not wait for a pipe to have a writer, nor get a terminal to control us. */
static int open_it(const struct search *search, struct stat *info)
{
    int fd =
        open_beneath(search->root, search->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 && fstat(fd, info) != 0) {
        close(fd);
        return -EIO;
    }
    return fd;
}

static int open_index(const struct search *search, struct stat *info)
{
    size_t size = strlen(search->path);

    if (size > 0 && search->path[size - 1] != '/')
        return -EISDIR;
    memcpy(search->path + size, FILE_INDEX, sizeof FILE_INDEX);
    return open_it(search, info);
}

/* A small file is done with here: the task never sees its descriptor. */
static int read_beginning(struct search *search, int fd)
{
    struct file *file = search->file;
    ssize_t n;

    do
        n = search->size > 0 ? pread(fd, search->buffer, search->size, 0) : 0;
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    file->ready = (uint64_t)n < file->size ? (size_t)n : (size_t)file->size;
    if (file->ready < file->size)
        search->fd = fd;
    else
        close(fd);
    return 0;
}

static intptr_t find(void *arg)
{
    struct search *search = arg;
    struct stat info;
    int fd = open_it(search, &info);

    if (fd >= 0 && S_ISDIR(info.st_mode)) {
        close(fd);
        fd = open_index(search, &info);
    }
    if (fd < 0)
        return fd;
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return -ENOENT;
    }
    search->file->size = (uint64_t)info.st_size;
    search->file->modified = info.st_mtime;
    return read_beginning(search, fd);
}

int file_find(struct file *file, int root, char *path, void *buffer, size_t size)
{
    struct search search = {file, root, path, buffer, size, -1};
    int error = (int)trale_blocking(find, &search);

    file->io = NULL;
    if (error != 0 || search.fd < 0)
        return error;
    error = trale_io_open(&file->io, search.fd);
    if (error != 0)
        close(search.fd);
    return error;
}

ssize_t file_read(const struct file *file, void *buffer, size_t size, uint64_t offset)
{
    return trale_pread(file->io, buffer, size, (off_t)offset);
}

void file_close(struct file *file)
{
    if (file->io)
        trale_close(file->io);
    file->io = NULL;
}
