// One quadword a page, in an order that looks random, of 1 MiB and of 256 MiB. The work is the
// same: what differs is how much of it finds its translation cached.
#include "workload.h"

enum { PAGE = 4096, STEPS = 65536 };

// The quadword of a page: not the same line in every one.
static uint64_t *cell(uint64_t page) {
  return (uint64_t *)(SCRATCH + page * PAGE + page % 64 * 64);
}

static uint64_t walk(uint64_t pages, uint64_t iterations) {
  uint64_t checksum = 0;
  for (uint64_t page = 0; page < pages; page++)
    *cell(page) = page;
  // A full period: a multiplier of the form 4k + 1 and an odd increment, modulo a power of 2.
  for (uint64_t page = 0; iterations; iterations--)
    for (unsigned step = 0; step < STEPS; step++) {
      page = (page * 1664525 + 1013904223) & (pages - 1);
      *cell(page) += page;
      checksum += *cell(page);
    }
  return checksum;
}

uint64_t run_little_memory(uint64_t iterations) {
  return walk(256, iterations);
}

uint64_t run_much_memory(uint64_t iterations) {
  return walk(65536, iterations);
}
