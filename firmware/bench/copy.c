// Memory copies: a loop of loads and stores, REP with many bytes, REP with few.
#include "workload.h"

enum { BUFFER = 64 * 1024, SHORT = 48 };
static uint64_t from[BUFFER / 8] __attribute__((aligned(64)));
static uint64_t to[BUFFER / 8 + 8] __attribute__((aligned(64)));

bool prepare_copy(void) {
  uint64_t random = 0xc0b1;
  for (unsigned i = 0; i < BUFFER / 8; i++)
    from[i] = next_random(&random);
  return true;
}

static uint64_t sum(void) {
  uint64_t checksum = 0;
  for (unsigned i = 0; i < BUFFER / 8; i++)
    checksum = fold(checksum, to[i]);
  return checksum;
}

// Once through 64 KiB, 8 bytes at a time.
uint64_t run_copy_loop(uint64_t iterations) {
  memset(to, 0, sizeof to);
  for (; iterations; iterations--) {
    uint64_t index = BUFFER / 8;
    __asm__ volatile("1:\n\t"
                     "movq -8(%[from], %[index], 8), %%rax\n\t"
                     "movq %%rax, -8(%[to], %[index], 8)\n\t"
                     "decq %[index]\n\t"
                     "jnz 1b"
                     : [index] "+r"(index)
                     : [from] "r"(from), [to] "r"(to)
                     : "rax", "memory", "cc");
  }
  return sum();
}

static void fill(void *to, uint8_t value, uint64_t count) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}
static void copy_bytes(void *to, const void *from, uint64_t count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}
static void copy_quadwords(void *to, const void *from, uint64_t count) {
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

// REP STOSB, REP MOVSB and REP MOVSQ through 64 KiB each, the last one not aligned.
uint64_t run_copy_rep(uint64_t iterations) {
  memset(to, 0, sizeof to);
  for (; iterations; iterations--) {
    fill(to, (uint8_t)iterations, BUFFER);
    copy_bytes((uint8_t *)to + BUFFER / 2, from, BUFFER / 2);
    copy_bytes(to, (uint8_t *)from + BUFFER / 2, BUFFER / 2);
    copy_quadwords((uint8_t *)to + 5, from, BUFFER / 8);
  }
  return sum();
}

// REP MOVSB of 48 bytes, for every part of 64 KiB.
uint64_t run_copy_rep_short(uint64_t iterations) {
  memset(to, 0, sizeof to);
  for (; iterations; iterations--)
    for (unsigned at = 0; at + SHORT <= BUFFER; at += SHORT)
      copy_bytes((uint8_t *)to + at, (uint8_t *)from + at, SHORT);
  return sum();
}
