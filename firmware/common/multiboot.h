// What the Multiboot loader told the image: the magic number that was in EAX and the information
// structure that EBX pointed to (Multiboot specification 0.6.96, "Boot information format").
#ifndef MULTIBOOT_H
#define MULTIBOOT_H

#include <stdint.h>

enum { MULTIBOOT_BOOTLOADER_MAGIC = 0x2badb002 };

// Bits of flags: which of the fields below hold something.
enum {
  MULTIBOOT_HAS_MEMORY = 1 << 0,
  MULTIBOOT_HAS_COMMAND_LINE = 1 << 2,
  MULTIBOOT_HAS_MODULES = 1 << 3,
  MULTIBOOT_HAS_MEMORY_MAP = 1 << 6,
  MULTIBOOT_HAS_LOADER_NAME = 1 << 9,
};

// Every address is physical and below 4 GiB.
struct multiboot_information {
  uint32_t flags;
  uint32_t mem_lower, mem_upper; // KiB from 0 and from 1 MiB on
  uint32_t boot_device;
  uint32_t cmdline;               // a string
  uint32_t mods_count, mods_addr; // of struct multiboot_module
  uint32_t syms[4];
  uint32_t mmap_length, mmap_addr; // in bytes; of struct multiboot_memory
  uint32_t drives_length, drives_addr;
  uint32_t config_table;
  uint32_t boot_loader_name; // a string
};

struct multiboot_module {
  uint32_t mod_start, mod_end; // the first byte, and the one after the last
  uint32_t string;
  uint32_t reserved;
};

struct multiboot_memory {
  uint32_t size; // of the rest: the next entry is size + 4 bytes further
  uint64_t base_addr, length;
  uint32_t type; // 1 is memory that may be used
} __attribute__((packed));

// Kept by boot.S.
extern uint32_t multiboot_magic;
extern uint32_t multiboot_information_address;

static inline const struct multiboot_information *multiboot_information(void) {
  return (const struct multiboot_information *)(uint64_t)multiboot_information_address;
}

#endif
