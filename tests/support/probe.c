#include "probe.h"

#include "suite.h"

/* Under the lock. */
static void check(struct probe *p, bool good)
{
    if (!good)
        p->faults++;
}

/* Counts the poll, and keeps its waker. */
static void enter(struct probe *p, const trale_future *self, trale_waker *waker)
{
    trale_waker *old;

    pthread_mutex_lock(&p->lock);
    p->polls++;
    if (!p->place)
        p->place = self;
    check(p, !p->polling && !p->ready && p->drops == 0 && p->place == self);
    p->polling = true;
    old = p->waker;
    p->waker = trale_waker_clone(waker);
    changed_tell(&p->changed);
    pthread_mutex_unlock(&p->lock);
    trale_waker_drop(old);
}

static enum trale_poll leave(struct probe *p, trale_future *self, enum trale_poll poll)
{
    pthread_mutex_lock(&p->lock);
    if (!p->step && p->finish)
        poll = TRALE_READY;
    if (poll == TRALE_READY)
        self->output = p->output;
    p->ready = poll == TRALE_READY;
    p->polling = false;
    pthread_mutex_unlock(&p->lock);
    return poll;
}

static enum trale_poll probe_poll(trale_future *self, trale_context *cx)
{
    struct probe *p = ((struct probe_future *)self)->probe;

    enter(p, self, trale_context_waker(cx));
    return leave(p, self, p->step ? p->step(p, cx) : TRALE_PENDING);
}

static void probe_drop(trale_future *self)
{
    struct probe *p = ((struct probe_future *)self)->probe;
    trale_waker *waker;

    pthread_mutex_lock(&p->lock);
    check(p, !p->polling && p->drops == 0 && (!p->place || p->place == self));
    p->output_at_drop = self->output;
    pthread_mutex_unlock(&p->lock);
    if (p->dropping)
        p->dropping(p, self);
    pthread_mutex_lock(&p->lock);
    waker = p->waker;
    p->waker = NULL;
    p->drops++;
    changed_tell(&p->changed);
    pthread_mutex_unlock(&p->lock);
    trale_waker_drop(waker);
}

struct probe_future probe_future(struct probe *p)
{
    static const struct trale_future_ops ops = {probe_poll, probe_drop, "probe"};

    return (struct probe_future){{&ops, 0}, p};
}

trale_task *probe_spawn(struct probe *p)
{
    struct probe_future f = probe_future(p);
    trale_task *task = NULL;

    ck_assert_int_eq(trale_spawn_future(&task, &f.future, sizeof f), 0);
    return task;
}

void probe_finish(struct probe *p, intptr_t output)
{
    pthread_mutex_lock(&p->lock);
    p->output = output;
    p->finish = true;
    pthread_mutex_unlock(&p->lock);
    probe_wake(p);
}

void probe_wake(struct probe *p)
{
    trale_waker *waker = probe_waker(p);

    trale_waker_wake(waker);
    trale_waker_drop(waker);
}

trale_waker *probe_waker(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    trale_waker *waker = trale_waker_clone(p->waker);
    pthread_mutex_unlock(&p->lock);
    return waker;
}

void probe_wait_polled(struct probe *p, int times)
{
    pthread_mutex_lock(&p->lock);
    while (p->polls < times)
        changed_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void probe_wait_dropped(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->drops == 0)
        changed_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static int read_int(struct probe *p, const int *field)
{
    pthread_mutex_lock(&p->lock);
    int value = *field;
    pthread_mutex_unlock(&p->lock);
    return value;
}

int probe_polls(struct probe *p)
{
    return read_int(p, &p->polls);
}

int probe_drops(struct probe *p)
{
    return read_int(p, &p->drops);
}

int probe_faults(struct probe *p)
{
    return read_int(p, &p->faults);
}

bool probe_finished(struct probe *p)
{
    pthread_mutex_lock(&p->lock);
    bool finished = p->finish;
    pthread_mutex_unlock(&p->lock);
    return finished;
}
