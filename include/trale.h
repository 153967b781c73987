/*
 * trale: asynchronous tasks for C on Linux.
 *
 * Rules that hold for every function:
 *   - the object that a call makes comes first, what a call reports comes last;
 *   - 0 (or a count) is success, a negative errno value is failure; errno itself is not the way
 *     to report, and may be changed by any call;
 *   - on failure out-parameters are untouched; NULL is allowed for what the caller does not want;
 *   - a call that can wait, trale_X(args...), has its future beside it: trale_X_future, whose
 *     first member is `trale_future future`, and trale_X_init(&f, args...). The call suspends a
 *     fiber, and blocks a plain thread; inside the poll function of a future it aborts;
 *   - a call that can wait may return -ECANCELED (the task was cancelled) or -ETIMEDOUT (the
 *     nearest deadline scope passed). It then had no effect, or its contract says which;
 *   - an _init function and trale_context_waker want valid pointers; what other functions do with
 *     NULL their contracts say;
 *   - time is int64_t nanoseconds on CLOCK_MONOTONIC; a deadline is absolute;
 *   - unless it says otherwise, a function may be called from any thread and from any task;
 *   - misuse that no error code could mend aborts with a sentence that says what to do.
 */
#ifndef TRALE_H
#define TRALE_H

#include <trale/base.h>
#include <trale/future.h>
#include <trale/select.h>
#include <trale/scope.h>
#include <trale/async.h>
#include <trale/task.h>
#include <trale/local.h>
#include <trale/time.h>
#include <trale/blocking.h>
#include <trale/io.h>
#include <trale/file.h>
#include <trale/net.h>
#include <trale/sync.h>
#include <trale/channel.h>
#include <trale/oneshot.h>
#include <trale/broadcast.h>
#include <trale/watch.h>
#include <trale/group.h>
#include <trale/runtime.h>
#include <trale/debug.h>
#include <trale/metrics.h>

#endif
