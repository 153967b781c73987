/*
 * Tells the sanitizers that a switch happened; nothing at all in a build without them. A fiber
 * has one context of its own in AddressSanitizer and ThreadSanitizer from its first switch to
 * its end.
 */
#ifndef TASK_FIBER_ANNOTATE_H
#define TASK_FIBER_ANNOTATE_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ANNOTATE_ADDRESS 1
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define ANNOTATE_THREAD 1
#include <sanitizer/tsan_interface.h>
#endif

/*
 * For the functions around a switch. Instrumented entries and exits would not balance, so under a
 * sanitizer they stand alone and are not instrumented. Else they are inlined: every return
 * after a switch is mispredicted, for the processor's return stack knows nothing of it, and
 * costs more than the switch itself.
 */
#if !defined(ANNOTATE_ADDRESS) && !defined(ANNOTATE_THREAD)
#define UNINSTRUMENTED __attribute__((always_inline)) inline
#elif defined(__clang__)
#define UNINSTRUMENTED \
    __attribute__((disable_sanitizer_instrumentation, noinline, no_sanitize("address"), unused))
#else
#define UNINSTRUMENTED __attribute__((no_sanitize("address", "thread"), noinline, unused))
#endif

/* For the first function on a fiber's stack. */
#if !defined(ANNOTATE_ADDRESS) && !defined(ANNOTATE_THREAD)
#define ENTERED_BY_SWITCH _Noreturn
#else
#define ENTERED_BY_SWITCH UNINSTRUMENTED _Noreturn
#endif

struct annotation {
#ifdef ANNOTATE_ADDRESS
    void *fake_executor, *fake_fiber; /* ASan's fake stacks of the two sides */
    const void *executor_low;         /* the executor's own stack */
    size_t executor_size;
    bool handed_over; /* it is entered from another fiber */
#endif
#ifdef ANNOTATE_THREAD
    void *fiber, *executor;
#endif
    char nothing[0];
};

static inline void annotate_create(struct annotation *a)
{
    (void)a;
#ifdef ANNOTATE_THREAD
    a->fiber = __tsan_create_fiber(0);
#endif
}

static inline void annotate_destroy(struct annotation *a)
{
    (void)a;
#ifdef ANNOTATE_THREAD
    __tsan_destroy_fiber(a->fiber);
#endif
}

/* Before the switch to the fiber. */
static inline __attribute__((always_inline)) void annotate_enter(struct annotation *a,
                                                                 const void *low, size_t size)
{
    (void)a, (void)low, (void)size;
#ifdef ANNOTATE_ADDRESS
    __sanitizer_start_switch_fiber(&a->fake_executor, low, size);
#endif
#ifdef ANNOTATE_THREAD
    a->executor = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(a->fiber, 0);
#endif
}

/* After it, on the fiber's stack. */
static inline __attribute__((always_inline)) void annotate_entered_fiber(struct annotation *a)
{
    (void)a;
#ifdef ANNOTATE_ADDRESS
    const void *low;
    size_t size;

    __sanitizer_finish_switch_fiber(a->fake_fiber, &low, &size);
    if (!a->handed_over) {
        a->executor_low = low;
        a->executor_size = size;
    }
    a->handed_over = false;
#endif
}

/* Before the switch to the executor; the last one gives ASan's fake stack back. */
static inline __attribute__((always_inline)) void annotate_leave(struct annotation *a, bool last)
{
    (void)a, (void)last;
#ifdef ANNOTATE_ADDRESS
    __sanitizer_start_switch_fiber(last ? NULL : &a->fake_fiber, a->executor_low,
                                   a->executor_size);
#endif
#ifdef ANNOTATE_THREAD
    __tsan_switch_to_fiber(a->executor, 0);
#endif
}

/* Before the switch to another fiber, which has the executor behind it from then on. */
static inline __attribute__((always_inline)) void
annotate_hand_over(struct annotation *a, struct annotation *next, const void *low, size_t size)
{
    (void)a, (void)next, (void)low, (void)size;
#ifdef ANNOTATE_ADDRESS
    next->fake_executor = a->fake_executor;
    next->executor_low = a->executor_low;
    next->executor_size = a->executor_size;
    next->handed_over = true;
    __sanitizer_start_switch_fiber(&a->fake_fiber, low, size);
#endif
#ifdef ANNOTATE_THREAD
    next->executor = a->executor;
    __tsan_switch_to_fiber(next->fiber, 0);
#endif
}

/* After it, on the executor's stack. */
static inline __attribute__((always_inline)) void annotate_entered_executor(struct annotation *a)
{
    (void)a;
#ifdef ANNOTATE_ADDRESS
    __sanitizer_finish_switch_fiber(a->fake_executor, NULL, NULL);
#endif
}

#endif
