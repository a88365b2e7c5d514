/* SPDX-License-Identifier: MIT */
/*
 * board.h - what is there to be served: every stats broadcast with its tracks, and the last that
 * was said of it and of the agent.
 */
#ifndef MOQSTAT_BOARD_H
#define MOQSTAT_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed.h"
#include "hub.h"
#include "track.h"
#include "tracks.h"

/** Most broadcasts: more than one machine's relays have, each of several. What comes beyond is
 *  refused. */
#define BOARD_BROADCASTS_MAX (1 << 14)

/** Most of them whose relays have ended: the one that ended first goes, as its last frames may be
 *  large, and each restart may have a name of its own ({pid}). */
#define BOARD_ENDED_MAX 16

/** One broadcast: a relay's; or one of its several (bucket.h), or the name for all of them. */
struct board_broadcast {
	char *name;
	struct tiers tiers;		  /* of which frames have come */
	struct track *tracks[TRACKS_MAX]; /* by number; NULL before the first frame */
	uint64_t begun[TRACKS_MAX];	  /* of its life: what sequences are counted from where
					   * they must rise over all lives (publication.h) */
	char *status;			  /* its last status, JSON; or NULL */
	char *lacks;			  /* what it is not ready for (ready.h); or NULL */
	bool compressed;		  /* it has compressed tracks, too (TRACK_COMPRESSED) */
	bool several;	/* it is what the status of all of them names, and may itself be none */
	bool ended;	/* its relay has; the last frames stay */
	uint64_t order; /* of ends, once it has ended */
};

struct board {
	struct hub *hub;
	size_t track_bytes_max;
	struct board_broadcast **list; /* sorted by name, as bytes */
	size_t len;
	char *health;	  /* the agent's last, JSON; or NULL */
	uint64_t updated; /* when anything came last; 0 nothing yet, unless the owner sets it */
	uint64_t frames;  /* that came so far */
	uint64_t ends;	  /* of broadcasts so far */
	uint64_t changes; /* so far, of what is announced */
	uint64_t epoch;	  /* ns from 1970 to the zero of its clock; the owner's to set */
	bool over;	  /* nothing more will come; the owner's to set */
};

/** Begin empty. `hub` must outlive the board; of a track's frames track_bytes_max are kept. */
void board_init(struct hub *hub, size_t track_bytes_max, struct board *out);
void board_deinit(struct board *b);

/** Take in a line, and hand a frame to all who follow its track. A frame whose number does not rise
 * is the first of another life of its track: who follows the old one is told its end, as are those
 * of a broadcast that has to go, or has ended. 0; -ENOMEM; -E2BIG there are BOARD_BROADCASTS_MAX;
 * -ENOENT no track of ours, or no line for a board; -EBADMSG a status that can't be read. */
int board_take(struct board *b, const struct feed_line *line, uint64_t now);

/** Is it there to be read, its relay living? */
bool board_announced(const struct board_broadcast *one);

/** A broadcast by its whole name, or NULL. */
struct board_broadcast *board_find(const struct board *b, const char *name);

/** The same, if it is announced. */
struct board_broadcast *board_find_announced(const struct board *b, const char *name);

/** The track that a path names, "<broadcast>/<track>"; or NULL. Of broadcasts within each other it
 * is the longest that may have such a track. */
struct track *board_track_of(const struct board *b, const char *path,
			     const struct board_broadcast **owner);

/** The same, or the track of the name "<track>" alone where there is but one broadcast whose relay
 *  lives. NULL: none; *ambiguous tells whether it only doesn't say which. */
struct track *board_track(const struct board *b, const char *path, bool *ambiguous,
			  const struct board_broadcast **owner);

#endif /* MOQSTAT_BOARD_H */
