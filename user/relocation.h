/* SPDX-License-Identifier: MIT */
/*
 * relocation.h - the pointers that the loader fills in: where, and with which address of the
 * executable itself.
 */
#ifndef MOQSTAT_RELOCATION_H
#define MOQSTAT_RELOCATION_H

#include <stddef.h>
#include <stdint.h>

#include "elf.h"

struct relocation {
	uint64_t at;	/* virtual address of the pointer */
	uint64_t value; /* virtual address that it will hold, without the load bias */
};

/** All relative relocations of an executable, by address. The caller frees *out. -ENOEXEC: they
 *  can't be read; -ENOMEM. */
int relocation_read(const struct elf_file *f, struct relocation **out, size_t *len);

/** The value at an address; 0: nothing is relocated there. */
uint64_t relocation_find(const struct relocation *list, size_t len, uint64_t at);

#endif /* MOQSTAT_RELOCATION_H */
