// The memory functions that a compiler may call even in freestanding code. The string instructions
// do the work: they are short, and the compiler cannot turn them back into calls of themselves.
#include "cpu.h"

void *memset(void *to, int value, size_t count) {
  void *p = to;
  __asm__ volatile("rep stosb" : "+D"(p), "+c"(count) : "a"(value) : "memory");
  return to;
}

void *memcpy(void *to, const void *from, size_t count) {
  void *p = to;
  __asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(count) : : "memory");
  return to;
}

int memcmp(const void *a, const void *b, size_t count) {
  const volatile uint8_t *x = a, *y = b;
  for (size_t i = 0; i < count; i++)
    if (x[i] != y[i])
      return x[i] - y[i];
  return 0;
}
