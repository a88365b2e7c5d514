/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - from what was counted to what is told: the rows of all tracks, tick by tick.
 *
 * Source: relay-stats text, process_slot, process_session_slot and the collection of entries in
 * run_publisher. A row is shown while it is live (an open counter differs from its closed one) or
 * when it differs from what was last shown; never shown counts as all zero.
 *
 * One path may have several incarnations in a batch, since the agent's tick and the end of a
 * broadcast's life do not wait for each other. The oldest that is not finished is shown, so that
 * its final counts go out before the next life's first ones. The backend must say of every
 * incarnation but the newest that it is no longer held, or the newer ones wait for ever.
 */
#ifndef MOQSTAT_SNAPSHOT_H
#define MOQSTAT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collect.h"
#include "frame.h"
#include "tracks.h"

/** How the rows of a track differ from those that were told before. */
enum snapshot_news {
	SNAPSHOT_NOTHING = 0,
	SNAPSHOT_COUNTS, /* the same paths; their caches say which have other counts */
	SNAPSHOT_ROWS,	 /* not the same paths */
};

/** What one tick has to tell. It lies in the snapshot and is valid until the next
 *  snapshot_update(), or snapshot_destroy(). */
struct snapshot_tick {
	const struct tiers *tiers; /* the batch's */
	unsigned int tracks;	   /* how many there may be by these */
	/** By track: the rows to build its frame from, sorted by the bytes of the path. */
	const struct frame_row *rows[TRACKS_MAX];
	size_t rows_len[TRACKS_MAX];
	enum snapshot_news news[TRACKS_MAX];
	/** Is there any incarnation, or was there since the last update? One that was shown as no
	 *  longer held then is no more. Those under the prefix don't count. */
	bool any;
	bool stays; /* is there any that isn't retired now? */
	/** By kind: which incarnations are finished, as indices into the batch's broadcasts or
	 *  sessions. Once the frames are written, the caller hands each to the backend's retire
	 *  operation. */
	const size_t *retire[TRACK_KIND_MAX];
	size_t retire_len[TRACK_KIND_MAX];
	/** Closes beyond the opens seen, held back so that closed <= open: those of the
	 *  incarnations that stay, as of now, and those of all that were retired so far. Their sum
	 *  is what MOQSTAT_LOST_CLOSE_UNSEEN counts. */
	uint64_t held_back;
	uint64_t held_back_retired;
	/** Incarnations not shown because an older one of their path, which is over, had to be
	 * shown first: one more update shows the next of them. */
	size_t waiting;
};

struct snapshot;

/** Begin with nothing shown. Broadcasts under `prefix` (normalised here; "" means all of them) are
 *  never shown; auth roots are, wherever they lie, as the relay has it in session_counters. *out
 *  is ended by snapshot_destroy(). Returns 0 or -ENOMEM. */
int snapshot_create(const char *prefix, struct snapshot **out);

/** Free everything. NULL is fine. */
void snapshot_destroy(struct snapshot *s);

/** The number of the last batch that was taken in, for collect_read_since(); 0: only one that lists
 *  everything may be next. */
uint64_t snapshot_number(const struct snapshot *s);

/** Take in a batch and say what this tick shows. An incarnation that is no longer held and shows
 *  nothing new is to be retired and is forgotten; so is one that a whole batch no longer lists.
 * Where a batch lists one incarnation twice, the counts are added up. Returns 0; -ENOMEM; -EILSEQ
 * where a path is not UTF-8; -EINVAL where a tier is none of the batch's, or a partial batch
 * follows another one. After an error all is as it was before. */
int snapshot_update(struct snapshot *s, const struct collect_batch *batch,
		    struct snapshot_tick *out);

/** Undo the last successful snapshot_update(), for a tick whose frames could not be written: the
 *  next one then shows what this one would have. Only one step, and not after anything was
 *  retired; more calls do nothing. */
void snapshot_rollback(struct snapshot *s);

#endif /* MOQSTAT_SNAPSHOT_H */
