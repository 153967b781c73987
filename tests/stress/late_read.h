/*
 * For one file of a program, after suite.h: the library's read(2), and ours, is late at times, so that
 * there is time to close its descriptor and to give the number to another. Sanitizers have their own
 * read.
 */
#ifndef TESTS_LATE_READ_H
#define TESTS_LATE_READ_H

#include <sys/syscall.h>
#include <unistd.h>

#if !UNDER_ASAN && !UNDER_TSAN
__attribute__((visibility("default"))) ssize_t read(int fd, void *buffer, size_t size)
{
    static _Thread_local unsigned count;
    if (++count % 8 == 0)
        for (int i = 0; i < 20000; i++)
            __asm__ volatile("");
    return syscall(SYS_read, fd, buffer, size);
}
#endif

#endif
