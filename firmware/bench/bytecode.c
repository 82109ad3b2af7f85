// An interpreter in the interpreter: a stack machine whose instructions end with an indirect jump
// to the next one, as threaded code does. Its program adds up the primes below 2000, by a sieve.
#include "workload.h"

enum operation { PUSH, LOAD, STORE, GET, PUT, ADD, LESS, JUMP, JUMP_IF, JUMP_UNLESS, HALT };
enum variable { I, J, SUM, VARIABLES };
enum { LIMIT = 2000, STACK_SIZE = 16 };

struct instruction {
  uint8_t operation;
  int16_t operand;
};

enum label { OUTER = 4, INNER = 19, NEXT = 31, END = 36 };

static const struct instruction program[] = {
    {PUSH, 0}, {STORE, SUM}, {PUSH, 2}, {STORE, I},
    // OUTER: while I < LIMIT, unless I is crossed out
    {LOAD, I}, {PUSH, LIMIT}, {LESS, 0}, {JUMP_UNLESS, END}, {LOAD, I}, {GET, 0}, {JUMP_IF, NEXT},
    // SUM += I, J = I + I
    {LOAD, SUM}, {LOAD, I}, {ADD, 0}, {STORE, SUM}, {LOAD, I}, {LOAD, I}, {ADD, 0}, {STORE, J},
    // INNER: while J < LIMIT, cross J out
    {LOAD, J}, {PUSH, LIMIT}, {LESS, 0}, {JUMP_UNLESS, NEXT}, {PUSH, 1}, {LOAD, J}, {PUT, 0},
    {LOAD, J}, {LOAD, I}, {ADD, 0}, {STORE, J}, {JUMP, INNER},
    // NEXT: I += 1
    {LOAD, I}, {PUSH, 1}, {ADD, 0}, {STORE, I}, {JUMP, OUTER},
    // END
    {HALT, 0},
};

static int64_t interpret(int8_t crossed_out[LIMIT]) {
  static const void *const labels[] = {
      [PUSH] = &&push, [LOAD] = &&load,       [STORE] = &&store,
      [GET] = &&get,   [PUT] = &&put,         [ADD] = &&add,
      [LESS] = &&less, [JUMP] = &&jump,       [JUMP_IF] = &&jump_if,
      [HALT] = &&halt, [JUMP_UNLESS] = &&jump_unless,
  };
  int64_t variables[VARIABLES] = {0}, stack[STACK_SIZE], *top = stack;
  const struct instruction *next = program, *now;
#define DISPATCH                                                                                   \
  do {                                                                                             \
    now = next++;                                                                                  \
    goto *labels[now->operation];                                                                  \
  } while (0)

  DISPATCH;
push:
  *top++ = now->operand;
  DISPATCH;
load:
  *top++ = variables[now->operand];
  DISPATCH;
store:
  variables[now->operand] = *--top;
  DISPATCH;
get:
  top[-1] = crossed_out[top[-1]];
  DISPATCH;
put:
  top -= 2;
  crossed_out[top[1]] = (int8_t)top[0];
  DISPATCH;
add:
  top--;
  top[-1] += top[0];
  DISPATCH;
less:
  top--;
  top[-1] = top[-1] < top[0];
  DISPATCH;
jump:
  next = program + now->operand;
  DISPATCH;
jump_if:
  if (*--top)
    next = program + now->operand;
  DISPATCH;
jump_unless:
  if (!*--top)
    next = program + now->operand;
  DISPATCH;
halt:
  return variables[SUM];
#undef DISPATCH
}

uint64_t run_bytecode(uint64_t iterations) {
  static int8_t crossed_out[LIMIT];
  uint64_t checksum = 0;
  for (; iterations; iterations--) {
    memset(crossed_out, 0, sizeof crossed_out);
    checksum = fold(checksum, (uint64_t)interpret(crossed_out));
  }
  return checksum;
}
