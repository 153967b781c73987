/*
 * Running a scenario once for every fault that can meet it.
 *
 * A scenario is a function that uses the library as a program would, on a plain thread of a
 * process that has not used it before, and checks all it gets. Every call that can fail stands in
 * a CALL: when it fails, the error is noted, the fault is lifted, and the very same call must
 * succeed, as must all that follows. So a scenario is written as if nothing failed.
 *
 * For each fault there is a process that runs the scenario with it, looks at what was noted, runs
 * it again without, frees the default runtime, and looks for what was left behind: descriptors,
 * threads, memory, mappings. A hang is ended by an alarm.
 */
#ifndef TESTS_FAULTS_SWEEP_H
#define TESTS_FAULTS_SWEEP_H

#include <pthread.h>
#include <stdint.h>

#include <trale.h>

/* Checks, with libcheck, that the scenario survives every fault, and prints how many there are. */
void sweep(const char *name, void (*scenario)(void));

/* Around all sweeps, which may run in processes of their own. */
void sweep_begin(void);
void sweep_end(void);

/* The value of the call, at the second try if the first one failed, which must have left things
 * untouched. */
#define CALL(call, untouched) \
    __extension__({ \
        intptr_t result_ = (intptr_t)(call); \
        if (result_ < 0) { \
            EXPECT(untouched); \
            call_failed(result_, #call); \
            result_ = (intptr_t)(call); \
            call_succeeded(result_, #call); \
        } \
        result_; \
    })

#define EXPECT(condition) \
    do { \
        if (!(condition)) \
            give_up("%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
    } while (0)

/* What CALL is made of. The first notes the error, and lifts the fault. */
void call_failed(intptr_t error, const char *call);
void call_succeeded(intptr_t result, const char *call);

/* Ends this process, which has not survived its fault. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A plain thread. These, and those that are raw, are for the scenarios themselves: no fault meets
 * them. */
struct plain {
    pthread_t thread;
    trale_fn *fn;
    void *arg;
    intptr_t result;
};
void plain_start(struct plain *plain, trale_fn *fn, void *arg);
intptr_t plain_join(struct plain *plain);
intptr_t plain_run(trale_fn *fn, void *arg);
void close_raw(int fd);
void write_raw(int fd); /* a byte */
void read_raw(int fd);
off_t lseek_raw(int fd, off_t offset);

#endif
