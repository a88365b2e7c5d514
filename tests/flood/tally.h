/* SPDX-License-Identifier: MIT */
/*
 * tally.h - stands between the agent's backend and its snapshots: looks at all that is read, and
 * keeps what each incarnation had when it was retired.
 */
#ifndef FLOOD_TALLY_H
#define FLOOD_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "collect.h"
#include "order.h"

/** What was read last of an incarnation before it was retired. */
struct tally_final {
	struct flood_life life;
	uint32_t incarnation;
};

struct tally {
	struct collect base;
	struct collect *inner;
	struct tally_final *finals;
	size_t finals_len, finals_room;
	uint64_t reads;
	uint64_t torn;	/* pairs of counters that were read with closed > open */
	uint64_t worst; /* by how much, at most */
	size_t left;	/* incarnations in the last batch */
	uint64_t lost[MOQSTAT_LOST_MAX];
};

/** Around `inner`, which stays the caller's. */
void tally_init(struct tally *t, struct collect *inner);
void tally_deinit(struct tally *t);

/** Sort the finals by kind, path and incarnation, and add up those of the same one. */
void tally_sort(struct tally *t);

/** The number in a path or root made of `format`; -1: it is none. */
int tally_number(const char *text, size_t len, const char *format);

#endif /* FLOOD_TALLY_H */
