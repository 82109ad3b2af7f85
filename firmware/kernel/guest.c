// The guest of the kernel sample: a very small 64-bit kernel.
//
// All of this runs in VMX non-root operation. It has page tables and an IDT of its own, maps memory
// when it faults, counts timer interrupts and sleeps in between. Nothing in it is aware of VMX: the
// CPUID, RDMSR, WRMSR, IN, OUT and MOV to CR3 below are VM exits, and the timer interrupts are
// injected, but from here they look as on a machine of its own. Even print() is the very code that
// the hypervisor uses.
#include "guest.h"
#include "console.h"
#include "cpu.h"

struct interrupt_frame {
  uint64_t error_code, rip, cs, rflags, rsp, ss;
};

// guest-entry.S
extern const char general_protection_entry[], page_fault_entry[], timer_entry[];
void general_protection(struct interrupt_frame *frame);
void page_fault(struct interrupt_frame *frame);
void timer(struct interrupt_frame *frame);

enum { VECTOR_GP = 13, VECTOR_PF = 14 };
enum { PRESENT = BIT(0), WRITABLE = BIT(1), LARGE = BIT(7) };
enum { PAGE_FAULT_WRITE = BIT(1), RDMSR_LENGTH = 2 };

#define HEAP 0xffff800000000000ull // the first address of the upper half
enum { HEAP_PML4_INDEX = 256, HEAP_OFFSET = 0x5008, HEAP_PAGE = 5 };

#define PAGE __attribute__((aligned(4096)))
PAGE static uint64_t pml4[512], low_pdpt[512], low_directory[512];
PAGE static uint64_t heap_pdpt[512], heap_directory[512], heap_table[512];
PAGE static uint8_t heap_page[4096];
static struct gate idt[TIMER_VECTOR + 1];

static volatile unsigned ticks, page_faults, protection_faults;
static volatile uint64_t last_error_code, last_fault_address;

void general_protection(struct interrupt_frame *frame) {
  protection_faults++;
  last_error_code = frame->error_code;
  frame->rip += RDMSR_LENGTH;
}

void page_fault(struct interrupt_frame *frame) {
  page_faults++;
  last_error_code = frame->error_code;
  last_fault_address = read_cr2();
  heap_table[HEAP_PAGE] = (uint64_t)heap_page | PRESENT | WRITABLE;
}

void timer(__attribute__((unused)) struct interrupt_frame *frame) {
  ticks++;
}

// The first 2 MiB, where the image lies, at their own addresses; and a heap without pages.
static void set_up_paging(void) {
  pml4[0] = (uint64_t)low_pdpt | PRESENT | WRITABLE;
  low_pdpt[0] = (uint64_t)low_directory | PRESENT | WRITABLE;
  low_directory[0] = PRESENT | WRITABLE | LARGE;
  pml4[HEAP_PML4_INDEX] = (uint64_t)heap_pdpt | PRESENT | WRITABLE;
  heap_pdpt[0] = (uint64_t)heap_directory | PRESENT | WRITABLE;
  heap_directory[0] = (uint64_t)heap_table | PRESENT | WRITABLE;
  write_cr3((uint64_t)pml4);
  check(read_cr3() == (uint64_t)pml4, "running on page tables of my own");
}

static void set_up_idt(void) {
  idt[VECTOR_GP] = interrupt_gate((uint64_t)general_protection_entry);
  idt[VECTOR_PF] = interrupt_gate((uint64_t)page_fault_entry);
  idt[TIMER_VECTOR] = interrupt_gate((uint64_t)timer_entry);
  struct descriptor_table idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
}

static void fault_on_the_heap(void) {
  volatile uint64_t *word = (volatile uint64_t *)(HEAP + HEAP_OFFSET);
  *word = 0x1234;
  check(page_faults == 1 && last_fault_address == HEAP + HEAP_OFFSET,
        "one page fault, at the address that I wrote to");
  check_equal("its error code", last_error_code, PAGE_FAULT_WRITE);
  check_equal("the page that I mapped then", *word, 0x1234);
}

static void ask_cpuid(void) {
  struct cpuid features = cpuid(1, 0), name = cpuid(CPUID_HYPERVISOR_LEAF, 0);
  uint32_t text[4] = {name.ebx, name.ecx, name.edx, 0};
  check((features.ecx & CPUID_1_ECX_HYPERVISOR) && !(features.ecx & CPUID_1_ECX_VMX),
        "CPUID: there is a hypervisor, and no VMX");
  check(memcmp(text, HYPERVISOR_SIGNATURE, 12) == 0, "its name is %s", (const char *)text);
}

static void use_msrs(void) {
  check_equal("RDMSR of the version", rdmsr(MSR_GUEST_VERSION), GUEST_VERSION);
  wrmsr(MSR_GUEST_SCRATCH, 0x0123456789abcdef);
  check_equal("RDMSR after WRMSR", rdmsr(MSR_GUEST_SCRATCH), 0x0123456789abcdef);
  rdmsr(MSR_GUEST_ABSENT);
  check(protection_faults == 1 && last_error_code == 0, "RDMSR of an MSR that is absent: #GP(0)");
  check(rdmsr(IA32_EFER) & BIT(10), "IA32_EFER.LMA is set");
}

static void take_ticks(void) {
  // As long as RFLAGS.IF is 0, a timer interrupt has to wait.
  while (!rdmsr(MSR_GUEST_TICK_PENDING))
    ;
  check(ticks == 0, "a timer interrupt is pending, and kept out by CLI");
  __asm__ volatile("sti\n\tnop\n\tcli" : : : "memory");
  check(ticks >= 1, "STI lets it in");

  // STI takes effect after the instruction that follows, so that no tick can get lost between the
  // two: it is either here before the HLT, or ends it.
  for (unsigned seen = 1; seen < TICKS;) {
    __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
    for (; seen < ticks && seen < TICKS; seen++)
      print("tick %u\n", seen + 1);
  }
}

void guest_main(void) {
  print("hello from 64-bit mode\n");
  set_up_idt();
  set_up_paging();
  fault_on_the_heap();
  ask_cpuid();
  use_msrs();
  out8(PASSED_PORT, 0);
  take_ticks();
  print("done\n");
  __asm__ volatile("vmcall" : : "a"(ticks));
}
