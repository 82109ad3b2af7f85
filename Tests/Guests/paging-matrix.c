// Accesses to a page with every sort of rights, at CPL 0 and 3, with every setting of what paging
// permissions depend on: a line for each setting, with how many accesses faulted and a checksum of all
// error codes, accessed and dirty flags. Other processors and emulators have the same lines.
#include "console.h"
#include "cpu.h"

const char program_name[] = "paging-matrix";

enum {
  PAGE = 4096,
  LEVELS = 4,
  PRESENT = BIT(0),
  WRITABLE = BIT(1),
  USER = BIT(2),
  ACCESSED = BIT(5),
  DIRTY = BIT(6),
  EFER_NXE = BIT(11),
  CR4_SMEP = BIT(20),
  CR4_SMAP = BIT(21),
  CR4_PKE = BIT(22),
  RFLAGS_AC = BIT(18),
  USER_DATA = 0x30 | 3,
  USER_CODE = 0x38 | 3,
  PAGE_FAULT = 14,
  KEY_VIOLATION = BIT(5),
  RETURN_VECTOR = 0x80,
  // Every so many of the 4096 sorts of rights; odd, so that all of them have their turn.
  STEP = 61,
};
#define EXECUTE_DISABLE BIT(63)
#define KEY(number) ((uint64_t)(number) << 59)
// The page that is tried, and the pages that a user's code and the way back use.
#define TRIED (BIT(39) | 0x1000)
#define USER_WINDOW (2 * BIT(39))

static uint64_t pml4[512] __attribute__((aligned(PAGE)));
static uint64_t tried_tables[3][512] __attribute__((aligned(PAGE)));
static uint64_t user_tables[3][512] __attribute__((aligned(PAGE)));
static uint8_t tried_page[PAGE] __attribute__((aligned(PAGE)));
static uint8_t user_code[PAGE] __attribute__((aligned(PAGE)));
static uint8_t stack[PAGE] __attribute__((aligned(PAGE)));
static struct gate idt[RETURN_VECTOR + 1];
static uint64_t gdt[8];

enum access { READ, WRITE, FETCH, ACCESSES };

// Saved by try_kernel and try_user, for the exceptions that end them.
uint64_t saved_rsp, fault_code, fault_address;
enum { NO_FAULT = 0x10000 };

// Both answer by fault_code. The kernel's access is here; the user's in the page of its own.
void try_kernel(enum access access, uint64_t address);
void try_user(uint64_t rip, uint64_t address, uint64_t rflags);
extern const char page_fault_entry[], return_entry[], user_begin[], user_end[];
extern const char user_read[], user_write[], user_fetch[];

__asm__("        .text\n"
        "        .macro  enter\n"
        "        pushq   %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
        "        movq    %rsp, saved_rsp\n"
        "        .endm\n"
        "        .globl  try_kernel\n"
        "try_kernel:\n"
        "        enter\n"
        "        movq    %rsi, %rbx\n"
        "        cmpl    $1, %edi\n"
        "        je      1f\n"
        "        ja      2f\n"
        "        movb    (%rbx), %al\n"
        "        jmp     leave_trial\n"
        "1:      movb    $0xc3, (%rbx)\n" // the page is full of RET
        "        jmp     leave_trial\n"
        "2:      call    *%rbx\n"
        "        jmp     leave_trial\n"
        "        .globl  try_user\n"
        "try_user:\n"
        "        enter\n"
        "        movq    %rsi, %rbx\n"
        "        pushq   $0x33\n"
        "        pushq   $0\n"
        "        pushq   %rdx\n"
        "        pushq   $0x3b\n"
        "        pushq   %rdi\n"
        "        iretq\n"
        "        .globl  page_fault_entry\n"
        "page_fault_entry:\n"
        "        popq    %rax\n"
        "        movq    %rax, fault_code\n"
        "        movq    %cr2, %rax\n"
        "        movq    %rax, fault_address\n"
        "        .globl  return_entry\n"
        "return_entry:\n"
        "leave_trial:\n"
        "        movq    saved_rsp, %rsp\n"
        "        pushq   $2\n"
        "        popfq\n"
        "        popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
        "        ret\n"
        "user_begin:\n"
        "user_read:\n"
        "        movb    (%rbx), %al\n"
        "        int     $0x80\n"
        "user_write:\n"
        "        movb    $0xc3, (%rbx)\n"
        "        int     $0x80\n"
        // A user has no stack to come back with: the second byte of the page returns for it.
        "user_fetch:\n"
        "        jmp     *%rbx\n"
        "user_end:\n");

static void set_up(void) {
  struct descriptor_table gdtr = read_gdtr();
  memcpy(gdt, (const void *)gdtr.base, 5 * 8);
  gdt[USER_DATA / 8] = 0x00cff3000000ffff;
  gdt[USER_CODE / 8] = 0x00affb000000ffff;
  gdtr = (struct descriptor_table){sizeof gdt - 1, (uint64_t)gdt};
  __asm__ volatile("lgdt %0" : : "m"(gdtr));
  uint64_t tss = (gdt[TSS_SELECTOR / 8] >> 16 & 0xffffff) | (gdt[TSS_SELECTOR / 8] >> 56) << 24;
  *(uint32_t *)(tss + 4) = (uint32_t)((uint64_t)stack + PAGE);

  struct descriptor_table idtr = read_idtr();
  memcpy(idt, (const void *)idtr.base, idtr.limit + 1u);
  idt[PAGE_FAULT] = interrupt_gate((uint64_t)page_fault_entry);
  idt[RETURN_VECTOR] = interrupt_gate((uint64_t)return_entry);
  idt[RETURN_VECTOR].type |= 3 << 5;
  idtr = (struct descriptor_table){sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));

  // RET for the kernel's fetch at offset 8, INT for the user's at 16.
  memset(tried_page, 0xc3, PAGE);
  tried_page[16] = 0xcd;
  tried_page[17] = RETURN_VECTOR;
  memcpy(user_code, user_begin, (size_t)(user_end - user_begin));
  const uint64_t *old = (const uint64_t *)read_cr3();
  pml4[0] = old[0];
  const uint64_t all = PRESENT | WRITABLE | USER;
  pml4[2] = (uint64_t)user_tables[0] | all;
  user_tables[0][0] = (uint64_t)user_tables[1] | all;
  user_tables[1][0] = (uint64_t)user_tables[2] | all;
  user_tables[2][0] = (uint64_t)user_code | all;
}

static uint64_t *const entries[LEVELS] = {&pml4[1], &tried_tables[0][0], &tried_tables[1][0],
                                          &tried_tables[2][1]};

// Three bits a level: writable, user, execute-disable. The page's protection key is 0 for all but the
// trials of keys; entries above the last have another, which means nothing.
static void set_entries(unsigned rights, unsigned key) {
  uint64_t next[LEVELS] = {(uint64_t)tried_tables[0], (uint64_t)tried_tables[1],
                           (uint64_t)tried_tables[2], (uint64_t)tried_page};
  for (unsigned level = 0; level < LEVELS; level++, rights >>= 3)
    *entries[level] = next[level] | PRESENT | (rights & 1 ? WRITABLE : 0) |
                      (rights & 2 ? USER : 0) | (rights & 4 ? EXECUTE_DISABLE : 0) |
                      KEY(level == LEVELS - 1 ? key : key ? 15 - key : 0);
  write_cr3(read_cr3());
}

static uint64_t fold(uint64_t checksum, uint64_t value) {
  checksum = (checksum ^ value) * 0x100000001b3;
  return checksum ^ checksum >> 29;
}

// The error code, or NO_FAULT, and what the access left in the entries.
static uint64_t try(enum access access, bool is_user, bool ac) {
  fault_code = NO_FAULT;
  fault_address = 0;
  uint64_t address = TRIED + (is_user ? 16 : 8);
  if (access == WRITE)
    address = TRIED + 32;
  if (is_user) {
    const char *code = access == READ ? user_read : access == WRITE ? user_write : user_fetch;
    try_user(USER_WINDOW + (uint64_t)(code - user_begin), address, 2 | (ac ? RFLAGS_AC : 0));
  } else {
    if (ac)
      __asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq" : : : "cc", "memory");
    try_kernel(access, address);
  }
  bool address_is_right = fault_code == NO_FAULT ? fault_address == 0 : fault_address == address;
  // Emulators do not agree on the bit where the access is forbidden in another way too.
  uint64_t result = (fault_code & ~(uint64_t)KEY_VIOLATION) << 1 | address_is_right;
  if (fault_code == NO_FAULT) // after a fault the manual leaves open which flags were set
    for (unsigned level = 0; level < LEVELS; level++)
      result = result << 1 | !!(*entries[level] & ACCESSED);
  return result << 1 | !!(*entries[LEVELS - 1] & DIRTY);
}

static uint64_t cr0, cr4, efer;

enum { SETTINGS = 64 };
struct setting {
  bool is_user, wp, smep, smap, nxe, ac;
};

// One of the settings, which from then on holds, with other bits in CR4.
static struct setting choose(unsigned number, uint64_t cr4_bits) {
  struct setting s = {number & 1, number & 2, number & 4, number & 8, number & 16, number & 32};
  write_cr0((cr0 & ~(uint64_t)CR0_WP) | (s.wp ? CR0_WP : 0));
  write_cr4(cr4 | cr4_bits | (s.smep ? CR4_SMEP : 0) | (s.smap ? CR4_SMAP : 0));
  wrmsr(IA32_EFER, efer | (s.nxe ? EFER_NXE : 0));
  return s;
}

struct account {
  uint64_t checksum;
  unsigned faults, tried;
};

// All accesses to the page with these rights and this key.
static void try_all(struct setting s, unsigned rights, unsigned key, struct account *account) {
  for (enum access access = READ; access < ACCESSES; access++) {
    set_entries(rights, key);
    account->checksum = fold(account->checksum, try(access, s.is_user, s.ac));
    account->faults += fault_code != NO_FAULT;
    account->tried++;
  }
}

static void report(const char *what, struct setting s, const struct account *account) {
  print("%sCPL %u WP %u SMEP %u SMAP %u NXE %u AC %u: %u of %u fault, %016lx\n", what,
        s.is_user ? 3u : 0u, (unsigned)s.wp, (unsigned)s.smep, (unsigned)s.smap, (unsigned)s.nxe,
        (unsigned)s.ac, account->faults, account->tried, account->checksum);
}

static void write_pkru(uint32_t value) {
  __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0) : "memory");
}

// Pages that one entry restricts, with each combination of rights for their key. Of all other keys but
// that of everything else, PKRU says the opposite. Accesses of a user alone: not every emulator lets
// PKRU disable those of the kernel.
static void try_keys(void) {
  for (unsigned number = 1; number < SETTINGS; number += 2) {
    struct setting s = choose(number, CR4_PKE);
    struct account account = {.checksum = 1};
    for (unsigned count = 0; count < 32; count++) {
      unsigned level = (count + number) % LEVELS, key = 1 + (count + number) % 15;
      unsigned all = 3 | 3 << 3 | 3 << 6 | 3 << 9;
      unsigned rights = (all & ~(7u << 3 * level)) | (count >> 2 & 7) << 3 * level;
      uint32_t bits = (count & 3) * 0x55555555;
      uint32_t mask = 3u << 2 * key;
      write_pkru(((bits & mask) | (~bits & ~mask)) & ~3u);
      try_all(s, rights, key, &account);
    }
    report("PKE, ", s, &account);
  }
}

void main(void) {
  set_up();
  write_cr3((uint64_t)pml4);
  cr0 = read_cr0(), cr4 = read_cr4(), efer = rdmsr(IA32_EFER);
  if (!(cpuid(7, 0).ebx & BIT(7)) || !(cpuid(7, 0).ebx & BIT(20)) || !(cpuid(7, 0).ecx & BIT(3))) {
    check(false, "the processor has SMEP, SMAP and PKU");
    return;
  }
  unsigned rights = 0;
  for (unsigned number = 0; number < SETTINGS; number++) {
    struct setting s = choose(number, 0);
    struct account account = {.checksum = 1};
    for (unsigned count = 0; count < 4096 / STEP; count++, rights = (rights + STEP) & 4095)
      try_all(s, rights, 0, &account);
    report("", s, &account);
  }
  try_keys();
  write_cr4(cr4);
}
