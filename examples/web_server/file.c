/* Each call makes one trip to the pool; the task waits, and the others go on. */
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

static ssize_t read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    ssize_t n;

    do
        n = pread(fd, buffer, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A small file is done with here: the task never sees its descriptor. */
static int read_beginning(const struct search *search, int fd)
{
    struct file *file = search->file;
    ssize_t n = search->size > 0 ? read_at(fd, search->buffer, search->size, 0) : 0;

    if (n < 0) {
        close(fd);
        return (int)n;
    }
    file->ready = (uint64_t)n < file->size ? (size_t)n : (size_t)file->size;
    file->fd = fd;
    if (file->ready == file->size)
        file_close(file);
    return 0;
}

static intptr_t find(void *arg)
{
    const struct search *search = arg;
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
    struct search search = {file, root, path, buffer, size};

    return (int)trale_blocking(find, &search);
}

struct reading {
    int fd;
    void *buffer;
    size_t size;
    uint64_t offset;
};

static intptr_t read_on(void *arg)
{
    const struct reading *r = arg;

    return read_at(r->fd, r->buffer, r->size, r->offset);
}

ssize_t file_read(const struct file *file, void *buffer, size_t size, uint64_t offset)
{
    struct reading reading = {file->fd, buffer, size, offset};

    return trale_blocking(read_on, &reading);
}

void file_close(struct file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
