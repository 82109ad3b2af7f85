// kernel: a hypervisor for a guest that is a small kernel of its own.
//
// This is the shape of a real hypervisor: a loop that enters the guest, asks why it came back, does
// on its behalf what it tried to do, and enters again. What the guest (guest.c) shows:
//
//   - *Emulated instructions.* CPUID always exits. The I/O and MSR bitmaps choose, port by port and
//     MSR by MSR, what exits; a clear bit leaves the guest alone with the real thing. What does not
//     exist for the guest ends in #GP, which the next VM entry injects.
//   - *The timer belongs to the hypervisor.* With "external-interrupt exiting" an interrupt of the
//     real 8254 is a VM exit, whatever the guest's RFLAGS.IF, even out of HLT. With "acknowledge
//     interrupt on exit" the exit also tells its vector.
//   - *The guest gets a timer of its own* by injection, and only when it could have taken an
//     interrupt. If it cannot, "interrupt-window exiting" causes a VM exit as soon as it can.
//
// There is no EPT here, so the guest's page tables hold true physical addresses and it could reach
// all of ours. The ept sample keeps a guest in.
#include "console.h"
#include "guest.h"
#include "vmx.h"

const char program_name[] = "kernel";

// The 8259 pair and the 8254
enum {
  PIC_MASTER_COMMAND = 0x20,
  PIC_MASTER_DATA = 0x21,
  PIC_SLAVE_COMMAND = 0xa0,
  PIC_SLAVE_DATA = 0xa1,
  PIC_INITIALIZE = 0x11, // edge-triggered, cascaded, a fourth word follows
  PIC_8086_MODE = 0x01,
  PIC_END_OF_INTERRUPT = 0x20,
  PIC_VECTORS = 0x20, // the vector of IRQ 0, which is the timer's
  PIC_ONLY_IRQ_0 = 0xfe,
  PIC_NONE = 0xff,

  PIT_CHANNEL_0 = 0x40,
  PIT_CONTROL = 0x43,
  PIT_CHANNEL_0_RATE = 0x34, // low byte then high byte, mode 2
  PIT_DIVISOR = 1193,        // of 1193182 Hz: about 1 ms
};

enum { VECTOR_GP = 13 };

static struct vmx_region vmcs;
static union guest_registers registers;
static uint32_t primary_controls; // without interrupt-window exiting

// One bit for a port, or for an MSR; 1 means that there is a VM exit.
#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint8_t io_bitmap_a[PAGE_SIZE], io_bitmap_b[PAGE_SIZE], msr_bitmap[PAGE_SIZE];
enum { MSR_BITMAP_READ_HIGH = 1024 }; // RDMSR of 0xc0000000 and what follows

static bool tick_pending;
static uint64_t scratch;
static unsigned cr3_exits, cpuid_exits, wrmsr_exits, injected_faults, injected_ticks, windows,
    foreign_interrupts, passed_port_exits, efer_exits;

static void set_up_timer(void) {
  out8(PIC_MASTER_COMMAND, PIC_INITIALIZE);
  out8(PIC_SLAVE_COMMAND, PIC_INITIALIZE);
  out8(PIC_MASTER_DATA, PIC_VECTORS);
  out8(PIC_SLAVE_DATA, PIC_VECTORS + 8);
  out8(PIC_MASTER_DATA, 1 << 2); // the slave is at IRQ 2
  out8(PIC_SLAVE_DATA, 2);
  out8(PIC_MASTER_DATA, PIC_8086_MODE);
  out8(PIC_SLAVE_DATA, PIC_8086_MODE);
  out8(PIC_MASTER_DATA, PIC_ONLY_IRQ_0);
  out8(PIC_SLAVE_DATA, PIC_NONE);

  out8(PIT_CONTROL, PIT_CHANNEL_0_RATE);
  out8(PIT_CHANNEL_0, PIT_DIVISOR & 0xff);
  out8(PIT_CHANNEL_0, PIT_DIVISOR >> 8);
}

// ---- What the guest tried to do ----

static void inject_general_protection(void) {
  injected_faults++;
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, INTERRUPTION_VALID |
                                                    INTERRUPTION_HARDWARE_EXCEPTION |
                                                    INTERRUPTION_DELIVER_ERROR_CODE | VECTOR_GP);
  vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, 0);
}

static void emulate_cpuid(void) {
  struct cpuid answer;
  uint32_t leaf = (uint32_t)registers.rax;
  cpuid_exits++;
  if (leaf == CPUID_HYPERVISOR_LEAF) {
    uint32_t name[3];
    memcpy(name, HYPERVISOR_SIGNATURE, sizeof name);
    answer = (struct cpuid){CPUID_HYPERVISOR_LEAF, name[0], name[1], name[2]};
  } else {
    answer = cpuid(leaf, (uint32_t)registers.rcx);
    if (leaf == 1) {
      answer.ecx &= ~(uint32_t)CPUID_1_ECX_VMX;
      answer.ecx |= CPUID_1_ECX_HYPERVISOR;
    }
  }
  registers.rax = answer.eax;
  registers.rbx = answer.ebx;
  registers.rcx = answer.ecx;
  registers.rdx = answer.edx;
  vmcs_skip_instruction();
}

static void emulate_rdmsr(void) {
  uint64_t value = 0;
  switch ((uint32_t)registers.rcx) {
  case MSR_GUEST_VERSION:
    value = GUEST_VERSION;
    break;
  case MSR_GUEST_SCRATCH:
    value = scratch;
    break;
  case MSR_GUEST_TICK_PENDING:
    value = tick_pending;
    break;
  case IA32_EFER:
    efer_exits++;
    break;
  default: // A fault: RIP stays at the instruction.
    inject_general_protection();
    return;
  }
  registers.rax = (uint32_t)value;
  registers.rdx = value >> 32;
  vmcs_skip_instruction();
}

static void emulate_wrmsr(void) {
  wrmsr_exits++;
  if ((uint32_t)registers.rcx != MSR_GUEST_SCRATCH) {
    inject_general_protection();
    return;
  }
  scratch = registers.rdx << 32 | (uint32_t)registers.rax;
  vmcs_skip_instruction();
}

// A COM1 that is always ready, and nothing at any other port.
static bool emulate_io(void) {
  uint64_t qualification = vmcs_read(EXIT_QUALIFICATION);
  uint16_t port = (uint16_t)(qualification >> 16);
  if (qualification & (IO_SIZE | IO_STRING))
    return false;
  if (port == PASSED_PORT)
    passed_port_exits++;
  if (qualification & IO_IN) {
    registers.rax &= ~0xffull;
    registers.rax |=
        port == COM1_LINE_STATUS ? LINE_STATUS_THR_EMPTY | LINE_STATUS_TRANSMITTER_EMPTY : 0xff;
  } else if (port == COM1_DATA) {
    print_guest_character((char)registers.rax);
  }
  vmcs_skip_instruction();
  return true;
}

// MOV to CR3, and MOV from CR3 on the oldest processors, where it always exits. This guest has no
// VPID, so the next VM entry drops what the TLB holds of the old page tables.
static bool emulate_control_register(void) {
  uint64_t qualification = vmcs_read(EXIT_QUALIFICATION);
  uint64_t *operand = &registers.by_number[qualification >> 8 & 15];
  switch (qualification & (CONTROL_REGISTER_NUMBER | CONTROL_REGISTER_ACCESS_TYPE)) {
  case 3 | CONTROL_REGISTER_WRITE:
    cr3_exits++;
    vmcs_write(GUEST_CR3, *operand);
    break;
  case 3 | CONTROL_REGISTER_READ:
    *operand = vmcs_read(GUEST_CR3);
    break;
  default:
    return false;
  }
  vmcs_skip_instruction();
  return true;
}

// The exit has taken the interrupt off the PIC; we end it, and owe the guest one.
static void take_external_interrupt(void) {
  uint64_t information = vmcs_read(VM_EXIT_INTERRUPTION_INFORMATION);
  if (information != (INTERRUPTION_VALID | INTERRUPTION_EXTERNAL_INTERRUPT | PIC_VECTORS)) {
    foreign_interrupts++;
    return;
  }
  out8(PIC_MASTER_COMMAND, PIC_END_OF_INTERRUPT);
  tick_pending = true;
}

// Before a VM entry: inject the tick if the guest could take an interrupt now, or else ask for a VM
// exit when it can. An exception that waits for injection goes first.
static void deliver_tick(void) {
  bool busy = vmcs_read(VM_ENTRY_INTERRUPTION_INFORMATION) & INTERRUPTION_VALID;
  bool blocked = !(vmcs_read(GUEST_RFLAGS) & RFLAGS_IF) ||
                 (vmcs_read(GUEST_INTERRUPTIBILITY_STATE) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
  if (tick_pending && !busy && !blocked) {
    vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION,
               INTERRUPTION_VALID | INTERRUPTION_EXTERNAL_INTERRUPT | TIMER_VECTOR);
    tick_pending = false;
    injected_ticks++;
  }
  vmcs_write(PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS,
             primary_controls | (tick_pending ? INTERRUPT_WINDOW_EXITING : 0));
}

// False if the hypervisor does not know what to do.
static bool handle_exit(void) {
  switch (vmcs_read(EXIT_REASON)) {
  case EXIT_EXTERNAL_INTERRUPT:
    take_external_interrupt();
    return true;
  case EXIT_INTERRUPT_WINDOW:
    windows++;
    return true;
  case EXIT_CPUID:
    emulate_cpuid();
    return true;
  case EXIT_RDMSR:
    emulate_rdmsr();
    return true;
  case EXIT_WRMSR:
    emulate_wrmsr();
    return true;
  case EXIT_IO_INSTRUCTION:
    return emulate_io();
  case EXIT_CONTROL_REGISTER_ACCESS:
    return emulate_control_register();
  default:
    return false;
  }
}

// Runs the guest until it calls; VMCALL is how this one powers off.
static void run(void) {
  for (bool launched = false;; launched = true) {
    deliver_tick();
    enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
    if (result != VM_SUCCEED) {
      check(false, "VM entry: %s", vmx_result_name(result));
      return;
    }
    if (vmcs_read(EXIT_REASON) == EXIT_VMCALL)
      return;
    if (!handle_exit()) {
      check(false, "exit reason 0x%lx, qualification 0x%lx, RIP 0x%lx", vmcs_read(EXIT_REASON),
            vmcs_read(EXIT_QUALIFICATION), vmcs_read(GUEST_RIP));
      return;
    }
  }
}

static bool prepare(void) {
  if (!vmx_enable() || !vmcs_make_current(&vmcs))
    return false;
  const struct vmx_controls controls = {
      .pin_based = EXTERNAL_INTERRUPT_EXITING,
      .primary = USE_IO_BITMAPS | USE_MSR_BITMAPS | CR3_LOAD_EXITING | INTERRUPT_WINDOW_EXITING,
      .vm_exit = HOST_ADDRESS_SPACE_SIZE | ACKNOWLEDGE_INTERRUPT_ON_EXIT,
      .vm_entry = IA32E_MODE_GUEST,
  };
  if (!vmcs_write_controls(&controls))
    return false;
  primary_controls = (uint32_t)vmcs_read(PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS) &
                     ~(uint32_t)INTERRUPT_WINDOW_EXITING;

  // Everything exits but one port and the reading of one MSR.
  memset(io_bitmap_a, 0xff, sizeof io_bitmap_a);
  memset(io_bitmap_b, 0xff, sizeof io_bitmap_b);
  memset(msr_bitmap, 0xff, sizeof msr_bitmap);
  io_bitmap_a[PASSED_PORT / 8] &= (uint8_t)~BIT(PASSED_PORT % 8);
  msr_bitmap[MSR_BITMAP_READ_HIGH + (IA32_EFER & 0x1fff) / 8] &= (uint8_t)~BIT(IA32_EFER % 8);
  vmcs_write(ADDRESS_OF_IO_BITMAP_A, (uint64_t)io_bitmap_a);
  vmcs_write(ADDRESS_OF_IO_BITMAP_B, (uint64_t)io_bitmap_b);
  vmcs_write(ADDRESS_OF_MSR_BITMAPS, (uint64_t)msr_bitmap);

  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)guest_main, (uint64_t)guest_stack_top);
  vmcs_write(GUEST_IDTR_LIMIT, 0); // the guest is to bring its own
  return true;
}

void main(void) {
  print("kernel: a guest with paging, interrupts and devices\n");
  if (!prepare())
    return;
  set_up_timer();
  run();
  out8(PIC_MASTER_DATA, PIC_NONE);

  print("Back in VMX root operation\n");
  check_equal("exit reason (VMCALL)", vmcs_read(EXIT_REASON), EXIT_VMCALL);
  check(registers.rax == injected_ticks && injected_ticks >= TICKS,
        "the guest counted the ticks that were injected, %u or more", TICKS);
  check(windows >= 1, "a tick that had to wait came in through an interrupt window");
  check(foreign_interrupts == 0, "every external interrupt was the timer's");
  check(cr3_exits == 1 && cpuid_exits == 2 && wrmsr_exits == 1 && injected_faults == 1,
        "exits: %u MOV to CR3, %u CPUID, %u WRMSR, %u fault injected", cr3_exits, cpuid_exits,
        wrmsr_exits, injected_faults);
  check(passed_port_exits == 0 && efer_exits == 0,
        "no exit where the bitmaps let the guest through");
}
