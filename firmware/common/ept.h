// EPT: the second set of page tables, from guest-physical to physical addresses.
#ifndef EPT_H
#define EPT_H

#include "vmx.h"

// Entry bits (section "EPT Translation Mechanism")
enum {
  EPT_READ = BIT(0),
  EPT_WRITE = BIT(1),
  EPT_EXECUTE = BIT(2),
  EPT_READ_WRITE = EPT_READ | EPT_WRITE,
  EPT_ALL = EPT_READ | EPT_WRITE | EPT_EXECUTE,
  EPT_WRITE_BACK = 6 << 3, // memory type of a page, in the entry that maps it
};

// Exit qualification of an EPT violation
enum {
  EPT_VIOLATION_READ = BIT(0),
  EPT_VIOLATION_WRITE = BIT(1),
  EPT_VIOLATION_FETCH = BIT(2),
  EPT_VIOLATION_READABLE = BIT(3), // what the entries would have allowed
  EPT_VIOLATION_WRITABLE = BIT(4),
  EPT_VIOLATION_EXECUTABLE = BIT(5),
  EPT_VIOLATION_LINEAR_VALID = BIT(7), // the guest-linear-address field holds an address...
  EPT_VIOLATION_TRANSLATED = BIT(8),   // ...and the access was to it, not to its page tables

  // The bits that are defined on every processor with EPT.
  EPT_VIOLATION_BASIC = 0x1bf,
};

// Checks that the processor has what these functions use: EPT, four levels, write-back tables,
// INVEPT.
bool ept_available(void);

// The entry that maps a guest-physical page of 4 KiB, through tables that are made as needed. 0
// stands for a page that is not mapped.
uint64_t *ept_entry(uint64_t guest_physical);

void ept_map(uint64_t guest_physical, uint64_t physical, uint64_t access);

// Maps every page of the image, code, data and stack, at its own address.
void ept_map_image(void);

// The value of the EPT-pointer field.
uint64_t ept_pointer(void);

// Makes the processor forget translations. Needed after an entry was changed to allow less.
void ept_invalidate(void);

#endif
