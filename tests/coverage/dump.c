/*
 * What was executed is written when a process exits. Tests end processes in other ways too, and
 * those write it here: linked to every test program by `make coverage`, and by nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void __gcov_dump(void);

void _exit(int status)
{
    __gcov_dump();
    for (;;)
        syscall(SYS_exit_group, status);
}

void abort(void)
{
    __gcov_dump();
    signal(SIGABRT, SIG_DFL);
    for (;;)
        syscall(SYS_tgkill, getpid(), gettid(), SIGABRT);
}

static void dump_and_die(int number, siginfo_t *info, void *context)
{
    (void)context;
    __gcov_dump();
    if (info->si_code <= 0)
        raise(number); /* what is no fault does not come again when we return */
}

/* What does nothing about a fault any more dies of it when it returns: it goes on to there. */
sighandler_t signal(int number, sighandler_t handler)
{
    struct sigaction action = {.sa_flags = 0}, old;

    action.sa_handler = handler;
    if (number == SIGSEGV && handler == SIG_DFL) {
        action.sa_sigaction = dump_and_die;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER;
    }
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}
