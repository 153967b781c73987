#define _GNU_SOURCE /* cpu_set_t */
#include "base/spin.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define CREDIT_MAX 16

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool allowed; /* written once, before pthread_once returns */

/* CPUs' worth of time the cgroup gives us, at least 1; INT64_MAX without a quota (cgroup v2). */
static int64_t quota(void)
{
    long long max = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    bool limited = file && fscanf(file, "%lld %lld", &max, &period) == 2 && period > 0;

    if (file)
        fclose(file);
    return limited ? max / period : INT64_MAX;
}

static void look_up(void)
{
    cpu_set_t cpus;

    allowed =
        sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1 && quota() > 1;
}

bool spin_allowed(void)
{
    pthread_once(&once, look_up);
    return allowed;
}

void spin_learn(struct spin *spin, int64_t waited_ns)
{
    if (waited_ns > 2 * SPIN_WINDOW_NS)
        spin->credit /= 2;
    else if (spin->credit < CREDIT_MAX && spin_allowed())
        spin->credit++;
}
