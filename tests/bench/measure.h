/*
 * How a benchmark measures, whatever it measures. A program is run as
 *     PROGRAM WORKLOAD COUNT
 * does the workload's operation COUNT times, and prints one line of what it found,
 *     WORKLOAD LABEL VALUE UNIT [LABEL VALUE UNIT]...
 * the figure that the workload is about first. Anything else that speaks this line, whatever
 * library it measures, can be put on the list in tests/bench/run.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MESSAGE 64 /* bytes of a message that is echoed */
#define SEC INT64_C(1000000000)
#define MSEC INT64_C(1000000)

struct workload {
    const char *name;
    void (*run)(long count);
};

static inline void check(int error, const char *what)
{
    if (error >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(-error));
    exit(EXIT_FAILURE);
}

static inline void *array(long count, size_t size)
{
    void *memory = malloc((size_t)count * size);

    check(memory ? 0 : -ENOMEM, "malloc");
    return memset(memory, 1, (size_t)count * size); /* its pages are there from the start */
}

static inline int64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SEC + time.tv_nsec;
}

static inline void pause_ns(int64_t ns)
{
    struct timespec time = {.tv_sec = ns / SEC, .tv_nsec = ns % SEC};

    nanosleep(&time, NULL);
}

static inline void report(const char *label, double value, const char *unit)
{
    printf(" %s %.*f %s", label, value < 1000 ? 2 : 0, value, unit);
}

/* Wall time, and CPU time of the whole process, user and system. */
struct span {
    int64_t wall, cpu;
};

static inline int64_t in_ns(struct timeval time)
{
    return time.tv_sec * SEC + time.tv_usec * 1000;
}

static inline struct span span_start(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (struct span){now_ns(), in_ns(used.ru_utime) + in_ns(used.ru_stime)};
}

static inline struct span span_since(struct span start)
{
    struct span now = span_start();

    return (struct span){now.wall - start.wall, now.cpu - start.cpu};
}

static inline void report_each(struct span span, long count)
{
    report("wall", (double)span.wall / (double)count, "ns");
    report("cpu", (double)span.cpu / (double)count, "ns");
}

static inline int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Times in ns, sorted here, reported in us. */
static inline void report_times(int64_t *times, long count)
{
    qsort(times, (size_t)count, sizeof *times, compare_times);
    report("p50", (double)times[count / 2] / 1000, "us");
    report("p99", (double)times[count * 99 / 100] / 1000, "us");
    report("max", (double)times[count - 1] / 1000, "us");
}

/* Up to a second from now, the same in every program. */
static inline int64_t random_deadline(void)
{
    static uint64_t x = 88172645463325252;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return now_ns() + (int64_t)(x % (uint64_t)SEC);
}

/* Of sleepers: span of it all, and by how much each was late. */
static inline void report_sleepers(struct span span, int64_t *late, long count)
{
    report("cpu", (double)span.cpu / SEC, "s");
    report("wall", (double)span.wall / SEC, "s");
    report_times(late, count);
}

static inline int bench_main(int argc, char **argv, const struct workload *list)
{
    long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;

    while (list->name && argc == 3 && strcmp(list->name, argv[1]) != 0)
        list++;
    if (count <= 0 || !list->name) {
        fprintf(stderr, "usage: %s WORKLOAD COUNT\n", argv[0]);
        return EXIT_FAILURE;
    }
    printf("%s", list->name);
    list->run(count);
    printf("\n");
    return EXIT_SUCCESS;
}

/* The list ends with a workload that has no name. */
#define BENCH_MAIN(...) \
    int main(int argc, char **argv) \
    { \
        static const struct workload list[] = {__VA_ARGS__, {NULL, NULL}}; \
\
        return bench_main(argc, argv, list); \
    }

#endif
