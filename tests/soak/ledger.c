#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "seed.h"
#include "soak.h"

uint64_t soak_seed;

/* Counted relaxed, by everybody: they are compared when all have been joined. */
static struct {
    const char *name, *left_name, *right_name;
    _Alignas(64) atomic_long left, right;
} lines[LINES] = {
#define SOAK_LINE(name, ...) [name] = {__VA_ARGS__, 0, 0},
    SOAK_LINES(SOAK_LINE)};

static atomic_long tallies[TALLIES], moves;
static const char *const tally_names[TALLIES] = {
    "waits cancelled",          "timed out", "cancels",     "fibers never begun", "selects",
    "waits that a close ended", "ticks",     "ticks missed"};

void left(enum line line, long n)
{
    atomic_fetch_add_explicit(&lines[line].left, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
}

void right(enum line line, long n)
{
    atomic_fetch_add_explicit(&lines[line].right, n, memory_order_relaxed);
}

void tally(enum tally what, long n)
{
    atomic_fetch_add_explicit(&tallies[what], n, memory_order_relaxed);
}

long ledger_moves(void)
{
    return atomic_load_explicit(&moves, memory_order_relaxed);
}

void ledger_settle(const char *when)
{
    for (int i = 0; i < LINES; i++)
        if (lines[i].left != lines[i].right)
            soak_fail("%s: %s: %ld %s, %ld %s", when, lines[i].name, lines[i].left,
                      lines[i].left_name, lines[i].right, lines[i].right_name);
}

void ledger_print(void)
{
    for (int i = 0; i < LINES; i++)
        printf("%-18s %12ld %-10s = %12ld %s\n", lines[i].name, lines[i].left, lines[i].left_name,
               lines[i].right, lines[i].right_name);
    for (int i = 0; i < TALLIES; i++)
        printf("%-18s %12ld\n", tally_names[i], tallies[i]);
    fflush(stdout);
}

void soak_fail(const char *format, ...)
{
    static atomic_flag failed = ATOMIC_FLAG_INIT;
    va_list arguments;

    if (atomic_flag_test_and_set(&failed))
        for (;;)
            pause(); /* another thread says it */
    va_start(arguments, format);
    fprintf(stderr, "soak: TRALE_SEED=%" PRIu64 ": ", soak_seed);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    trale_dump(stderr);
    ledger_print();
    fflush(NULL);
    _exit(EXIT_FAILURE);
}

uint32_t draw(struct actor *a, uint32_t limit)
{
    return random_below(&a->random, limit);
}

bool chance(struct actor *a, uint32_t of)
{
    return draw(a, of) == 0;
}

/* Who did what, in the order in which it was done. */
void trace(struct actor *a, intptr_t what)
{
    if (a->trace)
        *a->trace = (*a->trace ^ (uint64_t)what ^ ((uint64_t)a->id << 32)) *
                        UINT64_C(0x9e3779b97f4a7c15) +
                    (*a->trace >> 29);
}

bool got(struct actor *a, intptr_t result)
{
    trace(a, result);
    if (result >= 0)
        return true;
    if (result != -ECANCELED && result != -ETIMEDOUT)
        soak_fail("a wait gave %ld", (long)result);
    tally(result == -ECANCELED ? CANCELLED : TIMED_OUT, 1);
    return false;
}
