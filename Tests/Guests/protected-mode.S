// Segmentation, gates, tasks, virtual-8086 mode and debug exceptions of 32-bit protected mode.
//
// Each test runs a few instructions and prints one line: what exception or interrupt ended it, the
// error code, where, the flags that were pushed, and EAX and EBX. What the lines must be is in the
// test that runs this guest.

        .set    COM1, 0x3f8
        .set    CODE0, 0x08
        .set    DATA0, 0x10
        .set    CODE3, 0x18 | 3
        .set    DATA3, 0x20 | 3
        .set    READ_ONLY, 0x28
        .set    EXECUTE_ONLY, 0x30
        .set    EXPAND_DOWN, 0x38
        .set    SMALL, 0x40
        .set    DATA_ABSENT, 0x48
        .set    CONFORMING, 0x50
        .set    CODE_ABSENT, 0x58
        .set    STACK16, 0x60
        .set    LDT, 0x68
        .set    TASK_MAIN, 0x70
        .set    TASK_2, 0x78
        .set    TASK_16, 0x80
        .set    CALL_GATE, 0x88
        .set    TASK_GATE, 0x90
        .set    CALL_GATE_16, 0x98
        .set    TASK_SHORT, 0xa0
        .set    GATE_ABSENT, 0xa8
        .set    DATA_FRESH, 0xb0
        .set    CALL_GATE_0, 0xb8
        .set    CODE16, 0xc0
        .set    CONFORMING_GATE, 0xc8
        .set    GDT_LAST, 0xcf
        .set    IN_LDT, 0x0c

        .section .multiboot, "a"
        .balign 4
header: .long   0x1badb002, 0x00010003, -(0x1badb002 + 0x00010003)
        .long   header, image_start, image_data_end, image_end, _start

// Starts a test: what follows runs with flat segments until it faults, or reaches END.
        .macro  TRY name
        .pushsection .rodata
97:     .asciz  "\name"
        .popsection
        movl    $97b, test_name
        movl    $99f, recover
        movl    $98f, test_start
        movl    %esp, saved_esp
        call    prepare
98:
        .endm
        .macro  END
99:     call    report
        .endm

// Goes on at CPL 3 at the next instruction.
        .macro  RING3 flags=2
        pushl   $DATA3
        pushl   $user_stack
        pushl   $\flags
        pushl   $CODE3
        pushl   $96f
        iretl
96:     movl    $DATA3, %ecx
        movl    %ecx, %ds
        movl    %ecx, %es
        .endm
// The end of a test at CPL 3.
        .macro  FINISH
        int     $0x30
        .endm

// Goes on in virtual-8086 mode at V86_SEGMENT:0 with the code up to V86_END.
        .set    V86_SEGMENT, 0x900
        .macro  V86 flags=0x20002
        movl    $95f, %esi
        movl    $94f, %ecx
        subl    %esi, %ecx
        movl    $V86_SEGMENT << 4, %edi
        rep movsb
        pushl   $0x1111
        pushl   $0x2222
        pushl   $V86_SEGMENT
        pushl   $0x4444
        pushl   $0x800                  // SS
        pushl   $0x1000                 // ESP
        pushl   $\flags
        pushl   $V86_SEGMENT
        pushl   $0
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        iretl
        .pushsection .rodata
        .code16
95:
        .endm
        .macro  V86_END
        int     $0x30
94:     .code32
        .popsection
        .endm

        .text
        .code32
        .globl  _start
_start:
        cli
        cld
        movl    $stack_top, %esp
        call    set_up

// ---- Data segments
        TRY     "null DS"
        xorl    %eax, %eax
        movl    %eax, %ds
        movl    %ds:0, %eax
        END
        TRY     "null SS"
        xorl    %eax, %eax
        movl    %eax, %ss
        END
        TRY     "selector outside the GDT"
        movl    $GDT_LAST + 1, %eax
        movl    %eax, %es
        END
        TRY     "code segment into SS"
        movl    $CODE0, %eax
        movl    %eax, %ss
        END
        TRY     "read-only segment into SS"
        movl    $READ_ONLY, %eax
        movl    %eax, %ss
        END
        TRY     "SS with RPL 3 at CPL 0"
        movl    $DATA3, %eax
        movl    %eax, %ss
        END
        TRY     "SS absent"
        movl    $DATA_ABSENT, %eax
        movl    %eax, %ss
        END
        TRY     "ES absent"
        movl    $DATA_ABSENT, %eax
        movl    %eax, %es
        END
        TRY     "ES execute-only"
        movl    $EXECUTE_ONLY, %eax
        movl    %eax, %es
        END
        TRY     "ES with a TSS"
        movl    $TASK_2, %eax
        movl    %eax, %es
        END
        TRY     "ES with RPL 3 and DPL 0"
        movl    $DATA0 | 3, %eax
        movl    %eax, %es
        END
        TRY     "write to a read-only segment"
        movl    $READ_ONLY, %eax
        movl    %eax, %es
        movl    %es:scratch, %ebx
        movl    %eax, %es:scratch
        END
        TRY     "write to a code segment"
        movl    %eax, %cs:scratch
        END
        TRY     "read from a conforming code segment"
        movl    $CONFORMING | 3, %eax
        movl    %eax, %fs
        movl    $0x12345678, scratch
        movl    %fs:scratch, %eax
        END
        TRY     "limit: last byte"
        movl    $SMALL, %eax
        movl    %eax, %fs
        movl    %fs:0xfc, %eax
        END
        TRY     "limit: one byte beyond"
        movl    $SMALL, %eax
        movl    %eax, %fs
        movl    %fs:0xfd, %eax
        END
        TRY     "limit in SS"
        movl    $SMALL, %eax
        movl    %eax, %ss
        movl    $0xfc, %esp
        popl    %eax
        popl    %eax
        END
        TRY     "expand-down: below the limit"
        movl    $EXPAND_DOWN, %eax
        movl    %eax, %fs
        movl    %fs:0x7ff, %eax
        END
        TRY     "expand-down: first valid byte"
        movl    $EXPAND_DOWN, %eax
        movl    %eax, %fs
        movb    %fs:0x800, %al
        END
        TRY     "16-bit stack wraps"
        movl    $STACK16, %eax
        movl    %eax, %ss
        movl    $0x12340000, %esp
        pushl   $0x55aa55aa
        movl    %esp, %eax
        movl    data16 + 0xfffc, %ebx
        movl    $DATA0, %ecx
        movl    %ecx, %ss
        movl    saved_esp, %esp
        END
        TRY     "accessed bit is set"
        movl    $DATA_FRESH, %eax
        movl    %eax, %fs
        movzbl  gdt + DATA_FRESH + 5, %eax
        END
        TRY     "LES"
        movl    $0x11223344, scratch
        movw    $DATA3, scratch + 4
        lesl    scratch, %eax
        movl    %es, %ebx
        END
        TRY     "LSS at its limit"
        movl    $SMALL, %eax
        movl    %eax, %fs
        lssl    %fs:0xfb, %eax
        END
        TRY     "PUSH and POP of a segment"
        movl    $-1, -4(%esp)
        pushl   %ds
        movl    (%esp), %eax
        popl    %es
        pushl   $READ_ONLY
        popl    %fs
        movl    %fs, %ebx
        END
        TRY     "LDT: null table"
        xorl    %eax, %eax
        lldt    %ax
        movl    $IN_LDT, %eax
        movl    %eax, %es
        END
        TRY     "LDT: in the table"
        movl    $LDT, %eax
        lldt    %ax
        movl    $IN_LDT, %eax
        movl    %eax, %es
        sldt    %ebx
        END
        TRY     "LLDT of a data segment"
        movl    $DATA0, %eax
        lldt    %ax
        END
        TRY     "LTR of the busy task"
        movl    $TASK_MAIN, %eax
        ltr     %ax
        END
        TRY     "LTR of a null selector"
        xorl    %eax, %eax
        ltr     %ax
        END
        TRY     "STR"
        str     %eax
        END
        TRY     "LAR of code, data, TSS, gate, absent"
        movl    $CODE0, %ecx
        larl    %ecx, %eax
        movl    $TASK_MAIN, %ecx
        larl    %ecx, %ebx
        END
        TRY     "LAR of a gate and of nothing"
        movl    $CALL_GATE, %ecx
        larl    %ecx, %eax
        movl    $0x77, %ebx
        movl    $GDT_LAST + 1, %ecx
        larl    %ecx, %ebx
        jz      1f
        incl    %ebx
1:
        END
        TRY     "LSL"
        movl    $DATA0, %ecx
        lsll    %ecx, %eax
        movl    $0x55, %ebx
        movl    $CALL_GATE, %ecx
        lsll    %ecx, %ebx
        END
        TRY     "VERR and VERW"
        xorl    %eax, %eax
        movl    $EXECUTE_ONLY, %ecx
        verr    %cx
        setz    %al
        movl    $READ_ONLY, %ecx
        verw    %cx
        setz    %ah
        xorl    %ebx, %ebx
        movl    $CONFORMING | 3, %ecx
        verr    %cx
        setz    %bl
        movl    $DATA0 | 3, %ecx
        verw    %cx
        setz    %bh
        END
        TRY     "ARPL"
        movl    $0x20, %eax
        movl    $3, %ecx
        arpl    %cx, %ax
        movl    $0, %ebx
        setz    %bl
        END
        TRY     "SGDT and SIDT limits"
        sgdt    scratch
        movzwl  scratch, %eax
        sidt    scratch
        movzwl  scratch, %ebx
        END

// ---- Code segments and gates
        TRY     "far JMP"
        ljmp    $CODE0, $1f
1:      movl    %cs, %eax
        END
        TRY     "far JMP with RPL 3"
        ljmp    $CODE0 | 3, $1f
1:
        END
        TRY     "far JMP to data"
        ljmp    $DATA0, $1f
1:
        END
        TRY     "far JMP to an absent segment"
        ljmp    $CODE_ABSENT, $1f
1:
        END
        TRY     "far JMP to conforming code"
        ljmp    $CONFORMING, $1f
1:      movl    %cs, %eax
        ljmp    $CODE0, $1f
1:
        END
        TRY     "far JMP to a null selector"
        ljmp    $0, $1f
1:
        END
        TRY     "far JMP beyond the limit"
        ljmp    $CODE16, $0x12345
        END
        TRY     "far JMP to CPL 3 code"
        ljmp    $CODE3, $1f
1:
        END
        TRY     "far CALL and RET"
        movl    %esp, %ebx
        lcall   $CODE0, $far_routine
        subl    %esp, %ebx
        END
        TRY     "far CALL through memory"
        movl    $far_routine, scratch
        movw    $CODE0, scratch + 4
        lcall   *scratch
        END
        TRY     "far CALL through a gate, same level"
        movl    %esp, %ebx
        lcall   $CALL_GATE_0, $0
        subl    %esp, %ebx
        END
        TRY     "far JMP through a gate"
        movl    $77, %eax
        pushl   %cs
        pushl   $1f
        ljmp    $CALL_GATE_0, $0
1:
        END
        TRY     "far CALL through an absent gate"
        lcall   $GATE_ABSENT, $0
        END
        TRY     "CPL 3: RETF to an inner level"
        RING3
        pushl   $CODE0
        pushl   $1f
        lretl
1:
        END
        TRY     "IRET to CPL 3"
        RING3   0x3202
        movl    %cs, %eax
        movl    %ss, %ebx
        FINISH
        END
        TRY     "IRET to CPL 3 nulls inner segments"
        movl    $CONFORMING, %eax
        movl    %eax, %gs
        movl    $DATA0, %eax
        movl    %eax, %fs
        RING3
        movl    %fs, %eax
        movl    %gs, %ebx
        FINISH
        END
        TRY     "RETF to CPL 3 drops parameters"
        movl    $1f, -24(%esp)
        subl    $24, %esp
        movl    $CODE3, 4(%esp)
        movl    $user_stack, 16(%esp)
        movl    $DATA3, 20(%esp)
        lretl   $8
1:      movl    $user_stack, %eax
        subl    %esp, %eax
        FINISH
        END
        TRY     "CPL 3: CLI"
        RING3
        cli
        END
        TRY     "CPL 3: CLI with IOPL 3"
        RING3   0x3202
        cli
        pushfl
        popl    %eax
        FINISH
        END
        TRY     "CPL 3: POPF cannot change IF and IOPL"
        RING3   0x0202
        pushl   $0x3002
        popfl
        pushfl
        popl    %eax
        FINISH
        END
        TRY     "CPL 3: STI with PVI"
        movl    $2, %eax
        movl    %eax, %cr4
        RING3
        sti
        pushfl
        popl    %eax
        FINISH
        END
        movl    $0, %eax
        movl    %eax, %cr4
        TRY     "CPL 3: HLT"
        RING3
        hlt
        END
        TRY     "CPL 3: LGDT"
        RING3
        lgdt    scratch
        END
        TRY     "CPL 3: DPL 0 data into ES"
        RING3
        movl    $DATA0, %eax
        movl    %eax, %es
        END
        TRY     "CPL 3: INT with gate of DPL 0"
        RING3
        int     $0x20
        END
        TRY     "CPL 3: INT3 and its return address"
        RING3
        int3
        END
        TRY     "CPL 3: INTO without overflow, then with"
        RING3
        xorl    %eax, %eax
        into
        movb    $0x7f, %al
        addb    $1, %al
        into
        END
        TRY     "CPL 3: INT1"
        RING3
        .byte   0xf1
        END
        TRY     "CPL 3: far CALL to CPL 0 code"
        RING3
        lcall   $CODE0, $far_routine
        END
        TRY     "CPL 3: far CALL to conforming code"
        RING3
        lcall   $CONFORMING, $conforming_routine
        FINISH
        END
        TRY     "CPL 3: call gate with parameters"
        RING3
        pushl   $0x1111
        pushl   $0x2222
        lcall   $CALL_GATE | 3, $0
        movl    $user_stack, %ecx
        subl    %esp, %ecx
        shll    $16, %ecx
        orl     %ecx, %eax
        FINISH
        END
        TRY     "CPL 3: 16-bit call gate"
        RING3
        pushw   $0x3333
        lcall   $CALL_GATE_16 | 3, $0
        END
        TRY     "CPL 3: call gate of DPL 0"
        RING3
        lcall   $CALL_GATE_0, $0
        END
        TRY     "CPL 3: JMP through a gate to CPL 0"
        RING3
        ljmp    $CALL_GATE | 3, $0
        END
        TRY     "CPL 3: gate to conforming code"
        RING3
        lcall   $CONFORMING_GATE | 3, $0
        FINISH
        END
        // Their #TS needs a stack of its own: a task gate.
        movl    $TASK_2 << 16, idt + 10 * 8
        movl    $0x8500, idt + 10 * 8 + 4
        movl    $task_2_pops_error, task_2 + 0x20
        TRY     "stack switch with a bad SS0"
        RING3
        movl    $DATA3, task_main + 8
        FINISH
        END
        movl    $DATA0, task_main + 8
        TRY     "stack switch with a null SS0"
        RING3
        movl    $0, task_main + 8
        FINISH
        END
        movl    $DATA0, task_main + 8
        call    fill_idt
        TRY     "SYSENTER and SYSEXIT"
        movl    $0x174, %ecx
        movl    $CODE0, %eax
        xorl    %edx, %edx
        wrmsr
        incl    %ecx
        movl    $sysenter_stack, %eax
        wrmsr
        incl    %ecx
        movl    $1f, %eax
        wrmsr
        RING3   0x202
        sysenter
1:      movl    %esp, %ebx
        subl    $sysenter_stack, %ebx
        pushfl
        popl    %eax
        movl    $2f, %edx
        movl    $user_stack - 16, %ecx
        sysexit
2:      movl    %cs, %ecx
        shll    $16, %ecx
        orl     %ecx, %eax
        movl    %ss, %ebx
        FINISH
        END

// ---- Events
        TRY     "divide error"
        xorl    %ecx, %ecx
        movl    $1, %eax
        divl    %ecx
        END
        TRY     "UD2"
        ud2
        END
        TRY     "fault within a fault"
        movb    $0x0e, idt + 13 * 8 + 5
        movl    $GDT_LAST + 1, %eax
        movl    %eax, %es
        END
        movb    $0x8e, idt + 13 * 8 + 5
        TRY     "absent gate of an INT"
        int     $0x32
        END
        TRY     "INT beyond the IDT"
        int     $0x50
        END
        TRY     "INT of a gate that is data"
        int     $0x33
        END
        TRY     "trap gate keeps IF"
        pushl   $0x202
        popfl
        int     $0x34
        END
        TRY     "16-bit interrupt gate"
        int     $0x35
        END
        TRY     "external interrupt vector with a gate to a null selector"
        int     $0x36
        END

// ---- Debug exceptions
        TRY     "single step"
        pushl   $0x102
        popfl
        nop
        nop
        END
        TRY     "single step over MOV SS"
        movl    $DATA0, %ecx
        pushl   $0x102
        popfl
        movl    %ecx, %ss
        nop
        nop
        nop
        END
        TRY     "single step of INT"
        pushl   $0x102
        popfl
        int     $0x37
1:      nop
        END
        TRY     "single step of POPF that clears TF"
        pushl   $2
        pushl   $0x102
        popfl
        popfl
        nop
        END
        TRY     "instruction breakpoint"
        movl    $1f, %eax
        movl    %eax, %dr0
        movl    $0x402, %eax
        movl    %eax, %dr7
        nop
1:      nop
        nop
        END
        movl    $0x400, %eax
        movl    %eax, %dr7
        TRY     "instruction breakpoint with RF"
        movl    $1f, %eax
        movl    %eax, %dr0
        movl    $0x402, %eax
        movl    %eax, %dr7
        pushl   $0x10002
        pushl   %cs
        pushl   $1f
        iretl
1:      nop
        pushfl
        popl    %eax
        END
        movl    $0x400, %eax
        movl    %eax, %dr7
        TRY     "data breakpoint"
        movl    $scratch, %eax
        movl    %eax, %dr1
        movl    $0x00d00408, %eax       // DR1: 4 bytes, writes
        movl    %eax, %dr7
        movl    scratch, %ebx
        movl    %ebx, scratch
        nop
        END
        movl    $0x400, %eax
        movl    %eax, %dr7
        TRY     "data breakpoint read by MOV SS"
        movl    $DATA0, scratch
        movl    $scratch, %eax
        movl    %eax, %dr2
        movl    $0x0f000420, %eax       // DR2: 4 bytes, reads and writes
        movl    %eax, %dr7
        movw    scratch, %ss
        nop
        nop
        END
        movl    $0x400, %eax
        movl    %eax, %dr7
        TRY     "general detect"
        movl    $0x2400, %eax
        movl    %eax, %dr7
        movl    %dr6, %eax
        END
        movl    $0x400, %eax
        movl    %eax, %dr7

// ---- Interrupt shadows: the PIT's interrupt is pending all the time.
        TRY     "interrupt after STI's shadow"
        call    pend_interrupt
        sti
        nop
1:      nop
        nop
        END
        TRY     "interrupt after the shadows of STI and MOV SS"
        call    pend_interrupt
        movl    $DATA0, %ecx
        sti
        movl    %ecx, %ss
        nop
        nop
        END
        TRY     "interrupt after STI and HLT"
        call    pend_interrupt
        sti
        hlt
        nop
        END
        TRY     "POPF opens the window at once"
        call    pend_interrupt
        pushl   $0x202
        popfl
        nop
        END
        call    stop_interrupts

// ---- Tasks
        TRY     "JMP to a task"
        movl    $task_2_reports, task_2 + 0x20
        ljmp    $TASK_2, $0
1:
        END
        TRY     "CALL to a task, and IRET"
        movl    $task_2_returns, task_2 + 0x20
        lcall   $TASK_2, $0
        movl    task_2, %eax
        movzbl  gdt + TASK_2 + 5, %ebx
        END
        TRY     "CALL through a task gate from CPL 3"
        movl    $task_2_returns, task_2 + 0x20
        RING3   0x202
        lcall   $TASK_GATE | 3, $0
        movl    task_main + 0x24, %eax
        FINISH
        END
        TRY     "INT through a task gate"
        movl    $task_2_returns, task_2 + 0x20
        int     $0x31
        movzbl  gdt + TASK_MAIN + 5, %ebx
        END
        TRY     "fault through a task gate"
        movl    $task_2_pops_error, task_2 + 0x20
        movl    $TASK_2 << 16, idt + 13 * 8
        movl    $0x8500, idt + 13 * 8 + 4
        movl    $GDT_LAST + 1, %eax
        movl    %eax, %es
        END
        call    fill_idt
        TRY     "JMP to a 16-bit task"
        ljmp    $TASK_16, $0
        END
        TRY     "JMP to a task with a short TSS"
        ljmp    $TASK_SHORT, $0
        END
        TRY     "JMP to the busy task"
        ljmp    $TASK_MAIN, $0
        END
        TRY     "task with an absent ES"
        movl    $DATA_ABSENT, task_2 + 0x48
        ljmp    $TASK_2, $0
        END
        movl    $DATA0, task_2 + 0x48
        TRY     "task with the T flag"
        movl    $task_2_reports, task_2 + 0x20
        movl    $1, task_2 + 0x64
        ljmp    $TASK_2, $0
        END
        movl    $0, task_2 + 0x64
        TRY     "IRET with NT and a task that is not busy"
        movw    $TASK_2, task_main
        pushl   $0x4002
        popfl
        iretl
        END
        movw    $0, task_main
        TRY     "LTR and the task switch set TS"
        clts
        movl    $task_2_returns, task_2 + 0x20
        lcall   $TASK_2, $0
        movl    %cr0, %eax
        andl    $8, %eax
        clts
        END

// ---- Virtual-8086 mode
        TRY     "V86: INT 30 with IOPL 3"
        V86     0x23002
        movw    %cs, %ax
        movw    %ss, %bx
        V86_END
        END
        TRY     "V86: INT with IOPL 0"
        V86
        V86_END
        END
        TRY     "V86: segments are seen by the handler as null"
        V86     0x23002
        movw    %es, %ax
        movw    %fs, %bx
        V86_END
        END
        TRY     "V86: CLI with IOPL 0"
        V86
        cli
        V86_END
        END
        TRY     "V86: PUSHF with IOPL 0"
        V86
        pushfw
        V86_END
        END
        TRY     "V86: INT3 with IOPL 0"
        V86
        int3
        V86_END
        END
        TRY     "V86: word at the limit"
        V86     0x23002
        movw    %ds:0xffff, %ax
        V86_END
        END
        TRY     "V86: IRET with IOPL 3"
        V86     0x23002
        pushw   $0x0246
        pushw   %cs
        pushw   $92f - 95b
        iretw
        nop
92:     pushfw
        popw    %ax
        V86_END
        END
        TRY     "V86: far CALL and RETF"
        V86     0x23002
        lcallw  $V86_SEGMENT, $92f - 95b
        movw    %sp, %bx
        jmp     93f
92:     movw    $0x77, %ax
        lretw
93:
        V86_END
        END
        TRY     "V86: LLDT"
        V86     0x23002
        .byte   0x0f, 0x00, 0xd0
        V86_END
        END
        TRY     "V86: software INT redirected by VME"
        movl    $1, %eax
        movl    %eax, %cr4
        call    v86_vector
        V86     0x20202
        int     $0x40
        movw    $0x1234, %ax
        V86_END
        END
        TRY     "V86: CLI and STI with VME"
        V86
        sti
        pushfw
        popw    %ax
        cli
        pushfw
        popw    %bx
        hlt
        V86_END
        END
        TRY     "V86: STI with VME and VIP"
        V86     0x120002
        sti
        V86_END
        END
        TRY     "V86: POPF of TF with VME"
        V86     0x20002
        pushw   $0x102
        popfw
        V86_END
        END
        movl    $0, %eax
        movl    %eax, %cr4

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
        lretl
conforming_routine:
        movl    %cs, %eax
        movl    %ss, %ebx
        lretl
// Gets two parameters at CPL 0.
gate_routine:
        movl    8(%esp), %eax
        shll    $8, %eax
        orl     12(%esp), %eax
        movl    16(%esp), %ebx
        subl    $user_stack, %ebx
        lretl   $8
        .code16
gate_routine_16:
        movl    %esp, %ebx
        subl    $inner_stack, %ebx
        movw    4(%esp), %ax
        int     $0x30
        .code32
gate_routine_0:
        movl    $0x6a7e, %eax
        lretl

task_2_reports:
        str     %eax
        shll    $16, %eax
        movw    task_2, %ax
        movl    task_main + 0x20, %ebx
        subl    test_start, %ebx
        int     $0x30
task_2_returns:
        iretl
        jmp     task_2_returns
task_2_pops_error:
        popl    %ebx
        pushfl
        popl    %eax
        int     $0x30
        .code16
task_16_entry:
        strw    %bx
        int     $0x30
        .code32

// INT 40 of virtual-8086 mode: AX tells the flags that it was entered with.
v86_vector:
        movl    $v86_handler, %esi
        movl    $0xa00 << 4, %edi
        movl    $v86_handler_end - v86_handler, %ecx
        rep movsb
        movl    $0x0a000000, 0x40 * 4
        ret
        .section .rodata
        .code16
v86_handler:
        pushfw
        popw    %bx
        movw    %sp, %bp
        movw    4(%bp), %ax
        shll    $16, %eax
        movw    %bx, %ax
        hlt
v86_handler_end:
        .code32
        .text

// Lets the timer's interrupt be pending, with IF clear.
pend_interrupt:
        movb    $0x11, %al
        outb    %al, $0x20
        outb    %al, $0xa0
        movb    $0x40, %al
        outb    %al, $0x21
        movb    $0x48, %al
        outb    %al, $0xa1
        movb    $4, %al
        outb    %al, $0x21
        movb    $2, %al
        outb    %al, $0xa1
        movb    $1, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movb    $0xfe, %al
        outb    %al, $0x21
        movb    $0xff, %al
        outb    %al, $0xa1
        movb    $0x30, %al
        outb    %al, $0x43
        movb    $0x10, %al
        outb    %al, $0x40
        movb    $0, %al
        outb    %al, $0x40
1:      movb    $0x0a, %al
        outb    %al, $0x20
        inb     $0x20, %al
        testb   $1, %al
        jz      1b
        xorl    %eax, %eax
        ret
stop_interrupts:
        movb    $0xff, %al
        outb    %al, $0x21
        ret

// ---- The frame of a test
prepare:
        movl    $-1, vector
        movl    $0, error
        movl    $0, where
        movl    $0, flags
        movl    $0xffff0ff0, %eax
        movl    %eax, %dr6
        movl    $DATA0, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        xorl    %eax, %eax
        lldt    %ax
        xorl    %ebx, %ebx
        ret

// Every gate of the IDT leads here, with the vector and an error code (or 0) on the stack.
handle:
        pushl   %ds
        pushl   $DATA0
        popl    %ds
        movl    %eax, saved_eax
        popl    %eax                    // the selector
        popl    vector
        popl    error
        popl    where
        popl    where_segment
        popl    flags
        movl    $DATA0, %eax
        movl    %eax, %es
        movl    %eax, %ss
        movl    saved_esp, %esp
        movl    saved_eax, %eax
        pushl   $2
        popfl
        jmp     *recover

report:
        pushl   %ebx
        pushl   %eax
        pushl   $2
        popfl
        movl    $DATA0, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movb    $0x20, %al
        outb    %al, $0x20
        // Back to the main task, whatever the test did.
        andb    $~2, gdt + TASK_MAIN + 5
        andb    $~2, gdt + TASK_2 + 5
        andb    $~2, gdt + TASK_16 + 5
        movl    $TASK_MAIN, %eax
        ltr     %ax
        movl    test_name, %esi
        call    print
        movl    $text_vector, %esi
        movl    vector, %eax
        call    print_field
        movl    $text_error, %esi
        movl    error, %eax
        call    print_field
        movl    $text_where, %esi
        movl    where, %eax
        cmpl    $0x100000, %eax
        jb      1f
        subl    test_start, %eax
1:      call    print_field
        movl    $text_segment, %esi
        movzwl  where_segment, %eax
        call    print_field
        movl    $text_flags, %esi
        movl    flags, %eax
        andl    $0x001f7700, %eax
        call    print_field
        movl    $text_dr6, %esi
        movl    %dr6, %eax
        xorl    $0xffff0ff0, %eax
        call    print_field
        movl    $text_eax, %esi
        popl    %eax
        call    print_field
        movl    $text_ebx, %esi
        popl    %eax
        call    print_field
        movl    $text_newline, %esi
        jmp     print

print_field:
        pushl   %eax
        call    print
        popl    %edx
        movl    $8, %ecx
1:      roll    $4, %edx
        movl    %edx, %eax
        andl    $15, %eax
        movb    digits(%eax), %al
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
        pushl   %edx
        pushl   %eax
        movw    $COM1 + 5, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        popl    %eax
        movw    $COM1, %dx
        outb    %al, %dx
        popl    %edx
        ret

// ---- Tables
        .macro  BASE selector, address
        movl    $\address, %eax
        movl    $gdt + \selector, %ebx
        call    set_base
        .endm
        .macro  GATE selector, address
        movl    $\address, %eax
        movw    %ax, gdt + \selector
        shrl    $16, %eax
        movw    %ax, gdt + \selector + 6
        .endm
set_up:
        movw    $COM1 + 3, %dx
        movb    $3, %al                 // eight bits, no parity
        outb    %al, %dx
        movb    $0xff, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        BASE    EXPAND_DOWN, data16
        BASE    SMALL, data16
        BASE    STACK16, data16
        BASE    LDT, ldt
        BASE    TASK_MAIN, task_main
        BASE    TASK_2, task_2
        BASE    TASK_16, task_16
        BASE    TASK_SHORT, task_2
        GATE    CALL_GATE, gate_routine
        GATE    CALL_GATE_0, gate_routine_0
        GATE    GATE_ABSENT, gate_routine_0
        GATE    CONFORMING_GATE, conforming_routine
        // A 16-bit gate reaches the first 64 KiB of its segment only.
        BASE    CODE16, image_start
        movl    $gate_routine_16, %eax
        subl    $image_start, %eax
        movw    %ax, gdt + CALL_GATE_16
        movl    $task_16_entry, %eax
        subl    $image_start, %eax
        movw    %ax, task_16 + 0x0e
        lgdt    gdt_pointer
        ljmp    $CODE0, $1f
1:      movl    $DATA0, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
        movl    %eax, %ss
        call    fill_idt
        lidt    idt_pointer
        movl    $TASK_MAIN, %eax
        ltr     %ax
        ret
set_base:
        movw    %ax, 2(%ebx)
        shrl    $16, %eax
        movb    %al, 4(%ebx)
        movb    %ah, 7(%ebx)
        ret

fill_idt:
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $4, %eax
        addl    $stubs, %eax
        movl    %eax, %edx
        andl    $0xffff, %eax
        orl     $CODE0 << 16, %eax
        movl    %eax, idt(, %ecx, 8)
        movw    $0x8e00, %dx
        movl    %edx, idt + 4(, %ecx, 8)
        incl    %ecx
        cmpl    $0x48, %ecx
        jne     1b
        movb    $0xee, idt + 3 * 8 + 5
        movb    $0xee, idt + 4 * 8 + 5
        movb    $0xee, idt + 0x30 * 8 + 5
        movl    $TASK_2 << 16, idt + 0x31 * 8
        movl    $0x8500, idt + 0x31 * 8 + 4
        movb    $0x0e, idt + 0x32 * 8 + 5
        movb    $0x92, idt + 0x33 * 8 + 5
        movb    $0x8f, idt + 0x34 * 8 + 5
        movl    $gate_16, %eax
        subl    $image_start, %eax
        movw    %ax, idt + 0x35 * 8
        movw    $CODE16, idt + 0x35 * 8 + 2
        movw    $0x8600, idt + 0x35 * 8 + 4
        movw    $0, idt + 0x36 * 8 + 2
        ret

        .code16
gate_16:
        movl    %esp, %eax
        .byte   0x66, 0x67, 0x2b, 0x05  // SUB EAX, [saved_esp]
        .long   saved_esp
        int     $0x30
        .code32

        .balign 16
stubs:
        .set    number, 0
        .rept   0x48
        .balign 16
        .if     (number == 8) | ((number >= 10) & (number <= 14)) | (number == 17)
        .else
        pushl   $0
        .endif
        pushl   $number
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
text_dr6: .asciz " dr6 "
text_eax: .asciz " eax "
text_ebx: .asciz " ebx "
text_newline: .asciz "\n"
done:   .asciz  "done\n"
shutdown: .asciz "Shutdown"

        .data
        .balign 16
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      // code, level 0
        .quad   0x00cf93000000ffff      // data, level 0
        .quad   0x00cffb000000ffff      // code, level 3
        .quad   0x00cff3000000ffff      // data, level 3
        .quad   0x00cf91000000ffff      // read-only
        .quad   0x00cf99000000ffff      // execute-only
        .quad   0x00409700000007ff      // expand-down
        .quad   0x00409300000000ff      // 256 bytes
        .quad   0x00cf13000000ffff      // data, absent
        .quad   0x00cf9f000000ffff      // conforming code
        .quad   0x00cf1b000000ffff      // code, absent
        .quad   0x000093000000ffff      // 16-bit stack
        .quad   0x000082000000000f      // LDT
        .quad   0x00008900000000a8      // tasks
        .quad   0x0000890000000067
        .quad   0x000081000000002b
        .quad   0x0000ec0200080000      // call gate, two parameters
        .quad   0x0000e50000780000      // task gate
        .quad   0x0000e40100c00000      // 16-bit call gate, one parameter
        .quad   0x0000890000000050      // short TSS
        .quad   0x00006c0000080000      // call gate, absent
        .quad   0x00cf92000000ffff      // data, not accessed
        .quad   0x00008c0000080000      // call gate of level 0
        .quad   0x00009b000000ffff      // 16-bit code
        .quad   0x0000ec0000500000      // call gate to conforming code
gdt_end:
        .balign 8
ldt:    .quad   0
        .quad   0x00cf93000000ffff
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
idt_pointer:
        .word   0x48 * 8 - 1
        .long   idt
        .balign 16
task_main:
        .long   0, inner_stack, DATA0
        .fill   0x58, 1, 0
        .word   0, 0x88
        .fill   0x20, 1, 0
        .fill   0x21, 1, 0xff
        .balign 16
task_2: .long   0, inner_stack, DATA0, 0, 0, 0, 0, 0
        .long   0, 2, 0, 0, 0, 0, task_stack, 0, 0, 0
        .long   DATA0, CODE0, DATA0, DATA0, DATA0, DATA0, 0
        .word   0, 0x68
        .balign 16
task_16:
        .word   0, 0, 0, 0, 0, 0, 0
        .word   0, 2, 0x1111, 0, 0, 0x4444, 0x8000, 0, 0, 0
        .word   DATA0, CODE16, STACK16, DATA0, 0

        .bss
        .balign 16
idt:    .skip   0x48 * 8
vector: .skip   4
error:  .skip   4
where:  .skip   4
where_segment: .skip 4
flags:  .skip   4
recover: .skip  4
saved_esp: .skip 4
saved_eax: .skip 4
test_name: .skip 4
test_start: .skip 4
scratch: .skip  16
data16: .skip   0x10000
        .skip   0x1000
stack_top:
        .skip   0x1000
inner_stack:
        .skip   0x1000
user_stack:
        .skip   0x1000
task_stack:
        .skip   0x1000
sysenter_stack:
        .skip   16
