/* The operations of this layer, by which a dump tells what a task waits for. */
#ifndef SYNC_OPS_H
#define SYNC_OPS_H

#include <trale/future.h>

extern const struct trale_future_ops barrier_wait_ops, channel_send_ops, channel_recv_ops,
    cond_wait_ops, event_wait_ops, group_wait_ops, mutex_lock_ops, once_do_ops, once_call_ops,
    rwlock_rdlock_ops, rwlock_wrlock_ops, semaphore_acquire_ops, wait_group_wait_ops;

#endif
