// ept: a guest whose memory is what the hypervisor says it is.
//
// With EPT, what the guest takes for physical addresses are *guest-physical* ones, and a second set
// of page tables, which only the hypervisor sees, translates them once more. Where those tables do
// not allow an access there is a VM exit, an *EPT violation*, and the hypervisor learns what was
// tried (exit qualification), where the guest thinks it is (guest-physical address, and the linear
// address behind it), and may mend the tables and let the guest try again. The guest never notices.
// All memory tricks of hypervisors are made of this: allocation on demand, sharing and copy on
// write, tracking, emulated devices.
//
// guest() and main() below are two halves of one script. Read them side by side: every line of
// guest() that touches memory is one or two exits in main(), in the same order.
#include "ept.h"
#include "console.h"

const char program_name[] = "ept";

// Guest-physical pages at 1 GiB, far from anything that the image occupies. The guest's own page
// tables map them at the same linear addresses.
enum {
  DEMAND_PAGE = 0x40000000, // nothing there until the guest writes
  SHARED_PAGE = 0x40001000, // read-only; a copy on the first write
  CODE_PAGE = 0x40002000,   // data until the guest jumps there
  TABLE_PAGE = 0x40003000,  // the guest's page table for UPPER_ADDRESS
  OFFSET = 0x18,
};
#define UPPER_ADDRESS 0x8000000000ull // the second entry of the guest's PML4

enum {
  WRITTEN_BY_GUEST = 0x1111,
  SHARED_VALUE = 0x2222,
  PRIVATE_VALUE = 0x3333,
  RETURNED_BY_CODE = 0x4444,
  BEHIND_TABLE = 0x5555,
};

// The physical pages behind them, and what belongs to the guest alone.
#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint64_t demand_page[512], shared_page[512], private_page[512], table_page[512];
PAGE static uint64_t guest_pml4[512];
PAGE static uint8_t guest_stack[2 * PAGE_SIZE];
PAGE static uint8_t code_page[PAGE_SIZE] = {
    0xb8, 0x44, 0x44, 0x00, 0x00, // mov eax, RETURNED_BY_CODE
    0xc3,                         // ret
};
static volatile uint64_t behind_table = BEHIND_TABLE;

static struct vmx_region vmcs;
static union guest_registers registers;

// ---- In VMX non-root operation ----

static void report(uint64_t value) {
  __asm__ volatile("vmcall" : : "a"(value) : "memory");
}

static volatile uint64_t *word_at(uint64_t address) {
  return (volatile uint64_t *)address;
}

static void guest(void) {
  *word_at(DEMAND_PAGE + OFFSET) = WRITTEN_BY_GUEST;
  report(*word_at(DEMAND_PAGE + OFFSET));

  report(*word_at(SHARED_PAGE));
  *word_at(SHARED_PAGE + OFFSET) = PRIVATE_VALUE;
  report(*word_at(SHARED_PAGE + OFFSET));

  report(((uint32_t (*)(void))CODE_PAGE)());

  report(*word_at(UPPER_ADDRESS + (uint64_t)&behind_table));

  report(*word_at(DEMAND_PAGE + OFFSET)); // the hypervisor has taken the page away...
  report(*word_at(DEMAND_PAGE + OFFSET)); // ...and then made its entry nonsense
  for (;;)
    report(0);
}

// ---- In VMX root operation ----

static void run(uint64_t expected_reason) {
  static bool launched;
  enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
  uint64_t reason = result == VM_SUCCEED ? vmcs_read(EXIT_REASON) : 0;
  if (result != VM_SUCCEED || reason != expected_reason) {
    check(false, "VM entry: %s, exit reason 0x%lx, expected 0x%lx", vmx_result_name(result), reason,
          expected_reason);
    print("qualification 0x%lx, guest-physical address 0x%lx\n", vmcs_read(EXIT_QUALIFICATION),
          vmcs_read(GUEST_PHYSICAL_ADDRESS));
    finish();
  }
  launched = true;
}

static void expect_violation(uint64_t linear, uint64_t guest_physical, uint64_t qualification) {
  run(EXIT_EPT_VIOLATION);
  check_equal("EPT violation: qualification", vmcs_read(EXIT_QUALIFICATION) & EPT_VIOLATION_BASIC,
              qualification | EPT_VIOLATION_LINEAR_VALID);
  check_equal("guest-physical address", vmcs_read(GUEST_PHYSICAL_ADDRESS), guest_physical);
  check(vmcs_read(GUEST_LINEAR_ADDRESS) == linear, "guest-linear address");
}

static void expect_report(const char *what, uint64_t value) {
  run(EXIT_VMCALL);
  check_equal(what, registers.rax, value);
  vmcs_skip_instruction();
}

static bool prepare(void) {
  if (!vmx_enable() || !ept_available() || !vmcs_make_current(&vmcs))
    return false;
  const struct vmx_controls controls = {
      .secondary = ENABLE_EPT,
      .vm_exit = HOST_ADDRESS_SPACE_SIZE,
      .vm_entry = IA32E_MODE_GUEST,
  };
  if (!vmcs_write_controls(&controls))
    return false;
  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)guest, (uint64_t)guest_stack + sizeof guest_stack - 8);

  // The guest's PML4 is ours and one entry more, which leads to a page that it cannot read yet.
  memcpy(guest_pml4, (const void *)read_cr3(), sizeof guest_pml4);
  guest_pml4[1] = TABLE_PAGE | 3;
  table_page[0] = *(const uint64_t *)(guest_pml4[0] & ~0xfffull);
  vmcs_write(GUEST_CR3, (uint64_t)guest_pml4);

  // The guest may touch the image, at the same addresses, and nothing else.
  ept_map_image();
  vmcs_write(EPT_POINTER, ept_pointer());
  return true;
}

void main(void) {
  print("ept: a guest whose memory is what the hypervisor says it is\n");
  if (!prepare())
    return;

  print("The guest writes to a page that is not mapped; it gets one\n");
  expect_violation(DEMAND_PAGE + OFFSET, DEMAND_PAGE + OFFSET,
                   EPT_VIOLATION_WRITE | EPT_VIOLATION_TRANSLATED);
  // An EPT violation has made the processor forget this translation: no INVEPT is needed here.
  ept_map(DEMAND_PAGE, (uint64_t)demand_page, EPT_READ_WRITE);
  expect_report("the guest reads back", WRITTEN_BY_GUEST);
  check_equal("the hypervisor sees it", demand_page[OFFSET / 8], WRITTEN_BY_GUEST);

  print("The guest reads a page that is mapped read-only\n");
  shared_page[0] = SHARED_VALUE;
  ept_map(SHARED_PAGE, (uint64_t)shared_page, EPT_READ);
  expect_report("the guest reads", SHARED_VALUE);

  print("The guest writes to it; it gets a copy of its own\n");
  expect_violation(SHARED_PAGE + OFFSET, SHARED_PAGE + OFFSET,
                   EPT_VIOLATION_WRITE | EPT_VIOLATION_READABLE | EPT_VIOLATION_TRANSLATED);
  memcpy(private_page, shared_page, sizeof private_page);
  ept_map(SHARED_PAGE, (uint64_t)private_page, EPT_READ_WRITE);
  expect_report("the guest reads back", PRIVATE_VALUE);
  check_equal("the copy", private_page[OFFSET / 8], PRIVATE_VALUE);
  check_equal("the original", shared_page[OFFSET / 8], 0);

  print("The guest jumps to a page that is not executable; it becomes so\n");
  ept_map(CODE_PAGE, (uint64_t)code_page, EPT_READ_WRITE);
  expect_violation(CODE_PAGE, CODE_PAGE,
                   EPT_VIOLATION_FETCH | EPT_VIOLATION_READABLE | EPT_VIOLATION_WRITABLE |
                       EPT_VIOLATION_TRANSLATED);
  ept_map(CODE_PAGE, (uint64_t)code_page, EPT_READ | EPT_EXECUTE);
  expect_report("the guest's call returns", RETURNED_BY_CODE);

  // Not the address that the guest used is missing, but a table on the way to it.
  print("A page table of the guest is not mapped\n");
  expect_violation(UPPER_ADDRESS + (uint64_t)&behind_table, TABLE_PAGE, EPT_VIOLATION_READ);
  ept_map(TABLE_PAGE, (uint64_t)table_page, EPT_READ_WRITE);
  expect_report("the guest reads", BEHIND_TABLE);

  print("The hypervisor takes a page away, with INVEPT, and gives it back\n");
  *ept_entry(DEMAND_PAGE) = 0;
  ept_invalidate();
  expect_violation(DEMAND_PAGE + OFFSET, DEMAND_PAGE + OFFSET,
                   EPT_VIOLATION_READ | EPT_VIOLATION_TRANSLATED);
  ept_map(DEMAND_PAGE, (uint64_t)demand_page, EPT_READ_WRITE);
  expect_report("the guest reads", WRITTEN_BY_GUEST);

  // An entry that allows writing without reading is one that no access may meet. This is reported
  // as a mistake of the hypervisor, with the address and without a qualification.
  print("The hypervisor writes an entry that allows writing only\n");
  ept_map(DEMAND_PAGE, (uint64_t)demand_page, EPT_WRITE);
  ept_invalidate();
  run(EXIT_EPT_MISCONFIGURATION);
  check_equal("EPT misconfiguration: guest-physical address", vmcs_read(GUEST_PHYSICAL_ADDRESS),
              DEMAND_PAGE + OFFSET);
  ept_map(DEMAND_PAGE, (uint64_t)demand_page, EPT_READ_WRITE);
  expect_report("the guest reads", WRITTEN_BY_GUEST);
}
