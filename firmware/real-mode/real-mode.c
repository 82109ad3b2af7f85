// real-mode: a 16-bit guest that prints through I/O exits.
//
// The first processors with VT-x could only enter a guest with protection and paging on, and a
// hypervisor had to interpret the code that a PC begins with. "Unrestricted guest" lifts this:
// CR0.PE and CR0.PG may be 0, as long as EPT is on to keep the guest's addresses apart from the
// host's.
//
// The guest (guest.S) has 64 KiB of memory, from address 0 on: its interrupt vector table, its code
// and its stack. It owns no device. Every IN and OUT exits, and the hypervisor plays COM1: that the
// line status is always "ready" and that what is sent appears on the real console is all the guest
// ever sees of it.
#include "console.h"
#include "ept.h"

const char program_name[] = "real-mode";

// guest.S
extern const uint8_t guest_code[], guest_code_end[];

enum {
  GUEST_SEGMENT = 0x0100, // as in guest.S
  GUEST_MEMORY_SIZE = 0x10000,
  GUEST_STACK = 0x8000,
};
static _Alignas(PAGE_SIZE) uint8_t guest_memory[GUEST_MEMORY_SIZE];

static struct vmx_region vmcs;
static union guest_registers registers;

static unsigned in_exits, out_exits, string_exits, bytes_sent;

static void com1_send(uint64_t byte) {
  print_guest_character((char)byte);
  bytes_sent++;
}

// REP OUTSB: the guest-linear-address field is where the string starts. Without paging that is the
// guest-physical address, and that is an offset in guest_memory.
static bool send_string(void) {
  uint64_t address = vmcs_read(GUEST_LINEAR_ADDRESS), count = registers.rcx & 0xffff;
  if (address + count > GUEST_MEMORY_SIZE)
    return false;
  for (uint64_t i = 0; i < count; i++)
    com1_send(guest_memory[address + i]);
  registers.rsi = (registers.rsi & ~0xffffull) | ((registers.rsi + count) & 0xffff);
  registers.rcx &= ~0xffffull;
  return true;
}

static bool emulate_io(void) {
  uint64_t qualification = vmcs_read(EXIT_QUALIFICATION);
  uint16_t port = (uint16_t)(qualification >> 16);

  if ((qualification & IO_SIZE) != 0)
    return false;
  switch (qualification & (IO_IN | IO_STRING | IO_REP)) {
  case IO_IN:
    in_exits++;
    registers.rax &= ~0xffull;
    registers.rax |=
        port == COM1_LINE_STATUS ? LINE_STATUS_THR_EMPTY | LINE_STATUS_TRANSMITTER_EMPTY : 0xff;
    return true;
  case 0:
    out_exits++;
    if (port == COM1_DATA)
      com1_send(registers.rax & 0xff);
    return true;
  case IO_STRING | IO_REP:
    string_exits++;
    return port == COM1_DATA && send_string();
  default:
    return false;
  }
}

// "VMXLab guest", in the order in which CPUID hands out a name. The upper halves of the registers
// become 0, as after a real CPUID.
static void emulate_cpuid(void) {
  static const char name[] = "VMXLab guest";
  uint32_t part[3];
  memcpy(part, name, sizeof part);
  registers.rax = 0;
  registers.rbx = part[0];
  registers.rdx = part[1];
  registers.rcx = part[2];
}

static void write_real_mode_state(void) {
  // CR0 and CR4 keep what VMX operation fixes, except for PE and PG.
  vmcs_write(GUEST_CR0, (rdmsr(IA32_VMX_CR0_FIXED0) & ~(uint64_t)(CR0_PE | CR0_PG)) | CR0_ET);
  vmcs_write(GUEST_CR4, rdmsr(IA32_VMX_CR4_FIXED0));
  vmcs_write(GUEST_CR3, 0);

  // In real mode a base is 16 times the selector, and the limit 64 KiB.
  vmcs_write_guest_segment(CS, GUEST_SEGMENT, GUEST_SEGMENT * 16, 0xffff,
                           ACCESS_RIGHTS_REAL_MODE_CODE);
  for (enum segment segment = ES; segment <= GS; segment++)
    if (segment != CS)
      vmcs_write_guest_segment(segment, 0, 0, 0xffff, ACCESS_RIGHTS_REAL_MODE_DATA);
  vmcs_write_guest_segment(LDTR, 0, 0, 0xffff, ACCESS_RIGHTS_LDT);
  vmcs_write_guest_segment(TR, 0, 0, 0xffff, ACCESS_RIGHTS_BUSY_TSS);
  vmcs_write(GUEST_GDTR_BASE, 0);
  vmcs_write(GUEST_GDTR_LIMIT, 0xffff);
  vmcs_write(GUEST_IDTR_BASE, 0);
  vmcs_write(GUEST_IDTR_LIMIT, 0x3ff);
}

static bool prepare(struct vmx_controls *controls) {
  if (!vmx_enable() || !ept_available() || !vmcs_make_current(&vmcs) ||
      !vmcs_write_controls(controls))
    return false;
  vmcs_write_host_state();
  vmcs_write_guest_state(0, GUEST_STACK);
  write_real_mode_state();

  memcpy(guest_memory + GUEST_SEGMENT * 16, guest_code, (size_t)(guest_code_end - guest_code));
  for (unsigned offset = 0; offset < GUEST_MEMORY_SIZE; offset += PAGE_SIZE)
    ept_map(offset, (uint64_t)guest_memory + offset, EPT_ALL);
  vmcs_write(EPT_POINTER, ept_pointer());
  return true;
}

static void run(void) {
  for (bool launched = false;; launched = true) {
    enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
    if (result != VM_SUCCEED) {
      check(false, "VM entry: %s", vmx_result_name(result));
      return;
    }
    bool emulated = true;
    switch (vmcs_read(EXIT_REASON)) {
    case EXIT_IO_INSTRUCTION:
      emulated = emulate_io();
      break;
    case EXIT_CPUID:
      emulate_cpuid();
      break;
    case EXIT_HLT:
      return;
    default:
      emulated = false;
    }
    if (!emulated) {
      check(false, "exit reason 0x%lx, qualification 0x%lx, RIP 0x%lx", vmcs_read(EXIT_REASON),
            vmcs_read(EXIT_QUALIFICATION), vmcs_read(GUEST_RIP));
      return;
    }
    vmcs_skip_instruction();
  }
}

void main(void) {
  struct vmx_controls controls = {
      .primary = HLT_EXITING | UNCONDITIONAL_IO_EXITING,
      .secondary = ENABLE_EPT | UNRESTRICTED_GUEST,
      .vm_exit = HOST_ADDRESS_SPACE_SIZE,
      .vm_entry = 0, // not an IA-32e mode guest
  };

  print("real-mode: a 16-bit guest that prints through I/O exits\n");
  if (!prepare(&controls))
    return;

  print("Without \"unrestricted guest\", CR0.PE = 0 is not a guest state\n");
  controls.secondary = ENABLE_EPT;
  vmcs_write_controls(&controls);
  enum vmx_result result = vmlaunch(&registers);
  check(result == VM_SUCCEED, "VMLAUNCH: back at HOST_RIP");
  check_equal("exit reason", vmcs_read(EXIT_REASON), VM_ENTRY_FAILURE | EXIT_INVALID_GUEST_STATE);

  print("With it, the guest runs\n");
  controls.secondary = ENABLE_EPT | UNRESTRICTED_GUEST;
  vmcs_write_controls(&controls);
  run();
  check_equal("exit reason (HLT)", vmcs_read(EXIT_REASON), EXIT_HLT);
  check_equal("the guest's CS", vmcs_read(GUEST_CS_SELECTOR), GUEST_SEGMENT);
  check(!(vmcs_read(GUEST_CR0) & CR0_PE), "the guest is still in real mode");
  check(string_exits == 1 && out_exits == in_exits, "%u bytes: %u OUT, %u IN, %u REP OUTSB",
        bytes_sent, out_exits, in_exits, string_exits);
}
