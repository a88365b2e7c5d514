/* SPDX-License-Identifier: MIT */
/* What ends a shared text is called by the function that lets go of nothing but a path. */
#include "text_end.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"

/* Names that say no more than one type are not longer. */
#define TEXT_NAME_MAX 128

enum text_drop {
	TEXT_NONE = 0,
	TEXT_PATH,
	TEXT_HOLDER,
};

/* What a function lets go of, as its name says; -ENOMEM. */
static int text_drop(const struct elf_symbol *symbol)
{
	static const struct {
		const char *name;
		enum text_drop what;
	} names[] = {
		{ "core::ptr::drop_in_place<moq_net::path::Path>", TEXT_PATH },
		{ "core::ptr::drop_in_place<moq_net::stats::Stats>", TEXT_HOLDER },
		{ "core::ptr::drop_in_place<moq_net::stats::StatsHandle>", TEXT_HOLDER },
		{ "core::ptr::drop_in_place<moq_net::stats::SessionBroadcasts>", TEXT_HOLDER },
	};
	enum text_drop what = TEXT_NONE;
	char *name;
	size_t i;

	/* Demangling all names would take long. */
	if (!strstr(symbol->name, "drop_in_place") || strlen(symbol->name) > TEXT_NAME_MAX ||
	    (!strstr(symbol->name, "path") && !strstr(symbol->name, "stats")))
		return TEXT_NONE;
	name = elf_demangle(symbol->name);
	if (!name)
		return -ENOMEM;
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !what; i++) {
		if (!strcmp(name, names[i].name))
			what = names[i].what;
	}
	free(name);
	return what;
}

void text_ends_add(uint64_t *list, size_t *len, size_t most, uint64_t addr)
{
	size_t i;

	for (i = 0; i < *len && list[i] != addr; i++)
		;
	if (addr && i == *len && i < most)
		list[(*len)++] = addr;
}

/* What it calls, or goes on with. */
static int text_look(const struct elf_file *f, const struct elf_symbol *symbol,
		     struct text_ends *out)
{
	struct code code;
	size_t i;
	int err = code_init(f, symbol->addr, symbol->size, &code);

	if (err)
		return err;
	for (i = 0; i < code.insns_len; i++) {
		const struct code_insn *insn = &code.insns[i];
		bool inside =
			insn->target >= symbol->addr && insn->target < symbol->addr + symbol->size;

		if (insn->op == CODE_CALL || insn->op == CODE_JMP)
			text_ends_add(out->ends, &out->ends_len, TEXT_ENDS_MAX,
				      insn->slot ? insn->slot
				      : inside	 ? 0
						 : insn->target);
	}
	code_deinit(&code);
	return 0;
}

int text_ends_find(const struct elf_file *f, struct text_ends *out)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(f, &len);
	int err = 0;

	*out = (struct text_ends){ .ends_len = 0 };
	for (i = 0; i < len && !err; i++) {
		int what = text_drop(&symbols[i]);

		if (what < 0)
			err = what;
		else if (what == TEXT_PATH)
			err = text_look(f, &symbols[i], out);
		else if (what == TEXT_HOLDER)
			text_ends_add(out->holders, &out->holders_len, TEXT_HOLDERS_MAX,
				      symbols[i].addr);
	}
	return err;
}
