/* What a task waits for, in words. */
#ifndef DEBUG_DESCRIBE_H
#define DEBUG_DESCRIBE_H

#include <trale/future.h>

#include "debug/text.h"
#include "debug/walk.h"

struct describing {
    struct text *text;
    struct found *found; /* every task there is */
    int64_t now;
};

/* Of a task that waits, while everything is frozen. */
void describe_wait(const struct describing *d, const trale_task *task);

#endif
