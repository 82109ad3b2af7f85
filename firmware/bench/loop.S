// A tight loop: load, add, xor, rotate, store, decrement, branch. In 64-bit code and, reached by a
// far return, in 32-bit code.

        .set    CODE_32_SELECTOR, 0x40
        .set    CODE_64_SELECTOR, 0x08

        .macro  loop_body cell          // RDI or EDI: an address of the mode's own size
1:      movl    (\cell), %eax
        addl    %edx, %eax
        xorl    %esi, %eax
        roll    $7, %eax
        movl    %eax, (\cell)
        decl    %ecx
        jnz     1b
        .endm

        .macro  loop_begin
        movl    %edi, %ecx              // iterations
        movl    $loop_cell, %edi
        movl    $0x12345678, (%rdi)
        movl    $0x9e3779b9, %edx
        movl    $0x7f4a7c15, %esi
        .endm

        .text
        .globl  run_loop
        .balign 16
run_loop:
        loop_begin
        loop_body %rdi
        ret

        .globl  run_loop_32
        .balign 16
run_loop_32:
        loop_begin
        pushq   $CODE_32_SELECTOR
        pushq   $2f
        lretq

        .code32
        .balign 16
2:      loop_body %edi
        ljmp    $CODE_64_SELECTOR, $3f

        .code64
3:      movl    %eax, %eax
        ret

        .bss
        .balign 64
loop_cell:
        .skip   64
