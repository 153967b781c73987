/*
 * LD_PRELOADed: in every process that is forked, each test's for one, a thousand signals a second,
 * whose handler interrupts system calls for good (no SA_RESTART). They are the process's, so any
 * thread that does not block them may get them. Neither timers nor what is done here come along in
 * a fork but for pthread_atfork.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static void handler(int number)
{
    (void)number;
}

static void start(void)
{
    int number = SIGRTMAX - 1;
    struct sigaction action = {.sa_handler = handler};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = number};
    struct itimerspec millisecond = {{0, 1000000}, {0, 1000000}};
    timer_t timer;

    if (sigaction(number, &action, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
        timer_settime(timer, 0, &millisecond, NULL) != 0)
        abort();
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_atfork(NULL, NULL, start);
}
