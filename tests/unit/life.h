/* SPDX-License-Identifier: MIT */
/*
 * life.h - single incarnations, to put batches together from.
 */
#ifndef MOQSTAT_TESTS_LIFE_H
#define MOQSTAT_TESTS_LIFE_H

#include <string.h>

#include "collect.h"

/** A life of a path, with `announced` and `announced_closed` on publisher.json. */
static inline struct collect_broadcast life(const char *path, uint32_t incarnation, bool held,
					    uint64_t open, uint64_t closed)
{
	struct collect_broadcast b = { .path = path,
				       .path_len = strlen(path),
				       .incarnation = incarnation,
				       .held = held,
				       .fresh = true,
				       .whole = true };

	b.counts[MOQSTAT_PUBLISHER][MOQSTAT_EXTERNAL][MOQSTAT_ANNOUNCED] = open;
	b.counts[MOQSTAT_PUBLISHER][MOQSTAT_EXTERNAL][MOQSTAT_ANNOUNCED_CLOSED] = closed;
	return b;
}

/** A life of an auth root. */
static inline struct collect_session session(const char *root, enum moqstat_tier tier,
					     uint32_t incarnation, bool held, uint64_t open,
					     uint64_t closed)
{
	return (struct collect_session){ .root = root,
					 .root_len = strlen(root),
					 .tier = tier,
					 .incarnation = incarnation,
					 .held = held,
					 .fresh = true,
					 .whole = true,
					 .counts = { open, closed } };
}

#endif /* MOQSTAT_TESTS_LIFE_H */
