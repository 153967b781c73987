#include "base/clock.h"

#include <time.h>

#include <trale/base.h>

int64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * TRALE_SEC + now.tv_nsec;
}

int64_t clock_after(int64_t duration)
{
    int64_t deadline;

    if (__builtin_add_overflow(clock_now(), duration, &deadline))
        return duration < 0 ? INT64_MIN : TRALE_NEVER;
    return deadline;
}
