// Entry points for the 32 exception vectors: each leaves the vector and an error code on the stack,
// and C says what happened. None returns.

        .text
        .balign 16
        .globl  exception_entries
exception_entries:
        .set    vector, 0
        .rept   32
        .balign 16
        // #DF, #TS, #NP, #SS, #GP, #PF, #AC and #CP push an error code of their own.
        .if     !((1 << vector) & (1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21))
        pushq   $0
        .endif
        pushq   $vector
        jmp     exception_common
        .set    vector, vector + 1
        .endr

exception_common:
        movq    %rsp, %rdi
        andq    $-16, %rsp
        cld
        call    unexpected_exception
