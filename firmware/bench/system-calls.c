// A user program that calls the kernel: by SYSCALL, which comes back by SYSRET, and by INT, which
// comes back by IRET. The handlers do what a kernel's do: save, switch stacks, call, restore.
#include "workload.h"

enum {
  IA32_STAR = 0xc0000081,
  IA32_LSTAR = 0xc0000082,
  IA32_FMASK = 0xc0000084,
  EFER_SCE = 1,
  SYSTEM_CALL_VECTOR = 0x80,
  PAGE = 4096,
};

// system-call-entries.S
extern const char system_call_entry[], interrupt_entry[];
extern const char user_program_syscall[], user_program_int[], user_programs_end[];
void enter_user(uint64_t rip, uint64_t rsp, uint64_t count);

static struct gate idt[SYSTEM_CALL_VECTOR + 1];
static uint8_t kernel_stack[PAGE] __attribute__((aligned(PAGE)));
static uint8_t user_code[PAGE] __attribute__((aligned(PAGE)));
static uint8_t user_stack[PAGE] __attribute__((aligned(PAGE)));
static uint64_t checksum;
static uint64_t user_cr3;

// What GS points to in the kernel: its stack, and room for the user's RSP.
struct kernel_data {
  uint64_t stack, user_stack;
};
static struct kernel_data kernel_data = {(uint64_t)kernel_stack + PAGE, 0};

// System call 0: the one that is measured.
uint64_t system_call_add(uint64_t value) {
  checksum = fold(checksum, value);
  return checksum;
}

bool prepare_system_calls(void) {
  load_user_segments();

  // RSP0 of the TSS, whose base is in its descriptor.
  const uint64_t *descriptor = (const uint64_t *)(read_gdtr().base + TSS_SELECTOR);
  uint64_t tss =
      (descriptor[0] >> 16 & 0xffffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
  *(uint32_t *)(tss + 4) = (uint32_t)kernel_data.stack;

  struct descriptor_table idtr = read_idtr();
  if (idtr.base != (uint64_t)idt)
    memcpy(idt, (const void *)idtr.base, idtr.limit + 1u);
  idt[SYSTEM_CALL_VECTOR] = interrupt_gate((uint64_t)interrupt_entry);
  idt[SYSTEM_CALL_VECTOR].type |= 3 << 5; // DPL 3
  idtr = (struct descriptor_table){sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));

  wrmsr(IA32_EFER, rdmsr(IA32_EFER) | EFER_SCE);
  wrmsr(IA32_STAR, (uint64_t)SYSRET_SELECTOR << 48 | (uint64_t)CODE_SELECTOR << 32);
  wrmsr(IA32_LSTAR, (uint64_t)system_call_entry);
  wrmsr(IA32_FMASK, 0x4700); // TF, IF, DF, NT
  wrmsr(IA32_KERNEL_GS_BASE, (uint64_t)&kernel_data);

  memcpy(user_code, user_program_syscall, (size_t)(user_programs_end - user_program_syscall));
  uint64_t pages[WINDOW_PAGES] = {(uint64_t)user_code, (uint64_t)user_stack};
  user_cr3 = build_address_space(SCRATCH, pages, PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);
  return true;
}

static uint64_t run(const char *program, uint64_t iterations) {
  uint64_t old_cr3 = read_cr3();
  checksum = 0;
  write_cr3(user_cr3);
  enter_user(WINDOW + (uint64_t)(program - user_program_syscall), WINDOW + 2 * PAGE, iterations);
  write_cr3(old_cr3);
  return checksum;
}

uint64_t run_syscall(uint64_t iterations) {
  return run(user_program_syscall, iterations);
}

uint64_t run_int(uint64_t iterations) {
  return run(user_program_int, iterations);
}
