/* Files: finding and reading them on threads of the pool, for a disk may take its time. */
#ifndef WEB_SERVER_FILE_H
#define WEB_SERVER_FILE_H

#include <stdint.h>
#include <time.h>
#include <trale.h>

#define FILE_INDEX "index.html" /* what stands for a folder */

struct file {
    trale_io *io; /* NULL: everything has been read */
    uint64_t size;
    time_t modified;
    size_t ready; /* so many bytes of its beginning have been read */
};

/*
 * Finds the regular file at path, below root, and reads its beginning into buffer, all in one trip
 * to the pool. For a folder that is its index, whose name is appended to path: there must be room.
 *   -EISDIR: it is a folder, and path has no slash at its end.
 *   -ENOENT: also for what is no file.     Others as for openat2(2), and trale_blocking.
 */
int file_find(struct file *file, int root, char *path, void *buffer, size_t size);

/* Returns how many bytes it read, at most size; 0 at the end of the file; -errno. */
ssize_t file_read(const struct file *file, void *buffer, size_t size, uint64_t offset);

void file_close(struct file *file);

#endif
