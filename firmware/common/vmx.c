// The steps that every hypervisor goes through: turn VMX on, make a VMCS current, fill it in.
#include "vmx.h"
#include "console.h"

const char *vmx_result_name(enum vmx_result result) {
  switch (result) {
  case VM_SUCCEED:
    return "VMsucceed";
  case VM_FAIL_INVALID:
    return "VMfailInvalid";
  case VM_FAIL_VALID:
    return "VMfailValid";
  }
  return "flags that the manual does not know";
}

static uint32_t vmcs_revision(void) {
  return rdmsr(IA32_VMX_BASIC) & 0x7fffffff;
}

bool vmx_enable(void) {
  static struct vmx_region vmxon_region;

  if (!check(cpuid(1, 0).ecx & CPUID_1_ECX_VMX, "CPUID.1:ECX.VMX: the processor has VMX"))
    return false;

  // Firmware decides whether VMX may be used, and locks its decision until reset. If it left the
  // register open, the decision is ours, and VMXON wants the lock.
  uint64_t feature_control = rdmsr(IA32_FEATURE_CONTROL);
  if (!(feature_control & FEATURE_CONTROL_LOCK)) {
    wrmsr(IA32_FEATURE_CONTROL,
          feature_control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX_OUTSIDE_SMX);
    feature_control = rdmsr(IA32_FEATURE_CONTROL);
  }
  if (!check((feature_control & FEATURE_CONTROL_LOCK) &&
                 (feature_control & FEATURE_CONTROL_VMX_OUTSIDE_SMX),
             "IA32_FEATURE_CONTROL: locked, with VMX allowed outside SMX"))
    return false;

  // Bits that are 1 in FIXED0 have to be 1, bits that are 0 in FIXED1 have to be 0, or VMXON is
  // #GP. Among them are CR0.PE, CR0.NE, CR0.PG and CR4.VMXE, without which VMXON is #UD.
  write_cr0((read_cr0() | rdmsr(IA32_VMX_CR0_FIXED0)) & rdmsr(IA32_VMX_CR0_FIXED1));
  write_cr4((read_cr4() | rdmsr(IA32_VMX_CR4_FIXED0)) & rdmsr(IA32_VMX_CR4_FIXED1));

  vmxon_region.revision = vmcs_revision();
  enum vmx_result result = vmxon((uint64_t)&vmxon_region);
  return check(result == VM_SUCCEED, "VMXON: %s", vmx_result_name(result));
}

bool vmcs_make_current(struct vmx_region *region) {
  region->revision = vmcs_revision();
  enum vmx_result result = vmclear((uint64_t)region);
  if (!check(result == VM_SUCCEED, "VMCLEAR: %s", vmx_result_name(result)))
    return false;
  result = vmptrld((uint64_t)region);
  return check(result == VM_SUCCEED, "VMPTRLD: %s", vmx_result_name(result));
}

uint64_t vmcs_read(enum vmcs_field field) {
  uint64_t value = 0;
  enum vmx_result result = vmread(field, &value);
  if (result != VM_SUCCEED)
    check(false, "VMREAD of field 0x%x: %s", field, vmx_result_name(result));
  return value;
}

void vmcs_write(enum vmcs_field field, uint64_t value) {
  enum vmx_result result = vmwrite(field, value);
  if (result != VM_SUCCEED)
    check(false, "VMWRITE of field 0x%x: %s", field, vmx_result_name(result));
}

// A capability MSR of controls: a bit that is 1 in the low half has to be 1, a bit that is 0 in the
// high half has to be 0. For four of the five, IA32_VMX_BASIC[55] says that there is a second MSR,
// which tells the truth about bits that the first, older one reports as having to be 1.
static uint64_t control_capability(uint32_t msr, uint32_t true_msr) {
  return rdmsr(rdmsr(IA32_VMX_BASIC) & BIT(55) ? true_msr : msr);
}

struct control_vector {
  const char *name;
  enum vmcs_field field;
  uint32_t msr, true_msr, wanted;
};

enum { CONTROL_VECTORS = 5 };

// The secondary controls are last: their field and their MSR need not exist without bit 31 of the
// primary ones. Returns how many of the five are in use.
static unsigned list_control_vectors(const struct vmx_controls *wanted,
                                     struct control_vector list[CONTROL_VECTORS]) {
  const uint32_t primary =
      wanted->primary | (wanted->secondary ? (uint32_t)ACTIVATE_SECONDARY_CONTROLS : 0);
  list[0] = (struct control_vector){"pin-based VM-execution", PIN_BASED_VM_EXECUTION_CONTROLS,
                                    IA32_VMX_PINBASED_CTLS, IA32_VMX_TRUE_PINBASED_CTLS,
                                    wanted->pin_based};
  list[1] = (struct control_vector){"primary processor-based VM-execution",
                                    PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS,
                                    IA32_VMX_PROCBASED_CTLS, IA32_VMX_TRUE_PROCBASED_CTLS, primary};
  list[2] = (struct control_vector){"VM-exit", VM_EXIT_CONTROLS, IA32_VMX_EXIT_CTLS,
                                    IA32_VMX_TRUE_EXIT_CTLS, wanted->vm_exit};
  list[3] = (struct control_vector){"VM-entry", VM_ENTRY_CONTROLS, IA32_VMX_ENTRY_CTLS,
                                    IA32_VMX_TRUE_ENTRY_CTLS, wanted->vm_entry};
  list[4] = (struct control_vector){
      "secondary processor-based VM-execution", SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS,
      IA32_VMX_PROCBASED_CTLS2, IA32_VMX_PROCBASED_CTLS2, wanted->secondary};
  return wanted->secondary ? CONTROL_VECTORS : CONTROL_VECTORS - 1;
}

bool vmx_offers(const struct vmx_controls *wanted) {
  struct control_vector list[CONTROL_VECTORS];
  unsigned count = list_control_vectors(wanted, list);
  for (unsigned i = 0; i < count; i++)
    if (list[i].wanted & ~(control_capability(list[i].msr, list[i].true_msr) >> 32))
      return false;
  return true;
}

bool vmcs_write_controls(const struct vmx_controls *wanted) {
  struct control_vector list[CONTROL_VECTORS];
  unsigned count = list_control_vectors(wanted, list);
  for (unsigned i = 0; i < count; i++) {
    uint64_t capability = control_capability(list[i].msr, list[i].true_msr);
    uint32_t must_be_1 = (uint32_t)capability, may_be_1 = (uint32_t)(capability >> 32);
    uint32_t missing = list[i].wanted & ~may_be_1;
    if (missing) {
      check(false, "%s controls 0x%x are not offered", list[i].name, missing);
      return false;
    }
    vmcs_write(list[i].field, list[i].wanted | must_be_1);
  }

  // Fields that are read whatever the controls are. A cleared VMCS need not hold zeros.
  vmcs_write(EXCEPTION_BITMAP, 0);
  vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
  vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
  vmcs_write(CR0_GUEST_HOST_MASK, 0);
  vmcs_write(CR4_GUEST_HOST_MASK, 0);
  vmcs_write(CR0_READ_SHADOW, 0);
  vmcs_write(CR4_READ_SHADOW, 0);
  vmcs_write(CR3_TARGET_COUNT, 0);
  vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
  vmcs_write(VM_EXIT_MSR_LOAD_COUNT, 0);
  vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, 0);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, 0);
  return true;
}

// The base of our TSS, out of the descriptor that TR was loaded from.
static uint64_t tss_base(void) {
  const uint64_t *descriptor = (const uint64_t *)(read_gdtr().base + TSS_SELECTOR);
  return (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
}

void vmcs_write_host_state(void) {
  vmcs_write(HOST_CR0, read_cr0());
  vmcs_write(HOST_CR3, read_cr3());
  vmcs_write(HOST_CR4, read_cr4());
  vmcs_write(HOST_CS_SELECTOR, CODE_SELECTOR);
  vmcs_write(HOST_SS_SELECTOR, DATA_SELECTOR);
  vmcs_write(HOST_DS_SELECTOR, DATA_SELECTOR);
  vmcs_write(HOST_ES_SELECTOR, DATA_SELECTOR);
  vmcs_write(HOST_FS_SELECTOR, 0);
  vmcs_write(HOST_GS_SELECTOR, 0);
  vmcs_write(HOST_TR_SELECTOR, TSS_SELECTOR);
  vmcs_write(HOST_FS_BASE, rdmsr(IA32_FS_BASE));
  vmcs_write(HOST_GS_BASE, rdmsr(IA32_GS_BASE));
  vmcs_write(HOST_TR_BASE, tss_base());
  vmcs_write(HOST_GDTR_BASE, read_gdtr().base);
  vmcs_write(HOST_IDTR_BASE, read_idtr().base);
  vmcs_write(HOST_IA32_SYSENTER_CS, rdmsr(IA32_SYSENTER_CS));
  vmcs_write(HOST_IA32_SYSENTER_ESP, rdmsr(IA32_SYSENTER_ESP));
  vmcs_write(HOST_IA32_SYSENTER_EIP, rdmsr(IA32_SYSENTER_EIP));
}

void vmcs_write_guest_segment(enum segment segment, uint16_t selector, uint64_t base,
                              uint32_t limit, uint32_t access_rights) {
  vmcs_write(GUEST_ES_SELECTOR + 2 * segment, selector);
  vmcs_write(GUEST_ES_BASE + 2 * segment, base);
  vmcs_write(GUEST_ES_LIMIT + 2 * segment, limit);
  vmcs_write(GUEST_ES_ACCESS_RIGHTS + 2 * segment, access_rights);
}

void vmcs_write_guest_state(uint64_t rip, uint64_t rsp) {
  vmcs_write(GUEST_CR0, read_cr0());
  vmcs_write(GUEST_CR3, read_cr3());
  vmcs_write(GUEST_CR4, read_cr4());
  vmcs_write(GUEST_DR7, 0x400);

  vmcs_write_guest_segment(CS, CODE_SELECTOR, 0, 0xffffffff, ACCESS_RIGHTS_CODE_64);
  vmcs_write_guest_segment(SS, DATA_SELECTOR, 0, 0xffffffff, ACCESS_RIGHTS_DATA);
  vmcs_write_guest_segment(DS, DATA_SELECTOR, 0, 0xffffffff, ACCESS_RIGHTS_DATA);
  vmcs_write_guest_segment(ES, DATA_SELECTOR, 0, 0xffffffff, ACCESS_RIGHTS_DATA);
  vmcs_write_guest_segment(FS, 0, 0, 0, ACCESS_RIGHTS_UNUSABLE);
  vmcs_write_guest_segment(GS, 0, 0, 0, ACCESS_RIGHTS_UNUSABLE);
  vmcs_write_guest_segment(LDTR, 0, 0, 0, ACCESS_RIGHTS_UNUSABLE);
  vmcs_write_guest_segment(TR, TSS_SELECTOR, tss_base(), 0x67, ACCESS_RIGHTS_BUSY_TSS);
  vmcs_write(GUEST_GDTR_BASE, read_gdtr().base);
  vmcs_write(GUEST_GDTR_LIMIT, read_gdtr().limit);
  vmcs_write(GUEST_IDTR_BASE, read_idtr().base);
  vmcs_write(GUEST_IDTR_LIMIT, read_idtr().limit);

  vmcs_write(GUEST_RIP, rip);
  vmcs_write(GUEST_RSP, rsp);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED);

  vmcs_write(GUEST_INTERRUPTIBILITY_STATE, 0);
  vmcs_write(GUEST_ACTIVITY_STATE, ACTIVITY_ACTIVE);
  vmcs_write(GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
  vmcs_write(VMCS_LINK_POINTER, ~0ull); // none
  vmcs_write(GUEST_IA32_DEBUGCTL, 0);
  vmcs_write(GUEST_IA32_SYSENTER_CS, 0);
  vmcs_write(GUEST_IA32_SYSENTER_ESP, 0);
  vmcs_write(GUEST_IA32_SYSENTER_EIP, 0);
}

void vmcs_skip_instruction(void) {
  vmcs_write(GUEST_RIP, vmcs_read(GUEST_RIP) + vmcs_read(VM_EXIT_INSTRUCTION_LENGTH));
}
