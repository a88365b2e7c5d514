/* SPDX-License-Identifier: MIT */
/*
 * bump_pair.h - bumps as moq-relay has them from 0.14 on, where one object (an Arc) holds a pair of
 * counters for each field, the publisher's and the subscriber's, and none by tier:
 *
 *     test  E, E ; je skip			E: the Arc; ◀── the probe
 *     lock inc [E] ; jle abort			perhaps: one more reference to it
 *     lea   A, [E+header] ; lea B, [E+header+stride]
 *     test  side, side ; cmovne A, B		by the side: 0 publisher, else subscriber
 *     lock inc|add [A+field] (, n)		once, or for several fields
 *
 * The side may pick an index to E instead, once for several bumps; or it is one itself, times the
 * stride.
 */
#ifndef MOQSTAT_BUMP_PAIR_H
#define MOQSTAT_BUMP_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bump.h"

/** Bytes of an Arc in front of what it holds: two counts of references. */
#define BUMP_PAIR_HEADER 16

/** How it is told which of the two is bumped. */
enum bump_pair_form {
	BUMP_PAIR_PICKED = 0, /* by a conditional move behind the branch */
	BUMP_PAIR_KEPT,	      /* the same, but done before, for another bump */
	BUMP_PAIR_INDEXED,    /* the side times the stride is added */
};

/** One branch that leads to such a bump, and what the bump does, in terms of that branch. */
struct bump_pair {
	size_t insn; /* index of the branch */
	enum moqstat_when when;
	enum bump_pair_form form;
	size_t picked; /* index of the bump that it was done for, if it is kept; else of this one */
	bool tests_entry; /* the branch is taken, or not, for E being null; else E is not null */
	bool side_bit;	  /* of `side` only the lowest bit counts */
	uint32_t header;  /* bytes from E to the publisher's counters */
	uint32_t stride;  /* from those to the subscriber's */
	uint32_t field;	  /* from either to this counter */
	struct moqstat_operand entry; /* E */
	struct moqstat_operand side;  /* 0: publisher; else subscriber */
	struct moqstat_operand n;     /* what is added; kind NONE if that can't be read there */
};

/** Find every branch that leads to the bump at index `bump` if it is one of a pair, for all of them
 *  the same; out[BUMP_BRANCHES_MAX]. -EINVAL: it is another bump; else as bump_find(). */
int bump_pair_find(const struct code *code, size_t bump, struct bump_pair *out, size_t *len);

/** Does the code right before the bump, whatever branch is in front, show it to be one of a pair?
 *  Its header, stride and field are put into *out. */
bool bump_pair_looks(const struct code *code, size_t bump, struct bump_pair *out);

/** Does a branch ask whether that operand is 0? */
bool bump_pair_tests(const struct code *code, size_t branch, const struct moqstat_operand *entry);

/** Tell which of the two counters is bumped if it is always the same (bump_role.c): if only one
 * side gets to a bump that was picked before. 0; -ENOENT: it may be either; -ENOMEM. */
int bump_pair_role(const struct code *code, size_t bump, const struct bump_pair *p,
		   enum moqstat_role *role);

#endif /* MOQSTAT_BUMP_PAIR_H */
