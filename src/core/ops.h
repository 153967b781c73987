/* The operations of this layer, by which a dump tells what a task waits for. */
#ifndef CORE_OPS_H
#define CORE_OPS_H

#include <trale/future.h>

extern const struct trale_future_ops blocking_ops, runtime_wait_ops, runtime_free_ops, sleep_ops,
    interval_wait_ops, block_on_ops;

#endif
