#define _GNU_SOURCE /* pthread_setname_np */
#include "core/thread_start.h"

#include <signal.h>
#include <sys/prctl.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

bool thread_is_fault(int signo)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i] == signo)
            return true;
    return false;
}

int thread_start(pthread_t *thread, void *(*main)(void *), void *arg)
{
    sigset_t blocked, before;
    int error;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(thread, NULL, main, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -error;
}

void thread_name(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

void thread_be_punctual(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
}

void thread_unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}
