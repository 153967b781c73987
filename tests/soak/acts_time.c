/* Acts on time: what fires does so once, and not early. */
#include <errno.h>

#include "soak.h"

static int64_t short_time(struct actor *a)
{
    return draw(a, 1u << draw(a, 8)) * 10 * TRALE_US;
}

void act_sleep(struct actor *a)
{
    int64_t deadline = trale_now() + short_time(a);

    left(TIMERS, 1);
    if (got(a, trale_sleep_until(deadline)))
        must(trale_now() >= deadline);
    right(TIMERS, 1);
}

/* Ticks stand on a grid: as many have gone by as it says. */
void act_interval(struct actor *a)
{
    int64_t period = (1 + draw(a, 50)) * 10 * TRALE_US, start, ticks = 0;
    trale_interval interval;
    int missed;

    trale_interval_start(&interval, period);
    start = interval.next - period;
    for (uint32_t n = 1 + draw(a, 4); n > 0; n--) {
        missed = trale_interval_wait(&interval);
        if (!got(a, missed))
            return;
        ticks += 1 + missed;
        must(trale_now() >= start + ticks * period);
        must(interval.next == start + (ticks + 1) * period);
        tally(TICKS, 1);
        tally(MISSED, missed);
    }
}

static int64_t least(int64_t one, int64_t two)
{
    return one < two ? one : two;
}

/* The nearest deadline ends it, not earlier, and its scope says so. */
void act_deadline(struct actor *a)
{
    int64_t outer = trale_now() + short_time(a), inner = trale_now() + short_time(a);
    bool shielded = chance(a, 3);
    trale_scope scopes[2];
    int result, said;

    left(SCOPES, 2);
    trale_scope_enter(&scopes[0], outer);
    if (shielded)
        trale_scope_enter_shielded(&scopes[1], inner);
    else
        trale_scope_enter(&scopes[1], inner);
    result = trale_sleep_until(TRALE_NEVER);
    must(result == -ETIMEDOUT || (result == -ECANCELED && !shielded));
    must(result != -ETIMEDOUT ||
         trale_now() >= (shielded ? inner : least(inner, least(outer, a->deadline))));
    said = trale_scope_leave(&scopes[1]);
    must(said == 0 || (said == -ETIMEDOUT && result == -ETIMEDOUT && trale_now() >= inner));
    must(said == -ETIMEDOUT || !shielded);
    trale_scope_leave(&scopes[0]);
    right(SCOPES, 2);
    got(a, result);
}
