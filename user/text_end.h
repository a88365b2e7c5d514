/* SPDX-License-Identifier: MIT */
/*
 * text_end.h - where paths share their texts: which code ends one, so that the places where a path
 * is let go can be told from those of any other Arc. And which functions let go of a Stats.
 */
#ifndef MOQSTAT_TEXT_END_H
#define MOQSTAT_TEXT_END_H

#include <stddef.h>
#include <stdint.h>

#include "elf.h"

/** Different addresses that are called to end a text; and copies of the functions that let go of
 *  what holds a Stats. A relay has 1 and 51. */
#define TEXT_ENDS_MAX	 16
#define TEXT_HOLDERS_MAX 128

struct text_ends {
	uint64_t ends[TEXT_ENDS_MAX]; /* of functions, or of the pointers to them that are called */
	size_t ends_len;
	uint64_t holders[TEXT_HOLDERS_MAX]; /* drop_in_place of Stats, StatsHandle and such */
	size_t holders_len;
};

/** Find them by the names of functions; there are none without. -ENOMEM; -ERANGE: a symbol is
 *  outside of the file. */
int text_ends_find(const struct elf_file *f, struct text_ends *out);

/** Add an address, unless it is 0 or there already; one that there is no room for is left out. */
void text_ends_add(uint64_t *list, size_t *len, size_t most, uint64_t addr);

#endif /* MOQSTAT_TEXT_END_H */
