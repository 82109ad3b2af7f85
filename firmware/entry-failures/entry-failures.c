// entry-failures: every way in which a VM entry can fail.
//
// VMLAUNCH and VMRESUME check first and load afterwards, and how a failure shows depends on how far
// they came (chapter "VM Entries"):
//
//   - *Early*: there is no current VMCS; events are blocked by MOV SS; the launch state is the
//     wrong one; a control field is bad; a host-state field is bad. Then nothing happens at all:
//     execution goes on after the instruction. Without a current VMCS, CF is set (VMfailInvalid).
//     With one, ZF is set (VMfailValid) and the VM-instruction error field says why. The fields
//     that describe VM exits stay as they were: there was none.
//   - *Late*: the guest state is bad, or an MSR of the VM-entry MSR-load area cannot be loaded. By
//     then the hypervisor's state may be gone, so it comes back as on a VM exit: at HOST_RIP, with
//     the host state loaded and all flags clear. Bit 31 of the exit reason tells it from a VM exit.
//     The exit qualification has a failure code for the guest state (0, or 2, 3, 4 for three
//     causes) and for the MSR-load area something else: the number of the entry, counted from 1.
//     Neither the guest state, nor the launch state, nor the VM-instruction error changes, and no
//     event counts as injected.
//
// A case below is a set of changes to a VMCS that works; they are undone after it, and at the end
// the VMCS has to work again. If you write a hypervisor, your first hundred entries fail: this is
// how to read them.
//
// Bochs 2.7 fails two of the checks. Both times the manual is as it stands here: an NMI kept out by
// blocking by STI has failure code 3 (Bochs: 0), and an entry that fails late writes the exit
// reason and the qualification only (Bochs: the VM-exit instruction length too, which shows at the
// first MSR-load case).
#include "console.h"
#include "vmx.h"

const char program_name[] = "entry-failures";

// An entry of an MSR-load or MSR-store area.
struct msr_entry {
  uint32_t index, reserved;
  uint64_t value;
};

enum {
  KERNEL_GS_BASE_BEFORE = 0x1000,
  KERNEL_GS_BASE_ENTRY = 0x2000,
  KERNEL_GS_BASE_EXIT = 0x3000,
  STORE_AREA_UNTOUCHED = 0x4000,
};

static struct vmx_region vmcs;

// PDPTE 0 is present and has reserved bits set, which no processor may load.
static _Alignas(32) uint64_t bad_pdptes[4] = {BIT(0) | BIT(1) | BIT(2)};

// A region that a VMCS link pointer may not point to: its revision identifier is nobody's.
static struct vmx_region foreign_region = {.revision = 0x7fffffff};

static _Alignas(16) struct msr_entry first_entry_bad[] = {
    {.index = IA32_FS_BASE}, // the guest-state area has it, so that the list may not
    {.index = IA32_KERNEL_GS_BASE, .value = KERNEL_GS_BASE_ENTRY},
};
static _Alignas(16) struct msr_entry second_entry_bad[] = {
    {.index = IA32_KERNEL_GS_BASE, .value = KERNEL_GS_BASE_ENTRY},
    {.index = IA32_KERNEL_GS_BASE, .value = BIT(63)}, // not canonical: WRMSR would be #GP
};
static _Alignas(16) struct msr_entry third_entry_bad[] = {
    {.index = IA32_KERNEL_GS_BASE, .value = KERNEL_GS_BASE_BEFORE},
    {.index = IA32_KERNEL_GS_BASE, .value = KERNEL_GS_BASE_ENTRY},
    {.index = IA32_KERNEL_GS_BASE, .reserved = 1},
};
static _Alignas(16) struct msr_entry exit_load_area[] = {
    {.index = IA32_KERNEL_GS_BASE, .value = KERNEL_GS_BASE_EXIT},
};
static _Alignas(16) struct msr_entry exit_store_area[] = {
    {.index = IA32_KERNEL_GS_BASE, .value = STORE_AREA_UNTOUCHED},
};

// One field changed: some bits cleared, some set. An unused change has neither.
struct change {
  enum vmcs_field field;
  uint64_t clear, set;
};
#define REPLACE(field, value) {field, ~0ull, (uint64_t)(value)}
#define SET_BITS(field, bits) {field, 0, bits}
#define CLEAR_BITS(field, bits) {field, bits, 0}

enum { MAXIMUM_CHANGES = 6 };
struct failing_case {
  const char *what;
  struct change changes[MAXIMUM_CHANGES];
  uint64_t expected; // VM-instruction error, failure code, or number of the MSR-load entry
};

// "Checks on VMX Controls" and "Checks on Host Control Registers, MSRs, and SSP" and the sections
// after it.
static const struct failing_case control_and_host_cases[] = {
    {"Pin-based controls without the bits that have to be 1",
     {REPLACE(PIN_BASED_VM_EXECUTION_CONTROLS, 0)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"A CR3-target count beyond what the processor has",
     {REPLACE(CR3_TARGET_COUNT, 0x1000)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"I/O bitmap A not on a page boundary",
     {SET_BITS(PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS, USE_IO_BITMAPS),
      REPLACE(ADDRESS_OF_IO_BITMAP_A, 0x800), REPLACE(ADDRESS_OF_IO_BITMAP_B, 0)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"VM-exit controls without the bits that have to be 1",
     {REPLACE(VM_EXIT_CONTROLS, HOST_ADDRESS_SPACE_SIZE)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"VM-entry MSR-load area not on a 16-byte boundary",
     {REPLACE(VM_ENTRY_MSR_LOAD_ADDRESS, 8), REPLACE(VM_ENTRY_MSR_LOAD_COUNT, 1)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"Injection of an event of the reserved type 1",
     {REPLACE(VM_ENTRY_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | 1 << 8)},
     ERROR_INVALID_CONTROL_FIELDS},
    {"Host CR0 without the bits that VMX operation fixes to 1",
     {REPLACE(HOST_CR0, 0)},
     ERROR_INVALID_HOST_STATE_FIELDS},
    {"A 64-bit host without CR4.PAE",
     {CLEAR_BITS(HOST_CR4, CR4_PAE)},
     ERROR_INVALID_HOST_STATE_FIELDS},
    {"A null selector for the host's CS",
     {REPLACE(HOST_CS_SELECTOR, 0)},
     ERROR_INVALID_HOST_STATE_FIELDS},
    {"A host DS selector with RPL 3",
     {SET_BITS(HOST_DS_SELECTOR, 3)},
     ERROR_INVALID_HOST_STATE_FIELDS},
    {"A null selector for the host's TR",
     {REPLACE(HOST_TR_SELECTOR, 0)},
     ERROR_INVALID_HOST_STATE_FIELDS},
    {"A host GDTR base that is not canonical",
     {REPLACE(HOST_GDTR_BASE, BIT(63))},
     ERROR_INVALID_HOST_STATE_FIELDS},
};

// "Checks on the Guest State Area", and the failure codes of "VM-Entry Failures During or After
// Loading Guest State".
static const struct failing_case guest_state_cases[] = {
    {"Guest RFLAGS without the bit that is always 1", {REPLACE(GUEST_RFLAGS, 0)}, 0},
    {"Guest CS not present", {CLEAR_BITS(GUEST_CS_ACCESS_RIGHTS, BIT(7))}, 0},
    {"Guest TR is a TSS that is not busy", {CLEAR_BITS(GUEST_TR_ACCESS_RIGHTS, BIT(1))}, 0},
    {"Guest RFLAGS.VM in a 64-bit guest", {SET_BITS(GUEST_RFLAGS, BIT(17))}, 0},
    {"An activity state that does not exist", {REPLACE(GUEST_ACTIVITY_STATE, 7)}, 0},
    {"A 64-bit guest without CR4.PAE", {CLEAR_BITS(GUEST_CR4, CR4_PAE)}, 0},
    // Without EPT, the PDPTEs of a guest with PAE paging come from memory, at its CR3.
    {"A PAE guest whose PDPTE has reserved bits set",
     {CLEAR_BITS(VM_ENTRY_CONTROLS, IA32E_MODE_GUEST), REPLACE(GUEST_CS_ACCESS_RIGHTS, 0xc09b),
      REPLACE(GUEST_CR3, &bad_pdptes)},
     2},
    // The manual leaves it to the processor whether blocking by STI keeps an NMI out. A processor
    // that does not mind would show as a triple fault here, as this guest has no IDT.
    {"An NMI injected into a guest with blocking by STI",
     {REPLACE(VM_ENTRY_INTERRUPTION_INFORMATION, INTERRUPTION_VALID | INTERRUPTION_NMI | 2),
      REPLACE(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_STI), SET_BITS(GUEST_RFLAGS, RFLAGS_IF),
      REPLACE(GUEST_IDTR_LIMIT, 0)},
     3},
    {"A VMCS link pointer not on a page boundary", {REPLACE(VMCS_LINK_POINTER, 0x123)}, 4},
    {"A VMCS link pointer to a region of another revision",
     {REPLACE(VMCS_LINK_POINTER, &foreign_region)},
     4},
};

// "Loading MSRs"
static const struct failing_case msr_load_cases[] = {
    {"Entry 1 of the MSR-load area names IA32_FS_BASE",
     {REPLACE(VM_ENTRY_MSR_LOAD_ADDRESS, first_entry_bad), REPLACE(VM_ENTRY_MSR_LOAD_COUNT, 2)},
     1},
    {"Entry 2 of the MSR-load area has a value that WRMSR refuses",
     {REPLACE(VM_ENTRY_MSR_LOAD_ADDRESS, second_entry_bad), REPLACE(VM_ENTRY_MSR_LOAD_COUNT, 2)},
     2},
    {"Entry 3 of the MSR-load area has a reserved bit set",
     {REPLACE(VM_ENTRY_MSR_LOAD_ADDRESS, third_entry_bad), REPLACE(VM_ENTRY_MSR_LOAD_COUNT, 3)},
     3},
};

__attribute__((naked)) static void guest(void) {
  __asm__("1: vmcall\n\t"
          "jmp 1b");
}

static enum vmx_result enter(enum vmx_result (*instruction)(union guest_registers *)) {
  union guest_registers registers = {0};
  return instruction(&registers);
}

// The fields that a VM exit writes, and an early failure does not.
struct exit_fields {
  uint64_t reason, qualification, instruction_length;
};

static struct exit_fields read_exit_fields(void) {
  return (struct exit_fields){
      vmcs_read(EXIT_REASON),
      vmcs_read(EXIT_QUALIFICATION),
      vmcs_read(VM_EXIT_INSTRUCTION_LENGTH),
  };
}

static void fails_invalid(const char *what, enum vmx_result result) {
  print("%s\n", what);
  check(result == VM_FAIL_INVALID, "%s (CF alone of the arithmetic flags)",
        vmx_result_name(result));
}

static void fails_valid(const char *what, enum vmx_result (*instruction)(union guest_registers *),
                        uint64_t expected_error) {
  print("%s\n", what);
  struct exit_fields before = read_exit_fields();
  enum vmx_result result = enter(instruction);
  struct exit_fields after = read_exit_fields();

  check(result == VM_FAIL_VALID, "%s (ZF alone of the arithmetic flags)", vmx_result_name(result));
  check_equal("VM-instruction error", vmcs_read(VM_INSTRUCTION_ERROR), expected_error);
  check(after.reason == before.reason && after.qualification == before.qualification &&
            after.instruction_length == before.instruction_length,
        "the exit fields are as before (exit reason 0x%lx)", after.reason);
}

static void fails_late(const char *what, enum exit_reason basic_reason, uint64_t qualification) {
  print("%s\n", what);
  uint64_t error_before = vmcs_read(VM_INSTRUCTION_ERROR);
  uint64_t length_before = vmcs_read(VM_EXIT_INSTRUCTION_LENGTH);
  uint64_t injection_before = vmcs_read(VM_ENTRY_INTERRUPTION_INFORMATION);
  uint64_t rip_before = vmcs_read(GUEST_RIP), rflags_before = vmcs_read(GUEST_RFLAGS);
  wrmsr(IA32_KERNEL_GS_BASE, KERNEL_GS_BASE_BEFORE);
  exit_store_area[0].value = STORE_AREA_UNTOUCHED;

  enum vmx_result result = enter(vmlaunch);

  check(result == VM_SUCCEED, "back at HOST_RIP with CF = ZF = 0");
  check_equal("exit reason", vmcs_read(EXIT_REASON), VM_ENTRY_FAILURE | basic_reason);
  check_equal("exit qualification", vmcs_read(EXIT_QUALIFICATION), qualification);
  check(vmcs_read(VM_INSTRUCTION_ERROR) == error_before &&
            vmcs_read(VM_EXIT_INSTRUCTION_LENGTH) == length_before,
        "no other exit field and no VM-instruction error was written");
  check(vmcs_read(GUEST_RIP) == rip_before && vmcs_read(GUEST_RFLAGS) == rflags_before &&
            vmcs_read(VM_ENTRY_INTERRUPTION_INFORMATION) == injection_before,
        "guest state and pending injection are as before");
  check(rdmsr(IA32_KERNEL_GS_BASE) == KERNEL_GS_BASE_EXIT &&
            exit_store_area[0].value == STORE_AREA_UNTOUCHED,
        "the VM-exit MSR-load area was loaded, the VM-exit MSR-store area not written");

  // Had the entry gone through after all, then the next case would fail for that reason.
  if (!(vmcs_read(EXIT_REASON) & VM_ENTRY_FAILURE)) {
    vmclear((uint64_t)&vmcs);
    vmptrld((uint64_t)&vmcs);
    vmcs_write(GUEST_RIP, rip_before);
    vmcs_write(GUEST_RFLAGS, rflags_before);
  }
}

static void apply(const struct change changes[MAXIMUM_CHANGES], uint64_t saved[MAXIMUM_CHANGES]) {
  for (unsigned i = 0; i < MAXIMUM_CHANGES && (changes[i].clear | changes[i].set); i++) {
    saved[i] = vmcs_read(changes[i].field);
    vmcs_write(changes[i].field, (saved[i] & ~changes[i].clear) | changes[i].set);
  }
}

static void undo(const struct change changes[MAXIMUM_CHANGES],
                 const uint64_t saved[MAXIMUM_CHANGES]) {
  for (unsigned i = 0; i < MAXIMUM_CHANGES && (changes[i].clear | changes[i].set); i++)
    vmcs_write(changes[i].field, saved[i]);
}

static void enters_and_exits(const char *what,
                             enum vmx_result (*instruction)(union guest_registers *)) {
  print("%s\n", what);
  enum vmx_result result = enter(instruction);
  check(result == VM_SUCCEED, "%s", vmx_result_name(result));
  check_equal("exit reason (VMCALL)", vmcs_read(EXIT_REASON), EXIT_VMCALL);
  check_equal("exit qualification", vmcs_read(EXIT_QUALIFICATION), 0);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

void main(void) {
  uint64_t saved[MAXIMUM_CHANGES];

  print("entry-failures: every way in which a VM entry can fail\n");
  if (!vmx_enable())
    return;

  fails_invalid("VMLAUNCH without a current VMCS", enter(vmlaunch));
  fails_invalid("VMRESUME without a current VMCS", enter(vmresume));

  print("A VMCS that works\n");
  const struct vmx_controls controls = {.vm_exit = HOST_ADDRESS_SPACE_SIZE,
                                        .vm_entry = IA32E_MODE_GUEST};
  if (!vmcs_make_current(&vmcs) || !vmcs_write_controls(&controls))
    return;
  vmcs_write_host_state();
  vmcs_write_guest_state((uint64_t)guest, 0);
  vmcs_write(VM_EXIT_MSR_LOAD_ADDRESS, (uint64_t)exit_load_area);
  vmcs_write(VM_EXIT_MSR_LOAD_COUNT, COUNT(exit_load_area));
  vmcs_write(VM_EXIT_MSR_STORE_ADDRESS, (uint64_t)exit_store_area);
  vmcs_write(VM_EXIT_MSR_STORE_COUNT, COUNT(exit_store_area));
  enters_and_exits("VMLAUNCH", vmlaunch);

  // The launch state: VMCLEAR makes it clear, VMLAUNCH launched, and nothing else changes it.
  fails_valid("VMLAUNCH of a launched VMCS", vmlaunch, ERROR_VMLAUNCH_NON_CLEAR_VMCS);
  enters_and_exits("VMRESUME of the launched VMCS", vmresume);
  print("VMCLEAR\n");
  if (!vmcs_make_current(&vmcs))
    return;
  fails_valid("VMRESUME of a clear VMCS", vmresume, ERROR_VMRESUME_NON_LAUNCHED_VMCS);
  fails_valid("VMLAUNCH with events blocked by MOV SS", vmlaunch_after_mov_ss,
              ERROR_EVENTS_BLOCKED_BY_MOV_SS);

  for (unsigned i = 0; i < COUNT(control_and_host_cases); i++) {
    const struct failing_case *c = &control_and_host_cases[i];
    apply(c->changes, saved);
    fails_valid(c->what, vmlaunch, c->expected);
    undo(c->changes, saved);
  }
  for (unsigned i = 0; i < COUNT(guest_state_cases); i++) {
    const struct failing_case *c = &guest_state_cases[i];
    apply(c->changes, saved);
    fails_late(c->what, EXIT_INVALID_GUEST_STATE, c->expected);
    undo(c->changes, saved);
  }
  for (unsigned i = 0; i < COUNT(msr_load_cases); i++) {
    const struct failing_case *c = &msr_load_cases[i];
    apply(c->changes, saved);
    fails_late(c->what, EXIT_MSR_LOADING, c->expected);
    undo(c->changes, saved);
  }

  // An early failure does not touch what a late one wrote either.
  fails_valid("VMRESUME of a VMCS that is still clear", vmresume, ERROR_VMRESUME_NON_LAUNCHED_VMCS);
  enters_and_exits("VMLAUNCH of the VMCS with every change undone", vmlaunch);
}
