// Work to measure an emulator with. The command line says which, how much, and how often:
//
//   vmxlab run build/firmware/bench.elf -- workload=sha256 iterations=1000 repeats=3
//
// Each repeat prints "begin" and "end CHECKSUM", and who measures takes the emulator's processor
// time between the two lines: the guest's own clock would tell nothing of the host's. Without a
// workload each one is run for a moment, and its checksum compared with the right one.
#include "multiboot.h"
#include "workload.h"

const char program_name[] = "bench";

static const struct workload workloads[] = {
    {"loop", NULL, run_loop, 1000, 0xe5ec3c69},
    {"loop-32", prepare_loop_32, run_loop_32, 1000, 0xe5ec3c69},
    {"sha256", NULL, run_sha256, 3, 0x1f424d049388e76c},
    {"sort", NULL, run_sort, 1, 0xd6ef638588c1cbab},
    {"bytecode", NULL, run_bytecode, 1, 0x43a3a0026ff208e},
    {"copy-loop", prepare_copy, run_copy_loop, 2, 0x4b43dc2433096fe0},
    {"copy-rep", prepare_copy, run_copy_rep, 2, 0x6a5a8e713eaca8b6},
    {"copy-rep-short", prepare_copy, run_copy_rep_short, 2, 0x83f3b93b6b80a9ee},
    {"address-spaces", prepare_address_spaces, run_address_spaces, 10, 0x998291e9fd1796d4},
    {"address-spaces-many", prepare_address_spaces, run_many_address_spaces, 10,
     0x52d9e7da14e4eeab},
    {"syscall", prepare_system_calls, run_syscall, 10, 0x2432544ed549fdf3},
    {"int", prepare_system_calls, run_int, 10, 0x2432544ed549fdf3},
    {"code-little", prepare_little_code, run_code, 1, 0x1c5dfbfc},
    {"code-much", prepare_much_code, run_code, 0, 0},
    {"code-fresh", prepare_little_code, run_fresh_code, 2, 0xa1529020},
    {"memory-little", NULL, run_little_memory, 1, 0x407f4000},
    {"memory-much", NULL, run_much_memory, 1, 0xffff0000},
    {"vmx-round-trip", prepare_round_trip, run_round_trip, 10, 0xc16ac00f8df0a478},
    {"vmx-fail-invalid", prepare_fail_invalid, run_failing_entry, 10, 0x100000009b3},
    {"vmx-fail-launch-state", prepare_fail_launch_state, run_failing_entry, 10, 0xb6023b07c20c2066},
    {"vmx-fail-controls", prepare_fail_controls, run_failing_entry, 10, 0x132f8902574b3f99},
    {"vmx-fail-host-state", prepare_fail_host_state, run_failing_entry, 10, 0xf5ac4403ad33d93a},
    {"vmx-fail-guest-state", prepare_fail_guest_state, run_failing_entry, 10, 0xf9cbab9f48947151},
    {"vmx-fail-link-pointer", prepare_fail_link_pointer, run_failing_entry, 10, 0xf9cba79f48941a0d},
    {"vmx-fail-msr-load", prepare_fail_msr_load, run_failing_entry, 10, 0xf9b3879f4b017984},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

// The word that follows `key` (such as "repeats=") in the command line; NULL without one.
static const char *option(const char *key) {
  const struct multiboot_information *information = multiboot_information();
  if (multiboot_magic != MULTIBOOT_BOOTLOADER_MAGIC ||
      !(information->flags & MULTIBOOT_HAS_COMMAND_LINE))
    return NULL;
  bool word_begins = true;
  for (const char *p = (const char *)(uint64_t)information->cmdline; *p; p++) {
    unsigned length = 0;
    while (key[length] && p[length] == key[length])
      length++;
    if (word_begins && !key[length])
      return p + length;
    word_begins = *p == ' ';
  }
  return NULL;
}

static uint64_t number_option(const char *key, uint64_t otherwise) {
  const char *digits = option(key);
  if (!digits)
    return otherwise;
  uint64_t value = 0;
  for (; *digits >= '0' && *digits <= '9'; digits++)
    value = value * 10 + (uint64_t)(*digits - '0');
  return value;
}

static bool begins_with(const char *text, const char *prefix) {
  while (*prefix && *text == *prefix)
    text++, prefix++;
  return !*prefix;
}

static bool is_word(const char *word, const char *name) {
  while (*name && *word == *name)
    word++, name++;
  return !*name && (!*word || *word == ' ');
}

// The timer that a PC's firmware leaves running has no part in the work: its counter 0 is made to
// wait for a count.
static void stop_timer(void) {
  enum { PIT_COMMAND = 0x43, COUNTER_0_BOTH_BYTES_MODE_0 = 0x30 };
  out8(PIT_COMMAND, COUNTER_0_BOTH_BYTES_MODE_0);
}

static void measure(const struct workload *workload, uint64_t iterations, uint64_t repeats) {
  print("%s\n", workload->name);
  stop_timer();
  if (workload->prepare && !workload->prepare())
    return;
  uint64_t first = 0;
  for (uint64_t repeat = 0; repeat < repeats; repeat++) {
    print("begin\n");
    uint64_t checksum = workload->run(iterations);
    print("end %016lx\n", checksum);
    if (repeat == 0)
      first = checksum;
    if (checksum != first)
      check(false, "every repeat has the same checksum");
  }
}

static void test_all(void) {
  bool has_vmx = cpuid(1, 0).ecx & CPUID_1_ECX_VMX;
  for (unsigned i = 0; i < WORKLOADS; i++) {
    const struct workload *workload = &workloads[i];
    if (!workload->sample || (!has_vmx && begins_with(workload->name, "vmx-")))
      continue;
    if (!workload->prepare || workload->prepare())
      check_equal(workload->name, workload->run(workload->sample), workload->checksum);
  }
}

void main(void) {
  const char *name = option("workload=");
  if (!name) {
    test_all();
    return;
  }
  for (unsigned i = 0; i < WORKLOADS; i++)
    if (is_word(name, workloads[i].name)) {
      measure(&workloads[i], number_option("iterations=", workloads[i].sample),
              number_option("repeats=", 1));
      return;
    }
  check(false, "there is no workload of that name");
}
