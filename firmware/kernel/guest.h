// What the hypervisor and its guest agree on.
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

// MSRs that exist for this guest alone, in the range that the manual leaves to software.
enum {
  MSR_GUEST_VERSION = 0x40000000,
  MSR_GUEST_SCRATCH = 0x40000001,      // reads as what was written
  MSR_GUEST_TICK_PENDING = 0x40000002, // 1 while a timer interrupt waits for the guest
  MSR_GUEST_ABSENT = 0x40000003,       // #GP
  GUEST_VERSION = 7,
};

// CPUID leaf 0x40000000 names the hypervisor in EBX, ECX, EDX.
enum { CPUID_HYPERVISOR_LEAF = 0x40000000 };
#define HYPERVISOR_SIGNATURE "VMXLabSample"

enum {
  TIMER_VECTOR = 0x40, // where the guest wants its timer interrupts
  TICKS = 5,           // how many it waits for
  PASSED_PORT = 0x80,  // a port that the guest may use without a VM exit
};

// The guest's first instruction.
void guest_main(void);

// Where its stack begins.
extern uint8_t guest_stack_top[];

#endif
