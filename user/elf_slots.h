/* SPDX-License-Identifier: MIT */
/*
 * elf_slots.h - the words of an executable that the dynamic linker fills in with an address: the
 * slots that calls and jumps go through (`call qword [rip+x]`, PLT stubs), vtables. They are told
 * by .rela.dyn and .rela.plt, which stripping leaves.
 */
#ifndef MOQSTAT_ELF_SLOTS_H
#define MOQSTAT_ELF_SLOTS_H

#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

/** One of them. */
struct elf_slot {
	uint64_t addr;	 /* virtual address in the file */
	uint64_t target; /* virtual address in the file that it holds; 0 where that is elsewhere */
	const char *import; /* name of the symbol; NULL if none is needed; owned by the Elf */
};

struct elf_slots {
	struct elf_slot *list; /* sorted by address after elf_slots_sort() */
	size_t len;
};

/** Append what a section of type SHT_RELA tells; the other end of its symbols is the section that
 *  it links to. Kinds of relocations that hold no address are left out. May be called again for
 *  the next section. 0; -ENOMEM; -ENOEXEC: the section, or its symbols, can't be read, or is
 *  larger than any relay's. */
int elf_slots_read(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, struct elf_slots *s);

/** After the last section. */
void elf_slots_sort(struct elf_slots *s);
void elf_slots_deinit(struct elf_slots *s);

/** The slot at an address, or NULL. */
const struct elf_slot *elf_slots_find(const struct elf_slots *s, uint64_t addr);

#endif /* MOQSTAT_ELF_SLOTS_H */
