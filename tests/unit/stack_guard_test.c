/* What lies below each stack: a page that kills, on kernels with guard markers and without. */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system.h"
#include "task/stack.h"

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

START_TEST(the_guard_is_the_page_below)
{
    struct stack *stack = stack_get(65536);
    ck_assert_uint_eq((uintptr_t)stack->low % page_size(), 0);
    ck_assert(!stack_guards(stack, stack->low));
    ck_assert(stack_guards(stack, stack->low - 1));
    ck_assert(stack_guards(stack, stack->low - page_size()));
    ck_assert(!stack_guards(stack, stack->low - page_size() - 1));
    stack_put(stack);
}
END_TEST

struct write_below {
    bool old_kernel;
    int distance; /* below the lowest byte */
    int stacks;   /* so many are made before */
};

static void write_below(void *arg)
{
    const struct write_below *w = arg;
    struct stack *stack = NULL;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer may have a handler here */
    if (w->old_kernel)
        deny_guard_markers();
    for (int i = 0; i < w->stacks; i++) {
        stack = stack_get(16384);
        *stack->low = 1;
    }
    *(volatile char *)(stack->low - w->distance) = 1;
}

static void dies(bool old_kernel, int distance, int stacks)
{
    struct write_below w = {old_kernel, distance, stacks};
    int status = test_in_child(write_below, &w, NULL, 0);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
                  "%d below stack %d: wait status 0x%x", distance, stacks, (unsigned)status);
}

START_TEST(who_writes_below_a_stack_dies)
{
    static const int stacks[] = {1, 2, 100};
    for (int i = 0; i < 3; i++) {
        dies(false, 1, stacks[i]);
        dies(false, (int)page_size(), stacks[i]);
    }
}
END_TEST

START_TEST(without_guard_markers_he_dies_too)
{
    static const int stacks[] = {1, 2, 100};
    for (int i = 0; i < 3; i++) {
        dies(true, 1, stacks[i]);
        dies(true, (int)page_size(), stacks[i]);
    }
}
END_TEST

static void reuse(void *arg)
{
    struct stack *first, *second;
    (void)arg;
    deny_guard_markers();
    first = stack_get(65536);
    MUST(first);
    first->low[0] = 1;
    stack_put(first);
    second = stack_get(65536);
    MUST(second == first);
    MUST(stack_guards(second, second->low - 1));
    stack_put(second);
    stack_pool_empty();
}

START_TEST(without_guard_markers_stacks_are_used_again)
{
    passes_in_child(reuse, NULL);
}
END_TEST

START_TEST(a_stack_that_is_used_again_is_still_guarded)
{
    struct stack *stack = stack_get(65536);
    stack_put(stack);
    struct write_below w = {false, 1, 1};
    int status = test_in_child(write_below, &w, NULL, 0);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

/* mprotect splits mappings, and would meet vm.max_map_count at 32,750 stacks. */
START_TEST(more_than_forty_thousand_guarded_stacks_live_at_once)
{
    enum { COUNT = 45000 };
    static struct stack *stacks[COUNT];
    int count = (int)test_scale(COUNT);
    if (!has_guard_markers() || count < COUNT) {
        printf("# 45,000 guarded stacks: skipped, %s\n",
               count < COUNT ? "this is a slow build" : "the kernel has no MADV_GUARD_INSTALL");
        return;
    }
    for (int i = 0; i < count; i++) {
        stacks[i] = stack_get(16384);
        ck_assert_msg(stacks[i] != NULL, "stack %d", i);
        *stacks[i]->low = 1;
    }
    ck_assert_int_lt(count_mappings(), 2000);
    for (int i = 0; i < count; i++)
        stack_put(stacks[i]);
}
END_TEST

TEST_MAIN("stack_guard", the_guard_is_the_page_below, who_writes_below_a_stack_dies,
          without_guard_markers_he_dies_too, without_guard_markers_stacks_are_used_again,
          a_stack_that_is_used_again_is_still_guarded,
          more_than_forty_thousand_guarded_stacks_live_at_once)
