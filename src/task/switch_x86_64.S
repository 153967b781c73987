/*
 * Switching stacks on x86-64, System V ABI: rbx, rbp, r12-r15, and the control parts of mxcsr and
 * of the x87 unit, belong to the caller and are all that a call must keep. Nothing else is saved;
 * in particular no signal mask, which would cost two system calls. The control words are compared
 * first and loaded only if they differ, because loading them is the slow part; the low six bits
 * of mxcsr are sticky exceptions, which a call need not keep.
 *
 * The way back is a jump, not a return: the processor's return stack knows nothing of this switch
 * and would mispredict every one.
 */
        .text

        .globl  fiber_switch
        .hidden fiber_switch
        .type   fiber_switch, @function
        .p2align 4
fiber_switch:                           /* (void **save: rdi, void *load: rsi) */
        .cfi_startproc
        endbr64
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %edx
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        xorl    (%rsp), %eax
        xorw    4(%rsp), %dx
        andl    $0xffffffc0, %eax
        orl     %edx, %eax
        jnz     2f
1:      addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        popq    %rcx
        jmp     *%rcx
2:      ldmxcsr (%rsp)
        fldcw   4(%rsp)
        jmp     1b
        .cfi_endproc
        .size   fiber_switch, .-fiber_switch

        .globl  fiber_trampoline
        .hidden fiber_trampoline
        .type   fiber_trampoline, @function
        .p2align 4
fiber_trampoline:                       /* the fiber: r12 */
        .cfi_startproc
        .cfi_undefined rip              /* a debugger's backtrace ends here */
        endbr64
        xorl    %ebp, %ebp
        movq    %r12, %rdi
        call    fiber_main
        ud2
        .cfi_endproc
        .size   fiber_trampoline, .-fiber_trampoline

        .section .note.GNU-stack, "", @progbits
