#define _GNU_SOURCE /* preadv */
/* Files and their names. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wrap.h"

UNINSTRUMENTED static int only_a_byte(const struct iovec **iov, struct iovec *byte)
{
    *byte = (struct iovec){(*iov)->iov_base, (*iov)->iov_len > 0};
    *iov = byte;
    return 1;
}

UNINSTRUMENTED int buffers_unless_struck(enum fault_point point, const struct iovec **iov,
                                         int count, struct iovec *byte)
{
    int error = fault_strikes(point);

    if (error == 0 || (error == PARTLY && count == 0))
        return count;
    if (error == PARTLY)
        return only_a_byte(iov, byte);
    errno = error;
    return -1;
}

static atomic_bool cold;

void page_cache_is_cold(bool is)
{
    atomic_store_explicit(&cold, is, memory_order_relaxed);
}

UNINSTRUMENTED int buffers_cached(const struct iovec **iov, int count, struct iovec *byte)
{
    count = buffers_unless_struck(FAULT_READ_CACHED, iov, count, byte);
    if (count < 1 || !atomic_load_explicit(&cold, memory_order_relaxed))
        return count;
    if (count > 1 || (*iov)->iov_len > 1)
        return only_a_byte(iov, byte);
    errno = EAGAIN;
    return -1;
}

WRAP(int, open, const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
    FAIL_IF_STRUCK(FAULT_OPEN, -1);
    return __real_open(path, flags, mode);
}

WRAP(ssize_t, preadv, int fd, const struct iovec *iov, int count, off_t offset)
{
    struct iovec byte;

    count = buffers_unless_struck(FAULT_PREADV, &iov, count, &byte);
    return count < 0 ? -1 : __real_preadv(fd, iov, count, offset);
}

WRAP(ssize_t, pwritev, int fd, const struct iovec *iov, int count, off_t offset)
{
    struct iovec byte;

    count = buffers_unless_struck(FAULT_PWRITEV, &iov, count, &byte);
    return count < 0 ? -1 : __real_pwritev(fd, iov, count, offset);
}

WRAP(off_t, lseek, int fd, off_t offset, int whence)
{
    FAIL_IF_STRUCK(FAULT_LSEEK, -1);
    return __real_lseek(fd, offset, whence);
}

UNINSTRUMENTED bool has_offsets(int fd)
{
    int before = errno;
    bool has = __real_lseek(fd, 0, SEEK_CUR) >= 0;

    errno = before;
    return has;
}

WRAP(int, fsync, int fd)
{
    FAIL_IF_STRUCK(FAULT_FSYNC, -1);
    return __real_fsync(fd);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    FAIL_IF_STRUCK(FAULT_MKDIR, -1);
    return __real_mkdir(path, mode);
}

WRAP(int, unlink, const char *path)
{
    FAIL_IF_STRUCK(FAULT_UNLINK, -1);
    return __real_unlink(path);
}

WRAP(int, rename, const char *from, const char *to)
{
    FAIL_IF_STRUCK(FAULT_RENAME, -1);
    return __real_rename(from, to);
}

WRAP(int, stat, const char *path, struct stat *status)
{
    FAIL_IF_STRUCK(FAULT_STAT, -1);
    return __real_stat(path, status);
}
