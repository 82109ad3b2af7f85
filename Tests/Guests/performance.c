// Performance monitoring as a kernel uses it: counting around a loop, RDPMC, overflows as interrupts
// and as NMIs, freezing, and what a halt does to the counters.
#include "console.h"
#include "cpu.h"

const char program_name[] = "performance";

enum {
  IA32_PMC0 = 0xc1,
  IA32_PERFEVTSEL0 = 0x186,
  IA32_DEBUGCTL = 0x1d9,
  IA32_FIXED_CTR0 = 0x309,
  IA32_PERF_CAPABILITIES = 0x345,
  IA32_FIXED_CTR_CTRL = 0x38d,
  IA32_PERF_GLOBAL_STATUS = 0x38e,
  IA32_PERF_GLOBAL_CTRL = 0x38f,
  IA32_PERF_GLOBAL_STATUS_RESET = 0x390,
  IA32_A_PMC0 = 0x4c1,
  LVT_TIMER = 0x320,
  LVT_PERFORMANCE = 0x340,
  CYCLES = 0x3c,
  INSTRUCTIONS = 0xc0,
  REFERENCE = 0x13c,
  BRANCHES = 0xc4,
  COUNTING = 0x430000, // EN, OS, USR
  COUNTING_USER = 0x410000,
  COUNTING_SUPERVISOR = 0x420000,
  PMI_VECTOR = 0x50,
  TIMER_VECTOR = 0x51,
};

static volatile uint32_t *const apic = (volatile uint32_t *)0xfee00000;
static struct gate idt[256];

// The interrupt that came, where, and the status that its handler read.
static volatile uint64_t taken, where, status;
// How far into the loop of NOPs that an interrupt came from.
extern const char nops[];

extern const char pmi[], nmi[], wake[], fault[];
__asm__(".text\n"
        ".balign 16\nnmi:\n\tmovq $2, taken(%rip)\n\tjmp 1f\n"
        ".balign 16\npmi:\n\tmovq $0x50, taken(%rip)\n"
        "1:\tpushq %rax\n\tpushq %rcx\n\tpushq %rdx\n\t"
        "movq 24(%rsp), %rax\n\tmovq %rax, where(%rip)\n\t"
        "movl $0x38e, %ecx\n\trdmsr\n\t"
        "movl %eax, status(%rip)\n\tmovl %edx, status+4(%rip)\n\t"
        "movl $0xfee000b0, %eax\n\tmovl $0, (%rax)\n\t"
        "popq %rdx\n\tpopq %rcx\n\tpopq %rax\n\tiretq\n"
        ".balign 16\nwake:\n\tpushq %rax\n\t"
        "movl $0xfee000b0, %eax\n\tmovl $0, (%rax)\n\t"
        "popq %rax\n\tiretq\n"
        // #GP of a 2-byte instruction.
        ".balign 16\nfault:\n\tmovq $13, taken(%rip)\n\taddq $8, %rsp\n\taddq $2, (%rsp)\n\tiretq\n"
        // A subroutine of 64 NOPs.
        ".balign 64\nnops:\n\t.fill 64, 1, 0x90\n\tret\n");

static uint64_t rdpmc(uint32_t counter) {
  uint32_t low, high;
  __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
  return (uint64_t)high << 32 | low;
}

// Counts a loop of `count` rounds of three instructions, from WRMSR to WRMSR.
static void measure(uint64_t control, uint64_t count) {
  __asm__ volatile("wrmsr\n\t"
                   "1:\tnop\n\t"
                   "decq %3\n\t"
                   "jnz 1b\n\t"
                   "xorl %%eax, %%eax\n\t"
                   "xorl %%edx, %%edx\n\t"
                   "wrmsr"
                   : "+a"((uint32_t){control}), "+d"((uint32_t){control >> 32})
                   : "c"(IA32_PERF_GLOBAL_CTRL), "r"(count)
                   : "memory");
}

static void reset(void) {
  wrmsr(IA32_PERF_GLOBAL_CTRL, 0);
  for (unsigned i = 0; i < 4; i++) {
    wrmsr(IA32_PERFEVTSEL0 + i, 0);
    wrmsr(IA32_PMC0 + i, 0);
  }
  wrmsr(IA32_FIXED_CTR_CTRL, 0);
  for (unsigned i = 0; i < 3; i++)
    wrmsr(IA32_FIXED_CTR0 + i, 0);
  wrmsr(IA32_PERF_GLOBAL_STATUS_RESET, rdmsr(IA32_PERF_GLOBAL_STATUS));
  taken = status = 0;
  where = (uint64_t)nops;
}

static void counting(void) {
  struct cpuid leaf = cpuid(0xa, 0);
  print("CPUID 0xa: 0x%x 0x%x 0x%x 0x%x\n", leaf.eax, leaf.ebx, leaf.ecx, leaf.edx);
  print("capabilities 0x%lx, global control 0x%lx\n", rdmsr(IA32_PERF_CAPABILITIES),
        rdmsr(IA32_PERF_GLOBAL_CTRL));
  reset();
  wrmsr(IA32_PERFEVTSEL0, COUNTING | INSTRUCTIONS);
  wrmsr(IA32_PERFEVTSEL0 + 1, COUNTING | CYCLES);
  wrmsr(IA32_PERFEVTSEL0 + 2, COUNTING | REFERENCE);
  wrmsr(IA32_PERFEVTSEL0 + 3, COUNTING | BRANCHES);
  wrmsr(IA32_FIXED_CTR_CTRL, 0x333);
  measure(0x70000000f, 1000000);
  uint64_t cycles = rdpmc(1);
  print("instructions %lu and %lu\n", rdpmc(0), rdpmc(1u << 30));
  print("cycles: %s\n", cycles == rdpmc(1u << 30 | 1) && cycles == rdpmc(1u << 30 | 2) ? "alike" : "not alike");
  print("ticks of 25 MHz: %s\n", rdpmc(2) == cycles / 120 || rdpmc(2) == cycles / 120 + 1 ? "right" : "wrong");
  print("branches, which CPUID says are not counted: %lu\n", rdpmc(3));
  reset();
  wrmsr(IA32_PERFEVTSEL0, COUNTING_USER | INSTRUCTIONS);
  wrmsr(IA32_PERFEVTSEL0 + 1, COUNTING_SUPERVISOR | INSTRUCTIONS);
  wrmsr(IA32_PERFEVTSEL0 + 2, COUNTING | INSTRUCTIONS | 0x02000000);
  wrmsr(IA32_PERFEVTSEL0 + 3, COUNTING | INSTRUCTIONS | 0x02800000);
  measure(0xf, 1000);
  print("user %lu, supervisor %lu, two in a cycle %lu, fewer: %s\n", rdpmc(0), rdpmc(1), rdpmc(2),
        rdpmc(3) >= rdpmc(1) ? "every cycle" : "wrong");
}

static void selectors(void) {
  static const uint32_t numbers[] = {3, 4, 1u << 30 | 2, 1u << 30 | 3, 1u << 31};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    taken = 0;
    rdpmc(numbers[i]);
    print("RDPMC 0x%x: %s\n", numbers[i], taken ? "#GP" : "a counter");
  }
  wrmsr(IA32_A_PMC0, 0x123456789abc);
  wrmsr(IA32_PMC0 + 1, 0x89abcdef);
  print("written: 0x%lx 0x%lx\n", rdmsr(IA32_PMC0), rdmsr(IA32_A_PMC0 + 1));
}

// Calls the NOPs with a counter that overflows after `left` instructions.
static void overflow(const char *what, uint32_t entry, uint64_t left) {
  reset();
  apic[LVT_PERFORMANCE / 4] = entry;
  wrmsr(IA32_FIXED_CTR0, -left & 0xffffffffffff);
  wrmsr(IA32_FIXED_CTR_CTRL, 0xb);
  // WRMSR, STI, NOP and CALL count before the first NOP.
  __asm__ volatile("wrmsr\n\tsti\n\tnop\n\tcall nops\n\tcli"
                   :
                   : "c"(IA32_PERF_GLOBAL_CTRL), "a"(0), "d"(1)
                   : "memory");
  uint64_t control = rdmsr(IA32_PERF_GLOBAL_CTRL);
  wrmsr(IA32_PERF_GLOBAL_CTRL, 0);
  print("%s: vector 0x%lx behind NOP %lu, status 0x%lx, LVT 0x%x, control 0x%lx, counter %s\n", what,
        taken, where - (uint64_t)nops, status, apic[LVT_PERFORMANCE / 4], control,
        rdpmc(1u << 30) == 0 ? "0" : "goes on");
}

static void interrupts(void) {
  apic[0xf0 / 4] = 0x1ff;
  overflow("interrupt", PMI_VECTOR, 14);
  overflow("NMI", 0x400, 24);
  overflow("masked", 0x10000 | PMI_VECTOR, 14);
  wrmsr(IA32_DEBUGCTL, 1 << 12);
  overflow("freezing", PMI_VECTOR, 34);
  print("status afterwards 0x%lx\n", rdmsr(IA32_PERF_GLOBAL_STATUS));
  wrmsr(IA32_DEBUGCTL, 0);
  reset();
}

static void halt(void) {
  reset();
  wrmsr(IA32_PERFEVTSEL0, COUNTING | CYCLES);
  wrmsr(IA32_PERFEVTSEL0 + 1, COUNTING | CYCLES | 0x40000);
  wrmsr(IA32_PERFEVTSEL0 + 2, COUNTING | INSTRUCTIONS);
  apic[LVT_TIMER / 4] = TIMER_VECTOR;
  apic[0x3e0 / 4] = 0xb;
  uint64_t start = rdmsr(IA32_TIME_STAMP_COUNTER);
  wrmsr(IA32_PERF_GLOBAL_CTRL, 7);
  apic[0x380 / 4] = 10000;
  __asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
  wrmsr(IA32_PERF_GLOBAL_CTRL, 0);
  uint64_t elapsed = rdmsr(IA32_TIME_STAMP_COUNTER) - start;
  print("a halt of %s cycles, of which %s counted; woken %lu time\n",
        elapsed > 1000000 ? "many" : "few", rdpmc(0) < 10000 ? "few" : "many", rdpmc(1));
}

void main(void) {
  struct descriptor_table old = read_idtr();
  memcpy(idt, (const void *)old.base, 32 * sizeof *idt);
  idt[2] = interrupt_gate((uint64_t)nmi);
  idt[13] = interrupt_gate((uint64_t)fault);
  idt[PMI_VECTOR] = interrupt_gate((uint64_t)pmi);
  idt[TIMER_VECTOR] = interrupt_gate((uint64_t)wake);
  struct descriptor_table idtr = {sizeof idt - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
  out8(0x21, 0xff);
  out8(0xa1, 0xff);
  counting();
  selectors();
  interrupts();
  halt();
}
