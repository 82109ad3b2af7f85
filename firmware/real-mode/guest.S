// The guest: 16-bit code, as a boot sector would be. It knows the ports of COM1 and nothing of a
// hypervisor. real-mode.c copies it to GUEST_SEGMENT, so that a label's offset in its segment is
// its distance from guest_code.

        .set    GUEST_SEGMENT, 0x0100
        .set    SERVICE, 0x21           // an interrupt of our own
        .set    COM1, 0x3f8
        .set    COM1_LINE_STATUS, COM1 + 5
        .set    TRANSMITTER_READY, 0x20

        .macro  say text
        movw    $\text - guest_code, %si
        call    puts
        .endm

        .section .rodata
        .globl  guest_code
        .globl  guest_code_end
        .code16
guest_code:
        movw    %cs, %ax
        movw    %ax, %ds
        say     greeting

        // The interrupt vector table is at address 0: offset, then segment.
        xorw    %ax, %ax
        movw    %ax, %es
        movw    $service - guest_code, %es:SERVICE * 4
        movw    %cs, %es:SERVICE * 4 + 2
        movb    $'7', %al
        int     $SERVICE
        say     newline

        // A string instruction: one VM exit for all of its bytes.
        movw    $string - guest_code, %si
        movw    $string_end - string, %cx
        movw    $COM1, %dx
        cld
        rep     outsb

        // CPUID leaf 0: the hypervisor answers, in EBX, EDX, ECX.
        say     vendor
        xorl    %eax, %eax
        cpuid
        movl    %ebx, name - guest_code
        movl    %edx, name - guest_code + 4
        movl    %ecx, name - guest_code + 8
        say     name
        hlt
        say     wrong                   // nobody wakes this guest

// Prints the digit in AL.
service:
        pushw   %ax
        say     in_service
        popw    %ax
        call    putc
        iretw

puts:   lodsb
        testb   %al, %al
        jz      1f
        call    putc
        jmp     puts
1:      ret

putc:   movb    %al, %ah
        movw    $COM1_LINE_STATUS, %dx
1:      inb     %dx, %al
        testb   $TRANSMITTER_READY, %al
        jz      1b
        movb    %ah, %al
        movw    $COM1, %dx
        outb    %al, %dx
        ret

greeting:   .asciz "sixteen bits here, printing byte by byte\n"
in_service: .asciz "my interrupt table works, AL is "
newline:    .asciz "\n"
string:     .ascii "and this line was one REP OUTSB\n"
string_end:
vendor:     .asciz "CPUID says that I run on "
name:       .ascii "????????????"
            .asciz "\n"
wrong:      .asciz "HLT did not exit\n"
guest_code_end:
