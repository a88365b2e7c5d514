/* SPDX-License-Identifier: MIT */
/*
 * elf_functions.h - the functions of an executable: those of the symbol table and, where it has
 * been stripped of symbols, what .eh_frame tells of where functions begin and end.
 */
#ifndef MOQSTAT_ELF_FUNCTIONS_H
#define MOQSTAT_ELF_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "elf.h"

struct elf_functions {
	struct elf_symbol *list;
	size_t len;
	size_t room;
};

/** Append one; the name isn't copied. 0 or -ENOMEM. */
int elf_functions_add(struct elf_functions *fs, uint64_t addr, uint64_t size, const char *name);
void elf_functions_deinit(struct elf_functions *fs);

/** Sort by address, then by name. 0 or -ENOMEM. */
int elf_functions_sort(struct elf_functions *fs);

/** Append, without names, what .eh_frame (its bytes, and their virtual address) tells of; System V
 *  ABI, LSB 5 section 10.6. Records of forms that no x86-64 compiler makes, and damaged ones, are
 *  left out. 0 or -ENOMEM. */
int elf_functions_unwind(struct elf_functions *fs, const uint8_t *bytes, uint64_t size,
			 uint64_t addr);

/** Append to `out` those parts of the functions in `more` that no function in `fs` covers. Both
 *  must be sorted, but `out` needn't be. A function that begins within another one covers nothing.
 *  0 or -ENOMEM. */
int elf_functions_uncovered(const struct elf_functions *fs, const struct elf_functions *more,
			    struct elf_functions *out);

/** See elf_file_symbols_at(). */
const struct elf_symbol *elf_functions_at(const struct elf_functions *fs, uint64_t addr,
					  size_t *len);

#endif /* MOQSTAT_ELF_FUNCTIONS_H */
