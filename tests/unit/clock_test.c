/* The clock, and deadlines that would lie past the ends of time. */
#include "suite.h"

#include <trale/base.h>

#include "base/clock.h"

START_TEST(the_clock_does_not_go_back)
{
    int64_t last = clock_now();
    ck_assert_int_gt(last, 0);
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_now();
        ck_assert_int_ge(now, last);
        last = now;
    }
}
END_TEST

static void lies_after(int64_t duration)
{
    int64_t before = clock_now();
    int64_t deadline = clock_after(duration);
    int64_t after = clock_now();
    ck_assert_int_ge(deadline, before + duration);
    ck_assert_int_le(deadline, after + duration);
}

START_TEST(a_deadline_is_now_and_the_duration)
{
    static const int64_t durations[] = {0,          1,         -1,         TRALE_SEC,
                                        -TRALE_SEC, INT64_MIN, -INT64_MAX, INT64_C(1) << 62};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        lies_after(durations[i]);
}
END_TEST

START_TEST(what_lies_past_the_end_of_time_is_never)
{
    ck_assert_int_eq(clock_after(INT64_MAX), TRALE_NEVER);
    ck_assert_int_eq(clock_after(INT64_MAX - 1), TRALE_NEVER);
    ck_assert_int_eq(clock_after(INT64_MAX - clock_now() + 1), TRALE_NEVER);
    ck_assert_int_lt(clock_after(INT64_MAX - clock_now() - 3600 * TRALE_SEC), TRALE_NEVER);
}
END_TEST

TEST_MAIN("clock", the_clock_does_not_go_back, a_deadline_is_now_and_the_duration,
          what_lies_past_the_end_of_time_is_never)
