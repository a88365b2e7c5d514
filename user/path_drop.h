/* SPDX-License-Identifier: MIT */
/*
 * path_drop.h - where a function lets go of a path (an owned or borrowed text), as its code shows.
 *
 * A path is three words: capacity, pointer, length. Letting go of one reads the capacity, leaves
 * at a branch if there is nothing to free (none allocated, or borrowed), and otherwise frees the
 * text. Or its text is shared, in an Arc whose address is the first word, 0 if it is borrowed.
 * Right before that, and until then, the text is live: that is where a probe can read it.
 */
#ifndef MOQSTAT_PATH_DROP_H
#define MOQSTAT_PATH_DROP_H

#include <stdbool.h>
#include <stddef.h>

#include "code.h"

/** What tells a path that is let go. */
struct path_drop_how {
	int32_t shared;	      /* offset in Stats of the pointer that follows its prefix */
	bool arcs;	      /* texts are in Arcs: */
	const uint64_t *ends; /* addresses of the code that ends one, or of where such is kept */
	size_t ends_len;
	const uint64_t *holders; /* functions that let go of a Stats, its prefix with it */
	size_t holders_len;
};

/** One such place. */
struct path_drop {
	size_t load;   /* instruction that reads the capacity */
	size_t branch; /* the first branch on it: passed whether or not there is something to free
			*/
	size_t call;   /* the call that frees */
	struct moqstat_operand object; /* address of the path, told by registers at `branch` */
	size_t more;		       /* instructions that it takes beyond what is usual */
	bool borrowable; /* may hold a borrowed text, so it is a path and not just any string */
	bool prefix;	 /* it is the prefix of a Stats, which is let go with it */
};

/** Find all of them in a function, in order of `load`. *out is freed by the caller. 0 or -ENOMEM.
 */
int path_drops_find(const struct code *code, const struct path_drop_how *how,
		    struct path_drop **out, size_t *len);

/** The path that is let go nearest after the branch `from` when it is left by `taken`, and whose
 *  address can be told by registers at that branch: *address. With `beyond`, the first one beyond
 *  a Stats' prefix. *steps says how far it is, in instructions. NULL if there is none. */
const struct path_drop *path_drop_after(const struct code *code, const struct path_drop *drops,
					size_t len, size_t from, bool taken, bool beyond,
					struct moqstat_operand *address, size_t *steps);

/** The path that is let go nearest before the instruction `at`. Likewise. */
const struct path_drop *path_drop_before(const struct code *code, const struct path_drop *drops,
					 size_t len, size_t at, bool beyond, size_t *steps);

#endif /* MOQSTAT_PATH_DROP_H */
