/* Dumps at a signal: the handler rings, a thread hears it and dumps. */
#include <trale/debug.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/process.h"
#include "core/thread_start.h"

/*
 * Set once in each process, under the lock of process.h, before there is a handler; the pid last.
 * The handler of a forked child, or of one that shares our memory until it executes something
 * (vfork), finds that it is another process.
 */
static _Atomic(int) bell = -1; /* an eventfd */
static _Atomic(int) owner;     /* the pid of the process whose it is */

static void ring(int signo)
{
    int error = errno;
    uint64_t one = 1;

    (void)signo;
    if (atomic_load(&owner) == getpid() && write(atomic_load(&bell), &one, sizeof one) < 0)
        (void)one; /* it is full of signals, each of which will do */
    errno = error;
}

static void *listen_main(void *arg)
{
    int fd = (int)(intptr_t)arg;
    uint64_t rung;

    thread_name("trale-dump");
    for (;;)
        if (read(fd, &rung, sizeof rung) == sizeof rung)
            trale_dump(stderr);
        else if (errno != EINTR) /* unreachable: signals are blocked, */
            return NULL;         /* unreachable: and nobody closes it */
}

/* Under the lock. What a parent had is closed: our copy of it, that is. */
static int hang_bell(void)
{
    int fd = eventfd(0, EFD_CLOEXEC), error;
    pthread_t thread;

    if (fd < 0)
        return -errno;
    error = thread_start(&thread, listen_main, (void *)(intptr_t)fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    pthread_detach(thread);
    if (atomic_load(&bell) >= 0)
        close(atomic_load(&bell));
    atomic_store(&bell, fd);
    atomic_store(&owner, getpid());
    return 0;
}

int trale_dump_on_signal(int signo)
{
    struct sigaction action = {.sa_handler = ring, .sa_flags = SA_RESTART};
    int error = 0;

    if (thread_is_fault(signo) || sigaction(signo, NULL, NULL) != 0 || signo == SIGKILL ||
        signo == SIGSTOP)
        return -EINVAL;
    process_lock();
    if (atomic_load(&owner) != getpid())
        error = hang_bell();
    process_unlock();
    if (error == 0 && sigaction(signo, &action, NULL) != 0)
        error = -errno; /* unreachable: it could be asked about */
    return error;
}
