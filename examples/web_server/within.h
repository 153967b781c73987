/* Waiting with a deadline. */
#ifndef WEB_SERVER_WITHIN_H
#define WEB_SERVER_WITHIN_H

#include <trale.h>

/*
 * Waits for the future until the deadline, and returns its output. It may not have been polled
 * before, and is dropped in any case. -ETIMEDOUT: it was not ready in time, and had no effect.
 */
intptr_t within(int64_t deadline, trale_future *future);

#endif
