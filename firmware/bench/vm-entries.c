// VM entries: the round trip of a hypervisor that emulates an instruction, and every kind of entry
// that fails.
#include "workload.h"

#include "vmx.h"

// vm-entry-loops.S
void vm_round_trips(uint64_t count);
void vm_failing_entries(uint64_t count);
extern const char calling_guest[];

static struct vmx_region vmcs;
static uint8_t guest_stack[64] __attribute__((aligned(64)));

// A VMCS whose entry succeeds, and has once: it is launched.
bool prepare_round_trip(void) {
  static bool has_vmx;
  if (!has_vmx && !(has_vmx = vmx_enable()))
    return false;
  const struct vmx_controls controls = {.vm_exit = HOST_ADDRESS_SPACE_SIZE,
                                        .vm_entry = IA32E_MODE_GUEST};
  if (!vmcs_make_current(&vmcs) || !vmcs_write_controls(&controls))
    return false;
  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)calling_guest, (uint64_t)guest_stack + sizeof guest_stack);
  union guest_registers registers = {0};
  return check(vmlaunch(&registers) == VM_SUCCEED && vmcs_read(EXIT_REASON) == EXIT_VMCALL,
               "VMLAUNCH, and an exit by VMCALL");
}

static uint64_t outcome(void) {
  uint64_t current = vmptrst() != ~0ull;
  uint64_t checksum = fold(1, current);
  if (!current)
    return checksum;
  checksum = fold(checksum, vmcs_read(VM_INSTRUCTION_ERROR));
  checksum = fold(checksum, vmcs_read(EXIT_REASON));
  return fold(checksum, vmcs_read(EXIT_QUALIFICATION));
}

uint64_t run_round_trip(uint64_t iterations) {
  vmcs_write(GUEST_RIP, (uint64_t)calling_guest);
  vm_round_trips(iterations);
  return fold(outcome(), vmcs_read(GUEST_RIP) - (uint64_t)calling_guest);
}

uint64_t run_failing_entry(uint64_t iterations) {
  vm_failing_entries(iterations);
  return outcome();
}

static bool prepare_failing(enum vmcs_field field, uint64_t value) {
  if (!prepare_round_trip())
    return false;
  vmcs_write(field, value);
  return true;
}

// VMfailInvalid: VMCLEAR of the current VMCS leaves none.
bool prepare_fail_invalid(void) {
  return prepare_round_trip() && vmclear((uint64_t)&vmcs) == VM_SUCCEED;
}

// VMfailValid 5: VMRESUME of a VMCS that is not launched.
bool prepare_fail_launch_state(void) {
  return prepare_round_trip() && vmcs_make_current(&vmcs);
}

// VMfailValid 7
bool prepare_fail_controls(void) {
  return prepare_failing(CR3_TARGET_COUNT, 0x1000);
}

// VMfailValid 8
bool prepare_fail_host_state(void) {
  return prepare_failing(HOST_TR_SELECTOR, 0);
}

// Exit reason 33, failure code 0
bool prepare_fail_guest_state(void) {
  return prepare_failing(GUEST_RFLAGS, 0);
}

// Exit reason 33, failure code 4
bool prepare_fail_link_pointer(void) {
  return prepare_failing(VMCS_LINK_POINTER, 0x123);
}

// Exit reason 34: entry 2 has an address that WRMSR would refuse.
bool prepare_fail_msr_load(void) {
  static const struct {
    uint32_t index, reserved;
    uint64_t value;
  } entries[] __attribute__((aligned(16))) = {{IA32_KERNEL_GS_BASE, 0, 0x1000},
                                              {IA32_KERNEL_GS_BASE, 0, BIT(63)}};
  if (!prepare_failing(VM_ENTRY_MSR_LOAD_COUNT, 2))
    return false;
  vmcs_write(VM_ENTRY_MSR_LOAD_ADDRESS, (uint64_t)entries);
  return true;
}
