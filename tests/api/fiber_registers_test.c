/* What a switch of fibers keeps: the registers of a call, and the floating-point control state. */
#include "suite.h"

#include <fenv.h>
#include <trale.h>

#include "settle.h"

/* Divisions that tell the rounding modes apart. Between volatile loads and stores, for a compiler
 * may take it that the mode never changes. */
struct quotients {
    double plus, minus;
    long double wide;
};

static struct quotients divide(void)
{
    volatile double one = 1, minus_one = -1, three = 3, plus, minus;
    volatile long double wide_one = 1, wide_three = 3, wide;
    plus = one / three;
    minus = minus_one / three;
    wide = wide_one / wide_three;
    return (struct quotients){plus, minus, wide};
}

static int rounds_as(int mode)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    struct quotients here = divide();
    int now = fegetround(), same = now == mode;
    for (int i = 0; i < 4; i++) {
        fesetround(modes[i]);
        struct quotients there = divide();
        if (modes[i] == mode)
            same = same && there.plus == here.plus && there.minus == here.minus &&
                   there.wide == here.wide;
    }
    fesetround(now);
    return same;
}

struct rounder {
    int mode, turns, wrong;
};

static intptr_t round_and_yield(void *arg)
{
    struct rounder *r = arg;
    r->wrong += !rounds_as(FE_TONEAREST); /* a new fiber begins as a new thread does */
    fesetround(r->mode);
    for (int i = 0; i < r->turns; i++) {
        if (trale_yield() != 0)
            return -1;
        r->wrong += !rounds_as(r->mode);
    }
    return 0;
}

START_TEST(the_rounding_mode_belongs_to_the_fiber)
{
    static const int modes[] = {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, FE_TONEAREST};
    struct rounder rounders[8];
    trale_task *tasks[8];
    for (int i = 0; i < 8; i++) {
        rounders[i] = (struct rounder){modes[i % 4], 200, 0};
        ck_assert_int_eq(trale_spawn(&tasks[i], round_and_yield, &rounders[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(join(tasks[i]), 0);
        ck_assert_int_eq(rounders[i].wrong, 0);
    }
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
}
END_TEST

static enum trale_poll get_rounding(trale_future *self, trale_context *cx)
{
    (void)cx;
    self->output = fegetround();
    return TRALE_READY;
}

START_TEST(the_rounding_mode_of_a_fiber_does_not_reach_a_stackless_task)
{
    static const struct trale_future_ops ops = {get_rounding, NULL, NULL};
    struct rounder r = {FE_UPWARD, 1000, 0};
    trale_future f = {.ops = &ops};
    trale_task *rounder;
    ck_assert_int_eq(trale_spawn(&rounder, round_and_yield, &r), 0);
    for (int i = 0; i < 100; i++) {
        trale_task *task;
        ck_assert_int_eq(trale_spawn_future(&task, &f, sizeof f), 0);
        ck_assert_int_eq(join(task), FE_TONEAREST);
    }
    join(rounder);
    ck_assert_int_eq(r.wrong, 0);
}
END_TEST

struct numbers {
    long seed;
    int turns;
    double sum;
    long count;
};

/* Many values that live across each switch, in registers where the compiler can. */
static __attribute__((noinline)) void compute(struct numbers *n, int (*between)(void))
{
    long a = n->seed, b = a * 3, c = a * 5, d = a * 7, e = a * 11, f = a * 13, g = a * 17;
    double p = (double)a, q = p * 2, r = p * 3, s = p * 5, t = p * 7, u = p * 11, v = p * 13;
    for (int i = 0; i < n->turns; i++) {
        a += b ^ i, b += c, c ^= d, d += e, e ^= f, f += g, g ^= a;
        p += q * 0.5, q += r, r -= s, s += t * 0.25, t -= u, u += v * 0.125, v -= p;
        if (between() != 0)
            return;
        a ^= g, p -= v, b ^= f, q -= u;
    }
    n->count = a ^ b ^ c ^ d ^ e ^ f ^ g;
    n->sum = p + q + r + s + t + u + v;
}

static int no_switch(void)
{
    return 0;
}

static intptr_t compute_and_yield(void *numbers)
{
    compute(numbers, trale_yield);
    return 0;
}

static int yield_by_sleep(void)
{
    return trale_sleep(0);
}

static intptr_t compute_and_sleep(void *numbers)
{
    compute(numbers, yield_by_sleep);
    return 0;
}

START_TEST(what_lives_across_a_switch_survives)
{
    enum { COUNT = 50 };
    struct numbers expected[COUNT], numbers[COUNT];
    trale_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        expected[i] = numbers[i] = (struct numbers){.seed = i * 12345 + 1, .turns = 20};
        compute(&expected[i], no_switch);
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(
            trale_spawn(&tasks[i], i % 2 ? compute_and_yield : compute_and_sleep, &numbers[i]),
            0);
    for (int i = 0; i < COUNT; i++) {
        join(tasks[i]);
        ck_assert_int_eq(numbers[i].count, expected[i].count);
        ck_assert(numbers[i].sum == expected[i].sum);
    }
}
END_TEST

static intptr_t is_aligned(void *arg)
{
    _Alignas(16) volatile char frame[16];
    frame[0] = (char)(intptr_t)arg;
    return (uintptr_t)frame % 16 == 0 && (uintptr_t)__builtin_frame_address(0) % 16 == 0;
}

START_TEST(a_fibers_stack_is_aligned_as_the_abi_wants)
{
    for (int size = 0; size < 64; size++) {
        char copy[64] = {0};
        trale_task *task;
        ck_assert_int_eq(trale_spawn_copy(&task, is_aligned, copy, (size_t)size), 0);
        ck_assert_int_eq(join(task), 1);
    }
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "fiber_registers",
               the_rounding_mode_belongs_to_the_fiber,
               the_rounding_mode_of_a_fiber_does_not_reach_a_stackless_task,
               what_lives_across_a_switch_survives, a_fibers_stack_is_aligned_as_the_abi_wants)
