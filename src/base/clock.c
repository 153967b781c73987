#include "base/clock.h"

#include <time.h>

#include <trale/base.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * TRALE_SEC + now.tv_nsec;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_coarse(void)
{
    return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_after(int64_t duration)
{
    int64_t deadline;

    if (__builtin_add_overflow(clock_now(), duration, &deadline))
        return TRALE_NEVER; /* nor is it too early: now is not negative */
    return deadline;
}
