/*
 * deny ERROR PROGRAM [ARGUMENT...]: runs it where the system calls that Linux got late fail with
 * ENOSYS, as on an old kernel, or with EPERM, as behind a careless filter. An old kernel says
 * EINVAL to advice that it does not know.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 }; /* advice of Linux 6.13 */

/* Not clone3: glibc does without it only if it hears ENOSYS. */
static const int late[] = {
    SYS_membarrier,   SYS_preadv2,        SYS_pwritev2,       SYS_openat2,
    SYS_close_range,  SYS_pidfd_open,     SYS_pidfd_getfd,    SYS_pidfd_send_signal,
    SYS_epoll_pwait2, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
};

static void add(struct sock_fprog *program, struct sock_filter instruction)
{
    program->filter[program->len++] = instruction;
}

static int install(unsigned error)
{
    struct sock_filter filter[64];
    struct sock_fprog program = {0, filter};
    const unsigned fail = SECCOMP_RET_ERRNO | error;
    const unsigned fail_advice = SECCOMP_RET_ERRNO | (error == ENOSYS ? EINVAL : error);

    add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, nr)));
    for (unsigned i = 0; i < sizeof late / sizeof *late; i++) {
        add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, (unsigned)late[i], 0, 1));
        add(&program, (struct sock_filter)BPF_STMT(BPF_RET, fail));
    }
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_madvise, 0, 4));
    add(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, args[2])));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, GUARD_INSTALL, 1, 0));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ, GUARD_REMOVE, 0, 1));
    add(&program, (struct sock_filter)BPF_STMT(BPF_RET, fail_advice));
    add(&program, (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    if (argc < 3 || install(strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM) != 0) {
        perror("seccomp");
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 1;
}
