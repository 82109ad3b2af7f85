// From the Multiboot loader to 64-bit C.
//
// A Multiboot loader leaves the processor in 32-bit protected mode with paging off, and with
// nothing else that can be relied on: no stack, no GDT that is ours, interrupts disabled. VMX can
// be used from there, but a 64-bit host is what every real hypervisor is, so this stub builds
// identity page tables for the first 4 GiB, turns on long mode and calls start() in start.c.

        .set    PAGE_PRESENT, 1 << 0
        .set    PAGE_WRITABLE, 1 << 1
        .set    PAGE_LARGE, 1 << 7
        .set    CR0_PG, 1 << 31
        .set    CR4_PAE, 1 << 5
        .set    IA32_EFER, 0xc0000080
        .set    IA32_EFER_LME, 1 << 8
        .set    CODE_SELECTOR, 0x08
        .set    DATA_SELECTOR, 0x10
        .set    STACK_SIZE, 64 * 1024

// The Multiboot header. Flag 0 asks for modules on page boundaries, flag 1 for the memory fields.
// Flag 16 says that the header holds the load addresses: a loader then takes the file as a plain
// image and need not understand a 64-bit ELF, which not every Multiboot loader does. The linker
// script lays the file out so that both readings, ELF and addresses, give the same memory.
        .set    MULTIBOOT_MAGIC, 0x1badb002
        .set    MULTIBOOT_FLAGS, 1 << 0 | 1 << 1 | 1 << 16

        .section .multiboot, "a"
        .balign 4
multiboot_header:
        .long   MULTIBOOT_MAGIC
        .long   MULTIBOOT_FLAGS
        .long   -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
        .long   multiboot_header
        .long   image_start
        .long   image_data_end
        .long   image_end
        .long   _start

        .text
        .code32
        .globl  _start
_start:
        cli
        cld
        movl    %eax, multiboot_magic
        movl    %ebx, multiboot_information_address
        movl    $stack_top, %esp

        // One PML4 entry, four PDPT entries, 2048 page-directory entries of 2 MiB each.
        movl    $pdpt + (PAGE_PRESENT | PAGE_WRITABLE), pml4
        movl    $page_directories + (PAGE_PRESENT | PAGE_WRITABLE), %eax
        xorl    %ecx, %ecx
1:      movl    %eax, pdpt(, %ecx, 8)
        addl    $4096, %eax
        incl    %ecx
        cmpl    $4, %ecx
        jne     1b

        movl    $PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE, %eax
        xorl    %ecx, %ecx
1:      movl    %eax, page_directories(, %ecx, 8)
        addl    $2 << 20, %eax
        incl    %ecx
        cmpl    $4 * 512, %ecx
        jne     1b

        // PAE, then the tables, then EFER.LME, then paging: from there on long mode is active.
        movl    %cr4, %eax
        orl     $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    $pml4, %eax
        movl    %eax, %cr3
        movl    $IA32_EFER, %ecx
        rdmsr
        orl     $IA32_EFER_LME, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $CR0_PG, %eax
        movl    %eax, %cr0

        // Compatibility mode until CS says otherwise.
        lgdt    boot_gdtr
        ljmp    $CODE_SELECTOR, $1f

        .code64
1:      movl    $DATA_SELECTOR, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        lldt    %ax
        call    start                   // does not return

// Enough to reach 64-bit code; start.c replaces it with one that also has a TSS.
        .section .rodata
        .balign 8
boot_gdt:
        .quad   0
        .quad   0x00af9b000000ffff      // CODE_SELECTOR: 64-bit code, present, accessed
        .quad   0x00cf93000000ffff      // DATA_SELECTOR: writable data, present, accessed
boot_gdtr:
        .word   boot_gdtr - boot_gdt - 1
        .long   boot_gdt

        .bss
        .globl  multiboot_magic
        .globl  multiboot_information_address
        .balign 4
multiboot_magic:
        .skip   4
multiboot_information_address:
        .skip   4

        .balign 4096
pml4:   .skip   4096
pdpt:   .skip   4096
page_directories:
        .skip   4 * 4096
        .skip   STACK_SIZE
stack_top:
