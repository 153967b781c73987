/*
 * A future written by hand: it waits until a counter, an eventfd, is not zero, and takes
 * what it has. Who watches the descriptor is up to the future: here, a plain thread does,
 * with poll(2). It shows what a future owes: its poll tries first; if there is nothing, it
 * leaves a clone of the waker with whoever will know, in place of the older one, because
 * each poll may come from another task; its drop takes the clone back. Prints, within a
 * quarter of a second:
 *     main looked: nothing yet
 *     the task got 42
 *     the cancelled task got: Operation canceled
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <trale.h>
#include <unistd.h>

/* A counter and the thread that watches it. One future at a time may wait for it. */
struct counter {
    int fd;   /* the counter itself, non-blocking */
    int poke; /* another eventfd: the thread looks again at what stands below */
    pthread_t thread;
    pthread_mutex_t lock;
    trale_waker *waker; /* guarded by lock; NULL: nobody waits */
    bool stop;          /* guarded by lock */
};

static void check(int error, const char *what)
{
    if (error == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

/*
 * Puts a waker, or NULL, in the place of the one that is there, and returns that one. The
 * lock is never held while a waker is woken or dropped.
 */
static trale_waker *counter_exchange(struct counter *c, trale_waker *waker)
{
    pthread_mutex_lock(&c->lock);
    trale_waker *old = c->waker;
    c->waker = waker;
    pthread_mutex_unlock(&c->lock);
    return old;
}

static void counter_wake(struct counter *c)
{
    trale_waker *waker = counter_exchange(c, NULL);
    trale_waker_wake(waker); /* its task may be long gone: that is no matter */
    trale_waker_drop(waker);
}

static void *counter_watch(void *arg)
{
    struct counter *c = arg;
    for (;;) {
        pthread_mutex_lock(&c->lock);
        bool wanted = c->waker != NULL, stop = c->stop;
        pthread_mutex_unlock(&c->lock);
        if (stop)
            return NULL;
        /* Without a waiter, a counter that is not zero would make this a busy loop. */
        struct pollfd fds[] = {{.fd = c->poke, .events = POLLIN},
                               {.fd = wanted ? c->fd : -1, .events = POLLIN}};
        eventfd_t pokes;
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents)
            eventfd_read(c->poke, &pokes);
        if (fds[1].revents)
            counter_wake(c);
    }
}

static void counter_start(struct counter *c)
{
    c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->poke = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    check(c->fd < 0 || c->poke < 0 ? errno : 0, "eventfd");
    pthread_mutex_init(&c->lock, NULL);
    c->waker = NULL;
    c->stop = false;
    check(pthread_create(&c->thread, NULL, counter_watch, c), "pthread_create");
}

static void counter_stop(struct counter *c)
{
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_mutex_unlock(&c->lock);
    eventfd_write(c->poke, 1);
    pthread_join(c->thread, NULL);
    pthread_mutex_destroy(&c->lock);
    close(c->poke);
    close(c->fd);
}

/* The future. Its output is what the counter had, or a negative errno value. */
struct take_future {
    trale_future future; /* first, so that a pointer to it is one to the whole */
    struct counter *counter;
};

static enum trale_poll take_poll(trale_future *self, trale_context *cx)
{
    struct counter *c = ((struct take_future *)self)->counter;
    eventfd_t value;
    if (read(c->fd, &value, sizeof value) >= 0) {
        self->output = (intptr_t)value;
        return TRALE_READY;
    }
    if (errno != EAGAIN) {
        self->output = -errno;
        return TRALE_READY;
    }
    /*
     * What is counted between the read and here is not lost: poll(2) reports the state.
     * Had it reported changes only, the read would have to be tried again now.
     */
    trale_waker *mine = trale_waker_clone(trale_context_waker(cx));
    trale_waker_drop(counter_exchange(c, mine));
    eventfd_write(c->poke, 1);
    return TRALE_PENDING;
}

static void take_drop(trale_future *self)
{
    trale_waker_drop(counter_exchange(((struct take_future *)self)->counter, NULL));
}

static void take_init(struct take_future *f, struct counter *counter)
{
    static const struct trale_future_ops ops = {take_poll, take_drop, "take"};
    f->future.ops = &ops;
    f->counter = counter;
}

/* A future made of another: polls it once, and its output is what that poll returned. */
struct look_future {
    trale_future future;
    trale_future *at;
};

static enum trale_poll look_poll(trale_future *self, trale_context *cx)
{
    self->output = trale_future_poll(((struct look_future *)self)->at, cx);
    return TRALE_READY;
}

static intptr_t await_it(void *arg)
{
    return trale_await(arg);
}

/* Polled by main first, then by a task: the thread must wake the task, not main. */
static void wait_in_two_places(struct counter *counter)
{
    static const struct trale_future_ops look_ops = {look_poll, NULL, "look"};
    struct take_future take;
    take_init(&take, counter);
    struct look_future look = {{&look_ops, 0}, &take.future};
    intptr_t seen = trale_await(&look.future);
    check(seen < 0 ? (int)-seen : 0, "trale_await");
    printf("main looked: %s\n", seen == TRALE_PENDING ? "nothing yet" : "something");

    trale_task *task;
    intptr_t result;
    check(-trale_spawn(&task, await_it, &take.future), "trale_spawn");
    trale_sleep(100 * TRALE_MS); /* time for the task to wait; right without it, too */
    eventfd_write(counter->fd, 42);
    check(-trale_join(task, &result), "trale_join");
    printf("the task got %d\n", (int)result);
}

/* Without a stack: the future is the task, and cancelling the task drops it. */
static void wait_in_vain(struct counter *counter)
{
    struct take_future take;
    take_init(&take, counter);
    trale_task *task;
    intptr_t result;
    check(-trale_spawn_future(&task, &take.future, sizeof take), "trale_spawn_future");
    trale_sleep(100 * TRALE_MS);
    trale_cancel(task);
    check(-trale_join(task, &result), "trale_join");
    printf("the cancelled task got: %s\n", strerror((int)-result));
}

int main(void)
{
    struct counter counter;
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line at once, into a pipe too */
    counter_start(&counter);
    wait_in_two_places(&counter);
    wait_in_vain(&counter);
    counter_stop(&counter);
    return EXIT_SUCCESS;
}
