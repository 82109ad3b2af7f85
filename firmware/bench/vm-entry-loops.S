// The two loops of vm-entries.c. Both take the number of rounds in RDI and need a launched VMCS.

        .set    EXIT_REASON, 0x4402
        .set    VM_EXIT_INSTRUCTION_LENGTH, 0x440c
        .set    GUEST_RIP, 0x681e
        .set    HOST_RSP, 0x6c14
        .set    HOST_RIP, 0x6c16

        .macro  save
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        .endm

        .macro  restore
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
        .endm

        // The host's RIP becomes the address of `label`. Without a current VMCS the VMWRITEs fail,
        // as the entry then will.
        .macro  return_to label
        movl    $HOST_RSP, %eax
        vmwrite %rsp, %rax
        movl    $HOST_RIP, %eax
        leaq    \label(%rip), %rcx
        vmwrite %rcx, %rax
        .endm

        .text
// What a hypervisor does for an instruction that it emulates: three VMREADs, and a VMWRITE to go on
// after it.
        .globl  vm_round_trips
        .balign 16
vm_round_trips:
        save
        movq    %rdi, %rbx
        return_to 1f
        movl    $EXIT_REASON, %r12d
        movl    $VM_EXIT_INSTRUCTION_LENGTH, %r13d
        movl    $GUEST_RIP, %r14d
        vmresume
        jmp     2f                      // it failed
1:      vmread  %r12, %rbp
        vmread  %r13, %rcx
        vmread  %r14, %rax
        addq    %rcx, %rax
        vmwrite %rax, %r14
        decq    %rbx
        jz      2f
        vmresume
2:      restore

// The guest: it does nothing but call.
        .globl  calling_guest
        .balign 16
calling_guest:
        .rept   64
        vmcall
        .endr
        jmp     calling_guest

// VMRESUME again and again. It fails: an early failure goes on after it, a late one at the host's
// RIP, which is the same.
        .globl  vm_failing_entries
        .balign 16
vm_failing_entries:
        save
        movq    %rdi, %rbx
        return_to 2f
1:      vmresume
2:      decq    %rbx
        jnz     1b
        restore
