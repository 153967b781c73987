/*
 * What every other header of trale needs: linkage, and the types all of them speak of.
 *
 * For all calls: a thread must not be cancelled with pthread_cancel(3) while it is in one, for what
 * the call holds would stay held. A thread that others may cancel disables that beforehand,
 * pthread_setcancelstate(3).
 */
#ifndef TRALE_BASE_H
#define TRALE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define TRALE_BEGIN extern "C" {
#define TRALE_END }
#else
#define TRALE_BEGIN
#define TRALE_END
#endif

/* The library is built with hidden visibility; this marks what a program may call. */
#define TRALE_API __attribute__((visibility("default")))

/* Nanoseconds in a unit, and the deadline that never passes. */
#define TRALE_US INT64_C(1000)
#define TRALE_MS INT64_C(1000000)
#define TRALE_SEC INT64_C(1000000000)
#define TRALE_NEVER INT64_MAX

TRALE_BEGIN

typedef struct trale_task trale_task;       /* a task, and the handle to join it */
typedef struct trale_waker trale_waker;     /* what makes a task run again */
typedef struct trale_context trale_context; /* what a poll is given: who polls */
typedef struct trale_future trale_future;   /* something that can be polled */
typedef struct trale_runtime trale_runtime; /* a reactor thread and its executor threads */
typedef struct trale_io trale_io;           /* a file descriptor that tasks can wait for */

/* What a task runs. Its return value is the task's result. */
typedef intptr_t trale_fn(void *arg);

/* Private: a place in one of the library's lists, inside a structure that the caller owns. */
struct trale_link {
    struct trale_link *next, *prev;
};

/* Private: a waiter for a point in time. */
struct trale_timer {
    int64_t deadline;
    uint64_t order; /* equal deadlines fire in the order of arming */
    struct trale_timer *child, *next, *prev;
    trale_waker *waker;
    struct trale_timer_queue *queue;
    unsigned place;
};

TRALE_END

#endif
