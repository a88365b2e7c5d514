/* SPDX-License-Identifier: MIT */
/*
 * group.h - one group of a track: a sequence number and its one frame. It never changes, and is
 * shared by all who hold it.
 */
#ifndef MOQSTAT_GROUP_H
#define MOQSTAT_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A group; made by group_create(), freed with its last holder. Not for several threads. */
struct group {
	uint64_t sequence;
	uint64_t created; /* nanoseconds, of the clock that its track goes by */
	size_t holders;
	/* What is made of the frame for those who read it, each once for all of them; NULL as long
	 * as nobody has asked for it. */
	struct group *delta; /* what has changed since the group delta_from of its track */
	uint64_t delta_from;
	char *packed; /* compressed */
	size_t packed_len;
	bool unpackable;  /* it would not become shorter */
	char *compressed; /* as of deflate_frame() */
	size_t compressed_len;
	size_t len;   /* bytes of the frame */
	char frame[]; /* and a 0 behind it, for those who print it */
};

/** A group with a copy of a frame, held once. NULL where memory lacks. */
struct group *group_create(uint64_t sequence, uint64_t created, const char *frame, size_t len);

/** Hold it once more; gives it back. */
struct group *group_hold(struct group *g);

/** The frame as a group of a compressed track has it (deflate_frame()): made for the first who
 * asks, and kept with the group. *out lies in it. 0; -ENOMEM; -E2BIG as there. */
int group_compress(struct group *g, const char **out, size_t *len);

/** Let go of it. NULL is fine. */
void group_release(struct group *g);

#endif /* MOQSTAT_GROUP_H */
