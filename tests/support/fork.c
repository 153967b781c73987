#define _GNU_SOURCE /* gettid */
#include "fork.h"

#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system.h"

/* By its line in /proc: "number (name) state ...". One that has ended sleeps for good. */
static bool sleeps(const char *thread)
{
    char path[64], line[256] = "";
    const char *state;
    FILE *stat;

    snprintf(path, sizeof path, "/proc/self/task/%.16s/stat", thread);
    stat = fopen(path, "re");
    if (!stat)
        return true;
    state = fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;
    fclose(stat);
    return !state || state[2] == 'S';
}

bool others_sleep(void)
{
    DIR *threads = opendir("/proc/self/task");
    bool sleep = true;

    if (!threads)
        return true;
    for (const struct dirent *entry; sleep && (entry = readdir(threads));)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != gettid())
            sleep = sleeps(entry->d_name);
    closedir(threads);
    return sleep;
}

pid_t test_fork(void)
{
    for (int tries = 0; UNDER_ASAN && tries < 5000 && !others_sleep(); tries++)
        sched_yield();
    return fork();
}
