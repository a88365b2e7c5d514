/* SPDX-License-Identifier: MIT */
/*
 * stats.h - the stats broadcast: each tick takes what was collected through snapshot, frame and
 * track, and writes the frames that changed.
 */
#ifndef MOQSTAT_STATS_H
#define MOQSTAT_STATS_H

#include "collect.h"
#include "crosscheck.h"
#include "frame.h"
#include "jsonl.h"

struct stats;

/** What a tick learnt besides the frames. */
struct stats_tick {
	uint64_t lost[MOQSTAT_LOST_MAX]; /* cumulative */
	unsigned int written;		 /* frames */
};

/** Begin the broadcast `<prefix>/node[/<node>]`; node may be NULL. `schema` is that of a
 *  broadcast's row. *out is ended by stats_destroy(). -ENOMEM. */
int stats_create(const char *prefix, const char *node, const struct frame_schema *schema,
		 struct stats **out);
void stats_destroy(struct stats *s);

/** The path that the broadcast is announced under. Owned by `s`. */
const char *stats_broadcast(const struct stats *s);

/** What the counts say of each other so far. Owned by `s`. */
const struct crosscheck *stats_crosscheck(const struct stats *s);

/** One tick: read from `c`, write the frames that differ from the last ones to `out`, then retire
 *  what is finished. Returns 0; -ENODATA where a recording has ended; what collect_read() or the
 *  writer gives. After an error in writing nothing was retired. */
int stats_tick(struct stats *s, struct collect *c, struct jsonl *out, struct stats_tick *tick);

#endif /* MOQSTAT_STATS_H */
