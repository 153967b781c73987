/* Other traffic: pairs of tasks that play ping-pong on the default runtime, and check the ball. */
#ifndef TESTS_TRAFFIC_H
#define TESTS_TRAFFIC_H

#include <stdatomic.h>
#include <trale.h>

struct traffic {
    int pairs; /* at most 16 */
    atomic_bool stop;
    atomic_long rounds;
    trale_task *tasks[32];
};

/* Test thread. The second joins them, and asserts that every ball came back as it was. */
void start_traffic(struct traffic *traffic);
void stop_traffic(struct traffic *traffic);

#endif
