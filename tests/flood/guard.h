/* SPDX-License-Identifier: MIT */
/*
 * guard.h - the small relay's guards: opened, bumped on and closed as the relay's are.
 */
#ifndef FLOOD_GUARD_H
#define FLOOD_GUARD_H

#include "order.h"

/** What is counted on it. With statistics off, each is told in a way of its own. */
enum guard_kind {
	GUARD_ANNOUNCE = 0, /* by the word in front of it */
	GUARD_SUBSCRIPTION, /* by its address */
	GUARD_BROADCAST,    /* by a path that is live where it is let go */
	GUARD_SESSION,	    /* by its address */
	GUARD_KINDS
};

/** A guard and what lies in front of it. The agent knows the address of `guard`. */
struct guard_cell {
	struct guard_cell *next; /* free */
	uint64_t owner;
	struct fixture_guard guard;
	uint32_t kind;
	uint32_t role;
	uint32_t path;
};

/** What one thread has bumped. */
struct guard_tally {
	struct flood_counts *counts;
	uint64_t events;
};

/** Open one. Cells that others have closed are used again first. */
struct guard_cell *guard_open(struct guard_tally *tally, enum guard_kind kind, uint32_t path,
			      uint32_t role, uint32_t tier);

/** Bump a counter of a subscription: FIXTURE_BYTES by `n`, or another by one. */
void guard_bump(struct guard_tally *tally, const struct guard_cell *cell,
		enum fixture_counter counter, uint64_t n);

/** Close it. */
void guard_close(struct guard_tally *tally, struct guard_cell *cell);

#endif /* FLOOD_GUARD_H */
