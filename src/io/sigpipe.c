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

/* If one is pending already it is somebody else's: it stays, and ours is merged with it. */
void sigpipe_hold(struct sigpipe *s, const trale_io *io)
{
    sigset_t set;

    s->held = false;
    if (io->socket || this_thread.queue)
        return;
    sigpending(&set);
    if (sigismember(&set, SIGPIPE))
        return;
    only_sigpipe(&set);
    s->held = pthread_sigmask(SIG_BLOCK, &set, &s->old) == 0;
}

void sigpipe_release(struct sigpipe *s, ssize_t n)
{
    const struct timespec at_once = {0};
    int error = errno;
    sigset_t set;

    if (!s->held)
        return;
    only_sigpipe(&set);
    if (n < 0 && error == EPIPE)
        while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &s->old, NULL);
    errno = error;
}
