/* SPDX-License-Identifier: MIT */
/*
 * track.h - one track of the stats broadcast: frames that differ, each a group of its own.
 */
#ifndef MOQSTAT_TRACK_H
#define MOQSTAT_TRACK_H

#include <stddef.h>
#include <stdint.h>

/** A track and the last frame written to it. */
struct track {
	const char *name;	/* "publisher.json"; not owned */
	uint64_t next_sequence; /* of the group that the next frame will begin; from 0 */
	char *last;		/* the newest frame; NULL before the first */
	size_t last_len;	/* bytes */
	size_t last_size;
};

/** Begin an empty track. `name` must outlive it. */
void track_init(struct track *t, const char *name);

/** Free what the track owns and zero it. NULL is fine. */
void track_deinit(struct track *t);

/** Offer the frame of this tick. Returns 1 where it begins a new group, numbered
 *  next_sequence - 1; 0 where it is byte for byte the last one and is skipped; -ENOMEM, the track
 *  then as before. Nothing written yet equals no frame, so an idle `{}` is written once. Source:
 *  relay-stats text, flush_track. */
int track_write(struct track *t, const char *bytes, size_t len);

#endif /* MOQSTAT_TRACK_H */
