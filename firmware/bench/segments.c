// Segments for code that is not 64-bit kernel code.
#include "workload.h"

static uint64_t gdt[] = {
    0,
    0x00af9b000000ffff, // CODE_SELECTOR: 64-bit code
    0x00cf93000000ffff, // DATA_SELECTOR
    0,                  // TSS_SELECTOR, two entries: the ones of start.c
    0,
    0,
    0x00cff3000000ffff, // USER_DATA_SELECTOR
    0x00affb000000ffff, // USER_CODE_SELECTOR: 64-bit code
    0x00cf9b000000ffff, // CODE_32_SELECTOR
};

// TR keeps what it was loaded with.
void load_user_segments(void) {
  const uint64_t *old = (const uint64_t *)read_gdtr().base;
  gdt[TSS_SELECTOR / 8] = old[TSS_SELECTOR / 8];
  gdt[TSS_SELECTOR / 8 + 1] = old[TSS_SELECTOR / 8 + 1];
  struct descriptor_table gdtr = {sizeof gdt - 1, (uint64_t)gdt};
  __asm__ volatile("lgdt %0" : : "m"(gdtr));
}

bool prepare_loop_32(void) {
  load_user_segments();
  return true;
}
