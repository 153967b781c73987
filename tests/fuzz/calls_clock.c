/* The library's clock: what it links here instead of base/clock.c. It stands still. */
#include "base/clock.h"
#include "calls.h"

static int64_t now = INT64_C(1) << 58; /* long after what the kernel's says */
static bool moved;

int64_t clock_now(void)
{
    return now;
}

int64_t clock_coarse(void)
{
    return now;
}

int64_t clock_after(int64_t duration)
{
    int64_t deadline;

    if (__builtin_add_overflow(now, duration, &deadline))
        return duration < 0 ? INT64_MIN : TRALE_NEVER;
    return deadline;
}

void clock_advance(int64_t by)
{
    now += by;
    moved = true;
}

bool clock_moved(void)
{
    bool was = moved;

    moved = false;
    return was;
}
