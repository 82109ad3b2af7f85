// The processor's own instructions and registers, as thin C: ports, MSRs, control registers, CPUID
// and descriptor tables. Nothing here knows of VMX.
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BIT(n) (1ull << (n))

enum {
  CPUID_1_ECX_VMX = BIT(5),
  CPUID_1_ECX_HYPERVISOR = BIT(31),
};

enum {
  CR0_PE = BIT(0),
  CR0_MP = BIT(1),
  CR0_ET = BIT(4),
  CR0_NE = BIT(5),
  CR0_WP = BIT(16),
  CR0_PG = BIT(31),
  CR4_PAE = BIT(5),
  CR4_VMXE = BIT(13),
};

enum {
  RFLAGS_CF = BIT(0),
  RFLAGS_FIXED = BIT(1), // reads as 1, and a guest-state area that has 0 here is refused
  RFLAGS_PF = BIT(2),
  RFLAGS_AF = BIT(4),
  RFLAGS_ZF = BIT(6),
  RFLAGS_SF = BIT(7),
  RFLAGS_IF = BIT(9),
  RFLAGS_OF = BIT(11),
  RFLAGS_ARITHMETIC = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF,
};

enum {
  IA32_TIME_STAMP_COUNTER = 0x10,
  IA32_FEATURE_CONTROL = 0x3a,
  IA32_SYSENTER_CS = 0x174,
  IA32_SYSENTER_ESP = 0x175,
  IA32_SYSENTER_EIP = 0x176,
  IA32_VMX_BASIC = 0x480,
  IA32_VMX_PINBASED_CTLS = 0x481,
  IA32_VMX_PROCBASED_CTLS = 0x482,
  IA32_VMX_EXIT_CTLS = 0x483,
  IA32_VMX_ENTRY_CTLS = 0x484,
  IA32_VMX_MISC = 0x485,
  IA32_VMX_CR0_FIXED0 = 0x486,
  IA32_VMX_CR0_FIXED1 = 0x487,
  IA32_VMX_CR4_FIXED0 = 0x488,
  IA32_VMX_CR4_FIXED1 = 0x489,
  IA32_VMX_PROCBASED_CTLS2 = 0x48b,
  IA32_VMX_EPT_VPID_CAP = 0x48c,
  IA32_VMX_TRUE_PINBASED_CTLS = 0x48d,
  IA32_VMX_TRUE_PROCBASED_CTLS = 0x48e,
  IA32_VMX_TRUE_EXIT_CTLS = 0x48f,
  IA32_VMX_TRUE_ENTRY_CTLS = 0x490,
};

enum {
  IA32_EFER = 0xc0000080,
  IA32_FS_BASE = 0xc0000100,
  IA32_GS_BASE = 0xc0000101,
  IA32_KERNEL_GS_BASE = 0xc0000102,
};

enum {
  FEATURE_CONTROL_LOCK = BIT(0),
  FEATURE_CONTROL_VMX_OUTSIDE_SMX = BIT(2),
};

// The selectors of the GDT that start.c builds.
enum {
  CODE_SELECTOR = 0x08,
  DATA_SELECTOR = 0x10,
  TSS_SELECTOR = 0x18,
};

// What LGDT, LIDT, SGDT and SIDT read and write.
struct descriptor_table {
  uint16_t limit;
  uint64_t base;
} __attribute__((packed));

// An entry of a 64-bit IDT.
struct gate {
  uint16_t offset_low;
  uint16_t selector;
  uint8_t ist;
  uint8_t type;
  uint16_t offset_middle;
  uint32_t offset_high;
  uint32_t reserved;
};

enum { GATE_INTERRUPT = 0x8e }; // present, DPL 0, 64-bit interrupt gate

static inline struct gate interrupt_gate(uint64_t handler) {
  return (struct gate){
      .offset_low = (uint16_t)handler,
      .selector = CODE_SELECTOR,
      .type = GATE_INTERRUPT,
      .offset_middle = (uint16_t)(handler >> 16),
      .offset_high = (uint32_t)(handler >> 32),
  };
}

struct cpuid {
  uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf) {
  struct cpuid r;
  __asm__ volatile("cpuid"
                   : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                   : "a"(leaf), "c"(subleaf));
  return r;
}

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint64_t rdmsr(uint32_t msr) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

#define CONTROL_REGISTER(name)                                                                     \
  static inline uint64_t read_##name(void) {                                                       \
    uint64_t value;                                                                                \
    __asm__ volatile("movq %%" #name ", %0" : "=r"(value));                                        \
    return value;                                                                                  \
  }                                                                                                \
  static inline void write_##name(uint64_t value) {                                                \
    __asm__ volatile("movq %0, %%" #name : : "r"(value) : "memory");                               \
  }

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

static inline struct descriptor_table read_gdtr(void) {
  struct descriptor_table table;
  __asm__ volatile("sgdt %0" : "=m"(table));
  return table;
}

static inline struct descriptor_table read_idtr(void) {
  struct descriptor_table table;
  __asm__ volatile("sidt %0" : "=m"(table));
  return table;
}

// The three that compilers call on their own.
void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);
int memcmp(const void *a, const void *b, size_t count);

#endif
