// What a workload is: work that is done a number of times, and a checksum that says that it was
// done right.
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "console.h"
#include "cpu.h"

struct workload {
  const char *name;
  bool (*prepare)(void); // what is not measured; NULL if there is nothing. False: cannot be run
  uint64_t (*run)(uint64_t iterations); // the checksum, the same whenever it is run
  uint64_t sample;                      // iterations of the self-test (0: it has none)...
  uint64_t checksum;                    // ...and the checksum that they have
};

// loop.S
uint64_t run_loop(uint64_t iterations);
bool prepare_loop_32(void);
uint64_t run_loop_32(uint64_t iterations);
// sha256.c, sort.c, bytecode.c
uint64_t run_sha256(uint64_t iterations);
uint64_t run_sort(uint64_t iterations);
uint64_t run_bytecode(uint64_t iterations);
// copy.c
bool prepare_copy(void);
uint64_t run_copy_loop(uint64_t iterations);
uint64_t run_copy_rep(uint64_t iterations);
uint64_t run_copy_rep_short(uint64_t iterations);
// address-spaces.c
bool prepare_address_spaces(void);
uint64_t run_address_spaces(uint64_t iterations);
uint64_t run_many_address_spaces(uint64_t iterations);
// system-calls.c
bool prepare_system_calls(void);
uint64_t run_syscall(uint64_t iterations);
uint64_t run_int(uint64_t iterations);
// code.c
bool prepare_little_code(void);
bool prepare_much_code(void);
uint64_t run_code(uint64_t iterations);
uint64_t run_fresh_code(uint64_t iterations);
// memory-walk.c
uint64_t run_little_memory(uint64_t iterations);
uint64_t run_much_memory(uint64_t iterations);
// vm-entries.c
bool prepare_round_trip(void);
bool prepare_fail_invalid(void);
bool prepare_fail_launch_state(void);
bool prepare_fail_controls(void);
bool prepare_fail_host_state(void);
bool prepare_fail_guest_state(void);
bool prepare_fail_link_pointer(void);
bool prepare_fail_msr_load(void);
uint64_t run_round_trip(uint64_t iterations);
uint64_t run_failing_entry(uint64_t iterations);

// Memory beyond the image, which no loader uses: page tables, arrays, generated code.
#define SCRATCH (128ull << 20)
#define SCRATCH_SIZE (320ull << 20)

// A pseudo-random sequence (xorshift64*, Vigna 2016). The state must not be 0.
static inline uint64_t next_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1d;
}

static inline uint64_t fold(uint64_t checksum, uint64_t value) {
  checksum = (checksum ^ value) * 0x100000001b3;
  return checksum ^ checksum >> 29;
}

// A GDT with a user's segments and a 32-bit code segment, besides those of start.c.
enum {
  SYSRET_SELECTOR = 0x28 | 3, // SYSRET takes SS from 8 above, CS from 16 above
  USER_DATA_SELECTOR = 0x30 | 3,
  USER_CODE_SELECTOR = 0x38 | 3,
  CODE_32_SELECTOR = 0x40,
};
void load_user_segments(void);

// Builds an address space at `tables`: the identity map of boot.S, and at WINDOW a page for each
// of `pages`. Returns the value for CR3.
#define WINDOW (1ull << 39)
enum { WINDOW_PAGES = 16, ADDRESS_SPACE_SIZE = 4 * 4096 };
enum { PAGE_PRESENT = BIT(0), PAGE_WRITABLE = BIT(1), PAGE_USER = BIT(2) };
uint64_t build_address_space(uint64_t tables, const uint64_t pages[WINDOW_PAGES], uint64_t access);

#endif
