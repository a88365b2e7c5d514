/* SPDX-License-Identifier: MIT */
/* Relays of later releases than those that can be counted on: they are refused by name. */
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bump_pair.h"

/* References to an object are counted like that, all over the place. */
static bool later_is_clone(const struct code *code, size_t bump)
{
	return bump + 1 < code->insns_len && code->insns[bump + 1].op == CODE_JCC &&
	       code->insns[bump + 1].cond == CODE_COND_OTHER;
}

void scan_note_pair(struct scan *s, const struct code *code, size_t bump)
{
	struct bump_pair pairs[BUMP_BRANCHES_MAX];
	struct scan_pairs *noted;
	size_t len;

	if (!s->pairs || later_is_clone(code, bump) || bump_pair_find(code, bump, pairs, &len) ||
	    pairs[0].stride >= SITES_STRIDES_MAX)
		return;
	noted = &s->pairs[pairs[0].stride / 8];
	noted->bumps++;
	noted->picked += pairs[0].form != BUMP_PAIR_INDEXED;
	noted->fields |= 1ULL << pairs[0].field / 8;
}

uint32_t scan_pairs_stride(const struct scan_pairs pairs[SITES_STRIDES_MAX / 8])
{
	size_t i, best = 0;

	for (i = 0; i < SITES_STRIDES_MAX / 8; i++) {
		if (pairs[i].picked > pairs[best].picked)
			best = i;
	}
	return pairs[best].picked >= SITES_STRIDES_MIN ? best * 8 : 0;
}

/* The release whose stride most of the bumps have, if they are enough to tell. */
static const struct layout_later *later_find(const struct scan_pairs *pairs)
{
	const struct layout_later *all, *found = NULL;
	size_t i, len;
	uint32_t most = SITES_STRIDES_MIN - 1;

	all = layout_later_all(&len);
	for (i = 0; i < len; i++) {
		if (pairs[all[i].stride / 8].bumps <= most)
			continue;
		most = pairs[all[i].stride / 8].bumps;
		found = &all[i];
	}
	return found;
}

uint32_t scan_later_stride(const struct scan_pairs pairs[SITES_STRIDES_MAX / 8])
{
	const struct layout_later *l = later_find(pairs);

	return l ? l->stride : 0;
}

/* Which of the release's functions is that? An index, -1 for none. */
static int later_function(const struct layout_later *l, const char *mangled)
{
	char *name;
	int i;

	if (!strstr(mangled, "moq_net") || !strstr(mangled, "stats"))
		return -1;
	name = elf_demangle(mangled);
	for (i = 0; name && l->functions[i]; i++) {
		if (!strcmp(name, l->functions[i]))
			break;
	}
	if (!name || !l->functions[i])
		i = -1;
	free(name);
	return i;
}

/* Write which of the release's functions the file has, for people. False: none. */
static bool later_functions(const struct elf_file *f, const struct layout_later *l, char *out,
			    size_t size)
{
	const struct elf_symbol *symbols;
	size_t i, len, at = 0;
	unsigned int found = 0;
	int which;

	symbols = elf_file_symbols(f, &len);
	for (i = 0; i < len; i++) {
		which = later_function(l, symbols[i].name);
		found |= which < 0 ? 0 : 1u << which;
	}
	for (i = 0; l->functions[i] && at < size; i++) {
		if (found & (1u << i))
			at += snprintf(out + at, size - at, "%s%s", at ? ", " : "",
				       l->functions[i]);
	}
	return found;
}

bool scan_explain_later(const struct elf_file *f,
			const struct scan_pairs pairs[SITES_STRIDES_MAX / 8], char *out,
			size_t size)
{
	const struct layout_later *l = later_find(pairs);
	const struct scan_pairs *noted;
	char functions[512], known[256], of[32] = "all";
	uint32_t told, all;

	if (!l || !later_functions(f, l, functions, sizeof(functions)))
		return false;
	noted = &pairs[l->stride / 8];
	layout_relays(known, sizeof(known));
	told = __builtin_popcountll(noted->fields);
	all = l->stride / 8;
	if (told < all)
		snprintf(of, sizeof(of), "%u of its", told);
	snprintf(out, size,
		 "counters of %s (%s): %u bumps of %s %u counters, one entry a tier; and %s; this "
		 "moqstat can't count on it yet; run one of %s",
		 l->relays, l->name, noted->bumps, of, all, functions, known);
	return true;
}
