#define _GNU_SOURCE
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "suite.h"
#include "system.h"

#define FAULTS_MAX 4096
#define CALLS_MAX 12 /* of one point: waits come in any number */
#define AT_ONCE 4    /* processes: most of their time, they wait for each other's threads */
#define HANG 20      /* seconds */
#define LINGER (2 * TRALE_SEC)
#define FAILURES_MAX 5
#define NOT_REACHED 3 /* exit status: this time the scenario did not make so many calls */

/* The real ones. */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __real_read(int fd, void *buffer, size_t size);
int __real_fcntl(int fd, int command, ...);
off_t __real_lseek(int fd, off_t offset, int whence);
void *__real_mmap(void *, size_t, int, int, int, off_t);

/* Shared by all processes. */
static struct shared {
    unsigned count[FAULT_POINTS];     /* of the last process that only counted */
    bool ever[FAULT_POINTS];          /* was it called, in any scenario? */
    bool struck[FAULT_POINTS];        /* did one of its calls fail? */
    int tried, survived, not_reached; /* of all scenarios */
} * shared;

static struct fault faults[FAULTS_MAX];

/* Of the process that runs a scenario. */
static char met[160]; /* by what, for messages */
static const struct fault *own_fault;
static atomic_int noted; /* the error that a call reported */

void sweep_begin(void)
{
    shared = __real_mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0);
    if (shared == MAP_FAILED)
        abort();
}

/* A symbol by another name would go unnoticed. mprotect is for kernels that are old. */
static void print_never_called(void)
{
    const char *before = "# faults that no scenario can meet: ";

    for (enum fault_point point = 0; point < FAULT_POINTS; point++) {
        if (shared->ever[point] || point == FAULT_MPROTECT)
            continue;
        printf("%s%s", before, fault_point_name(point));
        before = ", ";
    }
    if (*before == ',')
        printf("\n");
}

void sweep_end(void)
{
    int points = 0;

    for (enum fault_point point = 0; point < FAULT_POINTS; point++)
        points += shared->struck[point];
    printf("# faults in all: %d tried at %d points, %d survived, %d not reached\n", shared->tried,
           points, shared->survived, shared->not_reached);
    print_never_called();
}

_Noreturn void give_up(const char *format, ...)
{
    char text[256];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fault_lift(); /* what comes at the end of a process may need memory */
    fprintf(stderr, "%s: %s\n", met, text);
    _exit(1);
}

void call_failed(intptr_t error, const char *call)
{
    int none = 0, number = (int)-error;

    if (!own_fault || !fault_has_struck())
        give_up("without a fault, %s gives %s", call, strerror(number));
    if (!atomic_compare_exchange_strong(&noted, &none, number) &&
        (own_fault->kind != OUT_OF_MEMORY || none != number))
        give_up("a second call fails: %s gives %s", call, strerror(number));
    fault_lift();
}

void call_succeeded(intptr_t result, const char *call)
{
    if (result < 0)
        give_up("again, and without the fault: %s gives %s", call, strerror((int)-result));
}

static void *plain_main(void *arg)
{
    struct plain *plain = arg;

    plain->result = plain->fn(plain->arg);
    return NULL;
}

void plain_start(struct plain *plain, trale_fn *fn, void *arg)
{
    *plain = (struct plain){.fn = fn, .arg = arg};
    if (__real_pthread_create(&plain->thread, NULL, plain_main, plain) != 0)
        give_up("no thread for the scenario itself");
}

intptr_t plain_join(struct plain *plain)
{
    pthread_join(plain->thread, NULL);
    return plain->result;
}

intptr_t plain_run(trale_fn *fn, void *arg)
{
    struct plain plain;

    plain_start(&plain, fn, arg);
    return plain_join(&plain);
}

void close_raw(int fd)
{
    __real_close(fd);
}

void write_raw(int fd)
{
    if (__real_write(fd, "x", 1) != 1)
        give_up("the scenario itself cannot write");
}

void read_raw(int fd)
{
    char byte;

    if (__real_read(fd, &byte, 1) != 1)
        give_up("the scenario itself cannot read");
}

off_t lseek_raw(int fd, off_t offset)
{
    return __real_lseek(fd, offset, SEEK_SET);
}

static int open_descriptors(void)
{
    int open = 0;

    for (int fd = 0; fd < 256; fd++)
        open += __real_fcntl(fd, F_GETFD) >= 0;
    return open;
}

/* As the kernel tells it without any memory being taken here: a link for each. */
static int threads(void)
{
    struct stat status;

    return stat("/proc/self/task", &status) == 0 ? (int)status.st_nlink - 2 : -1;
}

/* What a process has. */
struct belongings {
    int descriptors, threads;
    struct taken taken;
};

static struct belongings belongings(void)
{
    return (struct belongings){open_descriptors(), threads(), taken_now()};
}

/* Gcc's ThreadSanitizer starts a thread of its own with the first. */
static bool is_more(const struct belongings *now, const struct belongings *before)
{
    return now->descriptors != before->descriptors ||
           now->threads > before->threads + UNDER_TSAN ||
           now->taken.blocks != before->taken.blocks || now->taken.mapped != before->taken.mapped;
}

/* A thread is seen for a moment after its join, and what was given up while it ran in the pool is
 * freed at its end. */
static void expect_nothing_left(const struct belongings *before)
{
    int64_t end = trale_now() + LINGER;
    struct belongings now;

    while (now = belongings(), is_more(&now, before)) {
        if (trale_now() > end)
            give_up("left behind: %d descriptors, %d threads, %ld blocks, %ld bytes mapped",
                    now.descriptors - before->descriptors, now.threads - before->threads,
                    now.taken.blocks - before->taken.blocks,
                    now.taken.mapped - before->taken.mapped);
        sched_yield();
    }
}

static intptr_t run_scenario(void *scenario)
{
    (*(void (**)(void))scenario)();
    return 0;
}

static intptr_t free_default(void *unused)
{
    trale_runtime *rt = trale_runtime_default();

    (void)unused;
    EXPECT(rt);
    EXPECT(trale_runtime_free(rt, trale_now() + 5 * TRALE_SEC) == 0);
    return 0;
}

static void judge(const struct fault *fault, int error)
{
    int expected = fault->effect == AS_ENOMEM ? ENOMEM : fault->error;

    if (!fault_has_struck() || (fault->effect == EITHER && error == 0))
        return;
    if (fault->effect == REPORTED && fault_might_hide() && error == 0)
        return;
    if (fault->effect == HIDDEN)
        expected = 0;
    if (error != expected)
        give_up("a call should give %s, not %s", strerror(expected), strerror(error));
}

/* In a process of its own. */
static _Noreturn void live_through(void (*scenario)(void), const struct fault *fault)
{
    const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
    const struct belongings before = belongings();
    bool struck;

    signal(SIGPIPE, SIG_DFL); /* it ends the process that does not hold it */
    signal(SIGALRM, SIG_DFL); /* libcheck's handler would end the whole sweep */
    alarm(HANG * (multiplier ? (unsigned)strtoul(multiplier, NULL, 10) : 1));
    own_fault = fault;
    fault_arm(fault);
    plain_run(run_scenario, &scenario);
    fault_lift();
    struck = fault_has_struck();
    if (fault)
        judge(fault, atomic_load(&noted));
    else
        fault_counts(shared->count);

    own_fault = NULL;
    plain_run(run_scenario, &scenario);
    plain_run(free_default, NULL);
    expect_nothing_left(&before);
    exit(fault && !struck ? NOT_REACHED : 0);
}

static pid_t start(const char *name, void (*scenario)(void), const struct fault *fault)
{
    char text[128] = "no fault";
    pid_t child;

    if (fault)
        fault_describe(fault, text, sizeof text);
    snprintf(met, sizeof met, "%s, %s", name, text);
    fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        live_through(scenario, fault);
    return child;
}

static pid_t await_child(int *status)
{
    pid_t child;

    while ((child = waitpid(-1, status, 0)) < 0)
        ck_assert_int_eq(errno, EINTR);
    return child;
}

/* How often the scenario calls what: the most of some times. */
static void count_calls(const char *name, void (*scenario)(void), unsigned most[FAULT_POINTS])
{
    int status;

    for (int times = 0; times < 3; times++) {
        start(name, scenario, NULL);
        await_child(&status);
        ck_assert_msg(status == 0, "%s fails without a fault: wait status %#x", name, status);
        for (int i = 0; i < FAULT_POINTS; i++) {
            if (shared->count[i] > most[i])
                most[i] = shared->count[i];
            shared->ever[i] = shared->ever[i] || shared->count[i] > 0;
        }
    }
}

/* One more has ended. False: it did not survive. */
static bool account(const struct fault *fault, const char *name, int status)
{
    char text[128];

    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_REACHED) {
        shared->not_reached++;
        return true;
    }
    shared->tried++;
    if (fault->kind == CALL_OF_POINT)
        shared->struck[fault->point] = true;
    if (status == 0) {
        shared->survived++;
        return true;
    }
    fault_describe(fault, text, sizeof text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        return false; /* it has said why */
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s, %s: %s\n", name, text,
                WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "%s, %s: exit status %d\n", name, text, WEXITSTATUS(status));
    return false;
}

/* Every step-th of the faults; returns how many were not survived. */
static int sweep_faults(const char *name, void (*scenario)(void), size_t count, size_t step)
{
    struct slot {
        pid_t child;
        const struct fault *fault;
    } slots[AT_ONCE] = {{0}};
    size_t next = strlen(name) % step;
    int running = 0, failures = 0, status;

    while (running > 0 || (next < count && failures < FAILURES_MAX)) {
        for (int i = 0; i < AT_ONCE && next < count && failures < FAILURES_MAX; i++) {
            if (slots[i].child != 0)
                continue;
            slots[i] = (struct slot){start(name, scenario, &faults[next]), &faults[next]};
            next += step;
            running++;
        }
        pid_t child = await_child(&status);
        for (int i = 0; i < AT_ONCE; i++) {
            if (slots[i].child != child)
                continue;
            failures += !account(slots[i].fault, name, status);
            slots[i].child = 0;
            running--;
        }
    }
    return failures;
}

void sweep(const char *name, void (*scenario)(void))
{
    const struct shared before = *shared;
    unsigned most[FAULT_POINTS] = {0};
    size_t count;
    int failures;

    count_calls(name, scenario, most);
    count = fault_list(NULL, most, CALLS_MAX);
    ck_assert_uint_le(count, FAULTS_MAX);
    fault_list(faults, most, CALLS_MAX);
    failures = sweep_faults(name, scenario, count, count / (size_t)test_scale((long)count));
    printf("# faults in %s: %d tried, %d survived, %d not reached\n", name,
           shared->tried - before.tried, shared->survived - before.survived,
           shared->not_reached - before.not_reached);
    fflush(stdout);
    ck_assert_int_eq(failures, 0);
}
