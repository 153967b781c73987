/*
 * raw_switch: the library's own switch between two stacks, and nothing around it; two to go
 * there and back. The source of the switch is taken in here, for the library does not show it.
 */
#include "bench.h"

#include "task/switch.h"

#if defined(__x86_64__)
__asm__(".pushsection .text\n.include \"task/switch_x86_64.S\"\n.popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n.include \"task/switch_aarch64.S\"\n.popsection");
#endif

_Noreturn void fiber_main(void *arg);

static struct {
    void *here, *there;
} sp;

_Noreturn void fiber_main(void *arg)
{
    (void)arg;
    for (;;)
        fiber_switch(&sp.there, sp.here, fiber_control());
}

static void raw_switch(long count)
{
    static _Alignas(16) uintptr_t stack[8192];
    const uintptr_t frame[] = FIRST_FRAME(stack);
    struct span start;

    sp.there = memcpy((char *)(stack + 8192) - sizeof frame, frame, sizeof frame);
    start = span_start();
    for (long i = 0; i < count; i += 2)
        fiber_switch(&sp.here, sp.there, fiber_control());
    report_each(span_since(start), (count + 1) / 2 * 2);
}

BENCH_MAIN({"raw_switch", raw_switch})
