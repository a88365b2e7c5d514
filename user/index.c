/* SPDX-License-Identifier: MIT */
#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MIN 64

static uint64_t index_number(const struct index *x, const void *thing)
{
	uint64_t number;

	memcpy(&number, (const char *)thing + x->offset, sizeof(number));
	return number;
}

/* Where a number belongs if nothing is in its way: numbers in a row, and addresses, are spread. */
static size_t index_home(const struct index *x, uint64_t number)
{
	return (number * 0x9e3779b97f4a7c15ULL >> 20) & (x->size - 1);
}

/* Where it is, or could be put. There is always a cell that is free. */
static size_t index_cell(const struct index *x, uint64_t number)
{
	size_t at = index_home(x, number);

	while (x->cells[at] && index_number(x, x->cells[at]) != number)
		at = (at + 1) & (x->size - 1);
	return at;
}

void *index_find(const struct index *x, uint64_t number)
{
	return x->len ? x->cells[index_cell(x, number)] : NULL;
}

int index_reserve(struct index *x, size_t more)
{
	struct index grown = { .offset = x->offset, .size = x->size ? x->size : INDEX_MIN };
	size_t i;

	while (x->len + more > grown.size / 4 * 3)
		grown.size *= 2;
	if (grown.size == x->size)
		return 0;
	grown.cells = calloc(grown.size, sizeof(*grown.cells));
	if (!grown.cells)
		return -ENOMEM;
	for (i = 0; i < x->size; i++) {
		if (x->cells[i])
			index_put(&grown, x->cells[i]);
	}
	free(x->cells);
	*x = grown;
	return 0;
}

void index_put(struct index *x, void *thing)
{
	size_t at = index_cell(x, index_number(x, thing));

	x->len += !x->cells[at];
	x->cells[at] = thing;
}

/* What lies behind it moves up, so that no search ends too early. */
void index_remove(struct index *x, uint64_t number)
{
	size_t mask = x->size - 1, hole, at;

	if (!index_find(x, number))
		return;
	hole = index_cell(x, number);
	for (at = (hole + 1) & mask; x->cells[at]; at = (at + 1) & mask) {
		size_t home = index_home(x, index_number(x, x->cells[at]));

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		x->cells[hole] = x->cells[at];
		hole = at;
	}
	x->cells[hole] = NULL;
	x->len--;
}

void index_deinit(struct index *x)
{
	free(x->cells);
	*x = (struct index){ .offset = x->offset };
}
