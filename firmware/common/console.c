// COM1 as a console, and the end of a run.
//
// A 16550A is polled: bit 5 of its line-status register says that it can take another byte. No
// interrupt is needed, so a hypervisor can print from anywhere, its VM-exit handler included.
#include "console.h"
#include "cpu.h"

#include <stdarg.h>

enum {
  COM1_INTERRUPT_ENABLE = COM1 + 1,
  COM1_FIFO_CONTROL = COM1 + 2,
  COM1_LINE_CONTROL = COM1 + 3,
  COM1_MODEM_CONTROL = COM1 + 4,

  LINE_CONTROL_8N1 = 0x03,
  LINE_CONTROL_DLAB = 0x80, // the first two ports are the baud-rate divisor
};

// Where a run ends. Real machines have neither port.
enum {
  DEBUG_EXIT = 0xf4,       // v ends VMXLab with status v << 1 | 1, as QEMU's isa-debug-exit
  BOCHS_SHUTDOWN = 0x8900, // the text "Shutdown" ends VMXLab with status 0, and Bochs
};

static unsigned failed_checks;

void console_init(void) {
  out8(COM1_INTERRUPT_ENABLE, 0);
  out8(COM1_LINE_CONTROL, LINE_CONTROL_DLAB);
  out8(COM1_DATA, 1); // 115200 baud
  out8(COM1_INTERRUPT_ENABLE, 0);
  out8(COM1_LINE_CONTROL, LINE_CONTROL_8N1);
  out8(COM1_FIFO_CONTROL, 0x07);  // on, and both queues emptied
  out8(COM1_MODEM_CONTROL, 0x03); // DTR and RTS
}

void print_character(char character) {
  while (!(in8(COM1_LINE_STATUS) & LINE_STATUS_THR_EMPTY))
    ;
  out8(COM1_DATA, (uint8_t)character);
}

void print_guest_character(char character) {
  static bool in_line;
  if (!in_line)
    print("  guest:  ");
  in_line = character != '\n';
  print_character(character);
}

static unsigned print_string(const char *text) {
  unsigned length = 0;
  for (; text[length]; length++)
    print_character(text[length]);
  return length;
}

static void print_number(uint64_t value, unsigned base, unsigned width, char padding) {
  char digits[24];
  unsigned count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  for (; width > count; width--)
    print_character(padding);
  while (count)
    print_character(digits[--count]);
}

static void print_list(const char *format, va_list arguments) {
  for (; *format; format++) {
    if (*format != '%') {
      print_character(*format);
      continue;
    }
    format++;
    char padding = *format == '0' ? '0' : ' ';
    unsigned width = 0;
    for (; *format >= '0' && *format <= '9'; format++)
      width = width * 10 + (unsigned)(*format - '0');
    bool is_long = *format == 'l';
    if (is_long)
      format++;
    switch (*format) {
    case 'c':
      print_character((char)va_arg(arguments, int));
      break;
    case 's':
      for (unsigned length = print_string(va_arg(arguments, const char *)); length < width;
           length++)
        print_character(' ');
      break;
    case 'u':
    case 'x': {
      uint64_t value = is_long ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned);
      print_number(value, *format == 'u' ? 10 : 16, width, padding);
      break;
    }
    case '%':
      print_character('%');
      break;
    default:
      return;
    }
  }
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list(format, arguments);
  va_end(arguments);
}

static bool verdict(bool holds) {
  if (!holds)
    failed_checks++;
  print_string(holds ? "  ok      " : "  FAILED  ");
  return holds;
}

bool check(bool holds, const char *format, ...) {
  va_list arguments;
  verdict(holds);
  va_start(arguments, format);
  print_list(format, arguments);
  va_end(arguments);
  print_character('\n');
  return holds;
}

bool check_equal(const char *what, uint64_t value, uint64_t expected) {
  verdict(value == expected);
  print("%s = 0x%lx", what, value);
  if (value != expected)
    print(", expected 0x%lx", expected);
  print_character('\n');
  return value == expected;
}

// The last byte has left the queue and the shift register: the machine can be ended.
static void drain_console(void) {
  while (!(in8(COM1_LINE_STATUS) & LINE_STATUS_TRANSMITTER_EMPTY))
    ;
}

_Noreturn void finish(void) {
  if (failed_checks == 0)
    print("%s: PASS\n", program_name);
  else
    print("%s: FAIL (%u %s)\n", program_name, failed_checks,
          failed_checks == 1 ? "check" : "checks");
  drain_console();

  if (failed_checks)
    out8(DEBUG_EXIT, failed_checks < 127 ? (uint8_t)failed_checks : 127);
  for (const char *text = "Shutdown"; *text; text++)
    out8(BOCHS_SHUTDOWN, (uint8_t)*text);
  out8(DEBUG_EXIT, 0); // QEMU does not know the other port
  for (;;)
    __asm__ volatile("cli; hlt");
}
