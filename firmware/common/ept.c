// EPT paging structures: four levels of 512 entries, as in 64-bit paging, with other bits.
//
// One hierarchy is all that a sample needs. Every page has 4 KiB; tables come out of a fixed pool.
#include "ept.h"
#include "console.h"

enum { TABLES = 16, ENTRIES = 512, LEVELS = 4 };
static _Alignas(PAGE_SIZE) uint64_t tables[TABLES][ENTRIES]; // the first one is the EPT PML4
static unsigned tables_used = 1;

// link.ld
extern char image_start[], image_end[];

// IA32_VMX_EPT_VPID_CAP
enum {
  CAPABILITY_PAGE_WALK_4 = BIT(6),
  CAPABILITY_WRITE_BACK = BIT(14),
  CAPABILITY_INVEPT = BIT(20),
  CAPABILITY_INVEPT_SINGLE_CONTEXT = BIT(25),
  CAPABILITIES_USED = CAPABILITY_PAGE_WALK_4 | CAPABILITY_WRITE_BACK | CAPABILITY_INVEPT |
                      CAPABILITY_INVEPT_SINGLE_CONTEXT,
};

bool ept_available(void) {
  // The MSR of the capabilities exists only if the control does.
  const struct vmx_controls enable_ept = {.secondary = ENABLE_EPT};
  return check(vmx_offers(&enable_ept), "\"enable EPT\" is offered") &&
         check((rdmsr(IA32_VMX_EPT_VPID_CAP) & CAPABILITIES_USED) == CAPABILITIES_USED,
               "IA32_VMX_EPT_VPID_CAP: 4 levels, write-back, single-context INVEPT");
}

uint64_t *ept_entry(uint64_t guest_physical) {
  uint64_t *table = tables[0];
  for (unsigned level = LEVELS - 1;; level--) {
    uint64_t *entry = &table[guest_physical >> (12 + 9 * level) & (ENTRIES - 1)];
    if (level == 0)
      return entry;
    if (*entry == 0) {
      if (tables_used == TABLES) {
        check(false, "the pool of EPT tables is large enough");
        finish();
      }
      *entry = (uint64_t)tables[tables_used++] | EPT_ALL;
    }
    table = (uint64_t *)(*entry & ~(uint64_t)(PAGE_SIZE - 1));
  }
}

void ept_map(uint64_t guest_physical, uint64_t physical, uint64_t access) {
  *ept_entry(guest_physical) = physical | EPT_WRITE_BACK | access;
}

void ept_map_image(void) {
  for (uint64_t page = (uint64_t)image_start; page < (uint64_t)image_end; page += PAGE_SIZE)
    ept_map(page, page, EPT_ALL);
}

uint64_t ept_pointer(void) {
  const uint64_t write_back_tables = 6;
  return (uint64_t)tables[0] | (LEVELS - 1) << 3 | write_back_tables;
}

void ept_invalidate(void) {
  enum vmx_result result = invept(INVEPT_SINGLE_CONTEXT, ept_pointer());
  if (result != VM_SUCCEED)
    check(false, "INVEPT: %s", vmx_result_name(result));
}
