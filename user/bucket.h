/* SPDX-License-Identifier: MIT */
/*
 * bucket.h - the stats broadcasts of one relay, by the groups that its rows are sorted into: those
 * of paths, and of auth roots, that begin with the same segments. A group of the relay's is called
 * a bucket here, since a track has groups of its own.
 *
 * Each has rows and tracks of its own, and a life: it begins when there first is an incarnation of
 * it, and ends when there are none for as long as it lingers. With depth 0 there is one, of the
 * empty key, always. Source: moq-net 0.1.16, run_publisher; moq-stats 0.1.5 and 0.2.20.
 */
#ifndef MOQSTAT_BUCKET_H
#define MOQSTAT_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect.h"
#include "snapshot.h"
#include "tracks.h"

/** What was written on a track. Nobody reads its frames here but to tell them from the next one,
 * which the snapshot does; so none is kept. */
struct bucket_track {
	uint64_t sequence; /* of the next frame */
	bool again;	   /* the last one was not written whole, or not at all */
};

struct bucket {
	char *key; /* of any bytes */
	size_t key_len;
	char *broadcast; /* the path that it is announced under, ended by a 0 */
	size_t broadcast_len;
	struct snapshot *snapshot;
	struct bucket_track tracks[TRACKS_MAX];
	uint64_t held_back; /* closes, as of the last update: now, and of what was retired */
	size_t waiting;	    /* as of the last update */
	bool any;	    /* there is an incarnation */
	bool begun;	    /* and it is announced; not what only has what is under the prefix */
	bool empty;	    /* there was none in the last reading, for the first time at */
	uint64_t since;	    /* Unix time, milliseconds */
	bool over;	    /* to be forgotten */
};

/** Those of a relay. */
struct buckets {
	char *prefix, *node;
	unsigned int depth;   /* segments of a key */
	struct bucket **list; /* by the bytes of their keys */
	size_t len, size;
	uint64_t held_back; /* closes, of those that are over */
};

/** Begin with the one of the empty key if `depth` is 0, else with none. *out is ended by
 *  buckets_deinit(), after an error, too. -ENOMEM. */
int buckets_init(const char *prefix, const char *node, unsigned int depth, struct buckets *out);
void buckets_deinit(struct buckets *b);

/** Sort a batch by buckets, and begin those that are missing. -ENOMEM. */
int buckets_sort(struct buckets *b, struct collect_batch *batch);

/** Where in a sorted batch one is; zeroed at first. */
struct buckets_at {
	size_t broadcasts, sessions;
};

/** What is of the bucket in a sorted batch, each bucket being asked for in the list's order: lists
 *  within the batch's own. What it says of the batch it was taken from is of `bucket`. */
struct collect_batch buckets_part(const struct buckets *b, const struct collect_batch *batch,
				  const struct bucket *bucket, struct buckets_at *at);

/** Forget those that are over. */
void buckets_sweep(struct buckets *b);

/** How many closes have been held back in all, and how many incarnations wait. */
uint64_t buckets_held_back(const struct buckets *b);
size_t buckets_waiting(const struct buckets *b);

/** What becomes of a bucket in a reading. */
enum bucket_fate {
	BUCKET_SHOWN = 0, /* its frames are written, where they differ */
	BUCKET_SILENT,	  /* nothing is, as yet */
	BUCKET_ENDS,	  /* it was announced, and is no longer */
	BUCKET_NEVER,	  /* it has not begun, and does not */
};

/** Judge it by b->any, at a time, milliseconds; `first` tells whether that is the first reading of
 *  a tick. One that lingers for that long, milliseconds, is shown meanwhile. */
enum bucket_fate bucket_judge(struct bucket *b, bool first, uint64_t time_ms, uint64_t linger_ms);

#endif /* MOQSTAT_BUCKET_H */
