#define _GNU_SOURCE /* prlimit */
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

#include "suite.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static bool afresh;

void begin_afresh(void)
{
    afresh = true;
}

bool begins_afresh(void)
{
    return afresh;
}

void let_threads_be_lost(void)
{
    begin_afresh();
#ifdef VALGRIND_CLO_CHANGE
    VALGRIND_CLO_CHANGE("--errors-for-leak-kinds=definite");
#endif
}

bool under_valgrind(void)
{
    const char *text = getenv("VALGRIND");
    return text && *text;
}

bool has_localhost(void)
{
    struct addrinfo *list;
    if (getaddrinfo("localhost", NULL, NULL, &list) != 0)
        return false;
    freeaddrinfo(list);
    return true;
}

static bool counts(int dir, const char *name)
{
    (void)dir;
    return name[0] != '.';
}

/* Not what the C library has open for a moment, whenever a thread allocates for the first time: malloc
 * looks how many CPUs there are. */
static bool is_open(int dir, const char *name)
{
    static const char cpus[] = "/sys/devices/system/cpu/";
    char target[sizeof cpus];
    ssize_t n = readlinkat(dir, name, target, sizeof target - 1);
    return n > 0 && !((size_t)n == sizeof cpus - 1 && memcmp(target, cpus, (size_t)n) == 0);
}

static int count_entries(const char *path, bool (*is_one)(int dir, const char *name))
{
    DIR *dir = opendir(path);
    int count = 0;
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += is_one(dirfd(dir), entry->d_name);
    closedir(dir);
    return count;
}

int count_fds(void)
{
    return count_entries("/proc/self/fd", is_open) - 1; /* without the one that looks */
}

int count_threads(void)
{
    return count_entries("/proc/self/task", counts);
}

int count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int count = 0, c;
    ck_assert_ptr_nonnull(maps);
    while ((c = getc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

void await_threads(int count)
{
    while (count_threads() > count)
        sched_yield();
}

long raise_fds(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_max < LONG_MAX ? (long)limit.rlim_max : LONG_MAX;
}

/*
 * The limit is set from another process, which valgrind does not see: what this process sets
 * itself, valgrind only pretends, and closes every descriptor that the kernel gives all the same;
 * an accepted connection is lost then. The process has to be there before the limit is.
 */
static struct {
    int line;
    pid_t helper;
} forbidding;

/* What read says, which signals do not interrupt. */
static ssize_t read_byte(int fd)
{
    ssize_t n;
    char byte;

    while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
        ;
    return n;
}

static _Noreturn void forbid_until_hung_up(pid_t process, int line)
{
    struct rlimit before, none;
    char byte = 0;
    bool done = prlimit(process, RLIMIT_NOFILE, NULL, &before) == 0;
    none = before;
    none.rlim_cur = 0;
    done = done && prlimit(process, RLIMIT_NOFILE, &none, NULL) == 0;
    if (done && write(line, &byte, 1) == 1 && read_byte(line) == 0)
        done = prlimit(process, RLIMIT_NOFILE, &before, NULL) == 0;
    _exit(!done);
}

void forbid_fds(void)
{
    const pid_t self = getpid();
    int line[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
    forbidding.helper = fork();
    ck_assert_int_ge(forbidding.helper, 0);
    if (forbidding.helper == 0) {
        let_threads_be_lost(); /* the parent's */
        close(line[0]);
        forbid_until_hung_up(self, line[1]);
    }
    close(line[1]);
    forbidding.line = line[0];
    ck_assert_int_eq(read_byte(line[0]), 1);
}

void allow_fds(void)
{
    int status;
    close(forbidding.line);
    ck_assert_int_eq(await_process(forbidding.helper, &status), forbidding.helper);
    ck_assert_int_eq(status, 0);
}

static void install(struct sock_filter *filter, unsigned short length)
{
    struct sock_fprog program = {.len = length, .filter = filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

#define COUNT(array) (unsigned short)(sizeof(array) / sizeof *(array))

void deny_call(long number, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    install(filter, COUNT(filter));
}

void deny_call_with(long number, int index, uint32_t value, int error)
{
    const uint32_t argument =
        (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (unsigned)index);
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument), /* its low half: little-endian machines */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    install(filter, COUNT(filter));
}

bool has_guard_markers(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has = page != MAP_FAILED && madvise(page, size, MADV_GUARD_INSTALL) == 0;
    munmap(page, size);
    return has;
}

void deny_guard_markers(void)
{
    deny_call_with(SYS_madvise, 2, MADV_GUARD_INSTALL, EINVAL);
    MUST(!has_guard_markers());
}

void passes_in_child(void (*fn)(void *arg), void *arg)
{
    char output[4096];
    int status = test_in_child(fn, arg, output, sizeof output);
    ck_assert_msg(status == 0, "the child's wait status is 0x%x: %s", (unsigned)status, output);
}

pid_t await_process(pid_t child, int *status)
{
    pid_t ended;

    while ((ended = waitpid(child, status, 0)) < 0 && errno == EINTR)
        ;
    return ended;
}

_Noreturn void must_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    _exit(1);
}
