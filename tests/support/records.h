/*
 * Records: 8 bytes each, with a tag that tells whose they are; and raw descriptors that carry
 * them. For any thread: nothing here asserts.
 */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define RECORD 8

/* Writes records, so many in a call, until it would block; how many in all. */
#define RECORDS_AT_ONCE 512
long fill_with_records(int fd, uint64_t tag, size_t at_once);

/* Reads records until it would block; how many, or -1 if one has another tag or is not whole. */
long drain_records(int fd, uint64_t tag);

/* A TCP connection that leaves no port in TIME_WAIT: it ends with a reset. 0, or -1. */
int connect_tcp(int ends[2]);

/* Gives an open file the first free number that is not less than number. */
int move_fd(int fd, int number);

#endif
