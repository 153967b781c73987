/* What many fibers do to the process's mappings, and what happens when no more can be had. */
#include "suite.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

#include "gate.h"
#include "seed.h"
#include "settle.h"
#include "system.h"

static intptr_t park(void *parked)
{
    gate_open(parked);
    return trale_sleep(TRALE_NEVER);
}

static void end(trale_task *task)
{
    trale_cancel(task);
    ck_assert_int_eq(join(task), -ECANCELED);
}

/* To unmap or to guard stacks one by one would make one mapping, or two, of each. */
START_TEST(fibers_that_end_in_any_order_leave_few_mappings)
{
    enum { COUNT = 20000, MOST = 2000 };
    static trale_task *tasks[COUNT];
    struct gate parked = GATE;
    uint64_t seed = test_seed();
    if (test_scale(COUNT) < COUNT || !has_guard_markers()) {
        printf("# 20,000 fibers: skipped, %s\n", has_guard_markers()
                                                     ? "this is a slow build"
                                                     : "the kernel has no MADV_GUARD_INSTALL");
        return;
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(trale_spawn(&tasks[i], park, &parked), 0);
    gate_wait_for(&parked, COUNT);
    ck_assert_int_lt(count_mappings(), MOST);
    for (int i = 0; i < COUNT / 2; i++) { /* every second one; the others move to the front */
        end(tasks[2 * i]);
        tasks[i] = tasks[2 * i + 1];
    }
    ck_assert_int_lt(count_mappings(), MOST);
    for (int left = COUNT / 2; left > 0; left--) {
        int i = (int)random_below(&seed, (uint32_t)left);
        end(tasks[i]);
        tasks[i] = tasks[left - 1];
        if (left % 1000 == 0)
            ck_assert_int_lt(count_mappings(), MOST);
    }
    ck_assert_int_lt(count_mappings(), MOST);
}
END_TEST

enum { ROOM = 50000 };
static trale_task *crowd[ROOM];

/* As many as there can be with such stacks, all of them parked; then none. */
static int come_and_go(size_t stack_size)
{
    trale_spawn_options options = {.stack_size = stack_size};
    struct gate parked = GATE;
    int count = 0, error = 0;
    while (count < ROOM &&
           (error = trale_spawn_with(&crowd[count], &options, park, &parked)) == 0)
        count++;
    MUST(error == -ENOMEM);
    gate_wait_for(&parked, count);
    for (int i = 0; i < count; i++)
        MUST(trale_cancel(crowd[i]) == 0);
    for (int i = 0; i < count; i++) {
        intptr_t result = 0;
        MUST(trale_join(crowd[i], &result) == 0 && result == -ECANCELED);
    }
    return count;
}

/* Nothing that failed once is lost for good, and a spawn that failed did nothing. */
static void come_again(int least)
{
    int first = come_and_go(16 << 10);
    MUST(first >= least);
    for (int i = 0; i < 3; i++)
        MUST(come_and_go(16 << 10) >= first / 10 * 9);
    MUST(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
    MUST(come_and_go(64 << 10) >= least); /* the last runtime gave back what it kept */
    MUST(trale_runtime_free(trale_runtime_default(), TRALE_NEVER) == 0);
}

static long read_number(const char *path, const char *format)
{
    long number = LONG_MAX;
    FILE *file = fopen(path, "re");
    MUST(file && fscanf(file, format, &number) == 1);
    fclose(file);
    return number;
}

static void meet_the_limit_of_mappings(void *arg)
{
    (void)arg;
    deny_guard_markers();
    come_again(1000);
}

START_TEST(without_guard_markers_fibers_come_again_after_the_limit_of_mappings)
{
    if (UNDER_ASAN || UNDER_TSAN || under_valgrind() || test_scale(ROOM) < ROOM) {
        printf("# limit of mappings: skipped, this build maps for itself\n");
        return;
    }
    if (read_number("/proc/sys/vm/max_map_count", "%ld") > ROOM * 3 / 2) {
        printf("# limit of mappings: skipped, vm.max_map_count is large\n");
        return;
    }
    passes_in_child(meet_the_limit_of_mappings, NULL);
}
END_TEST

static void meet_the_limit_of_memory(void *arg)
{
    rlim_t used = (rlim_t)read_number("/proc/self/statm", "%ld") * 4096;
    struct rlimit limit = {used + (256 << 20), used + (256 << 20)};
    if (arg)
        deny_guard_markers();
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, 1); /* one for each executor would be most of it */
#endif
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    come_again(1000);
}

START_TEST(fibers_come_again_after_the_limit_of_address_space)
{
    if (UNDER_ASAN || UNDER_TSAN || under_valgrind()) {
        printf("# limit of address space: skipped, this build maps for itself\n");
        return;
    }
    passes_in_child(meet_the_limit_of_memory, NULL);
    passes_in_child(meet_the_limit_of_memory, "without guard markers");
}
END_TEST

TEST_MAIN_WITH(NULL, free_default_runtime, "stack_maps",
               fibers_that_end_in_any_order_leave_few_mappings,
               without_guard_markers_fibers_come_again_after_the_limit_of_mappings,
               fibers_come_again_after_the_limit_of_address_space)
