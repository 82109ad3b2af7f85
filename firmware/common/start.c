// The first C code: descriptor tables, then the sample's main().
//
// A VM exit reloads TR from the host-state area, and the manual refuses a host TR of 0, so a
// hypervisor needs a TSS even if it never leaves ring 0. The IDT is here so that a mistake ends
// with a line of text and not with a triple fault.
#include "console.h"
#include "cpu.h"

#include <stdalign.h>

void main(void);
_Noreturn void start(void);

// exceptions.S: the entry points of vectors 0 to 31, each EXCEPTION_ENTRY_SIZE bytes.
extern const char exception_entries[];
enum { EXCEPTION_VECTORS = 32, EXCEPTION_ENTRY_SIZE = 16 };

// What exceptions.S and the processor leave on the stack.
struct exception_frame {
  uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};
_Noreturn void unexpected_exception(const struct exception_frame *frame);

// 64-bit TSS: 104 bytes. All zero: no ring to come from, no I/O bitmap, no IST.
alignas(16) static uint8_t tss[104];

enum { GDT_ENTRIES = 5 };
static uint64_t gdt[GDT_ENTRIES] = {
    [CODE_SELECTOR / 8] = 0x00af9b000000ffff, // 64-bit code, present, accessed
    [DATA_SELECTOR / 8] = 0x00cf93000000ffff, // writable data, present, accessed
};
static struct gate idt[EXCEPTION_VECTORS];

static void load_gdt(void) {
  uint64_t base = (uint64_t)tss, limit = sizeof tss - 1;
  gdt[TSS_SELECTOR / 8] =
      limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
  gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
  struct descriptor_table gdtr = {sizeof gdt - 1, (uint64_t)gdt};
  __asm__ volatile("lgdt %0" : : "m"(gdtr));
  __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}

static void load_idt(void) {
  for (unsigned vector = 0; vector < EXCEPTION_VECTORS; vector++)
    idt[vector] = interrupt_gate((uint64_t)exception_entries + vector * EXCEPTION_ENTRY_SIZE);
  struct descriptor_table idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
}

_Noreturn void unexpected_exception(const struct exception_frame *frame) {
  check(false, "unexpected exception, vector %lu, error code 0x%lx, RIP 0x%lx, CR2 0x%lx",
        frame->vector, frame->error_code, frame->rip, read_cr2());
  finish();
}

_Noreturn void start(void) {
  load_gdt();
  load_idt();
  console_init();
  main();
  finish();
}
