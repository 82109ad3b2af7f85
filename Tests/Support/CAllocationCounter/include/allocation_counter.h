#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/// How many times the calling thread has asked the C library for memory. Linking this target puts
/// functions in front of malloc and its kin, which Swift's run time calls too.
uint64_t allocation_count(void);

#endif
