/*
 * Time: nanoseconds on CLOCK_MONOTONIC, which does not run while the machine is suspended and
 * does not jump when somebody sets the clock (clock_gettime(2)).
 *
 * A timer never fires early. Timers fire in the order of their deadlines, equal deadlines in the
 * order of arming. A task that sleeps yields at least once, however short the sleep. A plain
 * thread uses the timers of the default runtime, and makes it if there is none: the errors of
 * trale_runtime_new are then among those of the call.
 */
#ifndef TRALE_TIME_H
#define TRALE_TIME_H

#include <trale/future.h>

TRALE_BEGIN

/* Now. Never fails. */
TRALE_API int64_t trale_now(void);

/*
 * Waits for duration ns, counted from the call (from trale_sleep_init for the future); <= 0
 * yields once. A duration that leads past INT64_MAX never ends.
 *   -ECANCELED, -ETIMEDOUT.
 */
TRALE_API int trale_sleep(int64_t duration);

/* Waits until trale_now() >= deadline. TRALE_NEVER: for ever; a past deadline yields once.
 * Errors as for trale_sleep. */
TRALE_API int trale_sleep_until(int64_t deadline);

typedef struct trale_sleep_future {
    trale_future future;
    struct trale_timer timer; /* private */
} trale_sleep_future;
typedef trale_sleep_future trale_sleep_until_future;

TRALE_API void trale_sleep_init(trale_sleep_future *f, int64_t duration);
TRALE_API void trale_sleep_until_init(trale_sleep_until_future *f, int64_t deadline);

/*
 * A fixed grid of ticks: start + period, start + 2 period, ... One caller at a time; the struct
 * is the caller's and needs no destructor.
 */
typedef struct trale_interval {
    int64_t period;
    int64_t next; /* the tick that the next wait is for */
} trale_interval;

/* The grid starts now. A period that is not positive makes every wait return -EINVAL. */
TRALE_API void trale_interval_start(trale_interval *interval, int64_t period);

/*
 * Waits for the next tick and returns how many ticks were missed since the last one: 0 if the
 * caller keeps up. Missed ticks are skipped, the grid stays where it is.
 *   -EINVAL: interval is NULL or its period is not positive.
 *   -ECANCELED, -ETIMEDOUT: no tick was taken.
 */
TRALE_API int trale_interval_wait(trale_interval *interval);

typedef struct trale_interval_wait_future {
    trale_future future;
    trale_interval *interval;
    trale_sleep_future sleep; /* private */
} trale_interval_wait_future;

TRALE_API void trale_interval_wait_init(trale_interval_wait_future *f, trale_interval *interval);

TRALE_END

#endif
