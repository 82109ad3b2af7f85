// virtual-interrupts: a guest with a local APIC of its own.
//
// A guest that takes interrupts reads and writes its local APIC all the time: task priority, end of
// interrupt, interrupt command. To emulate each access is two or three VM exits an interrupt. With
// APIC virtualization there are none. The processor works on the *virtual-APIC page*, a page that
// looks like an APIC's registers, and on the guest interrupt status in the VMCS: RVI, the highest
// vector requested, and SVI, the highest in service. The hypervisor requests an interrupt by a bit in
// the page and a number in RVI; when the guest's priorities and RFLAGS.IF let it through, the processor
// delivers it by itself, and the guest's write to its EOI register makes way for the next.
//
// The guest reaches its APIC at the usual address, which its page tables map to the *APIC-access page*:
// a page that nobody ever reads or writes. It is only there to be recognized.
//
// guest() and main() below are two halves of one script: every report() of the guest is a VMCALL that
// ends one step of main().
#include "console.h"
#include "vmx.h"

const char program_name[] = "virtual-interrupts";

// Offsets of registers in the APIC's page
enum {
  APIC = 0xfee00000,
  TASK_PRIORITY = 0x080,
  END_OF_INTERRUPT = 0x0b0,
  IN_SERVICE = 0x100,
  REQUESTED = 0x200,
  INTERRUPT_COMMAND = 0x300,
  LVT_TIMER = 0x320,
  CURRENT_COUNT = 0x390,
};
enum { COMMAND_SELF = 1 << 18 | 1 << 14 };

// The upper half of a vector is its priority class.
enum {
  VECTOR_REQUESTED = 0x51, // by the hypervisor
  VECTOR_SELF = 0x52,      // by the guest
  VECTOR_WATCHED = 0x61,   // whose end the hypervisor wants to know
  VECTOR_POSTED = 0x71,    // while the guest runs
  NOTIFICATION = 0xf2,     // a real interrupt: "look at the descriptor"
};
enum { SPURIOUS_INTERRUPT_VECTOR = 0x0f0, APIC_ENABLED = 0x1ff };
enum { TIMER_COUNT = 0x1234, TIMER_ENTRY = 0x10040 };

#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint8_t virtual_apic[PAGE_SIZE], apic_access[PAGE_SIZE], guest_stack[PAGE_SIZE];
PAGE static uint64_t guest_pml4[512], guest_pdpt[512], guest_directory[512], guest_table[512];
// Posted-interrupt descriptor: 256 requests, then the outstanding-notification bit.
static volatile uint64_t descriptor[8] __attribute__((aligned(64)));
static struct gate guest_idt[256];
static struct vmx_region vmcs;
static union guest_registers registers;

static volatile unsigned interrupts; // how many the guest has taken, and which was the last
static volatile unsigned last_vector;

// ---- In VMX non-root operation ----

static void report(uint64_t value) {
  __asm__ volatile("vmcall" : : "a"(value) : "memory");
}

// In EAX, so that the hypervisor knows where an answer has to go.
static uint32_t apic_read(uint64_t offset) {
  uint32_t value;
  __asm__ volatile("movl (%1), %0" : "=a"(value) : "r"(APIC + offset) : "memory");
  return value;
}
static void apic_write(uint64_t offset, uint32_t value) {
  __asm__ volatile("movl %0, (%1)" : : "a"(value), "r"(APIC + offset) : "memory");
}

struct interrupt_frame;
#define HANDLER(name, vector)                                                                      \
  __attribute__((interrupt)) static void name(struct interrupt_frame *frame) {                     \
    (void)frame;                                                                                   \
    interrupts++;                                                                                  \
    last_vector = vector;                                                                          \
    apic_write(END_OF_INTERRUPT, 0);                                                               \
  }
HANDLER(handle_requested, VECTOR_REQUESTED)
HANDLER(handle_self, VECTOR_SELF)
HANDLER(handle_watched, VECTOR_WATCHED)
HANDLER(handle_posted, VECTOR_POSTED)

static void guest(void) {
  apic_write(TASK_PRIORITY, 0x20);
  report(apic_read(TASK_PRIORITY));

  // An interrupt has been requested; STI lets it through after one more instruction.
  __asm__ volatile("sti\n\tnop" ::: "memory");
  report(interrupts);

  apic_write(INTERRUPT_COMMAND, COMMAND_SELF | VECTOR_SELF);
  report(interrupts);

  apic_write(TASK_PRIORITY, 0x50);
  apic_write(INTERRUPT_COMMAND, COMMAND_SELF | VECTOR_SELF);
  report(interrupts); // not yet
  apic_write(TASK_PRIORITY, 0);
  report(interrupts);

  report(apic_read(CURRENT_COUNT)); // an APIC-access VM exit comes first
  apic_write(LVT_TIMER, TIMER_ENTRY); // and an APIC-write VM exit after
  report(0);

  apic_write(INTERRUPT_COMMAND, COMMAND_SELF | VECTOR_WATCHED);
  report(interrupts);

  for (;;)
    report(interrupts); // one has been posted
}

// ---- In VMX root operation ----

// The guest has our page tables, but for the page of the APIC. The manual guarantees virtualization
// only for 4-KByte pages, so that its 2 MiB become 512 of them.
static uint64_t make_guest_tables(void) {
  enum { PRESENT_WRITABLE = 3, ADDRESS = ~0xfff, PDPT_INDEX = 3, DIRECTORY_INDEX = 0x1f7 };
  const uint64_t *pml4 = (const uint64_t *)read_cr3();
  const uint64_t *pdpt = (const uint64_t *)(pml4[0] & ADDRESS);
  memcpy(guest_pml4, pml4, PAGE_SIZE);
  memcpy(guest_pdpt, pdpt, PAGE_SIZE);
  memcpy(guest_directory, (const void *)(pdpt[PDPT_INDEX] & ADDRESS), PAGE_SIZE);
  guest_pml4[0] = (uint64_t)guest_pdpt | PRESENT_WRITABLE;
  guest_pdpt[PDPT_INDEX] = (uint64_t)guest_directory | PRESENT_WRITABLE;
  guest_directory[DIRECTORY_INDEX] = (uint64_t)guest_table | PRESENT_WRITABLE;
  guest_table[0] = (uint64_t)apic_access | PRESENT_WRITABLE;
  return (uint64_t)guest_pml4;
}

static volatile uint32_t *virtual_register(unsigned offset) {
  return (volatile uint32_t *)&virtual_apic[offset];
}

// Requests a virtual interrupt of a guest that does not run: its bit, and the highest as RVI.
static void request(unsigned vector) {
  *virtual_register(REQUESTED + vector / 32 * 16) |= 1u << vector % 32;
  uint64_t status = vmcs_read(GUEST_INTERRUPT_STATUS);
  if (vector > (status & 0xff))
    vmcs_write(GUEST_INTERRUPT_STATUS, (status & 0xff00) | vector);
}

// Enters the guest and checks why it came back.
static void run_until(const char *what, uint64_t reason) {
  static bool launched;
  enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
  if (result != VM_SUCCEED) {
    check(false, "VM entry: %s, VM-instruction error %lu", vmx_result_name(result),
          vmcs_read(VM_INSTRUCTION_ERROR));
    finish();
  }
  launched = true;
  check_equal(what, vmcs_read(EXIT_REASON), reason);
}

// The guest's next report, with no VM exit before it.
static void expect_report(const char *what, uint64_t value) {
  run_until("VMCALL, and no VM exit before", EXIT_VMCALL);
  check_equal(what, registers.rax, value);
  vmcs_skip_instruction();
}

static bool set_up(bool posts) {
  const struct vmx_controls controls = {
      .pin_based = EXTERNAL_INTERRUPT_EXITING | (posts ? PROCESS_POSTED_INTERRUPTS : 0),
      .primary = USE_TPR_SHADOW,
      .secondary =
          VIRTUALIZE_APIC_ACCESSES | APIC_REGISTER_VIRTUALIZATION | VIRTUAL_INTERRUPT_DELIVERY,
      .vm_exit = HOST_ADDRESS_SPACE_SIZE | ACKNOWLEDGE_INTERRUPT_ON_EXIT,
      .vm_entry = IA32E_MODE_GUEST,
  };
  if (!vmcs_write_controls(&controls))
    return false;
  vmcs_write(VIRTUAL_APIC_ADDRESS, (uint64_t)virtual_apic);
  vmcs_write(APIC_ACCESS_ADDRESS, (uint64_t)apic_access);
  vmcs_write(TPR_THRESHOLD, 0);
  vmcs_write(GUEST_INTERRUPT_STATUS, 0);
  for (unsigned i = 0; i < 4; i++)
    vmcs_write(EOI_EXIT_BITMAP_0 + 2 * i, 0);
  vmcs_write(EOI_EXIT_BITMAP_0 + 2 * (VECTOR_WATCHED / 64), BIT(VECTOR_WATCHED % 64));
  if (posts) {
    vmcs_write(POSTED_INTERRUPT_NOTIFICATION_VECTOR, NOTIFICATION);
    vmcs_write(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, (uint64_t)descriptor);
  }

  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)guest, (uint64_t)(guest_stack + sizeof guest_stack - 8));
  vmcs_write(GUEST_CR3, make_guest_tables());
  guest_idt[VECTOR_REQUESTED] = interrupt_gate((uint64_t)handle_requested);
  guest_idt[VECTOR_SELF] = interrupt_gate((uint64_t)handle_self);
  guest_idt[VECTOR_WATCHED] = interrupt_gate((uint64_t)handle_watched);
  guest_idt[VECTOR_POSTED] = interrupt_gate((uint64_t)handle_posted);
  vmcs_write(GUEST_IDTR_BASE, (uint64_t)guest_idt);
  vmcs_write(GUEST_IDTR_LIMIT, sizeof guest_idt - 1);
  return true;
}

void main(void) {
  print("virtual-interrupts: a guest with a local APIC of its own\n");
  // Interrupts of the real timer would be VM exits.
  out8(0x21, 0xff);
  out8(0xa1, 0xff);
  if (!vmx_enable() || !vmcs_make_current(&vmcs))
    return;
  bool posts = vmx_offers(&(struct vmx_controls){.pin_based = PROCESS_POSTED_INTERRUPTS});
  if (!set_up(posts))
    return;

  print("The guest sets its task priority\n");
  expect_report("what it reads back", 0x20);
  check_equal("the register on the virtual-APIC page", *virtual_register(TASK_PRIORITY), 0x20);

  print("An interrupt is requested\n");
  request(VECTOR_REQUESTED);
  expect_report("interrupts that the guest has taken", 1);
  check_equal("the last vector", last_vector, VECTOR_REQUESTED);
  check_equal("guest interrupt status", vmcs_read(GUEST_INTERRUPT_STATUS), 0);

  print("The guest interrupts itself\n");
  expect_report("interrupts that the guest has taken", 2);
  check_equal("the last vector", last_vector, VECTOR_SELF);

  print("Its task priority is as high as the interrupt's class\n");
  expect_report("interrupts that the guest has taken", 2);
  check_equal("guest interrupt status: RVI waits", vmcs_read(GUEST_INTERRUPT_STATUS), VECTOR_SELF);
  expect_report("and after it has lowered the priority", 3);

  print("A register that the processor does not virtualize\n");
  run_until("APIC-access VM exit", EXIT_APIC_ACCESS);
  check_equal("exit qualification: a read, and its offset", vmcs_read(EXIT_QUALIFICATION),
              CURRENT_COUNT);
  registers.rax = TIMER_COUNT;
  vmcs_skip_instruction();
  expect_report("what the guest read", TIMER_COUNT);

  print("A write that the hypervisor has to complete\n");
  run_until("APIC-write VM exit", EXIT_APIC_WRITE);
  check_equal("exit qualification: the offset", vmcs_read(EXIT_QUALIFICATION), LVT_TIMER);
  check_equal("the register is written already", *virtual_register(LVT_TIMER), TIMER_ENTRY);
  expect_report("the guest goes on after its write", 0);

  print("An interrupt whose end matters, such as a level-triggered one\n");
  run_until("virtualized EOI", EXIT_VIRTUALIZED_EOI);
  check_equal("exit qualification: the vector", vmcs_read(EXIT_QUALIFICATION), VECTOR_WATCHED);
  expect_report("interrupts that the guest has taken", 4);

  if (!posts) {
    print("This processor has no posted interrupts\n");
  } else {
    // Another processor would do this while the guest runs; here the interrupt waits for the entry.
    print("An interrupt is posted\n");
    volatile uint32_t *local_apic = (volatile uint32_t *)APIC;
    local_apic[SPURIOUS_INTERRUPT_VECTOR / 4] = APIC_ENABLED;
    descriptor[VECTOR_POSTED / 64] |= BIT(VECTOR_POSTED % 64);
    descriptor[4] |= 1; // outstanding notification
    local_apic[INTERRUPT_COMMAND / 4] = COMMAND_SELF | NOTIFICATION;
    expect_report("interrupts that the guest has taken", 5);
    check_equal("the last vector", last_vector, VECTOR_POSTED);
    check_equal("requests left in the descriptor", descriptor[VECTOR_POSTED / 64], 0);
    check_equal("notification bit", descriptor[4], 0);
  }

  enum vmx_result result = vmxoff();
  check(result == VM_SUCCEED, "VMXOFF: %s", vmx_result_name(result));
}
