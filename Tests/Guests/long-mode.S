// IA-32e mode: 64-bit and compatibility mode, their gates, stacks, system calls and page faults.
//
// Each test runs a few instructions and prints one line: what exception or interrupt ended it, the
// error code, where, the flags that were pushed, CR2, and RAX and RBX. What the lines must be is in
// the test that runs this guest.

        .set    COM1, 0x3f8
        .set    CODE0, 0x08
        .set    DATA0, 0x10
        .set    CODE32, 0x18 | 3
        .set    DATA3, 0x20 | 3
        .set    CODE3, 0x28 | 3
        .set    CODE32_0, 0x30
        .set    CODE_LD, 0x38
        .set    TASK, 0x40
        .set    LDT, 0x50
        .set    CALL_GATE, 0x60
        .set    CALL_GATE_0, 0x70
        .set    CALL_GATE_BAD, 0x80
        .set    TASK_ODD, 0x90
        .set    DATA_FAR, 0xa0

        .set    NOT_CANONICAL, 0x0000800000000000
        .set    UNMAPPED, 0x40000000
        .set    SUPERVISOR, 0x50000000
        .set    READ_ONLY, 0x50001000
        .set    NO_EXECUTE, 0x50002000
        .set    RESERVED, 0x50003000
        .set    USER_CODE, 0x50004000

        .section .multiboot, "a"
        .balign 4
header: .long   0x1badb002, 0x00010003, -(0x1badb002 + 0x00010003)
        .long   header, image_start, image_data_end, image_end, _start

        .macro  TRY name
        .pushsection .rodata
97:     .asciz  "\name"
        .popsection
        movq    $97b, test_name
        movq    $99f, recover
        movq    $98f, test_start
        movq    %rsp, saved_rsp
        call    prepare
98:
        .endm
        .macro  END
99:     movq    saved_rsp, %rsp
        call    report
        .endm
        .macro  RING3 flags=2, code=CODE3
        pushq   $DATA3
        pushq   $user_stack
        pushq   $\flags
        pushq   $\code
        pushq   $96f
        iretq
96:
        .endm
        .macro  FINISH
        int     $0x30
        .endm
        .macro  WRMSR number, value
        movl    $\number, %ecx
        movabsq $\value, %rdx
        movl    %edx, %eax
        shrq    $32, %rdx
        wrmsr
        .endm

        .text
        .code32
        .globl  _start
_start: cli
        cld
        movl    $stack_top, %esp
        movw    $COM1 + 3, %dx
        movb    $3, %al
        outb    %al, %dx
        movb    $0xff, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movl    $pdpt + 7, pml4
        movl    $directory + 7, pdpt
        movl    $directory2 + 7, pdpt + 8
        xorl    %ecx, %ecx
        movl    $0x87, %eax
1:      movl    %eax, directory(, %ecx, 8)
        addl    $0x200000, %eax
        incl    %ecx
        cmpl    $512, %ecx
        jne     1b
        // 1 GiB + 256 MiB: a page table with a page of each kind.
        movl    $table + 7, directory2 + 128 * 8
        movl    $page + 3, table
        movl    $page + 5, table + 8
        movl    $page + 7, table + 16
        movl    $0x80000000, table + 20
        movl    $page + 7, table + 24
        movl    $0x00080000, table + 28
        movl    $page + 7, table + 32
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $0x20, %eax
        movl    %eax, %cr4
        movl    $0xc0000080, %ecx
        movl    $0x901, %eax            // SCE, LME, NXE
        xorl    %edx, %edx
        wrmsr
        movl    $0x80010011, %eax       // PG, WP, ET, PE
        movl    %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $CODE0, $1f
        .code64
1:      movl    $DATA0, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        call    set_up

// ---- Memory
        TRY     "read of a non-canonical address"
        movabsq $NOT_CANONICAL, %rbx
        movq    (%rbx), %rax
        END
        TRY     "read of a non-canonical address through RBP"
        movabsq $NOT_CANONICAL, %rbp
        movq    (%rbp), %rax
        END
        TRY     "quadword across the end of the canonical half"
        movabsq $NOT_CANONICAL - 4, %rbx
        movq    (%rbx), %rax
        END
        TRY     "page not present: read"
        movl    UNMAPPED + 0x123, %eax
        END
        TRY     "page not present: write"
        movl    %eax, UNMAPPED + 0x456
        END
        TRY     "page not present: fetch"
        movl    $UNMAPPED, %eax
        jmp     *%rax
        END
        TRY     "read-only page: write with WP"
        movl    READ_ONLY, %ebx
        movl    %ebx, READ_ONLY
        END
        TRY     "no-execute page"
        movl    $NO_EXECUTE, %eax
        jmp     *%rax
        END
        TRY     "reserved bit"
        movl    RESERVED, %eax
        END
        TRY     "access crosses into a page that is not present"
        movl    USER_CODE + 0xffe, %eax
        END
        TRY     "CPL 3: supervisor page"
        RING3
        movl    SUPERVISOR, %eax
        END
        TRY     "CPL 3: write to a read-only page"
        RING3
        movl    %eax, READ_ONLY
        END
        TRY     "CPL 3: fetch from a supervisor page"
        RING3
        movl    $SUPERVISOR, %eax
        jmp     *%rax
        END
        TRY     "alignment check at CPL 3"
        movl    $0x80050011, %eax
        movq    %rax, %cr0
        RING3   0x40002
        movl    scratch + 1, %eax
        END
        movl    $0x80010011, %eax
        movq    %rax, %cr0
        TRY     "accessed and dirty flags"
        andl    $~0x60, table + 32
        invlpg  USER_CODE
        movl    USER_CODE, %eax
        movl    table + 32, %eax
        andl    $0xff, %eax
        movb    $0, USER_CODE
        movl    table + 32, %ebx
        andl    $0xff, %ebx
        END

// ---- Segments
        TRY     "null DS, ES, SS at CPL 0"
        xorl    %eax, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    scratch, %eax
        pushq   %rax
        movl    %ss, %eax
        END
        TRY     "SS null with RPL 3"
        movl    $3, %eax
        movl    %eax, %ss
        END
        TRY     "FS base from the descriptor and from the MSR"
        movl    $DATA_FAR, %eax
        movl    %eax, %fs
        movl    $0xc0000100, %ecx
        rdmsr
        movl    %eax, %ebx
        movl    $0x1234, %eax
        movl    $0x5678, %edx
        wrmsr
        rdmsr
        shlq    $32, %rdx
        orq     %rdx, %rax
        END
        TRY     "null into FS"
        WRMSR   0xc0000100, 0x1234
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    $0xc0000100, %ecx
        rdmsr
        END
        TRY     "non-canonical FS base"
        WRMSR   0xc0000100, NOT_CANONICAL
        END
        TRY     "GS override"
        WRMSR   0xc0000101, scratch
        movq    $0x1122334455667788, %rax
        movq    %rax, scratch
        movl    %gs:4, %eax
        movq    $-4, %rcx
        movl    %gs:8(%rcx), %ebx
        END
        TRY     "SWAPGS"
        WRMSR   0xc0000101, 0x1111
        WRMSR   0xc0000102, 0x2222
        swapgs
        rdmsr
        movl    %eax, %ebx
        movl    $0xc0000101, %ecx
        rdmsr
        END
        TRY     "CPL 3: SWAPGS"
        RING3
        swapgs
        END
        TRY     "RDFSBASE without CR4.FSGSBASE"
        rdfsbase %rax
        END
        TRY     "WRFSBASE and RDFSBASE"
        movl    $0x10020, %eax
        movq    %rax, %cr4
        movabsq $0x00007fff12345678, %rax
        wrfsbase %rax
        rdfsbase %ebx
        wrgsbase %eax
        rdgsbase %rax
        END
        TRY     "WRGSBASE of a non-canonical base"
        movl    $0x10020, %eax
        movq    %rax, %cr4
        movabsq $NOT_CANONICAL, %rax
        wrgsbase %rax
        END
        TRY     "LLDT: 16-byte descriptor"
        movl    $LDT, %eax
        lldt    %ax
        sldt    %rbx
        END
        TRY     "LTR: type in the upper half"
        movl    $TASK_ODD, %eax
        ltr     %ax
        END
        TRY     "LTR of the busy task"
        movl    $TASK, %eax
        ltr     %ax
        END
        TRY     "LAR and LSL of the TSS"
        movl    $TASK, %ecx
        larl    %ecx, %eax
        lsll    %ecx, %ebx
        END
        TRY     "SGDT"
        sgdt    scratch
        movzwl  scratch, %eax
        movq    scratch + 2, %rbx
        subq    $gdt, %rbx
        END
        TRY     "LGDT with a non-canonical base"
        movw    $0xffff, scratch
        movabsq $NOT_CANONICAL, %rax
        movq    %rax, scratch + 2
        lgdt    scratch
        END
        TRY     "PUSH and POP of FS"
        pushq   $-1
        popq    %rax
        movl    $DATA3, %eax
        movl    %eax, %fs
        pushq   %fs
        popq    %rax
        pushw   %fs
        movq    %rsp, %rbx
        subq    saved_rsp, %rbx
        popw    %fs
        END
        TRY     "PUSHF in its sizes"
        movq    %rsp, %rbx
        pushfq
        pushfw
        subq    %rsp, %rbx
        popfw
        popq    %rax
        END
        TRY     "UMIP at CPL 3"
        movl    $0x820, %eax
        movq    %rax, %cr4
        RING3
        sgdt    scratch
        END
        TRY     "paging cannot be turned off in 64-bit mode"
        movl    $0x11, %eax
        movq    %rax, %cr0
        END
        TRY     "PAE cannot be turned off"
        xorl    %eax, %eax
        movq    %rax, %cr4
        END

// ---- Control transfers
        TRY     "far JMP through memory to 64-bit code"
        movq    $1f, scratch
        movw    $CODE0, scratch + 8
        rex64 ljmp *scratch
1:      movl    %cs, %eax
        END
        TRY     "far JMP to compatibility mode and back"
        movl    $1f, scratch
        movw    $CODE32_0, scratch + 4
        ljmp    *scratch
        .code32
1:      movl    $0x11223344, %eax
        decl    %eax                    // a REX prefix in 64-bit mode
        movl    %esp, %ebx
        ljmp    $CODE0, $2f
        .code64
2:      subl    saved_rsp, %ebx
        END
        TRY     "far JMP to code with L and D"
        movl    $1f, scratch
        movw    $CODE_LD, scratch + 4
        ljmp    *scratch
1:
        END
        TRY     "far JMP to a non-canonical address"
        movabsq $NOT_CANONICAL, %rax
        movq    %rax, scratch
        movw    $CODE0, scratch + 8
        rex64 ljmp *scratch
        END
        TRY     "far JMP to the TSS"
        movq    $0, scratch
        movw    $TASK, scratch + 4
        ljmp    *scratch
        END
        TRY     "far CALL and RET, 64 bits"
        movq    $far_routine, scratch
        movw    $CODE0, scratch + 8
        movq    %rsp, %rbx
        rex64 lcall *scratch
        subq    %rsp, %rbx
        END
        TRY     "far CALL, 32 bits"
        movl    $far_routine_32, scratch
        movw    $CODE0, scratch + 4
        lcall   *scratch
        END
        TRY     "call gate, same level"
        movl    $0, scratch
        movw    $CALL_GATE_0, scratch + 4
        movq    %rsp, %rbx
        lcall   *scratch
        END
        TRY     "call gate with a type in its upper half"
        movl    $0, scratch
        movw    $CALL_GATE_BAD, scratch + 4
        lcall   *scratch
        END
        TRY     "CPL 3: call gate"
        RING3
        movl    $0, scratch
        movw    $CALL_GATE | 3, scratch + 4
        lcall   *scratch
        movl    %ss, %ecx
        shlq    $32, %rcx
        orq     %rcx, %rax
        FINISH
        END
        TRY     "compatibility mode: call gate"
        RING3   2, CODE32
        .code32
        lcall   $CALL_GATE | 3, $0
        movl    %cs, %eax
        FINISH
        .code64
        END
        TRY     "RETF to CPL 3"
        pushq   $DATA3
        pushq   $user_stack
        pushq   $CODE3
        pushq   $1f
        lretq
1:      movl    %cs, %eax
        movl    %ss, %ebx
        FINISH
        END
        TRY     "IRETQ to the same level with a null SS"
        pushq   $0
        pushq   $user_stack
        pushq   $2
        pushq   $CODE0
        pushq   $1f
        iretq
1:      movl    %ss, %eax
        movq    $user_stack, %rbx
        subq    %rsp, %rbx
        END
        TRY     "IRETQ to CPL 3 with a null SS"
        pushq   $3
        pushq   $user_stack
        pushq   $2
        pushq   $CODE3
        pushq   $1f
        iretq
1:
        END
        TRY     "IRETQ to compatibility mode with a null SS"
        pushq   $0
        pushq   $user_stack
        pushq   $2
        pushq   $CODE32_0
        pushq   $1f
        iretq
1:
        END
        TRY     "IRETQ to a non-canonical address"
        pushq   $DATA0
        pushq   $user_stack
        pushq   $2
        pushq   $CODE0
        movabsq $NOT_CANONICAL, %rax
        pushq   %rax
        iretq
        END
        TRY     "IRETQ with NT"
        pushq   $0x4002
        popfq
        iretq
        END
        TRY     "IRETL from 64-bit code pops SS and RSP"
        subq    $20, %rsp
        movl    $1f, (%rsp)
        movl    $CODE0, 4(%rsp)
        movl    $0x202, 8(%rsp)
        movl    $user_stack, 12(%rsp)
        movl    $DATA0, 16(%rsp)
        iretl
1:      movq    $user_stack, %rax
        subq    %rsp, %rax
        cli
        END
        TRY     "IRETQ to compatibility mode"
        RING3   0x202, CODE32
        .code32
        movl    %esp, %ebx
        subl    $user_stack, %ebx
        movl    %cs, %eax
        FINISH
        .code64
        END
        TRY     "compatibility mode: 32-bit wrap and limits"
        RING3   2, CODE32
        .code32
        movl    $0xffffffff, %ebx
        movb    scratch + 1(%ebx), %al
        movl    $0x40000001, %ecx
        movl    0x12(%ebx, %ecx), %eax
        FINISH
        .code64
        END
        TRY     "compatibility mode: SYSCALL"
        RING3   2, CODE32
        syscall
        END
        TRY     "compatibility mode: interrupt with INT3"
        RING3   2, CODE32
        int3
        END

// ---- Stacks of events
        TRY     "INT at CPL 0 aligns the stack"
        subq    $8, %rsp
        movq    %rsp, %rbx
        int     $0x31
        END
        TRY     "IST"
        int     $0x32
        END
        TRY     "IST from CPL 3"
        RING3   0x202
        int     $0x33
        END
        TRY     "IST entry that is not canonical"
        int     $0x34
        END
        TRY     "INT of a 32-bit code segment's gate"
        int     $0x35
        END
        TRY     "gate to a non-canonical address"
        int     $0x36
        END
        TRY     "16-bit gate"
        int     $0x37
        END
        TRY     "CPL 3: INT of a gate of DPL 0"
        RING3
        int     $0x31
        END
        TRY     "INT beyond the IDT"
        int     $0x41
        END
        TRY     "page fault on the stack of a page fault"
        movq    $UNMAPPED + 0x1000, %rsp
        movl    UNMAPPED, %eax
        END
        TRY     "stack fault on a non-canonical stack"
        movabsq $NOT_CANONICAL, %rsp
        pushq   %rax
        END
        TRY     "RSP0 that is not canonical"
        RING3
        movl    $0x8000, task + 8
        FINISH
        END
        movl    $0, task + 8
        TRY     "INT1"
        .byte   0xf1
        END
        TRY     "single step"
        pushq   $0x102
        popfq
        nop
        nop
        END
        TRY     "data breakpoint of eight bytes"
        movq    $scratch, %rax
        movq    %rax, %dr0
        movl    $0x000b0402, %eax
        movq    %rax, %dr7
        movb    scratch + 7, %bl
        nop
        END
        movl    $0x400, %eax
        movq    %rax, %dr7

// ---- System calls
        TRY     "SYSCALL and SYSRET"
        call    set_system_call
        RING3   0x3246
        movl    $0x11, %eax
        syscall
2:      movl    %cs, %ecx
        shll    $16, %ecx
        orl     %ecx, %eax
        movl    %ss, %ebx
        FINISH
        END
        TRY     "SYSRET to compatibility mode"
        call    set_system_call
        movl    $1f, %ecx
        movl    $0x202, %r11d
        movl    $user_stack, %esp
        sysretl
        .code32
1:      movl    %cs, %eax
        movl    %ss, %ebx
        FINISH
        .code64
        END
        TRY     "SYSRET to a non-canonical address"
        call    set_system_call
        movabsq $NOT_CANONICAL, %rcx
        sysretq
        END
        TRY     "CPL 3: SYSRET"
        call    set_system_call
        RING3
        sysretq
        END
        TRY     "SYSCALL without SCE"
        movl    $0xc0000080, %ecx
        rdmsr
        andl    $~1, %eax
        wrmsr
        syscall
        END
        movl    $0xc0000080, %ecx
        rdmsr
        orl     $1, %eax
        wrmsr
        TRY     "SYSENTER and SYSEXIT"
        WRMSR   0x174, CODE0
        WRMSR   0x175, sysenter_stack
        movl    $0x176, %ecx
        movl    $1f, %eax
        xorl    %edx, %edx
        wrmsr
        RING3   0x202, CODE32
        sysenter
1:      movq    %rsp, %rbx
        subq    $sysenter_stack, %rbx
        pushfq
        popq    %rax
        movl    %cs, %ecx
        shll    $16, %ecx
        orl     %ecx, %eax
        FINISH
        END
        TRY     "SYSEXIT to 64-bit code"
        WRMSR   0x174, CODE0
        movl    $1f, %edx
        movl    $user_stack, %ecx
        sysexitq
1:      movl    %cs, %eax
        movl    %ss, %ebx
        FINISH
        END
        TRY     "SYSENTER with a null IA32_SYSENTER_CS"
        WRMSR   0x174, 0
        sysenter
        END
        TRY     "single step of SYSCALL with TF masked"
        call    set_system_call
        RING3   0x102
        syscall
        nop
        nop
        END

        movl    $done, %esi
        call    print
        movl    $shutdown, %esi
        movw    $0x8900, %dx
1:      lodsb
        testb   %al, %al
        jz      2f
        outb    %al, %dx
        jmp     1b
2:      cli
        hlt
        jmp     2b

// ---- Routines that tests call
far_routine:
        movl    $0xca11, %eax
        lretq
far_routine_32:
        movl    4(%rsp), %eax
        movq    saved_rsp, %rbx
        subq    %rsp, %rbx
        lretl
gate_routine:
        movq    8(%rsp), %rax
        movq    16(%rsp), %rbx
        subq    $user_stack, %rbx
        lretq
gate_routine_0:
        subq    %rsp, %rbx
        movq    8(%rsp), %rax
        lretq
set_system_call:
        WRMSR   0xc0000081, 0x001b000800000000
        WRMSR   0xc0000082, system_call
        WRMSR   0xc0000084, 0x0300
        ret
// CS, SS and the flags, as the kernel finds them.
system_call:
        movq    %rcx, %rdx
        pushfq
        popq    %rax
        movl    %cs, %ecx
        shll    $16, %ecx
        orl     %ecx, %eax
        movl    %ss, %ecx
        shlq    $32, %rcx
        orq     %rcx, %rax
        movq    %rax, scratch
        movq    %rdx, %rcx
        sysretq

// ---- The frame of a test
prepare:
        movq    $-1, vector
        movq    $0, error
        movq    $0, where
        movq    $0, where_segment
        movq    $0, flags
        movl    $DATA0, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movq    %rax, %cr2
        movl    $0xffff0ff0, %eax
        movq    %rax, %dr6
        movq    %rax, scratch
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        ret

handle: popq    vector
        popq    error
        popq    where
        popq    where_segment
        popq    flags
        popq    where_stack
        movq    saved_rsp, %rsp
        pushq   $2
        popfq
        jmp     *recover

// Vectors 31 to 33 tell where they find the stack in RAX, and what RSP was pushed in RBX.
tell_stack:
        popq    vector
        popq    error
        movq    %rsp, %rax
        subq    saved_rsp, %rax
        subq    24(%rsp), %rbx
        jmp     1f
tell_inner_stack:
        popq    vector
        popq    error
        movq    %rsp, %rax
        subq    $ist_stack, %rax
        movl    %ss, %ebx
1:      popq    where
        popq    where_segment
        popq    flags
        movq    saved_rsp, %rsp
        pushq   $2
        popfq
        jmp     *recover

report:
        pushq   %rbx
        pushq   %rax
        pushq   $2
        popfq
        movl    $DATA0, %eax
        movl    %eax, %ss
        movl    %eax, %ds
        movl    %eax, %es
        movl    $0x20, %eax
        movq    %rax, %cr4
        lgdt    gdt_pointer
        movl    $test_name, %esi
        movl    (%rsi), %esi
        call    print
        movl    $text_vector, %esi
        movq    vector, %rax
        call    print_word
        movl    $text_error, %esi
        movq    error, %rax
        call    print_word
        movl    $text_where, %esi
        movq    where, %rax
        cmpq    $0x100000, %rax
        jb      1f
        cmpq    $image_end, %rax
        ja      1f
        subq    test_start, %rax
1:      call    print_field
        movl    $text_segment, %esi
        movq    where_segment, %rax
        call    print_word
        movl    $text_flags, %esi
        movq    flags, %rax
        andl    $0x001f7700, %eax
        call    print_word
        movl    $text_cr2, %esi
        movq    %cr2, %rax
        call    print_field
        movl    $text_dr6, %esi
        movq    %dr6, %rax
        xorl    $0xffff0ff0, %eax
        call    print_word
        movl    $text_rax, %esi
        popq    %rax
        call    print_field
        movl    $text_rbx, %esi
        popq    %rax
        call    print_field
        movl    $text_newline, %esi
        jmp     print

print_word:
        pushq   %rax
        call    print
        popq    %rdx
        shlq    $32, %rdx
        movl    $8, %ecx
        jmp     1f
print_field:
        pushq   %rax
        call    print
        popq    %rdx
        movl    $16, %ecx
1:      rolq    $4, %rdx
        movl    %edx, %eax
        andl    $15, %eax
        movb    digits(%rax), %al
        call    put
        loop    1b
        ret
print:
1:      lodsb
        testb   %al, %al
        jz      2f
        call    put
        jmp     1b
2:      ret
put:
        pushq   %rdx
        pushq   %rax
        movw    $COM1 + 5, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        popq    %rax
        movw    $COM1, %dx
        outb    %al, %dx
        popq    %rdx
        ret

// ---- Tables
        .macro  BASE selector, address
        movl    $\address, %eax
        movl    $gdt + \selector, %ebx
        movw    %ax, 2(%rbx)
        shrl    $16, %eax
        movb    %al, 4(%rbx)
        movb    %ah, 7(%rbx)
        .endm
        .macro  GATE selector, address
        movl    $\address, %eax
        movw    %ax, gdt + \selector
        shrl    $16, %eax
        movw    %ax, gdt + \selector + 6
        .endm
        // Vector, handler, type, IST.
        .macro  VECTOR number, address, type=0x8e, ist=0, selector=CODE0
        movl    $\address, %eax
        movw    %ax, idt + \number * 16
        movw    $\selector, idt + \number * 16 + 2
        movb    $\ist, idt + \number * 16 + 4
        movb    $\type, idt + \number * 16 + 5
        shrl    $16, %eax
        movw    %ax, idt + \number * 16 + 6
        .endm
set_up:
        BASE    TASK, task
        BASE    TASK_ODD, task
        BASE    LDT, gdt
        GATE    CALL_GATE, gate_routine
        GATE    CALL_GATE_0, gate_routine_0
        GATE    CALL_GATE_BAD, gate_routine_0
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $4, %eax
        leal    stubs(%rax), %edx
        movw    %dx, idt(%rax)
        movw    $CODE0, idt + 2(%rax)
        movw    $0x8e00, idt + 4(%rax)
        shrl    $16, %edx
        movw    %dx, idt + 6(%rax)
        incl    %ecx
        cmpl    $0x40, %ecx
        jne     1b
        movb    $0xee, idt + 3 * 16 + 5
        movb    $0xee, idt + 0x30 * 16 + 5
        movb    $1, idt + 8 * 16 + 4
        movb    $1, idt + 12 * 16 + 4
        movb    $1, idt + 10 * 16 + 4
        VECTOR  0x31, stub_31
        VECTOR  0x32, stub_32, 0x8e, 1
        VECTOR  0x33, stub_33, 0xee, 1
        VECTOR  0x34, stub_33, 0x8e, 2
        VECTOR  0x35, stub_33, 0x8e, 0, CODE32_0
        VECTOR  0x37, stub_33, 0x86
        movl    $0x8000, idt + 0x36 * 16 + 8
        lidt    idt_pointer
        movl    $TASK, %eax
        ltr     %ax
        ret
stub_31:
        pushq   $0
        pushq   $0x31
        jmp     tell_stack
stub_32:
        pushq   $0
        pushq   $0x32
        jmp     tell_inner_stack
stub_33:
        pushq   $0
        pushq   $0x33
        jmp     tell_inner_stack

        .balign 16
stubs:
        .set    number, 0
        .rept   0x40
        .balign 16
        .if     (number == 8) | ((number >= 10) & (number <= 14)) | (number == 17)
        .else
        pushq   $0
        .endif
        pushq   $number
        jmp     handle
        .set    number, number + 1
        .endr

        .section .rodata
digits: .ascii  "0123456789abcdef"
text_vector: .asciz ": vector "
text_error: .asciz " error "
text_where: .asciz " at "
text_segment: .asciz " cs "
text_flags: .asciz " flags "
text_cr2: .asciz " cr2 "
text_dr6: .asciz " dr6 "
text_rax: .asciz " rax "
text_rbx: .asciz " rbx "
text_newline: .asciz "\n"
done:   .asciz  "done\n"
shutdown: .asciz "Shutdown"

        .data
        .balign 16
gdt:    .quad   0
        .quad   0x00af9b000000ffff      // 64-bit code, level 0
        .quad   0x00cf93000000ffff      // data, level 0
        .quad   0x00cffb000000ffff      // 32-bit code, level 3
        .quad   0x00cff3000000ffff      // data, level 3
        .quad   0x00affb000000ffff      // 64-bit code, level 3
        .quad   0x00cf9b000000ffff      // 32-bit code, level 0
        .quad   0x00ef9b000000ffff      // L and D
        .quad   0x0000890000000067, 0   // TSS
        .quad   0x000082000000003f, 0   // LDT
        .quad   0x0000ec0000080000, 0   // call gates
        .quad   0x00008c0000080000, 0
        .quad   0x00008c0000080000, 0x0000010000000000
        .quad   0x0000890000000067, 0x0000010000000000
        .quad   0x12cf93345678ffff      // data with a base
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .quad   gdt
idt_pointer:
        .word   0x40 * 16 - 1
        .quad   idt
        .balign 16
        .long   0
task:   .long   0
        .quad   inner_stack, 0, 0, 0
        .quad   ist_stack, NOT_CANONICAL, 0, 0, 0, 0, 0
        .quad   0
        .word   0, 0x68

        .bss
        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
directory: .skip 4096
directory2: .skip 4096
table:  .skip   4096
page:   .skip   4096
idt:    .skip   0x40 * 16
vector: .skip   8
error:  .skip   8
where:  .skip   8
where_segment: .skip 8
where_stack: .skip 8
flags:  .skip   8
recover: .skip  8
saved_rsp: .skip 8
test_name: .skip 8
test_start: .skip 8
scratch: .skip  64
        .skip   0x1000
stack_top:
        .skip   0x1000
inner_stack:
        .skip   0x1000
ist_stack:
        .skip   0x1000
user_stack:
        .skip   0x1000
sysenter_stack:
        .skip   64
