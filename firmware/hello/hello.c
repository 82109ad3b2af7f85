// hello: the smallest hypervisor.
//
// VT-x splits the processor's life in two. In *VMX root operation* the hypervisor runs; in *VMX
// non-root operation* its guest does, at full speed, until it does something that the hypervisor
// has asked to hear of. The way in is a VM entry, the way back a VM exit, and all that the
// processor needs to know for both is in one page of memory, the *VMCS*. This program goes round
// once:
//
//   1. VMXON puts the processor into VMX operation.
//   2. VMCLEAR and VMPTRLD make a VMCS current. VMWRITE then fills in its three parts: controls
//      (what causes VM exits), host state (what an exit loads), guest state (what an entry loads).
//   3. VMLAUNCH enters the guest. The guest's one instruction of interest is VMCALL, which always
//      exits.
//   4. The hypervisor reads from the VMCS why it runs again, and leaves VMX operation by VMXOFF.
#include "console.h"
#include "vmx.h"

const char program_name[] = "hello";

enum { GREETING = 0x2a };

// The guest. It shares our page tables and segments, needs no stack, and says one word.
__attribute__((naked)) static void guest(void) {
  __asm__("addl $1, %eax\n\t"
          "vmcall\n\t"
          "hlt");
}

void main(void) {
  static struct vmx_region vmcs;

  print("hello: the smallest hypervisor\n");
  if (!vmx_enable() || !vmcs_make_current(&vmcs))
    return;

  const struct vmx_controls controls = {
      .vm_exit = HOST_ADDRESS_SPACE_SIZE, // the host is 64-bit
      .vm_entry = IA32E_MODE_GUEST,       // and so is the guest
  };
  if (!vmcs_write_controls(&controls))
    return;
  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)guest, 0);

  print("Entering the guest with RAX = 0x%x\n", GREETING);
  union guest_registers registers = {.rax = GREETING};
  enum vmx_result result = vmlaunch(&registers);
  if (!check(result == VM_SUCCEED, "VMLAUNCH: %s", vmx_result_name(result))) {
    if (result == VM_FAIL_VALID)
      print("VM-instruction error %lu\n", vmcs_read(VM_INSTRUCTION_ERROR));
    return;
  }

  print("Back in VMX root operation\n");
  check_equal("exit reason (18 is VMCALL)", vmcs_read(EXIT_REASON), EXIT_VMCALL);
  check_equal("exit qualification", vmcs_read(EXIT_QUALIFICATION), 0);
  check_equal("length of the guest's VMCALL", vmcs_read(VM_EXIT_INSTRUCTION_LENGTH), 3);
  check_equal("the guest's RAX", registers.rax, GREETING + 1);

  result = vmxoff();
  check(result == VM_SUCCEED, "VMXOFF: %s", vmx_result_name(result));
}
