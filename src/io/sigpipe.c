#include "io/sigpipe.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "task/thread.h"

static void only_sigpipe(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

static bool is_pending(void)
{
    sigset_t set;

    return sigpending(&set) == 0 && sigismember(&set, SIGPIPE) == 1;
}

void sigpipe_hold(struct sigpipe *s, const trale_io *io)
{
    sigset_t set;

    s->held = false;
    if (io->kind.socket || this_thread.blocks_signals)
        return;
    s->was_pending = is_pending();
    only_sigpipe(&set);
    s->held = pthread_sigmask(SIG_BLOCK, &set, &s->old) == 0;
}

/* Ours is pending for the thread. One that was pending before is somebody else's: if it was for
 * the thread too, the two became one, and it is raised again. */
static void take_ours(bool was_pending)
{
    const struct timespec at_once = {0};
    sigset_t set;

    only_sigpipe(&set);
    while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
        ;
    if (was_pending && !is_pending())
        pthread_kill(pthread_self(), SIGPIPE);
}

void sigpipe_release(struct sigpipe *s, ssize_t n)
{
    int error = errno;

    if (!s->held)
        return;
    if (n < 0 && error == EPIPE)
        take_ours(s->was_pending);
    pthread_sigmask(SIG_SETMASK, &s->old, NULL);
    errno = error;
}
