/*
 * What a plain thread asks of a loop that runs on another one, as in spawn.c and wake.c:
 *   join_main_hot, join_main_cold   hand it a job, and block until it is done
 *   wake_hot, wake_cold             wake it, and look for when it ran
 * A peer defines start_loop, which starts a thread with its loop and returns when it can be
 * woken; wake_loop, after which the loop calls attend; and run_and_join, which is
 * hand_over_and_wait if it has nothing of that kind itself.
 */
#ifndef PEERS_OUTSIDE_H
#define PEERS_OUTSIDE_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "../measure.h"

static void start_loop(void);
static void wake_loop(void);
static void run_and_join(void);

struct job {
    struct job *next;
    sem_t done;
};

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct job *jobs;

static int rung;          /* what the loop is to look at */
static long seen;         /* how often it has */
static int64_t last_seen; /* when; written before seen */

static inline void start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    check(-pthread_create(&thread, NULL, run, arg), "pthread_create");
    pthread_detach(thread);
}

static inline void do_jobs(void)
{
    struct job *job, *next;

    pthread_mutex_lock(&jobs_lock);
    job = jobs;
    jobs = NULL;
    pthread_mutex_unlock(&jobs_lock);
    for (; job; job = next) {
        next = job->next;
        sem_post(&job->done);
    }
}

/* On the loop's thread. */
static inline void attend(void)
{
    if (__atomic_exchange_n(&rung, 0, __ATOMIC_SEQ_CST)) {
        last_seen = now_ns();
        __atomic_fetch_add(&seen, 1, __ATOMIC_RELEASE);
    } else {
        do_jobs();
    }
}

static inline void hand_over_and_wait(void)
{
    struct job job;

    sem_init(&job.done, 0, 0);
    pthread_mutex_lock(&jobs_lock);
    job.next = jobs;
    jobs = &job;
    pthread_mutex_unlock(&jobs_lock);
    wake_loop();
    while (sem_wait(&job.done) != 0)
        ;
    sem_destroy(&job.done);
}

static inline void join_main_hot(long count)
{
    struct span start;

    start_loop();
    for (long i = 0; i < 1000; i++)
        run_and_join();
    start = span_start();
    for (long i = 0; i < count; i++)
        run_and_join();
    report_each(span_since(start), count);
}

static inline void join_main_cold(long count)
{
    int64_t *times = (int64_t *)array(count, sizeof *times);

    start_loop();
    for (long i = 0; i < count; i++) {
        pause_ns(2 * MSEC);
        times[i] = now_ns();
        run_and_join();
        times[i] = now_ns() - times[i];
    }
    report_times(times, count);
}

static inline void wake_after(int64_t pause, long count)
{
    int64_t *times = (int64_t *)array(count, sizeof *times);

    start_loop();
    for (long i = 0; i < count; i++) {
        int64_t start;

        if (pause)
            pause_ns(pause);
        start = now_ns();
        __atomic_store_n(&rung, 1, __ATOMIC_SEQ_CST);
        wake_loop();
        for (int j = 1; __atomic_load_n(&seen, __ATOMIC_ACQUIRE) <= i; j++)
            if (j % 10000 == 0)
                sched_yield();
        times[i] = last_seen - start;
    }
    report_times(times, count);
}

static inline void wake_hot(long count)
{
    wake_after(0, count);
}

static inline void wake_cold(long count)
{
    wake_after(2 * MSEC, count);
}

#define OUTSIDE_WORKLOADS \
    {"join_main_hot", join_main_hot}, {"join_main_cold", join_main_cold}, \
        {"wake_hot", wake_hot}, \
    { \
        "wake_cold", wake_cold \
    }

#endif
