/*
 * Switching stacks. What a call must keep is saved on the stack that is left; nothing else is, in
 * particular no signal mask, which would cost two system calls.
 */
#ifndef TASK_SWITCH_H
#define TASK_SWITCH_H

#include <stdint.h>

#include "base/inline.h"

/* Where a new stack begins: calls fiber_main with the pointer from its first frame. */
void fiber_trampoline(void);

#if defined(__x86_64__)

/* What the first switch to a new stack finds there, lowest address first. */
#define FIRST_FRAME(fiber) \
    { \
        0x1f80 | (uintptr_t)0x037f << 32, (uintptr_t)fiber_trampoline, (uintptr_t)(fiber) \
    }

/*
 * What of mxcsr and of the x87 unit a call must keep: their control parts. (The low six bits of
 * mxcsr are sticky exceptions.) To read mxcsr takes as long as the whole of a switch, so it is read
 * only where a task may have changed it.
 */
static inline uint64_t fiber_control(void)
{
    uint32_t mxcsr;
    uint16_t x87;

    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (mxcsr & ~UINT32_C(0x3f)) | (uint64_t)x87 << 32;
}

/*
 * Stores the stack pointer in *save, takes load instead, and goes on where that stack left off.
 * System V ABI: the registers are the compiler's to save, who knows which of them are in use;
 * left are rbp, and the control parts, which are compared and loaded only if they differ, because
 * loading is slow. control: what they are now.
 *
 * Inline, and the way back is a jump: the processor's return stack knows nothing of a switch, and
 * every return after one to another depth would be mispredicted, which costs more than the switch.
 * Below the stack pointer may be 128 bytes of the function that this stands in.
 */
ALWAYS_INLINE void fiber_switch(void **save, void *load, uint64_t control)
{
    __asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
                     "pushq %%rbp\n\t"
                     "leaq 1f(%%rip), %%rcx\n\t"
                     "pushq %%rcx\n\t"
                     "pushq %%rax\n\t"
                     "movq %%rsp, (%%rdi)\n\t"
                     "movq %%rsi, %%rsp\n\t"
                     "cmpq (%%rsp), %%rax\n\t"
                     "jne 3f\n"
                     "2:\taddq $8, %%rsp\n\t"
                     "popq %%rcx\n\t"
                     "jmp *%%rcx\n"
                     "3:\tldmxcsr (%%rsp)\n\t"
                     "fldcw 4(%%rsp)\n\t"
                     "jmp 2b\n"
                     "1:\tendbr64\n\t"
                     "popq %%rbp\n\t"
                     "leaq 128(%%rsp), %%rsp"
                     : "+D"(save), "+S"(load), "+a"(control)
                     :
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
                       "memory");
}

#elif defined(__aarch64__)

/* x19 x20 .. x28 x29 x30, d8 .. d15, fpcr and padding */
#define FIRST_FRAME(fiber) \
    { \
        [0] = (uintptr_t)(fiber), [11] = (uintptr_t)fiber_trampoline, [21] = 0 \
    }

/* Reading fpcr is cheap: the switch does it itself. */
static inline uint64_t fiber_control(void)
{
    return 0;
}

/* In switch_aarch64.S. */
void fiber_switch(void **save, void *load, uint64_t control);

#else
#error "trale switches fibers on x86-64 and aarch64 only: write fiber_switch and FIRST_FRAME"
#endif

#endif
