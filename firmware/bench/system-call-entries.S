// The two ways into the kernel, the way to the user's program, and that program.

        .set    USER_DATA_SELECTOR, 0x30 | 3
        .set    USER_CODE_SELECTOR, 0x38 | 3
        .set    RFLAGS_FIXED, 1 << 1
        .set    CALL_ADD, 0
        .set    CALL_LEAVE, 1

        .text
// enter_user(RDI: RIP, RSI: RSP, RDX: iterations) returns when the program makes system call 1.
        .globl  enter_user
enter_user:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, leave_stack
        pushq   $USER_DATA_SELECTOR
        pushq   %rsi
        pushq   $RFLAGS_FIXED
        pushq   $USER_CODE_SELECTOR
        pushq   %rdi
        movq    %rdx, %rbx
        iretq

        .globl  system_call_entry
system_call_entry:
        swapgs
        movq    %rsp, %gs:8
        movq    %gs:0, %rsp
        pushq   %rcx
        pushq   %r11
        call    *system_calls(, %rax, 8)
        popq    %r11
        popq    %rcx
        movq    %gs:8, %rsp
        swapgs
        sysretq

        // The TSS's RSP0 is the kernel's stack.
        .globl  interrupt_entry
interrupt_entry:
        swapgs
        pushq   %rcx
        pushq   %r11
        call    *system_calls(, %rax, 8)
        popq    %r11
        popq    %rcx
        swapgs
        iretq

leave:
        swapgs
        movq    leave_stack, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret

// The user's programs: RBX calls. They are copied to a page of the user's and know no address.
        .globl  user_program_syscall
        .globl  user_program_int
        .globl  user_programs_end
user_program_syscall:
        movl    $CALL_ADD, %eax
        movq    %rbx, %rdi
        syscall
        decq    %rbx
        jnz     user_program_syscall
        movl    $CALL_LEAVE, %eax
        syscall

user_program_int:
        movl    $CALL_ADD, %eax
        movq    %rbx, %rdi
        int     $0x80
        decq    %rbx
        jnz     user_program_int
        movl    $CALL_LEAVE, %eax
        int     $0x80
user_programs_end:

        .section .rodata
        .balign 8
system_calls:
        .quad   system_call_add
        .quad   leave

        .bss
        .balign 8
leave_stack:
        .skip   8
