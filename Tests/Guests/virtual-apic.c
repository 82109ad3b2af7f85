// APIC virtualization: what becomes of every kind of access to the virtual APIC, and of virtual
// interrupts, under the controls that matter.
//
// Most lines are one VM entry each: what the guest did, the exit reason, the qualification, how far RIP
// came, the instruction length of an APIC-access VM exit, the vector whose handler ended the guest,
// RAX, the guest interrupt status, VTPR and VPPR.
#include "console.h"
#include "vmx.h"

const char program_name[] = "virtual-apic";

#define PAGE __attribute__((aligned(PAGE_SIZE)))
PAGE static uint8_t access_page[PAGE_SIZE], virtual_apic[PAGE_SIZE], msr_bitmap[PAGE_SIZE];
PAGE static uint64_t descriptor[PAGE_SIZE / 8];
PAGE static uint8_t guest_stack[PAGE_SIZE];
static struct gate guest_idt[256];
static union guest_registers registers;

enum {
  HANDLER_SIZE = 16,
  TASK_PRIORITY = 0x80,
  PROCESSOR_PRIORITY = 0xa0,
  END_OF_INTERRUPT = 0xb0,
  IN_SERVICE = 0x100,
  REQUESTED = 0x200,
  COMMAND = 0x300,
};

extern const char handlers[];
__asm__(".text\n\t.balign 16\nhandlers:\n\t.rept 256\n\t.balign 16\n\tvmcall\n\t.endr\n\t.balign 16");

#define GUEST(name, code)                                                                          \
  extern const char name[];                                                                        \
  __asm__(".text\n" #name ":\n\t" code "\n\tnop\n\tvmcall\n\thlt")
GUEST(load, "movl (%rbx), %eax");
GUEST(load_byte, "movzbl (%rbx), %eax");
GUEST(load_quad, "movq (%rbx), %rax");
GUEST(store, "movl %eax, (%rbx)");
GUEST(store_word, "movw %ax, (%rbx)");
GUEST(store_quad, "movq %rax, (%rbx)");
GUEST(or_32, "orl %eax, (%rbx)");
GUEST(push, "movq %rbx, %rsp\n\tpushq %rax");
GUEST(interrupt, "movq %rbx, %rsp\n\tint $0x77");
GUEST(read_msr, "rdmsr");
GUEST(write_msr, "wrmsr");
GUEST(read_cr8, "movq %cr8, %rax");
GUEST(write_cr8, "movq %rax, %cr8");
GUEST(nothing, "nop");
GUEST(enable, "sti\n\tnop");
GUEST(enable_cr8, "sti\n\tmovq %rax, %cr8");

static uint32_t virtual_register(unsigned offset) {
  return *(volatile uint32_t *)&virtual_apic[offset];
}
static void set_virtual_register(unsigned offset, uint32_t value) {
  *(volatile uint32_t *)&virtual_apic[offset] = value;
}

static uint32_t secondary;
static bool launched;

// One VM entry; false, with a line, if it fails.
static bool attempt(const char *name, const char *code, uint64_t rax, uint64_t rbx, uint64_t rcx) {
  registers = (union guest_registers){.rax = rax, .rbx = rbx, .rcx = rcx};
  vmcs_write(GUEST_RIP, (uint64_t)code);
  vmcs_write(GUEST_RSP, (uint64_t)(guest_stack + sizeof guest_stack));
  enum vmx_result result = launched ? vmresume(&registers) : vmlaunch(&registers);
  if (result != VM_SUCCEED) {
    print("%s: %s %lu\n", name, vmx_result_name(result), vmcs_read(VM_INSTRUCTION_ERROR));
    return false;
  }
  launched = true;
  return true;
}

static void enter(const char *name, const char *code, uint64_t rax, uint64_t rbx, uint64_t rcx) {
  if (!attempt(name, code, rax, rbx, rcx))
    return;
  uint64_t reason = vmcs_read(EXIT_REASON), rip = vmcs_read(GUEST_RIP);
  bool handled = rip - (uint64_t)handlers < 256 * HANDLER_SIZE;
  print("%s 0x%lx: reason %lu, qualification 0x%lx, ", name,
        rbx - (uint64_t)access_page < PAGE_SIZE ? rbx - (uint64_t)access_page : rcx, reason,
        reason == EXIT_APIC_ACCESS || reason == EXIT_VIRTUALIZED_EOI || reason == EXIT_APIC_WRITE ? vmcs_read(EXIT_QUALIFICATION) : 0);
  if (handled)
    print("handler 0x%lx", (rip - (uint64_t)handlers) / HANDLER_SIZE);
  else
    print("RIP +%lu", rip - (uint64_t)code);
  if (reason == EXIT_APIC_ACCESS)
    print(", length %lu", vmcs_read(VM_EXIT_INSTRUCTION_LENGTH));
  if (reason == EXIT_EXTERNAL_INTERRUPT)
    print(", interruption 0x%lx", vmcs_read(VM_EXIT_INTERRUPTION_INFORMATION));
  if (vmcs_read(IDT_VECTORING_INFORMATION) & BIT(31))
    print(", vectoring 0x%lx", vmcs_read(IDT_VECTORING_INFORMATION));
  uint64_t status = secondary & VIRTUAL_INTERRUPT_DELIVERY ? vmcs_read(GUEST_INTERRUPT_STATUS) : 0;
  print(", RAX 0x%lx, status 0x%lx, VTPR 0x%x, VPPR 0x%x\n", registers.rax, status,
        virtual_register(TASK_PRIORITY), virtual_register(PROCESSOR_PRIORITY));
}

static void begin(const char *name, uint32_t pin, uint32_t primary, uint32_t controls,
                  uint32_t exit) {
  print("== %s\n", name);
  secondary = controls;
  const struct vmx_controls wanted = {
      .pin_based = pin,
      .primary = primary | USE_MSR_BITMAPS | (controls ? (uint32_t)ACTIVATE_SECONDARY_CONTROLS : 0),
      .secondary = controls,
      .vm_exit = HOST_ADDRESS_SPACE_SIZE | exit,
      .vm_entry = IA32E_MODE_GUEST,
  };
  if (!vmcs_write_controls(&wanted))
    finish();
  vmcs_write_host_state();
  vmcs_write(ADDRESS_OF_MSR_BITMAPS, (uint64_t)msr_bitmap);
  vmcs_write(VIRTUAL_APIC_ADDRESS, (uint64_t)virtual_apic);
  vmcs_write(APIC_ACCESS_ADDRESS, (uint64_t)access_page);
  vmcs_write(TPR_THRESHOLD, 0);
  vmcs_write(GUEST_INTERRUPT_STATUS, 0);
  for (unsigned i = 0; i < 4; i++)
    vmcs_write(EOI_EXIT_BITMAP_0 + 2 * i, 0);
  vmcs_write_guest_state(0, 0);
  vmcs_write(GUEST_IDTR_BASE, (uint64_t)guest_idt);
  vmcs_write(GUEST_IDTR_LIMIT, sizeof guest_idt - 1);
  memset(virtual_apic, 0, sizeof virtual_apic);
}

static void idle(void) {
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED);
  vmcs_write(GUEST_ACTIVITY_STATE, 0);
  vmcs_write(GUEST_INTERRUPTIBILITY_STATE, 0);
}

static void request(unsigned vector) {
  unsigned offset = REQUESTED + vector / 32 * 16;
  set_virtual_register(offset, virtual_register(offset) | 1u << vector % 32);
  if (vector > (vmcs_read(GUEST_INTERRUPT_STATUS) & 0xff))
    vmcs_write(GUEST_INTERRUPT_STATUS, (vmcs_read(GUEST_INTERRUPT_STATUS) & 0xff00) | vector);
}

// Every register, read and written: exit reasons, qualifications, and what is read and left.
static void sweep(void) {
  for (unsigned offset = 0; offset < 0x400; offset += 16) {
    set_virtual_register(offset, 0x5a000000 | offset);
    if (!attempt("load", load, 0, (uint64_t)access_page + offset, 0))
      continue;
    print("0x%x: load %lu 0x%lx", offset, vmcs_read(EXIT_REASON), registers.rax);
    if (!attempt("store", store, 0x40, (uint64_t)access_page + offset, 0))
      continue;
    uint64_t reason = vmcs_read(EXIT_REASON);
    print(", store %lu 0x%lx RIP +%lu, 0x%x\n", reason,
          reason == EXIT_VMCALL ? 0 : vmcs_read(EXIT_QUALIFICATION),
          vmcs_read(GUEST_RIP) - (uint64_t)store, virtual_register(offset));
    set_virtual_register(offset, 0);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED);
  }
}

static void accesses(void) {
  begin("APIC accesses, no TPR shadow", 0, 0, VIRTUALIZE_APIC_ACCESSES, 0);
  for (unsigned offset = 0x80; offset <= 0x300; offset += 0x280) {
    enter("load", load, 0, (uint64_t)access_page + offset, 0);
    enter("store", store, 0, (uint64_t)access_page + offset, 0);
  }
  enter("interrupt", interrupt, 0, (uint64_t)access_page + 0x100, 0);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, 0);

  begin("APIC accesses with TPR shadow", 0, USE_TPR_SHADOW, VIRTUALIZE_APIC_ACCESSES, 0);
  sweep();
  enter("load byte", load_byte, 0, (uint64_t)access_page + 0x80, 0);
  enter("load byte", load_byte, 0, (uint64_t)access_page + 0x81, 0);
  enter("load quad", load_quad, 0, (uint64_t)access_page + 0x80, 0);
  enter("or", or_32, 0x11, (uint64_t)access_page + 0x80, 0);
  enter("push", push, 0x11, (uint64_t)access_page + 0x88, 0);

  begin("APIC-register virtualization", 0, USE_TPR_SHADOW, VIRTUALIZE_APIC_ACCESSES | APIC_REGISTER_VIRTUALIZATION, 0);
  sweep();
  set_virtual_register(0x80, 0);
  enter("store word", store_word, 0x1234, (uint64_t)access_page + 0x380, 0);
  enter("store quad", store_quad, 0, (uint64_t)access_page + 0x380, 0);
  enter("load", load, 0, (uint64_t)access_page + 0x84, 0);

  begin("Virtual-interrupt delivery", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, VIRTUALIZE_APIC_ACCESSES | VIRTUAL_INTERRUPT_DELIVERY, 0);
  sweep();

  begin("Both", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, VIRTUALIZE_APIC_ACCESSES | APIC_REGISTER_VIRTUALIZATION | VIRTUAL_INTERRUPT_DELIVERY, 0);
  sweep();
}

static void thresholds(void) {
  begin("TPR threshold", 0, USE_TPR_SHADOW, 0, 0);
  set_virtual_register(TASK_PRIORITY, 0xffffff57);
  enter("read CR8", read_cr8, 0, 0, 0);
  enter("write CR8", write_cr8, 9, 0, 0);
  vmcs_write(TPR_THRESHOLD, 5);
  enter("write CR8", write_cr8, 5, 0, 0);
  enter("write CR8", write_cr8, 4, 0, 0);
  enter("below", nothing, 0, 0, 0);
  vmcs_write(TPR_THRESHOLD, 0x15);
  enter("reserved", nothing, 0, 0, 0);

  begin("TPR threshold and APIC accesses", 0, USE_TPR_SHADOW, VIRTUALIZE_APIC_ACCESSES, 0);
  vmcs_write(TPR_THRESHOLD, 5);
  set_virtual_register(TASK_PRIORITY, 0x50);
  enter("store", store, 0x6f, (uint64_t)access_page + 0x80, 0);
  enter("store", store, 0x4f, (uint64_t)access_page + 0x80, 0);
  enter("below at entry", nothing, 0, 0, 0);
  vmcs_write(GUEST_ACTIVITY_STATE, 1);
  enter("below at entry, halted", nothing, 0, 0, 0);
  idle();
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  vmcs_write(VM_ENTRY_INTERRUPTION_INFORMATION, 0x80000055);
  enter("below at entry, injecting", nothing, 0, 0, 0);
  idle();
}

static void msrs(void) {
  begin("x2APIC mode", 0, USE_TPR_SHADOW, VIRTUALIZE_X2APIC_MODE, 0);
  set_virtual_register(TASK_PRIORITY, 0x33);
  enter("read MSR", read_msr, 0, 0, 0x808);
  vmcs_write(TPR_THRESHOLD, 3);
  enter("write MSR", write_msr, 0x47, 0, 0x808);
  enter("write MSR", write_msr, 0x100, 0, 0x808);
  idle();
  enter("write MSR", write_msr, 0x20, 0, 0x808);
  vmcs_write(TPR_THRESHOLD, 0);

  begin("x2APIC mode with registers", 0, USE_TPR_SHADOW, VIRTUALIZE_X2APIC_MODE | APIC_REGISTER_VIRTUALIZATION, 0);
  for (unsigned offset = 0; offset < 0x1000; offset += 16)
    set_virtual_register(offset, 0x11000000 | offset);
  for (unsigned index = 0x800; index < 0x840; index++)
    enter("read MSR", read_msr, 0, 0, index);

  begin("x2APIC mode with delivery", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, VIRTUALIZE_X2APIC_MODE | VIRTUAL_INTERRUPT_DELIVERY, 0);
  vmcs_write(GUEST_INTERRUPT_STATUS, 0x6200);
  set_virtual_register(IN_SERVICE + 0x30, 1 << 2);
  set_virtual_register(IN_SERVICE + 0x20, 1 << 5);
  enter("write MSR", write_msr, 1, 0, 0x80b);
  idle();
  enter("write MSR", write_msr, 0, 0, 0x80b);
  enter("write MSR", write_msr, 0x58, 0, 0x83f);
  enter("write MSR", write_msr, 0x61, 0, 0x83f);
  enter("write MSR", write_msr, 0x158, 0, 0x83f);
  idle();
  enter("write MSR", write_msr, 0x0f, 0, 0x83f);
}

static void interrupts(void) {
  const uint32_t controls = VIRTUALIZE_APIC_ACCESSES | VIRTUAL_INTERRUPT_DELIVERY;
  begin("Delivery", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, controls, 0);
  request(0x34);
  request(0x72);
  enter("masked", nothing, 0, 0, 0);
  enter("enable", enable, 0, 0, 0);
  idle();
  enter("next, held by the first", enable, 0, 0, 0);
  idle();
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  enter("end", store, 0, (uint64_t)access_page + END_OF_INTERRUPT, 0);
  idle();
  enter("end", store, 0, (uint64_t)access_page + END_OF_INTERRUPT, 0);
  print("  in service 0x%x 0x%x, requested 0x%x 0x%x\n", virtual_register(IN_SERVICE + 0x10),
        virtual_register(IN_SERVICE + 0x30), virtual_register(REQUESTED + 0x10),
        virtual_register(REQUESTED + 0x30));

  set_virtual_register(TASK_PRIORITY, 0x50);
  request(0x55);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  enter("held by TPR", nothing, 0, 0, 0);
  enter("write CR8", write_cr8, 4, 0, 0);
  idle();
  vmcs_write(GUEST_INTERRUPT_STATUS, 0);
  set_virtual_register(IN_SERVICE + 0x20, 0);
  set_virtual_register(TASK_PRIORITY, 0x50);
  request(0x56);
  enter("enable and write CR8", enable_cr8, 3, 0, 0);
  idle();

  begin("Interrupt window", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW | INTERRUPT_WINDOW_EXITING, controls, 0);
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  request(0x91);
  enter("window", nothing, 0, 0, 0);

  begin("EOI exits", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, controls, 0);
  static const uint8_t vectors[] = {0x35, 0x62, 0x9f, 0xe1};
  for (unsigned i = 0; i < 4; i++) {
    vmcs_write(GUEST_INTERRUPT_STATUS, vectors[i] << 8);
    vmcs_write(EOI_EXIT_BITMAP_0 + 2 * (vectors[i] / 64), 1ull << vectors[i] % 64);
    enter("end", store, 0, (uint64_t)access_page + END_OF_INTERRUPT, 0);
  }

  static const uint32_t commands[] = {0x40066,  0x44066,  0x40866,  0x00066, 0x80066,
                                      0xc0066,  0x48066,  0x40166,  0x41066, 0x42066,
                                      0x50066,  0x140066, 0x4000f};
  for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
    begin("Command", EXTERNAL_INTERRUPT_EXITING, USE_TPR_SHADOW, controls, 0);
    vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
    enter("store", store, commands[i], (uint64_t)access_page + COMMAND, 0);
    idle();
  }
}

// The local APIC sends the notification itself.
static void posted(void) {
  volatile uint32_t *local_apic = (volatile uint32_t *)0xfee00000;
  local_apic[0xf0 / 4] = 0x1ff;
  begin("Posted interrupts", EXTERNAL_INTERRUPT_EXITING | PROCESS_POSTED_INTERRUPTS, USE_TPR_SHADOW, VIRTUALIZE_X2APIC_MODE | VIRTUAL_INTERRUPT_DELIVERY, ACKNOWLEDGE_INTERRUPT_ON_EXIT);
  vmcs_write(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0xf2);
  vmcs_write(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, (uint64_t)descriptor);
  descriptor[0] = BIT(0x33);
  descriptor[2] = BIT(0x3f);
  descriptor[4] = 3;
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  local_apic[0x300 / 4] = 0x440f2;
  enter("notified", nothing, 0, 0, 0);
  print("  descriptor 0x%lx 0x%lx 0x%lx, in service 0x%x, requested 0x%x\n", descriptor[0],
        descriptor[2], descriptor[4], local_apic[0x170 / 4], virtual_register(REQUESTED + 0x10));
  idle();
  local_apic[0x300 / 4] = 0x440f3;
  enter("another vector", nothing, 0, 0, 0);
  print("  in service 0x%x\n", local_apic[0x170 / 4]);
  local_apic[0xb0 / 4] = 0;
  vmcs_write(GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
  vmcs_write(GUEST_INTERRUPT_STATUS, 0);
  memset(virtual_apic, 0, sizeof virtual_apic);
  descriptor[1] = BIT(2);
  local_apic[0x300 / 4] = 0x440f2;
  enter("notified again", nothing, 0, 0, 0);
}

void main(void) {
  static struct vmx_region vmcs;
  for (unsigned vector = 0; vector < 256; vector++)
    guest_idt[vector] = interrupt_gate((uint64_t)handlers + vector * HANDLER_SIZE);
  // The 8259 pair stays silent.
  out8(0x21, 0xff);
  out8(0xa1, 0xff);
  if (!vmx_enable() || !vmcs_make_current(&vmcs))
    return;
  accesses();
  thresholds();
  msrs();
  interrupts();
  posted();
}
