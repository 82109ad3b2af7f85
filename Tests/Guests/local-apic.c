// The local APIC and the I/O APIC: registers in both modes, priorities, interprocessor interrupts to
// oneself, errors, the timer in its three modes, and the 8254 through the I/O APIC.
#include "console.h"
#include "cpu.h"

const char program_name[] = "local-apic";

enum {
  IA32_APIC_BASE = 0x1b,
  IA32_TSC_DEADLINE = 0x6e0,
  VECTORS = 256,
  STUB_SIZE = 16,
  GENERAL_PROTECTION = 13,
};

static volatile uint32_t *const apic = (volatile uint32_t *)0xfee00000;
static volatile uint32_t *const io_apic = (volatile uint32_t *)0xfec00000;
static struct gate idt[VECTORS];
static bool extended;

// What the handlers saw: vectors in order, and whether a RDMSR or WRMSR raised #GP.
static volatile unsigned taken;
static volatile uint8_t order[64];
static volatile bool faulted;

// Each handler counts, and ends the interrupt; that of #GP skips the 2 bytes of RDMSR or WRMSR.
extern const char stubs[];
__asm__(".text\n\t"
        ".balign 16\nstubs:\n\t"
        ".set vector, 0\n\t"
        ".rept 256\n\t"
        ".balign 16\n\t"
        "pushq $vector\n\t"
        "jmp handle\n\t"
        ".set vector, vector + 1\n\t"
        ".endr\n"
        "handle:\n\t"
        "cmpq $13, (%rsp)\n\t"
        "je 1f\n\t"
        "pushq %rax\n\tpushq %rcx\n\tpushq %rdx\n\tpushq %rsi\n\tpushq %rdi\n\t"
        "pushq %r8\n\tpushq %r9\n\tpushq %r10\n\tpushq %r11\n\t"
        "movq 72(%rsp), %rdi\n\t"
        "cld\n\t"
        "call interrupted\n\t"
        "popq %r11\n\tpopq %r10\n\tpopq %r9\n\tpopq %r8\n\t"
        "popq %rdi\n\tpopq %rsi\n\tpopq %rdx\n\tpopq %rcx\n\tpopq %rax\n\t"
        "addq $8, %rsp\n\t"
        "iretq\n"
        "1:\taddq $2, 16(%rsp)\n\t"
        "movb $1, faulted(%rip)\n\t"
        "addq $16, %rsp\n\t"
        "iretq");

static bool ends = true;
void interrupted(uint64_t vector);
void interrupted(uint64_t vector) {
  order[taken++ % sizeof order] = vector;
  if (!ends || vector < 32)
    return;
  if (extended)
    wrmsr(0x80b, 0);
  else
    apic[0xb0 / 4] = 0;
}

static uint32_t read(unsigned offset) {
  return apic[offset / 4];
}
static void write(unsigned offset, uint32_t value) {
  apic[offset / 4] = value;
}

static bool can_read(uint32_t msr) {
  faulted = false;
  rdmsr(msr);
  return !faulted;
}
static bool can_write(uint32_t msr, uint64_t value) {
  faulted = false;
  wrmsr(msr, value);
  return !faulted;
}

static void window(void) {
  __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" ::: "memory");
}

static void print_taken(const char *what) {
  print("%s:", what);
  for (unsigned i = 0; i < taken && i < sizeof order; i++)
    print(" 0x%x", order[i]);
  print("\n");
  taken = 0;
}

static void registers(void) {
  print("base 0x%lx\n", rdmsr(IA32_APIC_BASE));
  static const unsigned offsets[] = {0x20,  0x80,  0xa0,  0xd0,  0xe0,  0xf0,  0x280,
                                     0x310, 0x320, 0x330, 0x340, 0x370, 0x380, 0x390, 0x3e0};
  for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++)
    print("0x%x: 0x%x\n", offsets[i], read(offsets[i]));
  write(0x320, 0xffffefff);
  print("timer 0x%x\n", read(0x320));
  write(0x320, 0x10000);
  static const unsigned entries[] = {0x330, 0x340, 0x350, 0x360, 0x370};
  for (unsigned i = 0; i < sizeof entries / sizeof *entries; i++) {
    uint32_t old = read(entries[i]);
    write(entries[i], 0xffffafff);
    print("LVT 0x%x: 0x%x\n", entries[i], read(entries[i]));
    write(entries[i], old | 0x10000);
  }
  write(0xf0, 0x0f0);
  print("disabled: timer 0x%x\n", read(0x320));
  write(0xf0, 0x1ff);
}

static void priorities(void) {
  write(0x300, 0x44031);
  write(0x300, 0x44052);
  write(0x300, 0x44035);
  print("IRR 0x%x 0x%x\n", read(0x210), read(0x220));
  window();
  print_taken("by priority");
  write(0x80, 0x45);
  print("PPR 0x%x\n", read(0xa0));
  write(0x300, 0x4404f);
  write(0x300, 0x44050);
  window();
  print_taken("above TPR");
  write(0x80, 0x3f);
  window();
  print_taken("below");
  write(0x80, 0);
  ends = false;
  write(0x300, 0x44061);
  window();
  write(0x300, 0x44062);
  window();
  print("PPR 0x%x, ISR 0x%x, IRR 0x%x\n", read(0xa0), read(0x130), read(0x230));
  print_taken("not ended");
  ends = true;
  write(0xb0, 0);
  window();
  print_taken("ended");
  write(0x310, 0);
  write(0x300, 0x4071);
  write(0x310, 0xff000000);
  write(0x300, 0x4072);
  write(0x300, 0x84073);
  write(0x300, 0xc4074);
  write(0x310, 0x05000000);
  write(0x300, 0x4075);
  window();
  print_taken("to physical destinations");
  write(0xd0, 0x02000000);
  write(0x310, 0x06000000);
  write(0x300, 0x4871);
  write(0x310, 0x04000000);
  write(0x300, 0x4872);
  window();
  print_taken("to logical destinations");
  __asm__ volatile("movq %0, %%cr8" : : "r"(6ull));
  print("TPR after CR8 0x%x\n", read(0x80));
  write(0x80, 0x9a);
  uint64_t cr8;
  __asm__ volatile("movq %%cr8, %0" : "=r"(cr8));
  print("CR8 0x%lx\n", cr8);
  write(0x80, 0);
  write(0x310, 0);
  write(0x300, 0x4400);
  print_taken("NMI");
}

static void errors(void) {
  write(0x280, 0);
  write(0x280, 0);
  write(0x300, 0x4400f);
  write(0x280, 0);
  print("ESR after an illegal vector 0x%x\n", read(0x280));
  write(0x280, 0);
  print("ESR 0x%x\n", read(0x280));
}

static void wait(unsigned count) {
  for (uint64_t end = 50000000; taken < count && end; end--)
    __asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
}

static void timer(void) {
  write(0x3e0, 0xb);
  write(0x320, 0x40);
  write(0x380, 20000);
  uint32_t first = read(0x390), second = read(0x390);
  print("counts down: %u\n", first <= 20000 && second <= first && second > 0);
  wait(1);
  print("current 0x%x, initial 0x%x\n", read(0x390), read(0x380));
  print_taken("one-shot");
  write(0x320, 0x20041);
  write(0x380, 20000);
  wait(3);
  write(0x380, 0);
  taken = taken > 3 ? 3 : taken;
  print_taken("periodic");
  write(0x320, 0x10042);
  write(0x380, 2000);
  while (read(0x390))
    ;
  window();
  print_taken("masked");
  write(0x320, 0x40043);
  wrmsr(IA32_TSC_DEADLINE, rdmsr(IA32_TIME_STAMP_COUNTER) + 100000);
  print("armed: %u\n", rdmsr(IA32_TSC_DEADLINE) != 0);
  wait(1);
  print("deadline 0x%lx\n", rdmsr(IA32_TSC_DEADLINE));
  print_taken("deadline");
  wrmsr(IA32_TSC_DEADLINE, 1);
  window();
  print_taken("past deadline");
  write(0x320, 0x10000);
}

static void io(void) {
  io_apic[0] = 1;
  print("entries 0x%x\n", io_apic[4] >> 16);
  io_apic[0] = 0x10 + 2 * 2;
  print("entry 0x%x\n", io_apic[4]);
  io_apic[0] = 0x10 + 2 * 2 + 1;
  io_apic[4] = 0;
  io_apic[0] = 0x10 + 2 * 2;
  io_apic[4] = 0x35;
  out8(0x43, 0x30);
  out8(0x40, 0x00);
  out8(0x40, 0x10);
  wait(1);
  print_taken("8254 at input 2");
  io_apic[0] = 0x10 + 2 * 2;
  io_apic[4] = 0x10000;
}

static void x2apic(void) {
  wrmsr(IA32_APIC_BASE, rdmsr(IA32_APIC_BASE) | 3 << 10);
  extended = true;
  wrmsr(0x80f, 0x1ff);
  print("ID 0x%lx, LDR 0x%lx\n", rdmsr(0x802), rdmsr(0x80d));
  for (unsigned msr = 0x800; msr < 0x840; msr++) {
    // Not there on every part.
    if (msr == 0x82f)
      continue;
    bool readable = can_read(msr);
    bool writable = msr == 0x830 || msr == 0x83f || can_write(msr, 0);
    print("0x%x: %s%s\n", msr, readable ? "read " : "", writable ? "write" : "");
  }
  wrmsr(0x80f, 0x1ff);
  print("reserved: %u %u %u %u %u\n", can_write(0x808, 0x100), can_write(0x80b, 1),
        can_write(0x828, 1), can_write(0x83f, 0x100), can_write(0x830, 0x100000));
  wrmsr(0x83f, 0x55);
  wrmsr(0x830, 0x100000857);
  wrmsr(0x830, 0xffffffff00000058);
  wrmsr(0x830, 0x59);
  window();
  print_taken("x2APIC");
  print("ICR 0x%lx\n", rdmsr(0x830));
}

void main(void) {
  for (unsigned vector = 0; vector < VECTORS; vector++)
    idt[vector] = interrupt_gate((uint64_t)stubs + vector * STUB_SIZE);
  struct descriptor_table idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
  out8(0x21, 0xff);
  out8(0xa1, 0xff);
  registers();
  priorities();
  errors();
  timer();
  io();
  x2apic();
}
