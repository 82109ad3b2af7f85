// The guest's interrupt entry points: what C may change is saved around a handler in C, which gets
// the address of the frame: error code, RIP, CS, RFLAGS, RSP, SS.

        .macro  entry name, handler, has_error_code
        .globl  \name
\name:
        .if     \has_error_code == 0
        pushq   $0
        .endif
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rbx                    // for the alignment of the stack
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        leaq    10 * 8(%rsp), %rdi
        cld
        call    \handler
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rbx
        popq    %rdx
        popq    %rcx
        popq    %rax
        addq    $8, %rsp                // the error code
        iretq
        .endm

        .text
        entry   general_protection_entry, general_protection, 1
        entry   page_fault_entry, page_fault, 1
        entry   timer_entry, timer, 0

        .bss
        .balign 16
        .skip   16 * 1024
        .globl  guest_stack_top
guest_stack_top:
        .skip   8                       // as if guest_main had been called
