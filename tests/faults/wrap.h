/* For the wrappers: what the linker calls them, and how most of them fail. */
#ifndef TESTS_FAULTS_WRAP_H
#define TESTS_FAULTS_WRAP_H

#include <errno.h>
#include <sys/uio.h>

#include "fault.h"

/* Declares the function that the symbol stands for, and begins the one that is called instead. */
#define WRAP(type, name, ...) \
    type __real_##name(__VA_ARGS__); \
    UNINSTRUMENTED type __wrap_##name(__VA_ARGS__); \
    UNINSTRUMENTED type __wrap_##name(__VA_ARGS__)

#define FAIL_IF_STRUCK(point, failure) \
    do { \
        int error_ = fault_strikes(point); \
        if (error_ != 0) { \
            errno = error_; \
            return failure; \
        } \
    } while (0)

/* The same for functions that return the error itself. */
#define RETURN_IF_STRUCK(point) \
    do { \
        int error_ = fault_strikes(point); \
        if (error_ != 0) \
            return error_; \
    } while (0)

/* Of a call that moves bytes: how many buffers it is to go on with, the only one *byte if it is
 * to move but that; -1: it fails. */
UNINSTRUMENTED int buffers_unless_struck(enum fault_point point, const struct iovec **iov,
                                         int count, struct iovec *byte);

/* The same, of one that takes only what is in the page cache. */
UNINSTRUMENTED int buffers_cached(const struct iovec **iov, int count, struct iovec *byte);

/* Has the file offsets? */
UNINSTRUMENTED bool has_offsets(int fd);

#endif
