/*
 * Switching stacks on aarch64, AAPCS64: x19-x28, the frame pointer x29, the link register x30,
 * the low halves of v8-v15 and the control register fpcr belong to the caller and are all that
 * a call must keep. Nothing else is saved; in particular no signal mask.
 */
        .text

        .globl  fiber_switch
        .hidden fiber_switch
        .type   fiber_switch, %function
        .p2align 4
fiber_switch:                           /* (void **save: x0, void *load: x1, control: unused) */
        .cfi_startproc
        sub     sp, sp, #176
        stp     x19, x20, [sp, #0]
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x9, sp
        str     x9, [x0]
        mov     sp, x1
        ldr     x9, [sp, #160]
        msr     fpcr, x9
        ldp     x19, x20, [sp, #0]
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        add     sp, sp, #176
        ret
        .cfi_endproc
        .size   fiber_switch, .-fiber_switch

        .globl  fiber_trampoline
        .hidden fiber_trampoline
        .type   fiber_trampoline, %function
        .p2align 4
fiber_trampoline:                       /* the fiber: x19 */
        .cfi_startproc
        .cfi_undefined x30              /* a debugger's backtrace ends here */
        mov     x29, #0
        mov     x0, x19
        bl      fiber_main
        brk     #1
        .cfi_endproc
        .size   fiber_trampoline, .-fiber_trampoline

        .section .note.GNU-stack, "", %progbits
