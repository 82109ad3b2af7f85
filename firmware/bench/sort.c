// Quicksort of 4096 pseudo-random integers, with insertion sort for short ranges.
#include "workload.h"

enum { COUNT = 4096, SHORT = 12 };

static void sort(int32_t *first, int32_t *last) {
  while (last - first > SHORT) {
    int32_t pivot = first[(last - first) / 2];
    int32_t *low = first, *high = last;
    while (low <= high) {
      while (*low < pivot)
        low++;
      while (*high > pivot)
        high--;
      if (low <= high) {
        int32_t value = *low;
        *low++ = *high;
        *high-- = value;
      }
    }
    sort(first, high);
    first = low;
  }
  for (int32_t *next = first + 1; next <= last; next++) {
    int32_t value = *next, *place = next;
    for (; place > first && place[-1] > value; place--)
      *place = place[-1];
    *place = value;
  }
}

uint64_t run_sort(uint64_t iterations) {
  static int32_t values[COUNT];
  uint64_t random = 0x5eed, checksum = 0;
  for (; iterations; iterations--) {
    for (unsigned i = 0; i < COUNT; i++)
      values[i] = (int32_t)next_random(&random);
    sort(values, values + COUNT - 1);
    for (unsigned i = 0; i < COUNT; i += 64)
      checksum = fold(checksum, (uint32_t)values[i]);
    for (unsigned i = 1; i < COUNT; i++)
      if (values[i - 1] > values[i])
        return 0;
  }
  return checksum;
}
