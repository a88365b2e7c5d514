/* SPDX-License-Identifier: MIT */
/*
 * crosscheck.h - do the counts agree with each other? A probe that should have fired and did not
 * leaves a counter too low without any other sign; but what it counts can't happen without what its
 * sisters count, so that theirs contradict it. Pure: it sees batches, and nothing else.
 *
 * What each check rests on, in the relay's code, is in docs/adr/0011-honesty.md.
 */
#ifndef MOQSTAT_CROSSCHECK_H
#define MOQSTAT_CROSSCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect.h"

struct crosscheck_suspect;

/** What was found so far; it only ever grows. Zeroed before the first use. Reasons are static
 *  text, NULL where there is none. */
struct crosscheck {
	/** Contradicted: some bumps were missed, nobody knows how many. */
	const char *missed[MOQSTAT_ROLE_MAX][MOQSTAT_FIELD_MAX];
	const char *sessions_missed[MOQSTAT_SESSION_FIELD_MAX];
	/** Not contradicted, but some bumps are known to be in no row of their own; how many is in
	 *  the batch's `lost`. */
	const char *gap[MOQSTAT_ROLE_MAX][MOQSTAT_FIELD_MAX];
	const char *sessions_gap[MOQSTAT_SESSION_FIELD_MAX];

	bool sent; /* the relay has sent bytes, on some path */
	bool warned[MOQSTAT_ROLE_MAX + 1][MOQSTAT_FIELD_MAX];
	struct crosscheck_suspect *suspects; /* of the last batch, sorted */
	size_t suspects_len;
};

/** Take in the next batch. Returns 0 or -ENOMEM, with nothing changed then. */
int crosscheck_update(struct crosscheck *c, const struct collect_batch *batch);

/** Log what was found to be missed since the last call, a line a field. `broadcast` is that of the
 *  relay. */
void crosscheck_warn(struct crosscheck *c, const char *broadcast);

/** Free what it owns and zero it. */
void crosscheck_deinit(struct crosscheck *c);

#endif /* MOQSTAT_CROSSCHECK_H */
