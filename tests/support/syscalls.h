/*
 * For a test program with a syscall(2) of its own, through which the library calls what libc has no
 * function for:
 *
 *     __attribute__((visibility("default"))) long syscall(long number, ...)
 *     {
 *         long a[6];
 *         TAKE_ARGUMENTS(a, number);
 *         ...
 *         return real_syscall(number, a);
 *     }
 */
#ifndef TESTS_SYSCALLS_H
#define TESTS_SYSCALLS_H

#include <stdarg.h>

/* All six, however many were given, as libc does. */
#define TAKE_ARGUMENTS(a, number) \
    do { \
        va_list list; \
        va_start(list, number); \
        take_arguments(a, list); \
        va_end(list); \
    } while (0)
void take_arguments(long a[6], va_list list);

/* libc's. */
long real_syscall(long number, const long a[6]);

#endif
