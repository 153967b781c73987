#define _GNU_SOURCE /* cpu_set_t */
#include "base/spin.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define CREDIT_MAX 16

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned cpus_allowed; /* written once, before pthread_once returns */

/* Opens the cpu.max that holds for this process: of its cgroup (v2), whose path may be relative
 * to a namespace, or of the root of what it sees. */
static FILE *open_quota(void)
{
    char line[512], path[600];
    FILE *own = fopen("/proc/self/cgroup", "re"), *file = NULL;

    while (own && !file && fgets(line, sizeof line, own)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", line + 3);
        file = fopen(path, "re");
    }
    if (own)
        fclose(own);
    return file ? file : fopen("/sys/fs/cgroup/cpu.max", "re");
}

/* CPUs' worth of time the cgroup gives us; INT64_MAX without a quota. */
static int64_t quota(void)
{
    long long max = 0, period = 0;
    FILE *file = open_quota();
    bool limited = file && fscanf(file, "%lld %lld", &max, &period) == 2 && period > 0;

    if (file)
        fclose(file);
    return limited ? max / period : INT64_MAX;
}

static void look_up(void)
{
    cpu_set_t cpus;
    int64_t count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    int64_t most = quota();

    if (most < count)
        count = most;
    cpus_allowed = count > 1 ? (unsigned)count : 1;
}

unsigned spin_cpus(void)
{
    pthread_once(&once, look_up);
    return cpus_allowed;
}

bool spin_allowed(void)
{
    return spin_cpus() > 1;
}

void spin_learn(struct spin *spin, int64_t waited_ns)
{
    if (waited_ns > 2 * SPIN_WINDOW_NS)
        spin->credit /= 2;
    else if (spin->credit < CREDIT_MAX && spin_allowed())
        spin->credit++;
}
