/*
 * Files. Epoll does not watch them, so what may wait for a disk runs on the pool of blocking.h,
 * unless it can be had from memory at once; nobody has to notice. An io of a file takes every call
 * of io.h as well: trale_read and trale_write go on at the file offset (lseek(2)), which all who
 * share the open file move. There, a read of which only a part is in memory returns that part, as
 * read(2) may: trale_read_full goes on to the end.
 *
 * A call that has begun cannot be stopped: cancelled then, it waits for its end and returns its
 * result. As a future that is dropped it goes on behind the scenes, with buffers of its own: what
 * it was to write may be written, what it was to read is lost. Therefore a future moves 1 MiB at
 * most. trale_close while a call has begun lets it end, and the descriptor is closed then; calls
 * that have not begun return -EBADF when a thread comes to them.
 *
 * Every call here may also return
 *   -ECANCELED, -ETIMEDOUT: it had no effect.      -ENOMEM: no memory for the job.
 *   -EAGAIN, -ESHUTDOWN: no thread to run it; see trale_blocking.
 */
#ifndef TRALE_FILE_H
#define TRALE_FILE_H

#include <sys/stat.h>

#include <trale/blocking.h>
#include <trale/io.h>

TRALE_BEGIN

/*
 * Opens a file, as open(2) with these flags and O_CLOEXEC; mode is for O_CREAT. Whatever the path
 * names may be opened; a FIFO waits for its other side, and cannot be cancelled then.
 *   -EINVAL: io or path is NULL.      -ENOENT, -EACCES, -EEXIST, -EMFILE, ...: as for open(2).
 */
TRALE_API int trale_file_open(trale_io **io, const char *path, int flags, mode_t mode);

/*
 * Reads at offset, as pread(2): size bytes, or less up to the end of the file; 0 beyond it. Does
 * not move the file offset.
 *   -EINVAL: io is NULL, buffer is NULL and size is not 0, or offset is negative.
 *   -EBADF: closed meanwhile, or not open for reading.      -ESPIPE: it has no offsets.
 *   -EISDIR, -EIO, ...: as for pread(2).
 */
TRALE_API ssize_t trale_pread(trale_io *io, void *buffer, size_t size, off_t offset);

/* Writes at offset, as pwrite(2).     Errors likewise, and -ENOSPC, -EDQUOT, -EFBIG. */
TRALE_API ssize_t trale_pwrite(trale_io *io, const void *buffer, size_t size, off_t offset);

/* Waits until what was written is on the disk: fsync(2).
 *   -EINVAL: io is NULL, or cannot be synchronised.     -EIO, -ENOSPC, -EDQUOT: data was lost. */
TRALE_API int trale_fsync(trale_io *io);

/* As mkdir(2), unlink(2), rename(2), stat(2).     -EINVAL: an argument is NULL. */
TRALE_API int trale_mkdir(const char *path, mode_t mode);
TRALE_API int trale_unlink(const char *path);
TRALE_API int trale_rename(const char *from, const char *to);
TRALE_API int trale_stat(const char *path, struct stat *status);

typedef struct trale_pread_future {
    trale_future future;
    trale_io *io;
    void *buffer; /* trale_pwrite_future: only read */
    size_t size;
    off_t offset;
    struct trale_io_waiter waiter; /* private */
} trale_pread_future;
typedef trale_pread_future trale_pwrite_future;

TRALE_API void trale_pread_init(trale_pread_future *f, trale_io *io, void *buffer, size_t size,
                                off_t offset);
TRALE_API void trale_pwrite_init(trale_pwrite_future *f, trale_io *io, const void *buffer,
                                 size_t size, off_t offset);

typedef struct trale_fsync_future {
    trale_future future;
    trale_io *io;
    struct trale_job *job; /* private */
} trale_fsync_future;

TRALE_API void trale_fsync_init(trale_fsync_future *f, trale_io *io);

/* Private: a call about a path. The text must stay as it is until the first poll. */
struct trale_path_call {
    trale_future future;
    const char *path, *to;
    trale_io **io;
    struct stat *status;
    int flags;
    mode_t mode;
    struct trale_job *job;
};
typedef struct trale_path_call trale_file_open_future, trale_mkdir_future, trale_unlink_future,
    trale_rename_future, trale_stat_future;

TRALE_API void trale_file_open_init(trale_file_open_future *f, trale_io **io, const char *path,
                                    int flags, mode_t mode);
TRALE_API void trale_mkdir_init(trale_mkdir_future *f, const char *path, mode_t mode);
TRALE_API void trale_unlink_init(trale_unlink_future *f, const char *path);
TRALE_API void trale_rename_init(trale_rename_future *f, const char *from, const char *to);
TRALE_API void trale_stat_init(trale_stat_future *f, const char *path, struct stat *status);

TRALE_END

#endif
