/* SPDX-License-Identifier: MIT */
/*
 * What ends a text that paths share, so that the places where a path is let go can be told from
 * those of any other Arc: the function that lets go of nothing but a path calls it. And which
 * functions let go of a Stats.
 */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names that say no more than one type are not longer. */
#define TEXT_NAME_MAX 128

enum text_drop {
	TEXT_NONE = 0,
	TEXT_PATH,
	TEXT_HOLDER,
};

/* What a function lets go of, as its name says. */
static enum text_drop text_drop(const struct elf_symbol *symbol)
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
	for (i = 0; name && i < sizeof(names) / sizeof(names[0]) && !what; i++) {
		if (!strcmp(name, names[i].name))
			what = names[i].what;
	}
	free(name);
	return what;
}

static void text_add(struct scan *s, uint64_t end)
{
	size_t i;

	for (i = 0; i < s->drops.ends_len && s->ends[i] != end; i++)
		;
	if (end && i == s->drops.ends_len && i < SCAN_ENDS_MAX)
		s->ends[s->drops.ends_len++] = end;
}

/* What it calls, or goes on with. */
static int text_look(struct scan *s, const struct elf_symbol *symbol)
{
	struct code code;
	size_t i;
	int err = code_init(s->file, symbol->addr, symbol->size, &code);

	if (err)
		return err;
	for (i = 0; i < code.insns_len; i++) {
		const struct code_insn *insn = &code.insns[i];

		if (insn->op != CODE_CALL && insn->op != CODE_JMP)
			continue;
		if (insn->slot)
			text_add(s, insn->slot);
		else if (insn->target < symbol->addr || insn->target >= symbol->addr + symbol->size)
			text_add(s, insn->target);
	}
	code_deinit(&code);
	return 0;
}

int scan_texts(struct scan *s)
{
	size_t i, len;
	const struct elf_symbol *symbols = elf_file_symbols(s->file, &len);
	int err = 0;

	s->drops = (struct path_drop_how){ .shared = (int32_t)s->layout->shared_of_stats,
					   .arcs = s->layout->shared_paths,
					   .ends = s->ends,
					   .holders = s->holders };
	for (i = 0; i < len && s->drops.arcs && !err; i++) {
		enum text_drop what = text_drop(&symbols[i]);

		if (what == TEXT_PATH)
			err = text_look(s, &symbols[i]);
		else if (what == TEXT_HOLDER && s->drops.holders_len < SCAN_HOLDERS_MAX)
			s->holders[s->drops.holders_len++] = symbols[i].addr;
	}
	return err;
}
