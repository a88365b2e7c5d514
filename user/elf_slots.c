/* SPDX-License-Identifier: MIT */
#include "elf_slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elf_machine.h"

/* Most slots that are read; a relay has 70,000. */
#define ELF_SLOTS_MAX (4u << 20)

/* The symbol of a relocation. Defined here it is an address, else a name. */
static bool elf_slots_symbol(Elf *elf, Elf_Data *symbols, size_t strings, const GElf_Rela *rela,
			     struct elf_slot *out)
{
	GElf_Sym sym;

	if (!symbols || GELF_R_SYM(rela->r_info) > INT32_MAX ||
	    !gelf_getsym(symbols, (int)GELF_R_SYM(rela->r_info), &sym))
		return false;
	out->import = elf_strptr(elf, strings, sym.st_name);
	if (!out->import || !*out->import)
		return false;
	if (sym.st_shndx != SHN_UNDEF)
		out->target = sym.st_value + (uint64_t)rela->r_addend;
	return true;
}

static bool elf_slots_one(Elf *elf, Elf_Data *symbols, size_t strings, const GElf_Rela *rela,
			  struct elf_slot *out)
{
	*out = (struct elf_slot){ .addr = rela->r_offset };
	switch (elf_machine_word(GELF_R_TYPE(rela->r_info))) {
	case ELF_WORD_RELATIVE:
		out->target = (uint64_t)rela->r_addend;
		return true;
	case ELF_WORD_SYMBOL:
		return elf_slots_symbol(elf, symbols, strings, rela, out);
	default:
		return false;
	}
}

int elf_slots_read(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header, struct elf_slots *s)
{
	Elf_Scn *linked = elf_getscn(elf, header->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL), *symbols = NULL;
	GElf_Shdr linked_header = { 0 };
	struct elf_slot *grown;
	size_t i, len;

	if (!header->sh_size)
		return 0;
	if (!data || header->sh_entsize != sizeof(Elf64_Rela))
		return -ENOEXEC;
	len = data->d_size / sizeof(Elf64_Rela);
	if (len > ELF_SLOTS_MAX - s->len)
		return -ENOEXEC;
	if (linked && gelf_getshdr(linked, &linked_header) && linked_header.sh_type == SHT_DYNSYM)
		symbols = elf_getdata(linked, NULL);
	grown = reallocarray(s->list, s->len + len + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->list = grown;
	for (i = 0; i < len; i++) {
		GElf_Rela rela;

		if (!gelf_getrela(data, (int)i, &rela))
			return -ENOEXEC;
		if (elf_slots_one(elf, symbols, linked_header.sh_link, &rela, &grown[s->len]))
			s->len++;
	}
	return 0;
}

static int elf_slot_compare(const void *a, const void *b)
{
	const struct elf_slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

void elf_slots_sort(struct elf_slots *s)
{
	if (s->len)
		qsort(s->list, s->len, sizeof(*s->list), elf_slot_compare);
}

void elf_slots_deinit(struct elf_slots *s)
{
	free(s->list);
	memset(s, 0, sizeof(*s));
}

const struct elf_slot *elf_slots_find(const struct elf_slots *s, uint64_t addr)
{
	struct elf_slot key = { .addr = addr };

	if (!s->len)
		return NULL;
	return bsearch(&key, s->list, s->len, sizeof(key), elf_slot_compare);
}
