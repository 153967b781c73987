/* The operations of this layer, by which a dump tells what a task waits for. */
#ifndef TASK_OPS_H
#define TASK_OPS_H

#include <trale/future.h>

extern const struct trale_future_ops yield_ops, join_ops, select_ops, join_all_ops;

/* What a join_all makes of a future that is ready. */
extern const struct trale_future_ops spent_ops;

#endif
