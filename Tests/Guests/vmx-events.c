// vmx-events: lets events happen in an L2, by themselves and injected, and prints what comes of each:
// what the VMCS says of a VM exit, or what the handler in L2 finds on its stack.
#include "vmx-trial.h"

const char program_name[] = "vmx-events";

// Controls that the samples do not use.
enum {
  VIRTUAL_NMIS = BIT(5),
  ACTIVATE_PREEMPTION_TIMER = BIT(6),
  NMI_WINDOW_EXITING = BIT(22),
  MONITOR_TRAP_FLAG = BIT(27),
};

// Types of events, at their place in the interruption-information fields.
enum {
  VALID = 1u << 31,
  ERROR_CODE = 1 << 11,
  EXTERNAL_INTERRUPT = 0 << 8,
  NMI = 2 << 8,
  HARDWARE_EXCEPTION = 3 << 8,
  SOFTWARE_INTERRUPT = 4 << 8,
  PRIVILEGED_SOFTWARE_EXCEPTION = 5 << 8,
  SOFTWARE_EXCEPTION = 6 << 8,
  OTHER_EVENT = 7 << 8,
};

enum { IF = BIT(9), TF = BIT(8) };
enum { BLOCKING_BY_NMI = BIT(3) };
enum { HLT_STATE = 1, SHUTDOWN_STATE = 2 };

SNIPPET(s_nops, "nop\nnop\nnop");
SNIPPET(s_cpuid, "cpuid");
SNIPPET(s_ud2, "ud2");
SNIPPET(s_int3, "int3");
SNIPPET(s_int1, ".byte 0xf1");
SNIPPET(s_int, "int $0x30");
SNIPPET(s_divide, "xorl %ecx, %ecx\ndivl %ecx");
SNIPPET(s_non_canonical, "movq (%rdi), %rax");
SNIPPET(s_not_present, "movl %ecx, %ds");
SNIPPET(s_page_fault, "movq %rax, (%rsi)");
SNIPPET(s_sti, "sti\nnop\nnop");
SNIPPET(s_sti_cpuid, "sti\ncpuid");
SNIPPET(s_mov_ss_cpuid, "movl %ss, %eax\nmovl %eax, %ss\ncpuid");
SNIPPET(s_mov_ss_int3, "movl %ss, %eax\nmovl %eax, %ss\nint3");
SNIPPET(s_iret, "iretq");
SNIPPET(s_hlt, "hlt");
SNIPPET(s_rep, "movl $3, %ecx\nmovq %rbx, %rdi\nrep stosb");
SNIPPET(s_set_tf, "pushfq\norl $0x100, (%rsp)\npopfq\nnop\nnop");
SNIPPET(s_tf_cpuid, "pushfq\norl $0x100, (%rsp)\npopfq\ncpuid");
SNIPPET(s_tf_mov_ss_cpuid,
        "movl %ss, %ecx\npushfq\norl $0x100, (%rsp)\npopfq\nmovl %ecx, %ss\ncpuid");
SNIPPET(s_load_dr6, "movq %dr6, %rax");

static void exceptions(void) {
  const unsigned what = EVENT | FLAGS | VECTORING;
  with("exceptions", (struct vmx_controls){0});
  vmcs_write(EXCEPTION_BITMAP, ~0u);
  try("#UD", s_ud2, what);
  try("INT3", s_int3, what | LENGTH);
  try("INT1", s_int1, what | LENGTH);
  try("INT n, not an exception", s_int, FRAME);
  try("#DE", s_divide, what);
  registers.rdi = 1ull << 63;
  try("#GP", s_non_canonical, what);
  registers.rcx = 0x20; // beyond the GDT's five entries, all but the upper half of the TSS's
  try("#GP of a segment", s_not_present, what);
  registers.rsi = 1ull << 40;
  try("#PF", s_page_fault, what);
  try("single step", s_set_tf, what | STATE);
  vmcs_write(EXCEPTION_BITMAP, 0);
  try("single step, delivered", s_set_tf, FRAME);
  try("single step up to CPUID, which exits", s_tf_cpuid, FLAGS | STATE);
  try("the same behind MOV SS", s_tf_mov_ss_cpuid, FLAGS | STATE);

  // Error codes that match: bit 14 of the bitmap says what a match does.
  for (int bit = 0; bit < 2; bit++)
    for (int match = 0; match < 2; match++) {
      vmcs_write(EXCEPTION_BITMAP, bit ? BIT(14) : 0);
      vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 3);
      vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, match ? 2 : 1);
      print("bitmap %u, match %u, ", bit, match);
      try("#PF", s_page_fault, FRAME);
    }
  vmcs_write(EXCEPTION_BITMAP, 0);
  vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
  vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);

  // Faults while events are delivered: a gate that is not present.
  guest_idt[6].type &= 0x7f;
  try("#UD without a gate", s_ud2, FRAME);
  vmcs_write(EXCEPTION_BITMAP, BIT(11));
  try("#UD without a gate, #NP exits", s_ud2, what);
  guest_idt[11].type &= 0x7f;
  vmcs_write(EXCEPTION_BITMAP, 0);
  try("#UD without a gate, #NP neither", s_ud2, FRAME);
  vmcs_write(EXCEPTION_BITMAP, BIT(8));
  try("#UD without a gate, #NP neither, #DF exits", s_ud2, what);
  guest_idt[8].type &= 0x7f;
  vmcs_write(EXCEPTION_BITMAP, 0);
  try("#UD without any gate", s_ud2, VECTORING | STATE);
  guest_idt[6].type |= 0x80;
  guest_idt[8].type |= 0x80;
  guest_idt[11].type |= 0x80;
}

static void windows(void) {
  if (with("interrupt window", (struct vmx_controls){.primary = INTERRUPT_WINDOW_EXITING})) {
    try("STI opens the window", s_sti, STATE | FLAGS);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    enter();
    report("open at VM entry", s_nops, STATE | FLAGS);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_STI);
    enter();
    report("open behind blocking by STI", s_nops, STATE | FLAGS);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_MOV_SS);
    enter();
    report("open behind blocking by MOV SS", s_nops, STATE | FLAGS);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    vmcs_write(GUEST_ACTIVITY_STATE, HLT_STATE);
    enter();
    report("open in the HLT state", s_nops, STATE | FLAGS);
  }
  const struct vmx_controls nmi = {.pin_based = NMI_EXITING | VIRTUAL_NMIS,
                                   .primary = NMI_WINDOW_EXITING};
  if (with("NMI window", nmi)) {
    try("open at VM entry", s_nops, STATE);
    start(s_iret);
    vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_NMI);
    uint64_t *frame = &guest_stack[490];
    frame[0] = (uint64_t)s_nops;
    frame[1] = CODE_SELECTOR;
    frame[2] = RFLAGS_FIXED;
    frame[3] = (uint64_t)&guest_stack[500];
    frame[4] = DATA_SELECTOR;
    vmcs_write(GUEST_RSP, (uint64_t)frame);
    enter();
    report("opened by IRET", s_nops, STATE);
    start(s_nops);
    vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_MOV_SS);
    enter();
    report("open behind blocking by MOV SS", s_nops, STATE);
    start(s_nops);
    vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, VALID | NMI | 2);
    enter();
    report("closed by an injected NMI", s_nops, STATE | FRAME);
  }
}

static void states(void) {
  with("states", (struct vmx_controls){0});
  try("CPUID behind STI", s_sti_cpuid, STATE | FLAGS);
  try("CPUID behind MOV SS", s_mov_ss_cpuid, STATE | FLAGS);
  try("INT3 behind MOV SS", s_mov_ss_int3, STATE | FRAME);

  if (with("VMX-preemption timer",
           (struct vmx_controls){.pin_based = ACTIVATE_PREEMPTION_TIMER})) {
    vmcs_write(VMX_PREEMPTION_TIMER_VALUE, 0);
    try("a timer of 0", s_nops, STATE | FLAGS);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, VALID | EXTERNAL_INTERRUPT | 0x30);
    enter();
    report("a timer of 0 and an injected interrupt", s_nops, STATE | FRAME | VECTORING);
    vmcs_write(VMX_PREEMPTION_TIMER_VALUE, 20);
    try("HLT until the timer ends it", s_hlt, STATE);
    start(s_nops);
    vmcs_write(GUEST_ACTIVITY_STATE, SHUTDOWN_STATE);
    enter();
    report("shutdown until the timer ends it", s_nops, STATE);
  }

  if (with("monitor trap flag", (struct vmx_controls){.primary = MONITOR_TRAP_FLAG})) {
    try("after NOP", s_nops, STATE);
    try("after MOV to ECX, in front of REP", s_rep, STATE);
    start(s_rep);
    for (int step = 0; step < 4; step++)
      enter();
    report("in the midst of REP STOSB", s_rep, STATE | FLAGS);
    print("RCX %lu\n", registers.rcx);
    try("after a fault is delivered", s_ud2, STATE | FRAME);
    try("after INT n", s_int, STATE | FRAME);
    start(s_nops);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
    vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, VALID | EXTERNAL_INTERRUPT | 0x30);
    enter();
    report("after an injected interrupt", s_nops, STATE | FRAME);
    try("on an instruction that exits", s_cpuid, STATE);
    try("after STI", s_sti, STATE);
  }
}

// Injects an event in front of NOPs and prints the frame that the handler finds.
static void inject(const char *name, uint32_t information, uint32_t error, uint32_t length) {
  start(s_nops);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, information);
  vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
  vmcs_write(VM_ENTRY_INSTRUCTION_LENGTH, length);
  enter();
  report(name, s_nops, STATE | FRAME | VECTORING);
  print("the field 0x%lx\n", vmcs_read(VM_ENTRY_INTERRUPTION_INFORMATION));
}

static void injection(void) {
  with("injection", (struct vmx_controls){0});
  inject("an external interrupt", VALID | EXTERNAL_INTERRUPT | 0x31, 0, 0);
  inject("an NMI", VALID | NMI | 2, 0, 0);
  inject("#UD", VALID | HARDWARE_EXCEPTION | 6, 0, 0);
  inject("#GP", VALID | HARDWARE_EXCEPTION | ERROR_CODE | 13, 0x1238, 0);
  inject("#PF", VALID | HARDWARE_EXCEPTION | ERROR_CODE | 14, 7, 0);
  inject("#DB", VALID | HARDWARE_EXCEPTION | 1, 0, 0);
  inject("INT n", VALID | SOFTWARE_INTERRUPT | 0x32, 0, 2);
  inject("INT1", VALID | PRIVILEGED_SOFTWARE_EXCEPTION | 1, 0, 1);
  inject("INT3", VALID | SOFTWARE_EXCEPTION | 3, 0, 1);
  guest_idt[13].type &= 0x7f;
  inject("#GP without a gate", VALID | HARDWARE_EXCEPTION | ERROR_CODE | 13, 0x10, 0);
  vmcs_write(EXCEPTION_BITMAP, BIT(8));
  inject("#GP without a gate, #DF exits", VALID | HARDWARE_EXCEPTION | ERROR_CODE | 13, 0x10, 0);
  vmcs_write(EXCEPTION_BITMAP, BIT(13));
  guest_idt[13].type |= 0x80;
  inject("#GP that the bitmap would intercept", VALID | HARDWARE_EXCEPTION | ERROR_CODE | 13, 0, 0);
  guest_idt[0x33].type &= 0x7f;
  vmcs_write(EXCEPTION_BITMAP, BIT(11));
  inject("INT n without a gate, #NP exits", VALID | SOFTWARE_INTERRUPT | 0x33, 0, 2);
  vmcs_write(EXCEPTION_BITMAP, 0);

  start(s_nops);
  vmcs_write(GUEST_ACTIVITY_STATE, HLT_STATE);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | IF);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, VALID | EXTERNAL_INTERRUPT | 0x31);
  enter();
  report("an interrupt in the HLT state", s_nops, STATE | FRAME);
  start(s_nops);
  vmcs_write(GUEST_PENDING_DEBUG_EXCEPTIONS, BIT(12) | 1);
  enter();
  report("a pending breakpoint", s_nops, STATE | FRAME);
  start(s_load_dr6);
  enter();
  print("DR6 0x%lx\n", registers.rax);
  start(s_nops);
  vmcs_write(GUEST_PENDING_DEBUG_EXCEPTIONS, BIT(14));
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | TF);
  vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_MOV_SS);
  enter();
  report("a pending single step behind MOV SS", s_nops, STATE | FRAME);
  start(s_cpuid);
  vmcs_write(GUEST_PENDING_DEBUG_EXCEPTIONS, BIT(14) | BIT(12) | 2);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | TF);
  vmcs_write(GUEST_INTERRUPTIBILITY_STATE, BLOCKING_BY_MOV_SS);
  enter();
  report("the same on an instruction that exits", s_cpuid, STATE | FLAGS);
}

void main(void) {
  print("vmx-events: what becomes of events in VMX non-root operation\n");
  if (!prepare())
    return;
  exceptions();
  windows();
  states();
  injection();
  if (vmx_offers(&(struct vmx_controls){.primary = MONITOR_TRAP_FLAG}))
    inject("a pending MTF VM exit", VALID | OTHER_EVENT, 0, 0);
}
