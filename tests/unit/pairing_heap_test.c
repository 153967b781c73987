/* The heap of timers, against a sorted list. */
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#include "base/pairing_heap.h"
#include "seed.h"

static int compare(const void *a, const void *b)
{
    const struct trale_timer *s = *(struct trale_timer *const *)a;
    const struct trale_timer *t = *(struct trale_timer *const *)b;
    if (s->deadline != t->deadline)
        return s->deadline < t->deadline ? -1 : 1;
    return s->order < t->order ? -1 : 1;
}

/* Takes the first out again and again: they come as sorted. */
static void drains_in_order(struct pairing_heap *heap, struct trale_timer **timers, size_t count)
{
    qsort(timers, count, sizeof *timers, compare);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(heap->first, timers[i]);
        heap_remove(heap, heap->first);
    }
    ck_assert_ptr_null(heap->first);
}

START_TEST(equal_deadlines_come_in_the_order_of_arming)
{
    enum { COUNT = 100 };
    struct pairing_heap heap = {NULL};
    struct trale_timer timers[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        timers[i] = (struct trale_timer){.deadline = 7, .order = i};
        heap_insert(&heap, &timers[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        ck_assert_ptr_eq(heap.first, &timers[i]);
        heap_remove(&heap, heap.first);
    }
}
END_TEST

START_TEST(the_ends_of_time_are_deadlines_too)
{
    static const int64_t deadlines[] = {INT64_MAX, 0, INT64_MIN, -1, INT64_MAX - 1, 1};
    struct trale_timer timers[6], *sorted[6];
    struct pairing_heap heap = {NULL};
    for (unsigned i = 0; i < 6; i++) {
        timers[i] = (struct trale_timer){.deadline = deadlines[i], .order = i};
        heap_insert(&heap, sorted[i] = &timers[i]);
    }
    drains_in_order(&heap, sorted, 6);
}
END_TEST

START_TEST(every_place_in_a_heap_can_be_removed)
{
    enum { COUNT = 40 };
    for (unsigned victim = 0; victim < COUNT; victim++) {
        struct pairing_heap heap = {NULL};
        struct trale_timer timers[COUNT], *rest[COUNT];
        size_t left = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            timers[i] = (struct trale_timer){.deadline = i * 17 % COUNT, .order = i};
            heap_insert(&heap, &timers[i]);
        }
        heap_remove(&heap, heap.first); /* so that there are levels */
        for (unsigned i = 0; i < COUNT; i++)
            if (i != victim && timers[i].deadline != 0)
                rest[left++] = &timers[i];
        if (timers[victim].deadline != 0)
            heap_remove(&heap, &timers[victim]);
        drains_in_order(&heap, rest, left);
    }
}
END_TEST

/* One step of the random walk: one more timer, one less, or the first out. */
static void step(struct pairing_heap *heap, struct trale_timer *timers, bool *in, unsigned i,
                 uint64_t *seed)
{
    static uint64_t order;
    if (in[i]) {
        heap_remove(heap, &timers[i]);
    } else {
        timers[i] = (struct trale_timer){.deadline = random_below(seed, 50), .order = order++};
        heap_insert(heap, &timers[i]);
    }
    in[i] = !in[i];
}

START_TEST(random_insertions_and_removals_agree_with_sorting)
{
    enum { COUNT = 200 };
    static struct trale_timer timers[COUNT], *sorted[COUNT];
    static bool in[COUNT];
    struct pairing_heap heap = {NULL};
    uint64_t seed = test_seed();
    for (long n = test_scale(20000); n > 0; n--) {
        size_t count = 0;
        step(&heap, timers, in, random_below(&seed, COUNT), &seed);
        for (unsigned i = 0; i < COUNT; i++)
            if (in[i] && (count == 0 || compare(&(struct trale_timer *){&timers[i]}, sorted) < 0))
                sorted[0] = &timers[i], count = 1;
        ck_assert_ptr_eq(heap.first, count ? sorted[0] : NULL);
        if (n % 1000 != 0)
            continue;
        for (unsigned i = 0, k = 0; i < COUNT; i++)
            if (in[i])
                sorted[k++] = &timers[i], count = k;
        drains_in_order(&heap, sorted, count);
        memset(in, 0, sizeof in);
    }
}
END_TEST

TEST_MAIN("pairing_heap", equal_deadlines_come_in_the_order_of_arming,
          the_ends_of_time_are_deadlines_too, every_place_in_a_heap_can_be_removed,
          random_insertions_and_removals_agree_with_sorting)
