/* SPDX-License-Identifier: MIT */
/*
 * stats.h - the stats broadcast, or several by groups of paths (bucket.h): each tick takes what was
 * collected through snapshot and frame, and writes the frames that changed.
 */
#ifndef MOQSTAT_STATS_H
#define MOQSTAT_STATS_H

#include <stdbool.h>

#include "collect.h"
#include "crosscheck.h"
#include "frame.h"
#include "jsonl.h"

struct stats;

/** The stages of a tick. */
enum stats_stage {
	STATS_COLLECT = 0, /* read what was counted */
	STATS_CHECK,	   /* do the counts agree with each other? */
	STATS_SNAPSHOT,	   /* which rows there are to show */
	STATS_FRAME,	   /* make the bytes of the frames */
	STATS_OUTPUT,	   /* keep and write them */
	STATS_RETIRE,	   /* let go of what is finished */
	STATS_STAGE_MAX
};

/** What a stage took, nanoseconds. */
struct stats_cost {
	uint64_t wall;
	uint64_t cpu; /* of this thread */
};

/** What a tick learnt besides the frames. */
struct stats_tick {
	uint64_t lost[MOQSTAT_LOST_MAX]; /* cumulative */
	unsigned int written;		 /* frames */
	uint64_t bytes;			 /* of those frames */
	struct stats_cost costs[STATS_STAGE_MAX];
};

/** Begin the broadcast `<prefix>/node[/<node>]`; node may be NULL. `schema` is that of a
 *  broadcast's row. *out is ended by stats_destroy(). -ENOMEM. */
int stats_create(const char *prefix, const char *node, const struct frame_schema *schema,
		 struct stats **out);
void stats_destroy(struct stats *s);

/** How a relay may sort its rows into several broadcasts. */
struct stats_depth {
	unsigned int segments; /* in front of a path that tell whose it is; 0: there is one */
	bool linger;	       /* that is given, or else is as of the schema: */
	uint64_t linger_ms;    /* for how long a broadcast outlives its last row, at a tick */
};

/** Do so from the first tick on, before which this must be called. -ENOMEM: there is no tick to be
 *  then. */
int stats_sort(struct stats *s, const struct stats_depth *depth);

/** The path that the broadcast is announced under; of several, that of what is of no group. Owned
 * by `s`. */
const char *stats_broadcast(const struct stats *s);

/** What the counts say of each other so far. Owned by `s`. */
const struct crosscheck *stats_crosscheck(const struct stats *s);

/** As crosscheck_lapse(). */
void stats_lapse(struct stats *s, enum moqstat_field field, const char *reason, bool now);

/** After the last tick: where there are several broadcasts, tell of the end of each. 0, or what the
 *  writer gives. */
int stats_finish(struct stats *s, struct jsonl *out);

/** One tick: read from `c`, write the frames that differ from the last ones to `out`, then retire
 *  what is finished. Returns 0; -ENODATA where a recording has ended; what collect_read() or the
 *  writer gives. After an error in writing nothing was retired. */
int stats_tick(struct stats *s, struct collect *c, struct jsonl *out, struct stats_tick *tick);

#endif /* MOQSTAT_STATS_H */
