// Shadow stacks and the tracking of indirect branches in 64-bit mode: one trial after the other, at
// CPL 0 and 3, with a line for each: the exception that ended it, SSP and IA32_S_CET or IA32_U_CET
// after it, and what is on the shadow stack around the place where SSP was.
#include "console.h"
#include "control-flow-code.h"
#include "cpu.h"

const char program_name[] = "control-flow";

enum {
  PAGE = 4096,
  IA32_U_CET = 0x6a0,
  IA32_S_CET = 0x6a2,
  IA32_PL0_SSP = 0x6a4,
  IA32_PL3_SSP = 0x6a7,
  IA32_INTERRUPT_SSP_TABLE_ADDR = 0x6a8,
  IA32_STAR = 0xc0000081,
  IA32_LSTAR = 0xc0000082,
  IA32_FMASK = 0xc0000084,
  EFER_SCE = BIT(0),
  CR4_CET = BIT(23),
  SH_STK = 1,
  WR_SHSTK = 2,
  ENDBR = 4,
  LEGACY = 8,
  NO_TRACK = 16,
  SUPPRESS_DIS = 32,
  SUPPRESS = BIT(10),
  USER_DATA = 0x30 | 3,
  USER_CODE = 0x38 | 3,
  NO_VECTOR = 0xff,
  // The vectors of the trials, beside the exceptions.
  RETURN_VECTOR = 0x80,
  EVENT_VECTOR,
  CHANGED_VECTOR,
  STACK_VECTOR,
  VECTORS,
};
// A window of 4-KiB pages: shadow stacks of the supervisor, of its interrupt stacks, and of the user;
// the user's code and stack; and a page that is none of that.
#define WINDOW BIT(39)
enum { SHADOW, INTERRUPT_SHADOW, USER_SHADOW, USER_CODE_PAGE, USER_STACK, ORDINARY, PAGES };
#define WINDOW_PAGE(page) (WINDOW + (uint64_t)(page) * PAGE)
// Where SSP is when a trial starts, in the page of its shadow stack.
enum { START = 0x7f8 };

static uint64_t pml4[512] __attribute__((aligned(PAGE)));
static uint64_t tables[3][512] __attribute__((aligned(PAGE)));
static uint64_t pages[PAGES][512] __attribute__((aligned(PAGE)));
static uint8_t bitmap[PAGE] __attribute__((aligned(PAGE)));
static uint8_t stacks[3][PAGE] __attribute__((aligned(PAGE)));
static uint64_t ssp_table[8];
static struct gate idt[VECTORS];
static uint64_t gdt[8];

#define SHADOW_AT(offset) (WINDOW_PAGE(SHADOW) + (offset))
#define USER_AT(offset) (WINDOW_PAGE(USER_SHADOW) + (offset))

static void set_gate(unsigned vector, const char *entry, uint8_t ist) {
  idt[vector] = interrupt_gate((uint64_t)entry);
  idt[vector].type |= 3 << 5;
  idt[vector].ist = ist;
}

static void set_up(void) {
  struct descriptor_table gdtr = read_gdtr();
  memcpy(gdt, (const void *)gdtr.base, 5 * 8);
  gdt[USER_DATA / 8] = 0x00cff3000000ffff;
  gdt[USER_CODE / 8] = 0x00affb000000ffff;
  gdtr = (struct descriptor_table){sizeof gdt - 1, (uint64_t)gdt};
  __asm__ volatile("lgdt %0" : : "m"(gdtr));
  uint8_t *tss =
      (uint8_t *)((gdt[TSS_SELECTOR / 8] >> 16 & 0xffffff) | (gdt[TSS_SELECTOR / 8] >> 56) << 24);
  uint64_t tops[3];
  for (unsigned stack = 0; stack < 3; stack++)
    tops[stack] = (uint64_t)stacks[stack] + PAGE;
  memcpy(tss + 4, &tops[0], 8);
  memcpy(tss + 36, &tops[1], 8);
  memcpy(tss + 44, &tops[2], 8);

  for (unsigned vector = 0; vector < 32; vector++)
    set_gate(vector, exception_entries + vector * ENTRY_SIZE, 1);
  set_gate(RETURN_VECTOR, return_entry, 0);
  set_gate(EVENT_VECTOR, event_entry, 0);
  set_gate(CHANGED_VECTOR, changed_entry, 0);
  set_gate(STACK_VECTOR, event_entry, 2);
  struct descriptor_table idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));

  static const uint16_t flags[PAGES] = {0x61, 0x61, 0x65, 0x25, 0x67, 0x67};
  pml4[0] = ((const uint64_t *)read_cr3())[0];
  pml4[1] = (uint64_t)tables[0] | 7;
  tables[0][0] = (uint64_t)tables[1] | 7;
  tables[1][0] = (uint64_t)tables[2] | 7;
  for (unsigned page = 0; page < PAGES; page++)
    tables[2][page] = (uint64_t)pages[page] | flags[page];
  write_cr3((uint64_t)pml4);
}

// A number, or what it stands for: an address in the trial's code, or in the window.
static void print_place(uint64_t value) {
  if (value - trial_code < 128)
    print(" code+%lx", value - trial_code);
  else if (value - (uint64_t)exception_entries < PAGE)
    print(" entry+%lx", value - (uint64_t)exception_entries);
  else if (value - WINDOW < PAGES * PAGE)
    print(" %c+%lx", "siucko"[(value - WINDOW) / PAGE], value % PAGE);
  else
    print(" %lx", value);
}

static void report(const char *name, uint64_t control, unsigned page) {
  print("%16s", name);
  if (result_vector == NO_VECTOR) {
    print(" ends  ");
  } else {
    print(" #%u(%lx) at", (unsigned)result_vector, result_error);
    print_place(result_rip);
    print(",");
  }
  print(" ssp");
  print_place(result_ssp);
  print(" control %lx rax", control);
  print_place(result_rax);
  print(" cf %u:", (unsigned)(result_flags & RFLAGS_CF));
  for (unsigned offset = START - 32; offset <= START + 8; offset += 8)
    print_place(pages[page][offset / 8]);
  print("\n");
}

// Clears the shadow stacks, and puts tokens where they are looked for.
static void prepare(void) {
  memset(pages[SHADOW], 0, PAGE);
  memset(pages[INTERRUPT_SHADOW], 0, PAGE);
  memset(pages[USER_SHADOW], 0, PAGE);
  pages[SHADOW][START / 8] = SHADOW_AT(START);
  for (unsigned stack = 1; stack <= 2; stack++) {
    uint64_t offset = stack * 0x400 - 8;
    ssp_table[stack] = WINDOW_PAGE(INTERRUPT_SHADOW) + offset;
    pages[INTERRUPT_SHADOW][offset / 8] = ssp_table[stack];
  }
  wrmsr(IA32_PL0_SSP, SHADOW_AT(START));
  wrmsr(IA32_PL3_SSP, USER_AT(START));
  wrmsr(IA32_U_CET, 0);
  result_error = result_rip = result_rax = result_flags = 0;
}

struct trial {
  const char *name, *code;
  uint64_t control, rax, rbx;
  // A word put on the shadow stack, at this offset.
  uint64_t place, word;
};
static void run(const struct trial *trial) {
  prepare();
  trial_code = (uint64_t)trial->code;
  trial_control = trial->control;
  trial_rax = trial->rax;
  trial_rbx = trial->rbx;
  if (trial->place)
    pages[SHADOW][trial->place / 8] = trial->word;
  run_trial();
  report(trial->name, result_control, SHADOW);
}

static void run_as_user(const struct trial *trial) {
  prepare();
  trial_code = WINDOW_PAGE(USER_CODE_PAGE) + (uint64_t)(trial->code - user_begin);
  trial_rax = trial->rax;
  trial_rbx = trial->rbx;
  if (trial->place)
    pages[USER_SHADOW][trial->place / 8] = trial->word;
  wrmsr(IA32_U_CET, trial->control);
  run_user(trial_code, WINDOW_PAGE(USER_STACK) + PAGE);
  uint64_t control = rdmsr(IA32_U_CET);
  wrmsr(IA32_U_CET, 0);
  report(trial->name, control, USER_SHADOW);
  print("                 kernel ssp");
  print_place(result_ssp);
  print(" user ssp");
  print_place(rdmsr(IA32_PL3_SSP));
  print(" token");
  print_place(pages[SHADOW][START / 8]);
  print(" interrupt token");
  print_place(pages[INTERRUPT_SHADOW][0x3f8 / 8]);
  print("\n");
}

static const struct trial trials[] = {
    {"call", trial_call, SH_STK, 0, 0, 0, 0},
    {"ret changed", trial_changed, SH_STK, 0, 0, 0, 0},
    {"ret changed, off", trial_changed, 0, 0, 0, 0, 0},
    {"call next", trial_next, SH_STK, 0, 0, 0, 0},
    {"call deeper", trial_deep, SH_STK, 0, 0, 0, 0},
    {"incsspd", trial_incsspd, SH_STK, 3, 0, 0, 0},
    {"incsspq", trial_incsspq, SH_STK, 0x102, 0, 0, 0},
    {"incsspq, far", trial_incsspq, SH_STK, 255, 0, 0, 0},
    {"incsspq, off", trial_incsspq, 0, 1, 0, 0, 0},
    {"wrssq", trial_wrssq, SH_STK | WR_SHSTK, 0x1234, SHADOW_AT(START - 16), 0, 0},
    {"wrssd", trial_wrssd, SH_STK | WR_SHSTK, 0x5678, SHADOW_AT(START - 4), 0, 0},
    {"wrssq, odd", trial_wrssq, SH_STK | WR_SHSTK, 0, SHADOW_AT(START - 4), 0, 0},
    {"wrssq, off", trial_wrssq, SH_STK, 0, SHADOW_AT(START - 16), 0, 0},
    {"wrssq, user's", trial_wrssq, SH_STK | WR_SHSTK, 0, USER_AT(START), 0, 0},
    {"wrssq, ordinary", trial_wrssq, SH_STK | WR_SHSTK, 0, WINDOW_PAGE(ORDINARY), 0, 0},
    {"wrssq, unmapped", trial_wrssq, SH_STK | WR_SHSTK, 0, WINDOW_PAGE(PAGES), 0, 0},
    {"wrussq", trial_wrussq, SH_STK, 0, USER_AT(START), 0, 0},
    {"wrussq, kernel's", trial_wrussq, SH_STK, 0, SHADOW_AT(START), 0, 0},
    {"store", trial_store, SH_STK, 0, SHADOW_AT(START), 0, 0},
    {"load", trial_load, SH_STK, 0, SHADOW_AT(START), 0, 0},
    {"rstorssp", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x109)},
    {"rstorssp, hole", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x10d)},
    {"rstorssp, 32-bit", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x108)},
    {"rstorssp, other", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x111)},
    {"rstorssp, bit 1", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x10b)},
    {"rstorssp, odd", trial_rstorssp, SH_STK, 0, SHADOW_AT(0x104), 0x100, SHADOW_AT(0x109)},
    {"switch", trial_switch, SH_STK, 0, SHADOW_AT(0x100), 0x100, SHADOW_AT(0x109)},
    {"saveprevssp", trial_saveprevssp, SH_STK, 0, 0, 0, 0},
    {"saveprevssp, cf", trial_saveprevssp_cf, SH_STK, 0, 0, 0, 0},
    {"setssbsy, busy", trial_setssbsy, SH_STK, 0, 0, 0, 0},
    {"setssbsy, off", trial_setssbsy, 0, 0, 0, 0, 0},
    {"clrssbsy", trial_clrssbsy, SH_STK, 0, SHADOW_AT(START), 0, 0},
    {"clrssbsy, none", trial_clrssbsy, SH_STK, 0, SHADOW_AT(0x100), 0, 0},
    {"clrssbsy, odd", trial_clrssbsy, SH_STK, 0, SHADOW_AT(START + 4), 0, 0},
    {"event", trial_event, SH_STK, 0, 0, 0, 0},
    {"event, off", trial_event, 0, 0, 0, 0, 0},
    {"event changed", trial_event_changed, SH_STK, 0, 0, 0, 0},
    {"event, stack", trial_event_stack, SH_STK, 0, 0, 0, 0},
    {"event, odd", trial_odd_event, SH_STK, 1, 0, 0, 0},
    {"far call", trial_far, SH_STK, 0, 0, 0, 0},
    {"far ret changed", trial_far_changed, SH_STK, 1, 0, 0, 0},
    {"jump, plain", trial_jump_plain, ENDBR, 0, 0, 0, 0},
    {"jump, off", trial_jump_plain, SH_STK, 0, 0, 0, 0},
    {"jump, suppressed", trial_jump_plain, ENDBR | SUPPRESS, 0, 0, 0, 0},
    {"jump, endbr64", trial_jump_endbr64, ENDBR, 0, 0, 0, 0},
    {"jump, endbr32", trial_jump_endbr32, ENDBR, 0, 0, 0, 0},
    {"jump, int3", trial_jump_int3, ENDBR, 0, 0, 0, 0},
    {"jump, ud2", trial_jump_ud2, ENDBR, 0, 0, 0, 0},
    {"notrack", trial_notrack, ENDBR | NO_TRACK, 0, 0, 0, 0},
    {"notrack, off", trial_notrack, ENDBR, 0, 0, 0, 0},
    {"notrack, fs", trial_notrack_fs, ENDBR | NO_TRACK, 0, 0, 0, 0},
    {"call, endbr64", trial_call_endbr, ENDBR | SH_STK, 0, 0, 0, 0},
    {"ret, plain", trial_ret_plain, ENDBR, 0, 0, 0, 0},
    {"event, endbr64", trial_event_plain, ENDBR | SH_STK, 0, 0, 0, 0},
};

static const struct trial user_trials[] = {
    {"user call", user_call, SH_STK, 0, 0, 0, 0},
    {"user calls", user_inside, SH_STK, 0, 0, 0, 0},
    {"user calls, off", user_inside, 0, 0, 0, 0, 0},
    {"user changed", user_changed, SH_STK, 0, 0, 0, 0},
    {"user incsspq", user_incsspq, SH_STK, 2, 0, 0, 0},
    {"user setssbsy", user_setssbsy, SH_STK, 0, 0, 0, 0},
    {"user store", user_store, SH_STK, 0, USER_AT(START), 0, 0},
    {"user wrssq", user_wrssq, SH_STK | WR_SHSTK, 0x1234, USER_AT(START - 16), 0, 0},
    {"user wrssq, off", user_wrssq, SH_STK, 0x1234, USER_AT(START - 16), 0, 0},
    {"user wrssq, k.", user_wrssq, SH_STK | WR_SHSTK, 0x1234, SHADOW_AT(START), 0, 0},
    {"user syscall", user_syscall, SH_STK, 0, 0, 0, 0},
    {"user jump", user_jump_plain, ENDBR, 0, 0, 0, 0},
    {"user jump, endbr", user_jump_endbr, ENDBR, 0, 0, 0, 0},
};

// Code on the pages that the bitmap names need not begin with ENDBR.
static void run_legacy(void) {
  struct trial trial = {"legacy", trial_jump_plain, 0, 0, 0, 0, 0};
  uint64_t page = (uint64_t)trial.code / PAGE;
  for (unsigned setting = 0; setting < 4; setting++) {
    memset(bitmap, setting & 1 ? 0 : 0xff, PAGE);
    bitmap[page / 8] ^= (uint8_t)(1 << page % 8);
    trial.control = (uint64_t)bitmap | ENDBR | LEGACY | (setting & 2 ? SUPPRESS_DIS : 0);
    prepare();
    trial_code = (uint64_t)trial.code;
    trial_control = trial.control;
    run_trial();
    report(trial.name, result_control & (PAGE - 1), SHADOW);
  }
}

void main(void) {
  struct cpuid features = cpuid(7, 0);
  if (!(features.ecx & BIT(7)) || !(features.edx & BIT(20))) {
    check(false, "the processor has CET_SS and CET_IBT");
    return;
  }
  set_up();
  memcpy(pages[USER_CODE_PAGE], user_begin, (size_t)(user_end - user_begin));
  write_cr0(read_cr0() | CR0_WP);
  write_cr4(read_cr4() | CR4_CET);
  wrmsr(IA32_INTERRUPT_SSP_TABLE_ADDR, (uint64_t)ssp_table);
  wrmsr(IA32_EFER, rdmsr(IA32_EFER) | EFER_SCE);
  wrmsr(IA32_STAR, (uint64_t)CODE_SELECTOR << 32);
  wrmsr(IA32_LSTAR, (uint64_t)system_call_entry);
  wrmsr(IA32_FMASK, ~0u);
  for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++) {
    far_pointer.offset = (uint64_t)(trials[i].rax ? far_changed_entry : far_entry);
    far_pointer.selector = CODE_SELECTOR;
    run(&trials[i]);
  }
  run_legacy();
  for (unsigned i = 0; i < sizeof user_trials / sizeof *user_trials; i++)
    run_as_user(&user_trials[i]);
  write_cr4(read_cr4() & ~(uint64_t)CR4_CET);
}
