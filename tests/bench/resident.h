/* What the process has in memory, and what page tables that takes. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <unistd.h>

#include "measure.h"

static inline long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (!file || fscanf(file, "%*d %ld", &pages) != 1)
        check(-EIO, "/proc/self/statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static inline long page_table_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    long kb = -1;

    while (file && kb < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "VmPTE:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (kb < 0)
        check(-EIO, "/proc/self/status");
    fclose(file);
    return kb * 1024;
}

#endif
