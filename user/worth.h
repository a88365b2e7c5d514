/* SPDX-License-Identifier: MIT */
/*
 * worth.h - what the numbers are worth: the state of every field of every track, and why.
 */
#ifndef MOQSTAT_WORTH_H
#define MOQSTAT_WORTH_H

#include <stdbool.h>

#include "collect_live.h"
#include "crosscheck.h"
#include "sites.h"
#include "snapshot.h"

enum worth_state {
	WORTH_UNAVAILABLE = 0, /* don't rely on it, whatever the frames say */
	WORTH_SINCE_ATTACH,    /* what was seen since the probes; the reason says what lacks */
	WORTH_EXACT,	       /* what the relay itself counts or would count */
};

struct worth {
	enum worth_state state;
	const char *reason; /* static text, or that of a lapse, which lasts as long as the relay */
};

/** By role, MOQSTAT_ROLE_MAX being the sessions, and field: enum moqstat_field, or enum
 *  moqstat_session_field. All tiers are counted by the same probes. Fields that the layout hasn't
 *  are zero. */
struct worths {
	struct worth of[TRACKS_OF_TIER][MOQSTAT_FIELD_MAX];
	const struct tiers *tiers; /* that there are by now; NULL: tiers_two */
	size_t tiers_len;	   /* when that was last told */
};

/** "exact", "since-attach" or "unavailable". */
const char *worth_state_name(enum worth_state state);

/** The fields of a role's tracks, or of those of sessions, as their frames have them. */
const struct frame_schema *worth_schema(const struct sites *sites, unsigned int role);

/** Work all of them out anew; `check` may be NULL. Returns whether any state or reason is another
 *  than before, or there are more tiers. */
bool worth_update(const struct sites *sites, const struct collect_live_info *info,
		  const struct crosscheck *check, struct worths *worths);

#endif /* MOQSTAT_WORTH_H */
