/* SPDX-License-Identifier: MIT */
/*
 * status.h - what the numbers are worth: every field of every track is exact, counted since the
 * probes were attached, or unavailable, and why.
 */
#ifndef MOQSTAT_STATUS_H
#define MOQSTAT_STATUS_H

#include <jansson.h>

#include "collect_live.h"
#include "probes.h"
#include "sites.h"
#include "target.h"
#include "worth.h"

/** The status object of a live run: the relay, the state of each field with its reason, by counter
 *  how many sites there are, how many of them have fired and how often, and `lost` by reason
 *  (cumulative, by enum moqstat_lost). A new reference, or NULL without memory; what lacks
 * something for that reason is told by json_memory_failed(). */
json_t *status_live(const struct target *target, const struct sites *sites,
		    const struct probes *probes, const struct collect_live_info *info,
		    const struct worths *worths, const uint64_t *lost);

/** The part of it that tells of each field of each track. */
json_t *status_tracks(const struct sites *sites, const struct worths *worths);

/** That of a replay of `file`. */
json_t *status_replay(const char *file);

#endif /* MOQSTAT_STATUS_H */
