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

	/** Not probed for a time, as told by crosscheck_lapse(): why, of both roles. */
	const char *lapse[MOQSTAT_FIELD_MAX];
	bool lapsing[MOQSTAT_FIELD_MAX]; /* and they aren't now */

	bool sent; /* the relay has sent bytes, on some path */
	bool warned[MOQSTAT_ROLE_MAX + 1][MOQSTAT_FIELD_MAX];
	struct crosscheck_suspect *suspects; /* of the last batch, sorted */
	size_t suspects_len;
	uint64_t number; /* of that batch */
	uint64_t told;	 /* bumps in `__unattributed__`, bytes apart */
};

/** Take in the next batch; one that is partial must follow the last one. Returns 0 or -ENOMEM, with
 * nothing changed then. */
int crosscheck_update(struct crosscheck *c, const struct collect_batch *batch);

/** The sites of a field are not probed from now on, or, with `now` false, they are again. `reason`
 *  says so, and must outlive *c. Nothing contradicts such a field any more, also later: what counts
 *  it has missed nobody knows of which row. */
void crosscheck_lapse(struct crosscheck *c, enum moqstat_field field, const char *reason, bool now);

/** Log what was found to be missed since the last call, a line a field. `broadcast` is that of the
 *  relay. */
void crosscheck_warn(struct crosscheck *c, const char *broadcast);

/** Free what it owns and zero it. */
void crosscheck_deinit(struct crosscheck *c);

#endif /* MOQSTAT_CROSSCHECK_H */
