#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

trale_io *open_filled(const char *contents)
{
    char path[] = "/tmp/trale-file-XXXXXX";
    trale_io *io = NULL;
    int fd = mkstemp(path);
    size_t size = strlen(contents);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(write(fd, contents, size), (ssize_t)size);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_int_eq(trale_io_open(&io, fd), 0);
    return io;
}
