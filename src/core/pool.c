#include "core/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/futex.h"
#include "base/misuse.h"
#include "core/process.h"
#include "core/thread_start.h"
#include "task/thread.h"
#include "task/waker.h"

#define IDLE_NS (5 * TRALE_SEC) /* then a thread leaves */
#define LIMIT_MAX 4096

/* Fields: L: the lock.  I: immutable. */
struct lane {
    const char *name; /* I: of its threads */
    pthread_mutex_t lock;
    struct trale_link queue;  /* L: jobs that nobody has begun */
    unsigned limit;           /* L: of threads */
    unsigned threads;         /* L: all of them, */
    unsigned running;         /* L: of these inside a job, */
    unsigned idle;            /* L: asleep until calls changes, */
    unsigned starting;        /* L: or not yet at their first look */
    unsigned queued;          /* L: length of the queue */
    bool unwanted;            /* L: pool_empty was here, and no job came after it */
    unsigned emptying;        /* L: calls of pool_empty that wait here */
    bool has_left;            /* L: left is a thread that has left and has to be joined */
    pthread_t left;           /* L: */
    _Atomic(uint32_t) calls;  /* futex: changes under the lock when idle threads are to look */
    _Atomic(uint32_t) leaves; /* futex: changes under the lock when empty is to look again */
};

#define LANE(index, thread_name, most) \
    [index] = {.name = (thread_name), \
               .lock = PTHREAD_MUTEX_INITIALIZER, \
               .queue = {&lanes[index].queue, &lanes[index].queue}, \
               .limit = (most)}

static struct lane lanes[POOL_LANES] = {
    LANE(POOL_WORK, "trale-pool", 64),
    LANE(POOL_NAMES, "trale-names", 16),
};

static _Thread_local bool in_pool;

/* Under the lock, which is given up while the job runs. */
static void run_first(struct lane *lane)
{
    struct trale_job *job = container_of(list_pop_front(&lane->queue), struct trale_job, link);
    struct wake_batch batch = {0};
    unsigned generation = process_generation();
    bool abandoned;

    lane->queued--;
    lane->running++;
    job->state = JOB_RUNNING;
    pthread_mutex_unlock(&lane->lock);
    job->result = job->run(job);
    if (generation != process_generation())
        misuse("fork", "a child that was forked in the pool must end with _exit, not return");
    if (this_thread.scope)
        misuse("trale_scope_leave", "blocking work must leave its scopes before it returns");
    pthread_mutex_lock(&lane->lock);
    job->state = JOB_DONE;
    abandoned = job->abandoned;
    lane->running -= !abandoned; /* to free it may take long, too: nobody waits for that */
    if (job->waker)
        waker_claim(job->waker, &batch);
    pthread_mutex_unlock(&lane->lock);
    wake_batch_deliver(&batch);
    if (abandoned)
        job->free(job);
    pthread_mutex_lock(&lane->lock);
    lane->running -= abandoned;
}

/* Under the lock, which is given up meanwhile. False: nothing came for a long time. */
static bool wait_for_call(struct lane *lane)
{
    uint32_t seen = atomic_load(&lane->calls);
    bool called;

    lane->idle++;
    pthread_mutex_unlock(&lane->lock);
    called = futex_wait(&lane->calls, seen, IDLE_NS);
    pthread_mutex_lock(&lane->lock);
    lane->idle--;
    return called;
}

/* Under the lock: every idle thread looks whether it is still wanted. */
static void call_all(struct lane *lane)
{
    atomic_fetch_add(&lane->calls, 1);
    futex_wake_all(&lane->calls);
}

/* Under the lock: a thread has left, or did not come, or they are wanted again. */
static void tell_empty(struct lane *lane)
{
    atomic_fetch_add(&lane->leaves, 1);
    futex_wake_all(&lane->leaves);
}

/* While pool_empty waits, each thread that leaves joins the one that left before it, and pool_empty
 * joins the last one. Else nobody will. */
static void leave(struct lane *lane)
{
    bool join = lane->has_left && lane->emptying > 0;
    pthread_t before = lane->left;

    if (lane->emptying > 0) {
        lane->has_left = true;
        lane->left = pthread_self();
    } else {
        pthread_detach(pthread_self());
    }
    lane->threads--;
    tell_empty(lane);
    pthread_mutex_unlock(&lane->lock);
    if (join)
        pthread_join(before, NULL);
}

/* Under the lock. */
static bool has_work(const struct lane *lane)
{
    return !list_empty(&lane->queue) && lane->threads <= lane->limit && !process_exits();
}

static void *thread_main(void *arg)
{
    struct lane *lane = arg;
    bool called = true;

    in_pool = true;
    thread_name(lane->name);
    pthread_mutex_lock(&lane->lock);
    lane->starting--;
    for (;;) {
        while (has_work(lane))
            run_first(lane);
        if (!called || lane->unwanted || lane->threads > lane->limit)
            break;
        called = wait_for_call(lane);
    }
    leave(lane);
    return NULL;
}

/* Under the lock: no thread will come to them. */
static void refuse_all(struct lane *lane, int error, struct wake_batch *batch)
{
    struct trale_link *link;

    while ((link = list_pop_front(&lane->queue))) {
        struct trale_job *job = container_of(link, struct trale_job, link);

        lane->queued--;
        job->state = JOB_DONE;
        job->result = error;
        if (job->waker)
            waker_claim(job->waker, batch);
    }
}

/* Under the lock, which is given up meanwhile: starts as many threads as there is work for. */
static void hire(struct lane *lane, struct wake_batch *batch)
{
    pthread_t thread;
    int error = 0;

    while (error == 0 && lane->queued > lane->idle + lane->starting &&
           lane->threads < lane->limit) {
        lane->threads++;
        lane->starting++;
        pthread_mutex_unlock(&lane->lock);
        error = thread_start(&thread, thread_main, lane);
        pthread_mutex_lock(&lane->lock);
        if (error == 0)
            continue;
        lane->threads--;
        lane->starting--;
        tell_empty(lane);
        if (lane->threads == 0)
            refuse_all(lane, error, batch);
    }
}

/* What the work of this lane begins itself needs no further thread: it might wait for one that
 * never comes, for all of them may be at work that waits so. */
static bool runs_here(enum pool_lane index)
{
    return in_pool && index == POOL_WORK && !this_thread.task;
}

/* Inside the poll of who waits for it, but the work itself is of a plain thread, and may wait. */
static void run_here(struct trale_job *job)
{
    bool polling = this_thread.polling;

    this_thread.polling = false;
    job->result = job->run(job);
    job->state = JOB_DONE;
    this_thread.polling = polling;
    /* Its waits may have taken a wake that was for something polled beside it. */
    trale_waker_wake(this_thread.waker);
}

static int refuse(struct trale_job *job, int error)
{
    job->free(job);
    return error;
}

int pool_begin(struct trale_job **slot, struct trale_job *job, enum pool_lane index)
{
    struct lane *lane = &lanes[index];
    struct wake_batch batch = {0};
    int error = process_watch();
    bool call;

    job->lane = index;
    job->state = JOB_QUEUED;
    if (error == 0 && process_exits())
        error = -ESHUTDOWN;
    if (error != 0)
        return refuse(job, error);
    if (runs_here(index)) {
        *slot = job;
        run_here(job);
        return 0;
    }
    pthread_mutex_lock(&lane->lock);
    if (process_exits()) {                 /* pool_exit may have been here since */
        pthread_mutex_unlock(&lane->lock); /* race: exit begins after the first look */
        return refuse(job, -ESHUTDOWN);    /* race: the same */
    }
    *slot = job;
    list_push_back(&lane->queue, &job->link);
    lane->queued++;
    if (lane->unwanted)
        tell_empty(lane);
    lane->unwanted = false;
    call = lane->idle > 0;
    if (call)
        atomic_fetch_add(&lane->calls, 1);
    hire(lane, &batch);
    pthread_mutex_unlock(&lane->lock);
    if (call)
        futex_wake(&lane->calls);
    wake_batch_deliver(&batch);
    return 0;
}

enum trale_poll pool_poll(struct trale_job *job, trale_waker *waker)
{
    struct lane *lane = &lanes[job->lane];
    bool done;

    pthread_mutex_lock(&lane->lock);
    done = job->state == JOB_DONE;
    job->waker = done ? NULL : waker;
    pthread_mutex_unlock(&lane->lock);
    return done ? TRALE_READY : TRALE_PENDING;
}

/* Under the lock: it has not begun, and will not. */
static bool unqueue(struct lane *lane, struct trale_job *job)
{
    if (job->state != JOB_QUEUED)
        return false;
    list_remove(&job->link);
    lane->queued--;
    job->state = JOB_DONE;
    return true;
}

bool pool_withdraw(struct trale_job *job)
{
    struct lane *lane;
    bool withdrawn;

    if (!job)
        return true;
    lane = &lanes[job->lane];
    pthread_mutex_lock(&lane->lock);
    withdrawn = unqueue(lane, job);
    pthread_mutex_unlock(&lane->lock);
    return withdrawn;
}

void pool_leave(struct trale_job *job)
{
    struct lane *lane;
    bool running;

    if (!job)
        return;
    lane = &lanes[job->lane];
    pthread_mutex_lock(&lane->lock);
    unqueue(lane, job);
    running = job->state == JOB_RUNNING;
    job->abandoned = running;
    job->waker = NULL;
    pthread_mutex_unlock(&lane->lock);
    if (!running)
        job->free(job);
}

int trale_blocking_limit(unsigned threads)
{
    struct lane *lane = &lanes[POOL_WORK];
    struct wake_batch batch = {0};

    if (threads == 0 || threads > LIMIT_MAX)
        return -EINVAL;
    pthread_mutex_lock(&lane->lock);
    lane->limit = threads;
    call_all(lane);
    hire(lane, &batch);
    pthread_mutex_unlock(&lane->lock);
    wake_batch_deliver(&batch);
    return 0;
}

static void empty(struct lane *lane)
{
    pthread_t last;
    bool join;

    pthread_mutex_lock(&lane->lock);
    lane->unwanted = true;
    lane->emptying++;
    call_all(lane);
    while (lane->unwanted && lane->threads > lane->running) {
        uint32_t seen = atomic_load(&lane->leaves);

        pthread_mutex_unlock(&lane->lock);
        futex_wait(&lane->leaves, seen, -1);
        pthread_mutex_lock(&lane->lock);
    }
    lane->emptying--;
    join = lane->has_left;
    last = lane->left;
    lane->has_left = false;
    pthread_mutex_unlock(&lane->lock);
    if (join)
        pthread_join(last, NULL);
}

void pool_empty(void)
{
    for (int i = 0; i < POOL_LANES; i++)
        empty(&lanes[i]);
}

void pool_exit(void)
{
    for (int i = 0; i < POOL_LANES; i++) {
        struct wake_batch batch = {0};

        pthread_mutex_lock(&lanes[i].lock);
        refuse_all(&lanes[i], -ESHUTDOWN, &batch);
        pthread_mutex_unlock(&lanes[i].lock);
        wake_batch_deliver(&batch);
    }
    pool_empty();
}

void pool_before_fork(void)
{
    for (int i = 0; i < POOL_LANES; i++)
        pthread_mutex_lock(&lanes[i].lock);
}

static void forget(struct lane *lane)
{
    list_init(&lane->queue);
    lane->queued = lane->threads = lane->running = lane->idle = lane->starting = 0;
    lane->emptying = 0;
    lane->has_left = false;
}

void pool_after_fork(bool in_child)
{
    for (int i = 0; i < POOL_LANES; i++) {
        if (in_child)
            forget(&lanes[i]);
        pthread_mutex_unlock(&lanes[i].lock);
    }
    if (in_child && in_pool)
        thread_unblock_signals();
}
