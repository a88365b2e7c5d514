/* SPDX-License-Identifier: MIT */
/*
 * elf_machine.h - what of an ELF file differs by machine. elf_x86.c is that of x86-64; another
 * architecture is another file.
 */
#ifndef MOQSTAT_ELF_MACHINE_H
#define MOQSTAT_ELF_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "elf.h"

/** What the dynamic linker puts into a word. */
enum elf_word {
	ELF_WORD_OTHER = 0,
	ELF_WORD_RELATIVE, /* the addend, which is an address of the file */
	ELF_WORD_SYMBOL,   /* the address of a symbol */
};

/** The machine of those files that can be read: its number there, and its name for people. */
extern const uint16_t elf_machine;
extern const char elf_machine_name[];

/** What a relocation of that type is about. */
enum elf_word elf_machine_word(uint32_t type);

/** The slot that the PLT stub at an address jumps through. False: there is no stub. */
bool elf_machine_stub(const struct elf_file *f, uint64_t addr, uint64_t *slot);

#endif /* MOQSTAT_ELF_MACHINE_H */
