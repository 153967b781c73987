/* A fiber that overflows its stack is named before the process dies; other faults are not ours. */
#include "suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate.h"
#include "system.h"
#include <trale.h>

BEGINS_AFRESH

/* Compiled, as all tests are, with -fstack-clash-protection. */
static __attribute__((noinline)) int recurse(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth < 1 << 30 ? recurse(depth + 1) + frame[0] : 0;
}

/* A frame that jumps over the guard page unless each of its pages is touched. */
static __attribute__((noinline)) int large_frame(int depth)
{
    volatile char frame[256 << 10];
    frame[0] = (char)depth;
    __asm__ volatile("" ::"r"(frame) : "memory"); /* it has to be as large as it is written */
    return frame[0] + (int)sizeof frame;
}

static intptr_t overflow(void *arg)
{
    return arg ? large_frame(1) : recurse(1);
}

struct culprit {
    trale_spawn_options options;
    void *arg;
};

static void run_culprit(void *arg)
{
    const struct culprit *c = arg;
    trale_task *task;
    signal(SIGSEGV, SIG_DFL); /* a sanitizer may have a handler here */
    MUST(trale_spawn_with(&task, &c->options, overflow, c->arg) == 0);
    trale_join(task, NULL);
}

static void overflows(const trale_spawn_options *options, void *arg, const char *expected)
{
    struct culprit c = {*options, arg};
    char output[4096];
    int status = test_in_child(run_culprit, &c, output, sizeof output);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "wait status 0x%x: %s",
                  (unsigned)status, output);
    ck_assert_msg(strncmp(output, expected, strlen(expected)) == 0, "said: %s", output);
    ck_assert_ptr_eq(strchr(output, '\n'), output + strlen(output) - 1); /* one line */
}

START_TEST(an_overflow_names_the_task_and_its_stack_size)
{
    overflows(&(trale_spawn_options){.name = "glutton"}, NULL,
              "trale: task 'glutton' overflowed its stack of 65536 bytes");
    overflows(&(trale_spawn_options){.name = "small", .stack_size = 20000}, NULL,
              "trale: task 'small' overflowed its stack of 32768 bytes");
    overflows(&(trale_spawn_options){.name = "large", .stack_size = 1 << 20}, NULL,
              "trale: task 'large' overflowed its stack of 1048576 bytes");
}
END_TEST

START_TEST(an_overflow_of_a_task_without_a_name_is_told_too)
{
    overflows(&(trale_spawn_options){0}, NULL,
              "trale: task 'unnamed' overflowed its stack of 65536 bytes");
}
END_TEST

START_TEST(a_large_frame_does_not_jump_over_the_guard)
{
    if (UNDER_ASAN) {
        printf("# large frame: skipped, AddressSanitizer keeps it elsewhere\n");
        return;
    }
    overflows(&(trale_spawn_options){.name = "jumper"}, "large",
              "trale: task 'jumper' overflowed its stack of 65536 bytes");
}
END_TEST

static void run_unheard(void *arg)
{
    close(STDERR_FILENO);
    run_culprit(arg);
}

START_TEST(it_kills_even_if_nobody_can_be_told)
{
    struct culprit c = {.arg = NULL};
    char output[64];
    int status = test_in_child(run_unheard, &c, output, sizeof output);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "wait status 0x%x",
                  (unsigned)status);
}
END_TEST

/* Ordinary faults, on a plain thread and in a task. */
static volatile int *nowhere(void)
{
    return mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static intptr_t fault(void *arg)
{
    (void)arg;
    *nowhere() = 1;
    return 0;
}

static intptr_t raise_it(void *arg)
{
    (void)arg;
    kill(getpid(), SIGSEGV);
    return 0;
}

static void plain_handler(int number)
{
    static const char text[] = "plain\n";
    if (number == SIGSEGV && write(STDERR_FILENO, text, sizeof text - 1) > 0)
        _exit(21);
    _exit(20);
}

static void full_handler(int number, siginfo_t *info, void *context)
{
    static const char text[] = "full\n";
    if (number == SIGSEGV && info && info->si_code > 0 && info->si_addr && context &&
        write(STDERR_FILENO, text, sizeof text - 1) > 0)
        _exit(22);
    _exit(20);
}

/* Tells, and wants to be called no more. */
static void one_shot_handler(int number, siginfo_t *info, void *context)
{
    static const char text[] = "once\n";
    (void)number, (void)info, (void)context;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(20);
}

static enum trale_poll fault_in_poll(trale_future *self, trale_context *cx)
{
    (void)cx;
    fault(NULL);
    self->output = 0;
    return TRALE_READY;
}

/* In a task without a stack. */
static intptr_t fault_stackless(void *arg)
{
    static const struct trale_future_ops ops = {fault_in_poll, NULL, "fault"};
    trale_future f = {.ops = &ops};
    trale_task *task;
    (void)arg;
    MUST(trale_spawn_future(&task, &f, sizeof f) == 0);
    return trale_join(task, NULL);
}

struct foreign {
    struct sigaction action;
    trale_fn *fault;
    bool in_task;
};

static void run_foreign(void *arg)
{
    const struct foreign *f = arg;
    struct gate gate = GATE;
    MUST(sigaction(SIGSEGV, &f->action, NULL) == 0);
    MUST(trale_block_on(gate_open_in_task, &gate, NULL) == 0); /* our handler is there now */
    if (f->in_task)
        trale_block_on(f->fault, NULL, NULL);
    else
        f->fault(NULL);
}

static int foreign(struct sigaction action, trale_fn *fn, bool in_task, const char *expected)
{
    struct foreign f = {action, fn, in_task};
    char output[4096];
    int status = test_in_child(run_foreign, &f, output, sizeof output);
    ck_assert_msg(strcmp(output, expected) == 0, "wait status 0x%x, said: %s", (unsigned)status,
                  output);
    return status;
}

START_TEST(a_foreign_fault_goes_to_the_programs_handler)
{
    const struct sigaction plain = {.sa_handler = plain_handler};
    const struct sigaction full = {.sa_sigaction = full_handler, .sa_flags = SA_SIGINFO};
    if (under_valgrind()) {
        printf("# status after a fault: skipped, valgrind counts the fault as its own find\n");
        return;
    }
    for (int in_task = 0; in_task < 2; in_task++) {
        ck_assert_int_eq(WEXITSTATUS(foreign(plain, fault, in_task, "plain\n")), 21);
        ck_assert_int_eq(WEXITSTATUS(foreign(full, fault, in_task, "full\n")), 22);
    }
    ck_assert_int_eq(WEXITSTATUS(foreign(plain, fault_stackless, false, "plain\n")), 21);
    ck_assert_int_eq(WEXITSTATUS(foreign(plain, raise_it, false, "plain\n")), 21);
}
END_TEST

static void dies_silently(struct sigaction action, trale_fn *fn, bool in_task)
{
    int status = foreign(action, fn, in_task, "");
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "wait status 0x%x",
                  (unsigned)status);
}

START_TEST(without_a_handler_a_foreign_fault_kills)
{
    const struct sigaction none = {.sa_handler = SIG_DFL};
    dies_silently(none, fault, false);
    dies_silently(none, fault, true);
    dies_silently(none, raise_it, false);
}
END_TEST

START_TEST(a_fault_cannot_be_ignored_but_a_signal_can)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    dies_silently(ignore, fault, false);
    dies_silently(ignore, fault, true);
    ck_assert_int_eq(foreign(ignore, raise_it, false, ""), 0);
}
END_TEST

START_TEST(a_handler_for_one_signal_is_called_once)
{
    const struct sigaction once = {.sa_sigaction = one_shot_handler,
                                   .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
    for (int in_task = 0; in_task < 2; in_task++) {
        int status = foreign(once, fault, in_task, "once\n");
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "wait status 0x%x",
                      (unsigned)status);
    }
}
END_TEST

TESTS_ON_THREAD("what they do to SIGSEGV has to come before the library's own")
TEST_MAIN("overflow", an_overflow_names_the_task_and_its_stack_size,
          an_overflow_of_a_task_without_a_name_is_told_too,
          a_large_frame_does_not_jump_over_the_guard, it_kills_even_if_nobody_can_be_told,
          a_foreign_fault_goes_to_the_programs_handler, without_a_handler_a_foreign_fault_kills,
          a_fault_cannot_be_ignored_but_a_signal_can, a_handler_for_one_signal_is_called_once)
