// MOV CR3, and a touch of 16 pages that each address space has elsewhere: between two address
// spaces, and round 2048 of them.
#include "workload.h"

enum { PAGE = 4096, MANY = 2048, PHYSICAL_PAGES = 4 * WINDOW_PAGES };

static uint64_t spaces[MANY];

static uint64_t *physical_page(unsigned number) {
  return (uint64_t *)(SCRATCH + (uint64_t)(number % PHYSICAL_PAGES) * PAGE);
}

uint64_t build_address_space(uint64_t tables, const uint64_t pages[WINDOW_PAGES], uint64_t access) {
  uint64_t *level[4];
  for (unsigned i = 0; i < 4; i++) {
    level[i] = (uint64_t *)(tables + i * PAGE);
    memset(level[i], 0, PAGE);
  }
  const uint64_t *now = (const uint64_t *)(read_cr3() & ~0xfffull);
  level[0][0] = now[0];
  level[0][1] = (uint64_t)level[1] | access;
  level[1][0] = (uint64_t)level[2] | access;
  level[2][0] = (uint64_t)level[3] | access;
  for (unsigned i = 0; i < WINDOW_PAGES; i++)
    level[3][i] = pages[i] | access;
  return tables;
}

bool prepare_address_spaces(void) {
  uint64_t tables = SCRATCH + PHYSICAL_PAGES * PAGE;
  for (unsigned space = 0; space < MANY; space++) {
    uint64_t pages[WINDOW_PAGES];
    for (unsigned i = 0; i < WINDOW_PAGES; i++)
      pages[i] = (uint64_t)physical_page(space * 7 + i * 5);
    spaces[space] = build_address_space(tables, pages, PAGE_PRESENT | PAGE_WRITABLE);
    tables += ADDRESS_SPACE_SIZE;
  }
  return true;
}

// An iteration is one address space: MOV CR3 and 16 pages.
static uint64_t switch_among(unsigned count, uint64_t iterations) {
  uint64_t old_cr3 = read_cr3(), checksum = 0;
  for (unsigned i = 0; i < PHYSICAL_PAGES; i++)
    *physical_page(i) = i;
  for (unsigned space = 0; iterations; iterations--) {
    write_cr3(spaces[space]);
    for (unsigned i = 0; i < WINDOW_PAGES; i++)
      *(volatile uint64_t *)(WINDOW + i * PAGE) += iterations;
    space = space + 1 == count ? 0 : space + 1;
  }
  write_cr3(old_cr3);
  for (unsigned i = 0; i < PHYSICAL_PAGES; i++)
    checksum = fold(checksum, *physical_page(i));
  return checksum;
}

uint64_t run_address_spaces(uint64_t iterations) {
  return switch_among(2, iterations);
}

uint64_t run_many_address_spaces(uint64_t iterations) {
  return switch_among(MANY, iterations);
}
