// Text on COM1, and the self-checks whose verdict ends a sample.
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

// Every sample defines this; its first and last lines begin with it.
extern const char program_name[];

// COM1, as far as a hypervisor needs it to play one for its guest.
enum {
  COM1 = 0x3f8,
  COM1_DATA = COM1 + 0,
  COM1_LINE_STATUS = COM1 + 5,
  LINE_STATUS_THR_EMPTY = 0x20,         // it can take another byte
  LINE_STATUS_TRANSMITTER_EMPTY = 0x40, // and the last one has left
};

void console_init(void);
void print_character(char character);

// The same for what a guest prints: its lines begin with "guest:".
void print_guest_character(char character);

// A small printf: %c %s %u %x and %%, with l for 64 bits, and a width that pads with zeros (%08x)
// or spaces. %s is padded on the right.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Prints what was checked and whether it holds, and counts the ones that do not.
bool check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The same for one value, with what was expected if it is another one.
bool check_equal(const char *what, uint64_t value, uint64_t expected);

// Prints the verdict and ends the machine: with status 0 if every check held.
_Noreturn void finish(void);

#endif
