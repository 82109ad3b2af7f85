// VM entry, and what a VM exit returns to.
//
// A VM entry loads RSP, RIP and RFLAGS from the guest-state area, and a VM exit saves them there
// and loads RSP and RIP from the host-state area. The other general-purpose registers are the
// hypervisor's to switch. HOST_RIP is made the address of vm_exit and HOST_RSP the stack at the
// time of entry, so that to the caller in C an entry and the exit that ends it look like a function
// call. Where the instruction fails, execution goes on after it instead, with the guest's registers
// still in place and CF or ZF set.

        .set    HOST_RSP, 0x6c14
        .set    HOST_RIP, 0x6c16
        .set    RFLAGS_ARITHMETIC, 0x8d5

        .macro  load_guest_registers    // from the structure that RDI points to
        movq    0x00(%rdi), %rax
        movq    0x08(%rdi), %rcx
        movq    0x10(%rdi), %rdx
        movq    0x18(%rdi), %rbx
        movq    0x28(%rdi), %rbp
        movq    0x30(%rdi), %rsi
        movq    0x40(%rdi), %r8
        movq    0x48(%rdi), %r9
        movq    0x50(%rdi), %r10
        movq    0x58(%rdi), %r11
        movq    0x60(%rdi), %r12
        movq    0x68(%rdi), %r13
        movq    0x70(%rdi), %r14
        movq    0x78(%rdi), %r15
        movq    0x38(%rdi), %rdi
        .endm

        // Saves what C wants back and leaves the address of the structure on top of the stack.
        // Without a current VMCS the two VMWRITEs fail, as the entry then will.
        .macro  prepare_entry
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   %rdi
        movl    $HOST_RSP, %eax
        vmwrite %rsp, %rax
        movl    $HOST_RIP, %eax
        leaq    vm_exit(%rip), %rcx
        vmwrite %rcx, %rax
        .endm

        .text
        .globl  vmlaunch
vmlaunch:
        prepare_entry
        load_guest_registers
        vmlaunch
        jmp     vm_entry_failed

        .globl  vmresume
vmresume:
        prepare_entry
        load_guest_registers
        vmresume
        jmp     vm_entry_failed

        // VMLAUNCH as the very next instruction after one that loads SS: it has to fail.
        .globl  vmlaunch_after_mov_ss
vmlaunch_after_mov_ss:
        prepare_entry
        load_guest_registers
        pushq   %rax
        movl    %ss, %eax
        movl    %eax, %ss
        vmlaunch
        leaq    8(%rsp), %rsp           // drops RAX and leaves the flags
        jmp     vm_entry_failed

vm_exit:
        pushq   %rdi
        movq    8(%rsp), %rdi
        movq    %rax, 0x00(%rdi)
        movq    %rcx, 0x08(%rdi)
        movq    %rdx, 0x10(%rdi)
        movq    %rbx, 0x18(%rdi)
        movq    %rbp, 0x28(%rdi)
        movq    %rsi, 0x30(%rdi)
        movq    %r8, 0x40(%rdi)
        movq    %r9, 0x48(%rdi)
        movq    %r10, 0x50(%rdi)
        movq    %r11, 0x58(%rdi)
        movq    %r12, 0x60(%rdi)
        movq    %r13, 0x68(%rdi)
        movq    %r14, 0x70(%rdi)
        movq    %r15, 0x78(%rdi)
        popq    0x38(%rdi)

        // Returns the flags that enum vmx_result is made of. They survive everything since the
        // failed instruction, or since the VM exit, which cleared them all: VM_SUCCEED.
vm_entry_failed:
        pushfq
        popq    %rax
        andl    $RFLAGS_ARITHMETIC, %eax
        popq    %rdi
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
