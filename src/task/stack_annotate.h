/*
 * Tells the memory checkers about stacks: valgrind which memory is a stack, LeakSanitizer that a
 * suspended fiber's stack holds live pointers, AddressSanitizer that the redzones of frames that
 * were left by a switch mean nothing any more. Nothing at all without them.
 */
#ifndef TASK_STACK_ANNOTATE_H
#define TASK_STACK_ANNOTATE_H

#include <stddef.h>

#include "task/fiber_annotate.h"

#ifdef ANNOTATE_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__has_include) && !defined(__CPPCHECK__)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

/*
 * Memory from low to end is a stack from now on. Valgrind is not told when it is no more: what is
 * mapped there next is most likely a stack again.
 */
static inline void stack_annotate_made(char *low, char *end)
{
    (void)low, (void)end;
#ifdef VALGRIND_STACK_REGISTER
    (void)VALGRIND_STACK_REGISTER(low, end);
#endif
#ifdef ANNOTATE_ADDRESS
    __lsan_register_root_region(low, (size_t)(end - low));
#endif
}

/* Memory from low to end is about to be unmapped. */
static inline void stack_annotate_unmade(char *low, char *end)
{
    (void)low, (void)end;
#ifdef ANNOTATE_ADDRESS
    __lsan_unregister_root_region(low, (size_t)(end - low));
#endif
}

/* The fiber that used it is gone. */
static inline void stack_annotate_unused(char *low, char *end)
{
    (void)low, (void)end;
#ifdef ANNOTATE_ADDRESS
    __asan_unpoison_memory_region(low, (size_t)(end - low));
#endif
}

#endif
