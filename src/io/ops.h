/* The operations of this layer, by which a dump tells what a task waits for. */
#ifndef IO_OPS_H
#define IO_OPS_H

#include <trale/future.h>

extern const struct trale_future_ops tcp_connect_ops, unix_connect_ops, pread_ops, pwrite_ops,
    fsync_ops, tcp_listen_ops, accept_ops, file_open_ops, mkdir_ops, unlink_ops, rename_ops,
    stat_ops, read_ops, write_ops, readv_ops, writev_ops, read_full_ops, write_all_ops,
    recvfrom_ops, sendto_ops, udp_bind_ops, udp_connect_ops, recv_many_ops, send_many_ops,
    wait_ops;

#endif
