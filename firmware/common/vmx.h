// VMX operation from C: the instructions, and the steps that every hypervisor goes through.
#ifndef VMX_H
#define VMX_H

#include "vmcs.h"

enum { PAGE_SIZE = 4096 };

// How a VMX instruction ends (section "Conventions" of the VMX instruction reference). The values
// are the arithmetic flags of RFLAGS themselves, of which each outcome clears all the others, so
// that any other combination shows as none of the three.
enum vmx_result {
  VM_SUCCEED = 0,
  VM_FAIL_INVALID = RFLAGS_CF, // there is no current VMCS
  VM_FAIL_VALID = RFLAGS_ZF,   // the VM-instruction error field says why
};

const char *vmx_result_name(enum vmx_result result);

// A VMXON or VMCS region: one page that starts with IA32_VMX_BASIC's revision identifier.
struct vmx_region {
  uint32_t revision;
  uint32_t abort_indicator;
  uint8_t data[PAGE_SIZE - 8];
} __attribute__((aligned(PAGE_SIZE)));

#define VMX_INSTRUCTION(text, ...)                                                                 \
  uint64_t rflags;                                                                                 \
  __asm__ volatile(text "\n\tpushfq\n\tpopq %[rflags]"                                             \
                   : [rflags] "=&r"(rflags)                                                        \
                   : __VA_ARGS__                                                                   \
                   : "cc", "memory");                                                              \
  return (enum vmx_result)(rflags & RFLAGS_ARITHMETIC)

// These four take the physical address of a region in memory.
static inline enum vmx_result vmxon(uint64_t region) {
  VMX_INSTRUCTION("vmxon %[address]", [address] "m"(region));
}
static inline enum vmx_result vmclear(uint64_t region) {
  VMX_INSTRUCTION("vmclear %[address]", [address] "m"(region));
}
static inline enum vmx_result vmptrld(uint64_t region) {
  VMX_INSTRUCTION("vmptrld %[address]", [address] "m"(region));
}
static inline uint64_t vmptrst(void) {
  uint64_t region;
  __asm__ volatile("vmptrst %0" : "=m"(region) : : "cc");
  return region;
}

static inline enum vmx_result vmxoff(void) {
  VMX_INSTRUCTION("vmxoff", [none] "i"(0));
}

static inline enum vmx_result vmwrite(enum vmcs_field field, uint64_t value) {
  VMX_INSTRUCTION("vmwriteq %[value], %[field]", [value] "r"(value), [field] "r"((uint64_t)field));
}

static inline enum vmx_result vmread(enum vmcs_field field, uint64_t *value) {
  VMX_INSTRUCTION("vmreadq %[field], (%[value])", [field] "r"((uint64_t)field), [value] "r"(value));
}

// Types of INVEPT
enum { INVEPT_SINGLE_CONTEXT = 1, INVEPT_ALL_CONTEXTS = 2 };

static inline enum vmx_result invept(uint64_t type, uint64_t eptp) {
  uint64_t descriptor[2] = {eptp, 0};
  VMX_INSTRUCTION("invept %[descriptor], %[type]", [descriptor] "m"(descriptor), [type] "r"(type));
}

// VMREAD and VMWRITE where failing can only be a mistake of the sample: it fails a check.
uint64_t vmcs_read(enum vmcs_field field);
void vmcs_write(enum vmcs_field field, uint64_t value);

// The general-purpose registers, which a VM entry does not load and a VM exit does not save: all
// but RSP, whose place is unused. They are in the order of their numbers, as exit qualifications
// and the VM-exit instruction information have them. vmx-enter.S knows this order.
union guest_registers {
  struct {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
  };
  uint64_t by_number[16];
};

// Enters the guest with these registers, by VMLAUNCH or VMRESUME. VM_SUCCEED: there was a VM exit
// (possibly the one by which a late VM-entry failure shows), and the registers are the guest's.
enum vmx_result vmlaunch(union guest_registers *registers);
enum vmx_result vmresume(union guest_registers *registers);

// VMLAUNCH right after an instruction that loads SS, which is one way to make it fail.
enum vmx_result vmlaunch_after_mov_ss(union guest_registers *registers);

// Turns VMX on: CPUID, IA32_FEATURE_CONTROL, CR0, CR4 and VMXON, each of them checked. False if
// this processor cannot do it.
bool vmx_enable(void);

// Fills in the revision identifier and makes the region the current, clear VMCS.
bool vmcs_make_current(struct vmx_region *region);

// The five control vectors, as far as the sample cares.
struct vmx_controls {
  uint32_t pin_based, primary, secondary, vm_exit, vm_entry;
};

// Writes the control fields: the wanted bits, and those that the capability MSRs want set. False,
// after a failed check, if a wanted bit is not offered.
bool vmcs_write_controls(const struct vmx_controls *wanted);

// True if the processor offers all of these bits.
bool vmx_offers(const struct vmx_controls *wanted);

// Host state: what the processor has now. (RSP and RIP are written by vmlaunch and vmresume.)
void vmcs_write_host_state(void);

// Guest state: 64-bit code that starts at RIP with the host's own control registers, page tables
// and segments. A sample then changes what its guest is to have of its own.
void vmcs_write_guest_state(uint64_t rip, uint64_t rsp);

void vmcs_write_guest_segment(enum segment segment, uint16_t selector, uint64_t base,
                              uint32_t limit, uint32_t access_rights);

// After an exit caused by an instruction that the hypervisor has emulated: go on after it.
void vmcs_skip_instruction(void);

#endif
