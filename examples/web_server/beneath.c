/* openat2(2) does it in one call, on Linux 5.6 and where no filter of system calls is older. */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "beneath.h"

/* From <linux/openat2.h>, which is not there for every libc. */
struct how {
    uint64_t flags, mode, resolve;
};
enum { NO_MAGICLINKS = 2, BENEATH = 8 };
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static int result_of(long fd)
{
    return fd < 0 ? -errno : (int)fd;
}

/* -EAGAIN: somebody renamed on the way, and the kernel could not tell whether it led out. */
static int open_at_once(int root, const char *path, int flags)
{
    struct how how = {.flags = (uint64_t)flags, .resolve = BENEATH | NO_MAGICLINKS};
    int fd = -EAGAIN;

    for (int tries = 0; tries < 16 && (fd == -EAGAIN || fd == -EINTR); tries++)
        fd = result_of(syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how));
    return fd;
}

/* Takes the next step of the path, up to a slash or the end, where it is the folder itself. */
static int take_step(char step[NAME_MAX + 1], const char **path)
{
    size_t size = strcspn(*path, "/");

    if (size > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(step, size > 0 ? *path : ".", size > 0 ? size : 1);
    step[size > 0 ? size : 1] = '\0';
    *path += size;
    return strcmp(step, "..") == 0 ? -EXDEV : 0;
}

int open_beneath_by_steps(int root, const char *path, int flags)
{
    char step[NAME_MAX + 1];
    int folder = root, next = take_step(step, &path);

    while (next == 0 && *path == '/') {
        path += strspn(path, "/");
        next = result_of(openat(folder, step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (folder != root)
            close(folder);
        if (next < 0)
            return next;
        folder = next;
        next = take_step(step, &path);
    }
    if (next == 0)
        next = result_of(openat(folder, step, flags | O_NOFOLLOW));
    if (folder != root)
        close(folder);
    return next;
}

int open_beneath(int root, const char *path, int flags)
{
    int fd = open_at_once(root, path, flags);

    return fd == -ENOSYS || fd == -EPERM ? open_beneath_by_steps(root, path, flags) : fd;
}
