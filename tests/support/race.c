#define _GNU_SOURCE /* CPU_SET */
#include "race.h"

#include <sched.h>
#include <stdatomic.h>

#include "system.h"

enum { LINES = 8 };

static struct line {
    _Alignas(64) atomic_int word;
} lines[LINES];

void move_to_cpu(bool last)
{
    cpu_set_t allowed, one;
    int chosen = -1;

    MUST(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && (last || chosen < 0))
            chosen = cpu;
    CPU_ZERO(&one);
    CPU_SET(chosen, &one);
    MUST(sched_setaffinity(0, sizeof one, &one) == 0);
}

void dirty_lines(void)
{
    for (int i = 0; i < LINES; i++)
        atomic_store_explicit(&lines[i].word, i, memory_order_relaxed);
}
