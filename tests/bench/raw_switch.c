/*
 * raw_switch: the library's own switch between two stacks, and nothing around it; two to go
 * there and back. The source of the switch is taken in here, for the library does not show it.
 */
#include "bench.h"

#if defined(__x86_64__)
__asm__(".pushsection .text\n.include \"task/switch_x86_64.S\"\n.popsection");
enum { FRAME = 8, FRAME_FIBER = 4, FRAME_START = 7 };
static const uintptr_t frame_first = 0x1f80 | (uintptr_t)0x037f << 32;
#elif defined(__aarch64__)
__asm__(".pushsection .text\n.include \"task/switch_aarch64.S\"\n.popsection");
enum { FRAME = 22, FRAME_FIBER = 0, FRAME_START = 11 };
static const uintptr_t frame_first = 0;
#endif

void fiber_switch(void **save, void *load);
void fiber_trampoline(void);
_Noreturn void fiber_main(void *arg);

static struct {
    void *here, *there;
} sp;

_Noreturn void fiber_main(void *arg)
{
    (void)arg;
    for (;;)
        fiber_switch(&sp.there, sp.here);
}

static void raw_switch(long count)
{
    static _Alignas(16) uintptr_t stack[8192];
    uintptr_t *frame = stack + 8192 - FRAME;
    struct span start;

    frame[0] = frame_first;
    frame[FRAME_FIBER] = (uintptr_t)stack;
    frame[FRAME_START] = (uintptr_t)fiber_trampoline;
    sp.there = frame;
    start = span_start();
    for (long i = 0; i < count; i += 2)
        fiber_switch(&sp.here, sp.there);
    report_each(span_since(start), (count + 1) / 2 * 2);
}

BENCH_MAIN({"raw_switch", raw_switch})
