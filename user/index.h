/* SPDX-License-Identifier: MIT */
/*
 * index.h - finds things by a number that they carry: a hash table of pointers.
 */
#ifndef MOQSTAT_INDEX_H
#define MOQSTAT_INDEX_H

#include <stddef.h>
#include <stdint.h>

/** Things, each with a uint64_t at `offset`, by which it is found. Set `offset` and zero the rest
 *  before the first use. */
struct index {
	size_t offset;
	void **cells;
	size_t len, size;
};

/** The thing with that number, or NULL. */
void *index_find(const struct index *x, uint64_t number);

/** Make room for so many more. 0 or -ENOMEM. */
int index_reserve(struct index *x, size_t more);

/** Put a thing in for which there is room, in the place of the one with its number if there is one.
 */
void index_put(struct index *x, void *thing);

/** Take the one with that number out, if there is one. */
void index_remove(struct index *x, uint64_t number);

/** Free what it owns and zero all but the offset. */
void index_deinit(struct index *x);

#endif /* MOQSTAT_INDEX_H */
