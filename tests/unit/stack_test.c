/* The pool of stacks: sizes, guards, reuse. The guards have a file of their own. */
#include "suite.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "seed.h"
#include "system.h"
#include "task/stack.h"
#include "task/thread.h"

static size_t usable(struct stack *stack)
{
    return (size_t)(stack_top(stack) - stack->low);
}

START_TEST(a_stack_has_at_least_what_was_asked_for)
{
    static const size_t sizes[] = {0,     1,     16384,  16385,  32768,   65535,   65536,
                                   65537, 99999, 131072, 200000, 1 << 20, 3 << 20, 100 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stack *stack = stack_get(sizes[i]);
        ck_assert_ptr_nonnull(stack);
        ck_assert_uint_ge(stack->size, sizes[i]);
        ck_assert_uint_ge(usable(stack), sizes[i]);
        memset(stack->low, 0xa5, 4096); /* both ends can be written */
        memset(stack_top(stack) - 4096, 0xa5, 4096);
        stack_put(stack);
    }
}
END_TEST

START_TEST(sizes_are_rounded_up_to_powers_of_two)
{
    static const size_t sizes[][2] = {{0, 16384},      {1, 16384},        {16384, 16384},
                                      {16385, 32768},  {40000, 65536},    {65536, 65536},
                                      {65537, 131072}, {1000000, 1 << 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct stack *stack = stack_get(sizes[i][0]);
        ck_assert_ptr_nonnull(stack);
        ck_assert_uint_eq(stack->size, sizes[i][1]);
        stack_put(stack);
    }
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
    ck_assert_ptr_null(stack_get(SIZE_MAX));
    ck_assert_ptr_null(stack_get(SIZE_MAX / 2));
    ck_assert_ptr_null(stack_get(((size_t)2 << 30) + 1));
}
END_TEST

START_TEST(the_top_is_16_aligned)
{
    struct stack *stacks[100];
    for (unsigned i = 0; i < 100; i++) {
        stacks[i] = stack_get(i * 3001);
        ck_assert_ptr_nonnull(stacks[i]);
        ck_assert_uint_eq((uintptr_t)stack_top(stacks[i]) % 16, 0);
        ck_assert(stack_top(stacks[i]) <= (char *)stacks[i]);
    }
    for (unsigned i = 0; i < 100; i++)
        stack_put(stacks[i]);
}
END_TEST

START_TEST(the_last_stack_put_back_is_the_first_to_be_used_again)
{
    struct stack *stacks[10];
    for (unsigned i = 0; i < 10; i++)
        stacks[i] = stack_get(65536);
    for (unsigned i = 0; i < 10; i++)
        stack_put(stacks[i]);
    for (unsigned i = 10; i-- > 0;)
        ck_assert_ptr_eq(stack_get(65536), stacks[i]);
    for (unsigned i = 0; i < 10; i++)
        stack_put(stacks[i]);
}
END_TEST

START_TEST(an_executors_own_stacks_are_the_first_to_be_used_again)
{
    struct stack_cache cache = {0};
    struct stack *shared = stack_get(65536), *own;
    stack_put(shared);
    this_thread.stacks = &cache;
    ck_assert_ptr_eq(own = stack_get(65536), shared); /* moved over from the shared ones */
    struct stack *other = stack_get(65536);
    stack_put(own);
    stack_put(other);
    ck_assert_ptr_eq(stack_get(65536), other);
    ck_assert_ptr_eq(stack_get(65536), own);
    stack_put(own);
    stack_put(other);
    stack_cache_flush(&cache);
    this_thread.stacks = NULL;
    for (unsigned kind = 0; kind < STACK_KINDS; kind++)
        ck_assert(!cache.free[kind] && cache.count[kind] == 0);
    ck_assert_ptr_nonnull(stack_get(65536));
}
END_TEST

START_TEST(a_stack_of_one_size_does_not_serve_another)
{
    struct stack *small = stack_get(16384);
    stack_put(small);
    struct stack *large = stack_get(65536);
    ck_assert_ptr_ne(large, small);
    ck_assert_ptr_eq(stack_get(16384), small);
}
END_TEST

START_TEST(no_two_stacks_overlap)
{
    enum { COUNT = 500 };
    static struct stack *stacks[COUNT];
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < COUNT; i++) {
        stacks[i] = stack_get(random_below(&seed, 100000));
        ck_assert_ptr_nonnull(stacks[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        memcpy(stacks[i]->low, &i, sizeof i);
        memcpy(stack_top(stacks[i]) - sizeof i, &i, sizeof i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        ck_assert_mem_eq(stacks[i]->low, &i, sizeof i);
        ck_assert_mem_eq(stack_top(stacks[i]) - sizeof i, &i, sizeof i);
        stack_put(stacks[i]);
    }
}
END_TEST

START_TEST(an_emptied_pool_gives_its_memory_back)
{
    enum { COUNT = 300 };
    static struct stack *stacks[COUNT];
    stack_put(stack_get(65536));
    stack_pool_empty();
    int before = count_mappings();
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            stacks[i] = stack_get(i % 2 ? 65536 : 3 << 20);
        for (unsigned i = 0; i < COUNT; i++)
            stack_put(stacks[i]);
        stack_pool_empty();
    }
    if (!UNDER_ASAN && !UNDER_TSAN && !under_valgrind()) /* which map for themselves */
        ck_assert_int_le(count_mappings(), before + 2);
}
END_TEST

static void *churn(void *arg)
{
    struct stack_cache cache = {0};
    uint64_t seed = random_fork(*(uint64_t *)arg, 1);
    struct stack *stacks[200];
    this_thread.stacks = &cache;
    for (long n = test_scale(200); n > 0; n--) {
        unsigned count = 1 + random_below(&seed, 200);
        for (unsigned i = 0; i < count; i++)
            if ((stacks[i] = stack_get(random_below(&seed, 50000))))
                *(void **)(void *)stacks[i]->low = &stacks[i];
        for (unsigned i = 0; i < count; i++) {
            if (!stacks[i] || *(void **)(void *)stacks[i]->low != &stacks[i])
                return arg;
            stack_put(stacks[i]);
        }
    }
    stack_cache_flush(&cache);
    return NULL;
}

START_TEST(executors_share_the_pool)
{
    pthread_t threads[3];
    uint64_t seeds[3];
    uint64_t seed = test_seed();
    void *failed;
    for (unsigned i = 0; i < 3; i++) {
        seeds[i] = random_fork(seed, i);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

TEST_MAIN("stack", a_stack_has_at_least_what_was_asked_for, sizes_are_rounded_up_to_powers_of_two,
          what_is_too_large_is_refused, the_top_is_16_aligned,
          the_last_stack_put_back_is_the_first_to_be_used_again,
          an_executors_own_stacks_are_the_first_to_be_used_again,
          a_stack_of_one_size_does_not_serve_another, no_two_stacks_overlap,
          an_emptied_pool_gives_its_memory_back, executors_share_the_pool)
