// Generated code: the same work spread over 64 KiB of code, and over 10 MiB; and 64 KiB that are
// written anew before every run, so that each instruction is executed once.
#include "workload.h"

enum { LITTLE = 64 * 1024, MUCH = 10 * 1024 * 1024 };
static uint64_t code_size;

// A function of `size` bytes (a multiple of 32): EAX is changed by an addition, an exclusive-or, a
// rotation, a conditional and a direct jump in every 32 bytes.
static void generate(uint8_t *code, uint64_t size, uint64_t seed) {
  uint64_t random = seed;
  uint8_t *end = code + size - 32;
  while (code < end) {
    uint64_t bits = next_random(&random);
    uint8_t *next = code + 32;
    *code++ = 0x05; // ADD EAX, imm32
    *(uint32_t *)code = (uint32_t)bits;
    code += 4;
    *code++ = 0x35; // XOR EAX, imm32
    *(uint32_t *)code = (uint32_t)(bits >> 32);
    code += 4;
    *code++ = 0xc1; // ROL EAX, imm8
    *code++ = 0xc0;
    *code++ = (uint8_t)(bits & 31);
    *code++ = 0xa8; // TEST AL, imm8
    *code++ = (uint8_t)(bits >> 16);
    *code++ = 0x74; // JZ over the next one
    *code++ = 0x02;
    *code++ = 0xff; // INC EAX
    *code++ = 0xc0;
    *code++ = 0xeb; // JMP to the next 32 bytes
    *code = (uint8_t)(next - (code + 1));
    code = next;
  }
  *code = 0xc3; // RET
}

static uint32_t call(uint64_t address, uint32_t value) {
  __asm__ volatile("call *%[address]" : "+a"(value) : [address] "r"(address) : "cc", "memory");
  return value;
}

bool prepare_little_code(void) {
  code_size = LITTLE;
  generate((uint8_t *)SCRATCH, code_size, 0xc0de);
  return true;
}

bool prepare_much_code(void) {
  code_size = MUCH;
  generate((uint8_t *)SCRATCH, code_size, 0xc0de);
  call(SCRATCH, 0); // the first time is another workload
  return true;
}

// An iteration is 10 MiB of code, whether distinct or not.
uint64_t run_code(uint64_t iterations) {
  uint32_t value = 0;
  for (; iterations; iterations--)
    for (uint64_t done = 0; done < MUCH; done += code_size)
      value = call(SCRATCH, value);
  return value;
}

uint64_t run_fresh_code(uint64_t iterations) {
  uint32_t value = 0;
  for (; iterations; iterations--) {
    generate((uint8_t *)SCRATCH, code_size, iterations);
    value = call(SCRATCH, value);
  }
  return value;
}
