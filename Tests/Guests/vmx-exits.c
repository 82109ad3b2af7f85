// vmx-exits: provokes VM exits one after the other and prints what the VMCS says of each: reason,
// qualification, addresses, length, instruction information. Features that the processor does not
// offer are left out, in a line that says so.
#include "ept.h"
#include "vmx-trial.h"

const char program_name[] = "vmx-exits";

// Secondary processor-based VM-execution controls, and others that the samples do not use.
enum {
  DESCRIPTOR_TABLE_EXITING = BIT(2),
  ENABLE_RDTSCP = BIT(3),
  WBINVD_EXITING = BIT(6),
  PAUSE_LOOP_EXITING = BIT(10),
  RDRAND_EXITING = BIT(11),
  ENABLE_INVPCID = BIT(12),
  ENABLE_VM_FUNCTIONS = BIT(13),
  VMCS_SHADOWING = BIT(14),
  RDSEED_EXITING = BIT(16),
  ENABLE_PML = BIT(17),
  EPT_VIOLATION_VE = BIT(18),
  MODE_BASED_EXECUTE = BIT(22),
  INVLPG_EXITING = BIT(9),
  MWAIT_EXITING = BIT(10),
  RDPMC_EXITING = BIT(11),
  RDTSC_EXITING = BIT(12),
  CR3_STORE_EXITING = BIT(16),
  CR8_LOAD_EXITING = BIT(19),
  CR8_STORE_EXITING = BIT(20),
  MOV_DR_EXITING = BIT(23),
  MONITOR_EXITING = BIT(29),
  PAUSE_EXITING = BIT(30),
  EPTP_ACCESSED_DIRTY = BIT(6),
  EPT_USER_EXECUTE = BIT(10),
};

#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint64_t pml[512], eptp_list[512], ve_area[512];
PAGE static uint8_t vmread_bitmap[PAGE_SIZE], vmwrite_bitmap[PAGE_SIZE];
static struct vmx_region shadow;

SNIPPET(s_nothing, "");
SNIPPET(s_read, "movb 0x123(%rbx), %al");
SNIPPET(s_write, "movb %al, 0x123(%rbx)");
SNIPPET(s_exchange, "xchgb %al, 0x123(%rbx)");
SNIPPET(s_jump, "jmp *%rbx");
SNIPPET(s_ud2, "ud2");
SNIPPET(s_int, "int $0x11");
SNIPPET(s_int3, "int3");
SNIPPET(s_cpuid, "cpuid");
SNIPPET(s_invd, "invd");
SNIPPET(s_wbinvd, "wbinvd");
SNIPPET(s_hlt, "hlt");
SNIPPET(s_invlpg, "invlpg 0x20(%rbx,%rcx,4)");
SNIPPET(s_rdpmc, "rdpmc");
SNIPPET(s_rdtsc, "rdtsc");
SNIPPET(s_rdtscp, "rdtscp");
SNIPPET(s_monitor, "monitor");
SNIPPET(s_mwait, "mwait");
SNIPPET(s_monitor_mwait, "monitor\nmwait");
SNIPPET(s_pause, "pause");
SNIPPET(s_pauses, "1: pause\njmp 1b");
SNIPPET(s_rdrand16, "rdrand %cx");
SNIPPET(s_rdrand32, "rdrand %r9d");
SNIPPET(s_rdrand64, "rdrand %r14");
SNIPPET(s_rdseed, "rdseed %rdx");
SNIPPET(s_invpcid, "invpcid 0x10(%rbx), %rcx");
SNIPPET(s_sgdt, "sgdt 8(%rbx)");
SNIPPET(s_sidt, "sidt (%rbx,%rcx,2)");
SNIPPET(s_lgdt, "lgdt 0x100(%rbx)");
SNIPPET(s_lidt, "lidt data(%rip)");
SNIPPET(s_sldt, "sldt %r10d");
SNIPPET(s_str, "str 6(%rbx)");
SNIPPET(s_lldt, "lldt %cx");
SNIPPET(s_ltr, "ltr (%rbx)");
SNIPPET(s_mov_to_cr0, "movq %r8, %cr0");
SNIPPET(s_mov_to_cr3, "movq %r9, %cr3");
SNIPPET(s_mov_from_cr3, "movq %cr3, %r13");
SNIPPET(s_mov_to_cr4, "movq %rdx, %cr4");
SNIPPET(s_mov_to_cr8, "movq %rcx, %cr8");
SNIPPET(s_mov_from_cr8, "movq %cr8, %r15");
SNIPPET(s_clts, "clts");
SNIPPET(s_lmsw_register, "lmsw %cx");
SNIPPET(s_lmsw_memory, "lmsw 0x40(%rbx)");
SNIPPET(s_mov_to_dr, "movq %rsi, %dr3");
SNIPPET(s_mov_from_dr, "movq %dr7, %r11");
SNIPPET(s_in, "inb $0x60, %al");
SNIPPET(s_out, "outl %eax, %dx");
SNIPPET(s_ins, "insb");
SNIPPET(s_rep_outs, "rep outsw %fs:(%rsi), %dx");
SNIPPET(s_rdmsr, "rdmsr");
SNIPPET(s_wrmsr, "wrmsr");
SNIPPET(s_vmfunc, "vmfunc\nmovb 0x123(%rbx), %dl");
SNIPPET(s_vmread_register, "vmread %rax, %rcx");
SNIPPET(s_vmread_memory, "vmread %rax, 0x18(%rbx)");
SNIPPET(s_vmwrite_register, "vmwrite %rcx, %rax");
SNIPPET(s_vmwrite_memory, "vmwrite 0x18(%rbx), %rax");
SNIPPET(s_vmclear, "vmclear -8(%rbx)");
SNIPPET(s_vmptrld, "vmptrld %fs:(%rbx)");
SNIPPET(s_vmptrst, "vmptrst data(%rip)");
SNIPPET(s_vmxon, "vmxon (%rbx,%rcx,8)");
SNIPPET(s_vmxoff, "vmxoff");
SNIPPET(s_vmlaunch, "vmlaunch");
SNIPPET(s_vmresume, "vmresume");
SNIPPET(s_invept, "invept (%r11), %r12");
SNIPPET(s_invvpid, "invvpid 0x1000(,%rcx,2), %rax");

static void instructions(void) {
  const unsigned operand = LENGTH | INFORMATION;
  if (!with("primary controls",
            PRIMARY(HLT_EXITING | INVLPG_EXITING | RDPMC_EXITING | RDTSC_EXITING |
                    CR3_LOAD_EXITING | CR3_STORE_EXITING | CR8_LOAD_EXITING | CR8_STORE_EXITING |
                    MOV_DR_EXITING | UNCONDITIONAL_IO_EXITING | MONITOR_EXITING | PAUSE_EXITING)))
    return;
  registers.rax = 0x1234;
  registers.rcx = 3;
  registers.rdx = 0x3f8;
  try("CPUID", s_cpuid, LENGTH);
  try("INVD", s_invd, LENGTH);
  try("HLT", s_hlt, LENGTH);
  try("INVLPG", s_invlpg, LENGTH);
  try("RDPMC", s_rdpmc, LENGTH);
  try("RDTSC", s_rdtsc, LENGTH);
  try("MONITOR", s_monitor, LENGTH);
  try("PAUSE", s_pause, LENGTH);
  try("MOV to CR3", s_mov_to_cr3, LENGTH);
  try("MOV from CR3", s_mov_from_cr3, LENGTH);
  try("MOV to CR8", s_mov_to_cr8, LENGTH);
  try("MOV from CR8", s_mov_from_cr8, LENGTH);
  try("MOV to DR", s_mov_to_dr, LENGTH);
  try("MOV from DR", s_mov_from_dr, LENGTH);
  try("IN", s_in, LENGTH);
  try("OUT", s_out, LENGTH);
  registers.rdi = (uint64_t)data + 0x10;
  undefined = 7 << 15; // the segment of INS
  try("INS", s_ins, operand | LINEAR);
  undefined = 0;
  registers.rsi = (uint64_t)data + 0x20;
  try("REP OUTS", s_rep_outs, operand | LINEAR);
  try("RDMSR", s_rdmsr, LENGTH);
  try("WRMSR", s_wrmsr, LENGTH);

  // Bits that L1 owns of CR0 (all but TS: PE, MP, EM) and of CR4 (PGE).
  vmcs_write(CR0_GUEST_HOST_MASK, 0xf);
  vmcs_write(CR0_READ_SHADOW, 9);
  registers.r8 = read_cr0() ^ 2;
  try("MOV to CR0", s_mov_to_cr0, LENGTH);
  try("CLTS", s_clts, LENGTH);
  registers.rcx = 0xabcf;
  data[8] = 0x5557;
  try("LMSW register", s_lmsw_register, LENGTH);
  try("LMSW memory", s_lmsw_memory, LENGTH | LINEAR);
  vmcs_write(CR4_GUEST_HOST_MASK, BIT(7));
  registers.rdx = read_cr4() | BIT(7);
  try("MOV to CR4", s_mov_to_cr4, LENGTH);

  registers.rcx = 3;
  try("VMREAD register", s_vmread_register, operand);
  try("VMREAD memory", s_vmread_memory, operand);
  try("VMWRITE register", s_vmwrite_register, operand);
  try("VMWRITE memory", s_vmwrite_memory, operand);
  try("VMCLEAR", s_vmclear, operand);
  try("VMPTRLD", s_vmptrld, operand);
  try("VMPTRST", s_vmptrst, operand);
  try("VMXON", s_vmxon, operand);
  try("VMXOFF", s_vmxoff, LENGTH);
  try("VMLAUNCH", s_vmlaunch, LENGTH);
  try("VMRESUME", s_vmresume, LENGTH);
  try("INVEPT", s_invept, operand);
  try("INVVPID", s_invvpid, operand);

  if (with("MWAIT exiting", PRIMARY(MWAIT_EXITING))) {
    registers.rcx = 0;
    registers.rax = (uint64_t)data;
    try("MWAIT", s_mwait, LENGTH);
    try("MONITOR, MWAIT", s_monitor_mwait, LENGTH);
  }
  if (with("descriptor-table exiting", SECONDARY(DESCRIPTOR_TABLE_EXITING))) {
    registers.rcx = 0;
    undefined = BIT(11); // the operand size, in 64-bit mode
    try("SGDT", s_sgdt, operand);
    try("SIDT", s_sidt, operand);
    try("LGDT", s_lgdt, operand);
    try("LIDT", s_lidt, operand);
    undefined = 0;
    try("SLDT", s_sldt, operand);
    try("STR", s_str, operand);
    try("LLDT", s_lldt, operand);
    try("LTR", s_ltr, operand);
  }
  if (with("WBINVD exiting", SECONDARY(WBINVD_EXITING)))
    try("WBINVD", s_wbinvd, LENGTH);
  struct vmx_controls time = {.primary = RDTSC_EXITING, .secondary = ENABLE_RDTSCP};
  if (with("RDTSCP exiting", time))
    try("RDTSCP", s_rdtscp, LENGTH);
  struct vmx_controls invalidation = {.primary = INVLPG_EXITING, .secondary = ENABLE_INVPCID};
  if (with("INVPCID exiting", invalidation))
    try("INVPCID", s_invpcid, operand);
  if (with("RDRAND exiting", SECONDARY(RDRAND_EXITING))) {
    undefined = BIT(10);
    try("RDRAND CX", s_rdrand16, operand);
    try("RDRAND R9D", s_rdrand32, operand);
    try("RDRAND R14", s_rdrand64, operand);
  }
  if (with("RDSEED exiting", SECONDARY(RDSEED_EXITING)))
    try("RDSEED RDX", s_rdseed, operand);
  undefined = 0;
  if (with("PAUSE-loop exiting", SECONDARY(PAUSE_LOOP_EXITING))) {
    vmcs_write(PLE_GAP, 100000);
    vmcs_write(PLE_WINDOW, 100000);
    try("a single PAUSE", s_pause, 0);
    try("a PAUSE loop", s_pauses, LENGTH);
  }
}

static void paging(void) {
  const unsigned addresses = LINEAR | PHYSICAL | FLAGS;
  if (!with("EPT", SECONDARY(ENABLE_EPT)))
    return;
  ept_map_image();
  uint64_t pointer = ept_pointer(), page = (uint64_t)data;
  for (int flags = 0; flags < 2; flags++) {
    print("EPT, accessed and dirty flags %s\n", flags ? "on" : "off");
    vmcs_write(EPT_POINTER, pointer | (flags ? EPTP_ACCESSED_DIRTY : 0));
    ept_map(page, page, 0);
    ept_invalidate();
    try("read", s_read, addresses);
    try("write", s_write, addresses);
    ept_map(page, page, EPT_READ);
    ept_invalidate();
    try("write to a read-only page", s_write, addresses);
    ept_map(page, page, EPT_READ_WRITE);
    start(s_jump);
    enter();
    report("fetch from a page without execute", (const char *)data, addresses);
    ept_map(page, page, EPT_EXECUTE);
    ept_invalidate();
    try("read of an execute-only page", s_read, addresses);
    ept_map(page, page, EPT_WRITE);
    ept_invalidate();
    try("a write-only page", s_read, PHYSICAL);
    ept_map(page, page, EPT_ALL);
    uint64_t stack = (uint64_t)guest_stack;
    ept_map(stack, stack, EPT_READ);
    ept_invalidate();
    try("#UD on a read-only stack", s_ud2, addresses | VECTORING);
    try("INT on a read-only stack", s_int, addresses | VECTORING | LENGTH);
    try("INT3 on a read-only stack", s_int3, addresses | VECTORING | LENGTH);
    ept_map(stack, stack, EPT_ALL);
    uint64_t table = read_cr3() & ~0xfffull;
    ept_map(table, table, EPT_READ);
    ept_invalidate();
    try("a read-only page table", s_nothing, PHYSICAL | FLAGS);
    ept_map(table, table, EPT_ALL);
    ept_invalidate();
  }

  if (with("PML", SECONDARY(ENABLE_EPT | ENABLE_PML))) {
    vmcs_write(PML_ADDRESS, (uint64_t)pml);
    vmcs_write(PML_INDEX, 511);
    *ept_entry(page) &= ~BIT(9);
    ept_invalidate();
    try("write with PML", s_write, 0);
    print("index 0x%lx", vmcs_read(PML_INDEX));
    print_place(", entry", pml[511]);
    print("\n");
    *ept_entry(page) &= ~BIT(9);
    vmcs_write(PML_INDEX, 0xffff);
    ept_invalidate();
    try("write with a full log", s_write, FLAGS);
    print("entry 0x%lx\n", *ept_entry(page) & 0xfff);
    vmcs_write(PML_INDEX, 0);
    try("write with room for one", s_exchange, 0);
    print("index 0x%lx", vmcs_read(PML_INDEX));
    print_place(", entry", pml[0]);
    print("\n");
  }

  if (with("EPT-violation #VE", SECONDARY(ENABLE_EPT | EPT_VIOLATION_VE))) {
    vmcs_write(VIRTUALIZATION_EXCEPTION_INFORMATION_ADDRESS, (uint64_t)ve_area);
    vmcs_write(EPTP_INDEX, 0x1234);
    vmcs_write(EPT_POINTER, pointer);
    for (int attempt = 0; attempt < 5; attempt++) {
      static const char *names[] = {"convertible", "busy", "suppressed", "in the bitmap",
                                    "in delivery"};
      uint64_t stack = (uint64_t)guest_stack;
      ve_area[0] = attempt == 1 ? 1ull << 32 : 0;
      ept_map(page, page, EPT_READ);
      if (attempt == 2)
        *ept_entry(page) |= 1ull << 63;
      vmcs_write(EXCEPTION_BITMAP, attempt == 3 ? BIT(20) : 0);
      if (attempt == 4)
        ept_map(stack, stack, EPT_READ);
      ept_invalidate();
      if (attempt == 4)
        try(names[attempt], s_ud2, VECTORING);
      else
        try(names[attempt], s_write, attempt == 3 ? EVENT : 0);
      ept_map(stack, stack, EPT_ALL);
      print("area 0x%lx 0x%lx", ve_area[0], ve_area[1]);
      print_place("", ve_area[2]);
      print_place("", ve_area[3]);
      print(" 0x%lx\n", ve_area[4] & 0xffff);
    }
    vmcs_write(EXCEPTION_BITMAP, 0);
  }
  ept_map(page, page, EPT_ALL);

  if (with("VM functions", SECONDARY(ENABLE_EPT | ENABLE_VM_FUNCTIONS))) {
    eptp_list[1] = pointer;
    eptp_list[2] = pointer | 0xf00;
    vmcs_write(VM_FUNCTION_CONTROLS, 1);
    vmcs_write(EPTP_LIST_ADDRESS, (uint64_t)eptp_list);
    ept_invalidate();
    static const struct {
      const char *name;
      uint64_t function, index;
    } calls[] = {{"VMFUNC", 0, 1},         {"an invalid EPTP", 0, 2}, {"an empty EPTP", 0, 0},
                 {"index 512", 0, 512},    {"function 1", 1, 1},      {"function 63", 63, 1},
                 {"function 64", 64, 1}};
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
      registers.rax = calls[i].function;
      registers.rcx = calls[i].index;
      try(calls[i].name, s_vmfunc, LENGTH);
    }
    vmcs_write(EPT_POINTER, pointer);
  }

  if (with("mode-based execute", SECONDARY(ENABLE_EPT | MODE_BASED_EXECUTE))) {
    ept_invalidate();
    try("without bit 10", s_nothing, 0);
    ept_map(page, page, EPT_READ | EPT_USER_EXECUTE);
    ept_invalidate();
    start(s_jump);
    enter();
    report("a supervisor fetch", (const char *)data, addresses);
    ept_map(page, page, EPT_ALL);
  }
}

static void shadowing(void) {
  if (!with("VMCS shadowing", SECONDARY(VMCS_SHADOWING)))
    return;
  shadow.revision = vmcs.revision | BIT(31);
  enum vmx_result result = vmclear((uint64_t)&shadow);
  print("VMCLEAR of a shadow VMCS: %s\n", vmx_result_name(result));
  result = vmptrld((uint64_t)&shadow);
  print("VMPTRLD of it: %s\n", vmx_result_name(result));
  vmcs_write(GUEST_RIP, 0x1122334455667788);
  vmcs_write(TSC_OFFSET, 0xaabbccdd11223344);
  print("VMLAUNCH of it: %s\n", vmx_result_name(vmlaunch(&registers)));
  vmclear((uint64_t)&shadow);
  vmptrld((uint64_t)&vmcs);
  vmcs_write(VMCS_LINK_POINTER, (uint64_t)&shadow);
  vmcs_write(VMREAD_BITMAP_ADDRESS, (uint64_t)vmread_bitmap);
  vmcs_write(VMWRITE_BITMAP_ADDRESS, (uint64_t)vmwrite_bitmap);
  vmread_bitmap[EXIT_REASON / 8] = 1 << EXIT_REASON % 8;
  vmwrite_bitmap[EXIT_REASON / 8] = 1 << EXIT_REASON % 8;
  static const struct {
    const char *name, *snippet;
    uint64_t field;
  } accesses[] = {
      {"VMREAD", s_vmread_register, GUEST_RIP},
      {"VMREAD of a high half", s_vmread_register, TSC_OFFSET + 1},
      {"VMREAD to memory", s_vmread_memory, TSC_OFFSET},
      {"VMREAD that exits", s_vmread_register, EXIT_REASON},
      {"VMREAD above the bitmap", s_vmread_register, 0x8000},
      {"VMREAD of no field", s_vmread_register, 0x7ffe},
      {"VMWRITE", s_vmwrite_register, GUEST_RSP},
      {"VMWRITE to exit information", s_vmwrite_register, EXIT_QUALIFICATION},
      {"VMWRITE from memory", s_vmwrite_memory, GUEST_ES_SELECTOR},
      {"VMWRITE that exits", s_vmwrite_memory, EXIT_REASON},
      {"VMWRITE to no field", s_vmwrite_register, 0x7ffe},
  };
  data[3] = 0x5a5a;
  for (unsigned i = 0; i < sizeof accesses / sizeof accesses[0]; i++) {
    registers.rax = accesses[i].field;
    registers.rcx = 0x99;
    try(accesses[i].name, accesses[i].snippet, FLAGS);
    print("RCX 0x%lx, data 0x%lx\n", registers.rcx, data[3]);
    data[3] &= 0xffff;
  }
  vmcs_write(VMCS_LINK_POINTER, ~0ull);
  registers.rax = GUEST_RIP;
  try("VMREAD without a link pointer", s_vmread_register, FLAGS);
  vmptrld((uint64_t)&shadow);
  print("what L2 wrote: RSP 0x%lx, qualification 0x%lx, ES 0x%lx\n", vmcs_read(GUEST_RSP),
        vmcs_read(EXIT_QUALIFICATION), vmcs_read(GUEST_ES_SELECTOR));
  vmptrld((uint64_t)&vmcs);
}

void main(void) {
  print("vmx-exits: what VM exits tell\n");
  if (!prepare())
    return;
  instructions();
  paging();
  shadowing();
}
