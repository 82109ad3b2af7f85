// What the guests that provoke VM exits share: an L2 made of snippets, and a line of print for what
// the VMCS says of the VM exit that ended one.
#ifndef VMX_TRIAL_H
#define VMX_TRIAL_H

#include "console.h"
#include "vmx.h"

#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint64_t data[512], guest_stack[512];
enum { GUEST_VECTORS = 64 };
PAGE static struct gate guest_idt[GUEST_VECTORS];
static struct vmx_region vmcs;
static union guest_registers registers;
static struct vmx_controls controls;

// ---- L2: snippets that start with what is tried; in RBX is the data page ----

#define SNIPPET(name, text)                                                                        \
  extern const char name[];                                                                        \
  __asm__(".text\n.balign 16\n" #name ":\n" text "\nvmcall\n1: jmp 1b\n")

// Handlers of L2's exceptions and interrupts: VMCALL at 16 times the vector.
extern const char guest_handlers[];
__asm__(".text\n.balign 4096\nguest_handlers:\n.rept 64\nvmcall\n.balign 16, 0xf4\n.endr\n");

// What to print of an exit beside reason, qualification and RIP.
enum {
  LENGTH = 1,
  INFORMATION = 2,
  LINEAR = 4,
  PHYSICAL = 8,
  VECTORING = 16,
  EVENT = 32,
  FLAGS = 64,
  STATE = 128, // interruptibility, activity and pending debug exceptions
  FRAME = 256, // what was pushed on L2's stack
};

static inline void enter(void) {
  static bool launched;
  enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
  if (result == VM_SUCCEED)
    launched = true;
  else
    print("  VM entry: %s, error %lu\n", vmx_result_name(result), vmcs_read(VM_INSTRUCTION_ERROR));
}

static inline void start(const char *snippet) {
  vmcs_write(GUEST_RIP, (uint64_t)snippet);
  vmcs_write(GUEST_RSP, (uint64_t)&guest_stack[500]);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED);
  vmcs_write(GUEST_INTERRUPTIBILITY_STATE, 0);
  vmcs_write(GUEST_ACTIVITY_STATE, 0);
  vmcs_write(GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, 0);
  registers.rbx = (uint64_t)data;
}

// Prints a number, as an offset where it is an address of ours.
static inline void print_place(const char *what, uint64_t value) {
  const struct {
    const char *name;
    uint64_t start;
  } places[] = {
      {"data", (uint64_t)data},
      {"stack", (uint64_t)guest_stack},
      {"PML4", read_cr3() & ~0xfffull},
  };
  for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++)
    if (value - places[i].start < PAGE_SIZE) {
      print("%s %s + 0x%lx", what, places[i].name, value - places[i].start);
      return;
    }
  print("%s 0x%lx", what, value);
}

// Bits of the instruction information that the experiments leave out, being undefined.
static uint64_t undefined;

// Prints L2's stack from RSP to where it started: error code, RIP, CS, RFLAGS, RSP and SS.
static inline void print_frame(const char *snippet) {
  const uint64_t *word = (const uint64_t *)vmcs_read(GUEST_RSP);
  print(", frame");
  for (; word >= guest_stack && word < &guest_stack[500]; word++)
    if (*word - (uint64_t)snippet < 64)
      print(" RIP + %lu", *word - (uint64_t)snippet);
    else
      print_place("", *word);
}

static inline void report(const char *name, const char *snippet, unsigned what) {
  uint64_t reason = vmcs_read(EXIT_REASON), rip = vmcs_read(GUEST_RIP);
  print("%s: reason %lu", name, reason);
  print_place(", qualification", vmcs_read(EXIT_QUALIFICATION));
  uint64_t handler = rip - (uint64_t)guest_handlers;
  if (handler < GUEST_VECTORS * 16)
    print(", in the handler of vector %lu", handler / 16);
  else
    print(", RIP %s%lu", snippet == (const char *)data ? "data + " : "+ ", rip - (uint64_t)snippet);
  if (what & LENGTH)
    print(", length %lu", vmcs_read(VM_EXIT_INSTRUCTION_LENGTH));
  if (what & INFORMATION)
    print(", information 0x%lx", vmcs_read(VM_EXIT_INSTRUCTION_INFORMATION) & ~undefined);
  if (what & LINEAR)
    print_place(", linear", vmcs_read(GUEST_LINEAR_ADDRESS));
  if (what & PHYSICAL)
    print_place(", physical", vmcs_read(GUEST_PHYSICAL_ADDRESS));
  if (what & VECTORING)
    print(", vectoring 0x%lx", vmcs_read(IDT_VECTORING_INFORMATION));
  if (what & VECTORING && vmcs_read(IDT_VECTORING_INFORMATION) & BIT(11))
    print(" with error code 0x%lx", vmcs_read(IDT_VECTORING_ERROR_CODE));
  if (what & EVENT)
    print(", event 0x%lx", vmcs_read(VM_EXIT_INTERRUPTION_INFORMATION));
  if (what & EVENT && vmcs_read(VM_EXIT_INTERRUPTION_INFORMATION) & BIT(11))
    print(" with error code 0x%lx", vmcs_read(VM_EXIT_INTERRUPTION_ERROR_CODE));
  if (what & FLAGS)
    print(", flags 0x%lx", vmcs_read(GUEST_RFLAGS));
  if (what & STATE)
    print(", interruptibility 0x%lx, activity %lu, pending 0x%lx",
          vmcs_read(GUEST_INTERRUPTIBILITY_STATE), vmcs_read(GUEST_ACTIVITY_STATE),
          vmcs_read(GUEST_PENDING_DEBUG_EXCEPTIONS));
  if (what & FRAME)
    print_frame(snippet);
  print("\n");
}

static inline void try(const char *name, const char *snippet, unsigned what) {
  start(snippet);
  enter();
  report(name, snippet, what);
}

// Enters with more controls than those that every experiment has; false, with a line, if the
// processor lacks one of them.
static inline bool with(const char *name, struct vmx_controls more) {
  struct vmx_controls all = controls;
  all.pin_based |= more.pin_based;
  all.primary |= more.primary;
  all.secondary |= more.secondary;
  if (!vmx_offers(&all)) {
    print("%s: not offered\n", name);
    return false;
  }
  return vmcs_write_controls(&all);
}

#define PRIMARY(bits) ((struct vmx_controls){.primary = (bits)})
#define SECONDARY(bits) ((struct vmx_controls){.secondary = (bits)})

// Makes a VMCS whose guest is L2. False if the processor has no VMX.
static inline bool prepare(void) {
  if (!vmx_enable() || !vmcs_make_current(&vmcs))
    return false;
  controls = (struct vmx_controls){.vm_exit = HOST_ADDRESS_SPACE_SIZE, .vm_entry = IA32E_MODE_GUEST};
  vmcs_write_controls(&controls);
  vmcs_write_host_state();
  vmcs_write_guest_state(0, 0);
  for (unsigned vector = 0; vector < GUEST_VECTORS; vector++)
    guest_idt[vector] = interrupt_gate((uint64_t)guest_handlers + vector * 16);
  vmcs_write(GUEST_IDTR_BASE, (uint64_t)guest_idt);
  vmcs_write(GUEST_IDTR_LIMIT, sizeof guest_idt - 1);
  return true;
}

#endif
