/* Two sides that race with plain stores: what makes it likely that one of them is late to be seen. */
#ifndef TESTS_RACE_H
#define TESTS_RACE_H

#include <stdbool.h>

/*
 * Keeps the calling thread on the first CPU that it may run on, or on the last. Each side has its
 * own, if there are two: on one they would only take turns. Any thread.
 */
void move_to_cpu(bool last);

/* Writes what all sides write, so that what is written next is late to be seen. */
void dirty_lines(void);

#endif
