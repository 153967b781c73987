#include "task/overflow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/fiber.h"
#include "task/thread.h"

#define ALTERNATE_SIZE ((size_t)64 << 10)

static struct sigaction old; /* written once, before our handler is in place */

/* In a signal handler there is no printf. */
struct line {
    char text[256];
    size_t length;
};

static void add(struct line *line, const char *text)
{
    for (; *text && line->length < sizeof line->text; text++)
        line->text[line->length++] = *text;
}

static void add_number(struct line *line, size_t number)
{
    char digits[24], *d = digits + sizeof digits;

    *--d = '\0';
    do
        *--d = (char)('0' + number % 10);
    while (number /= 10);
    add(line, d);
}

static void report(const trale_task *task, size_t size)
{
    struct line line = {.length = 0};

    add(&line, "trale: task '");
    add(&line, task->name ? task->name : "unnamed");
    add(&line, "' overflowed its stack of ");
    add_number(&line, size);
    add(&line, " bytes: spawn it with a larger stack_size, or put less on the stack\n");
    if (write(STDERR_FILENO, line.text, line.length) < 0)
        return; /* nobody is left to tell */
}

/* As the kernel would have called it, or not called it. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if (old.sa_flags & SA_RESETHAND)
        signal(number, SIG_DFL);
    if (old.sa_flags & SA_SIGINFO) {
        old.sa_sigaction(number, info, context);
    } else if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) {
        if (old.sa_handler == SIG_IGN && info->si_code <= 0)
            return; /* somebody sent it; a fault cannot be ignored (sigaction(2)) */
        signal(number, SIG_DFL);
        if (info->si_code <= 0)
            raise(number); /* a fault comes again by itself when we return */
    } else {
        old.sa_handler(number);
    }
}

static void handler(int number, siginfo_t *info, void *context)
{
    trale_task *task = this_thread.task;
    size_t size;

    if (info->si_code > 0 && task && fiber_overflowed(task, info->si_addr, &size)) {
        report(task, size);
        signal(number, SIG_DFL); /* and the fault comes again when we return */
        return;
    }
    pass_on(number, info, context);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (sigaction(SIGSEGV, NULL, &old) != 0)
        return;
    action.sa_mask = old.sa_mask;
    if (old.sa_flags & SA_NODEFER)
        action.sa_flags |= SA_NODEFER;
    sigaction(SIGSEGV, &action, NULL);
}

void overflow_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
}

void overflow_stack_enter(struct overflow_stack *s)
{
    stack_t new = {.ss_size = ALTERNATE_SIZE};

    s->memory = new.ss_sp = malloc(ALTERNATE_SIZE);
    if (s->memory && sigaltstack(&new, &s->old) != 0) {
        free(s->memory);
        s->memory = NULL;
    }
}

void overflow_stack_leave(struct overflow_stack *s)
{
    if (!s->memory)
        return;
    sigaltstack(&s->old, NULL);
    free(s->memory);
}
