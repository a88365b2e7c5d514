/* SPDX-License-Identifier: MIT */
/*
 * bump.h - one bump (a locked add to memory) in a function's code, and the branches through which
 * execution reaches it.
 *
 * A probe can't stand on the locked instruction itself (the kernel refuses those, in silence), so
 * it stands on the last conditional branch before it. Walking backwards from the bump, every way
 * that leads there ends in such a branch, or the bump counts as unprobed.
 */
#ifndef MOQSTAT_BUMP_H
#define MOQSTAT_BUMP_H

#include <stddef.h>

#include "code.h"
#include "eval.h"

/** Most branches that lead to one bump. */
#define BUMP_BRANCHES_MAX 16

/** One branch that leads to the bump, and what the bump will do, told in terms of registers and
 *  memory as they are at that branch. */
struct bump_branch {
	size_t insn;		   /* index of the branch */
	enum moqstat_when when;	   /* which way leads to the bump */
	struct eval_value address; /* what is added to */
	struct eval_value n;	   /* how much is added */
	/* What the two registers of the address hold at the bump, in the same terms; not known
	 * where it has none: */
	struct eval_value base, index;
};

/** Is this instruction a bump: a locked 64-bit inc or add to memory? */
bool bump_is(const struct code_insn *insn);

/** Find every branch that leads to the bump at index `bump`. On success *len is at least 1.
 *  -ENOENT: some way to it comes from no conditional branch (the function's entry, a jump table,
 *  a landing pad); -ENOTSUP: a branch on another condition than zero or not, or with a prefix for
 *  which the kernel doesn't emulate it; -E2BIG: too many branches or too long a way. */
int bump_find(const struct code *code, size_t bump, struct bump_branch *out, size_t *len);

/** The same, passing by the branches that tell whether one more reference to an object was one too
 *  many (Arc::clone(): `lock inc [R]; jle`, to a trap): what leads to the bump is in front of
 * those, and a count of references is nothing that is read on the way. So it is with one right
 * behind another bump of the object, on whether anything is added by this one. */
int bump_find_past(const struct code *code, size_t bump, struct bump_branch *out, size_t *len);

/** The nearest instruction before `insn`, within the same straight run of code, that changes a
 *  register; -1 if there is none. */
ptrdiff_t bump_writer(const struct code *code, size_t insn, unsigned int reg);

#endif /* MOQSTAT_BUMP_H */
