/* Where a new fiber begins on x86-64, System V ABI; the switch itself is in switch.h. */
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
        popq    %rdi
        call    fiber_main
        ud2
        .cfi_endproc
        .size   fiber_trampoline, .-fiber_trampoline

        .section .note.GNU-stack, "", @progbits
