/*
 * Where a new fiber begins on x86-64, System V ABI; the switch itself is in switch.h. fiber_main does
 * not return, so it is not called: the processor's return stack would be one off from then on.
 */
        .text

        .globl  fiber_trampoline
        .hidden fiber_trampoline
        .type   fiber_trampoline, @function
        .p2align 4
fiber_trampoline:                       /* the fiber: on the stack */
        .cfi_startproc
        .cfi_undefined rip              /* a debugger's backtrace ends here */
        endbr64
        xorl    %ebp, %ebp
        movq    (%rsp), %rdi
        movq    $0, (%rsp)
        jmp     fiber_main
        .cfi_endproc
        .size   fiber_trampoline, .-fiber_trampoline

        .section .note.GNU-stack, "", @progbits
