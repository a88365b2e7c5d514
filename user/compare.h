/* SPDX-License-Identifier: MIT */
/*
 * compare.h - do moqstat's frames say what another witness says: the relay's own frames, or what is
 * open in its memory? Pure: it is given texts and lists, and keeps count of what it compared.
 *
 * Frames of two witnesses are never of one moment. So a number is compared with one that was read
 * before it and one that was read after it, and byte for byte only what has held still. What can't
 * be compared in one of these ways is counted as unstable; see docs/adr/0026-verify.md.
 */
#ifndef MOQSTAT_COMPARE_H
#define MOQSTAT_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "census.h"
#include "snapshot.h"

/** By what was compared. */
enum compare_how {
	COMPARE_STILL = 0, /* the relay's frame, byte for byte, while nothing changed */
	COMPARE_BETWEEN,   /* its numbers, between ours before and ours after */
	COMPARE_CENSUS,	   /* what is open by its memory, between ours before and after */
	COMPARE_HOW_MAX
};

/** How much was. */
struct compare_tally {
	uint64_t times;	   /* frames; censuses */
	uint64_t numbers;  /* that were compared */
	uint64_t exactly;  /* of these, where only one number would do */
	uint64_t unstable; /* rows; in censuses numbers: began, ended, or changed too much meanwhile
			    */
};

/** Who has a row that the other lacks. */
enum compare_only {
	COMPARE_BOTH = 0,
	COMPARE_ONLY_OURS,
	COMPARE_ONLY_THEIRS,
};

struct compare_difference {
	enum compare_how how;
	unsigned int track; /* of tracks_two */
	char *key;	    /* path or root: a JSON string with its quotes; NULL: the whole frame */
	const char *field;  /* static text; NULL: the row */
	enum compare_only only;
	uint64_t low, high; /* what it may be by our frames */
	uint64_t other;	    /* what it is by the other witness */
	uint64_t times;	    /* it was found; the numbers are of the first time */
};

/** Differences that are told one by one; the others are only counted. */
#define COMPARE_LIST_MAX 200

struct compare {
	const char *uncounted; /* the last member of a row of ours, which isn't counted; or NULL */
	struct compare_tally of[COMPARE_HOW_MAX];
	struct compare_difference *list;
	size_t len, room;
	uint64_t more;	 /* found, but not in the list */
	uint64_t events; /* openings and closings that our frames showed, at least */
};

/** A frame's text; owns nothing. */
struct compare_text {
	const char *text;
	size_t len;
};

/** Free what it owns and zero it. */
void compare_deinit(struct compare *c);

/** How many differences were found, whether listed or not. */
uint64_t compare_found(const struct compare *c);

/** "still", "between", "census". */
const char *compare_how_name(enum compare_how how);

/** Two frames of one track that nothing has changed for long enough. What isn't counted may be
 *  anything in theirs. 0; -EBADMSG: one is no frame;
 *  -ENOMEM. */
int compare_still(struct compare *c, unsigned int track, struct compare_text ours,
		  struct compare_text theirs);

/** A frame of theirs that was made after ours[0] and before ours[len - 1]; those in between are all
 *  that we made meanwhile. Errors as above. */
int compare_between(struct compare *c, unsigned int track, const struct compare_text *ours,
		    size_t len, struct compare_text theirs);

/** Count in `events` what `now` has more than `before`. Errors as above. */
int compare_events(struct compare *c, unsigned int track, struct compare_text before,
		   struct compare_text now);

/** Censuses are taken by twos: a guard that is handed from one task to another may be in neither,
 * or in both, for an instant, which the other census shows as it is. */
#define COMPARE_CENSUSES 2

/** What is open by the relay's memory under one key of a track, by enum census_kind. */
struct compare_open {
	unsigned int track;
	char *key; /* a JSON string */
	size_t key_len;
	uint64_t n[COMPARE_CENSUSES][CENSUS_KIND_MAX];
};
struct compare_opens {
	struct compare_open *list; /* by track, then as the rows of a frame */
	size_t len;
	bool partly[CENSUS_KIND_MAX]; /* there may be more, whose can't be told */
};

/** Sum up censuses as frames do: without the broadcasts under `prefix`, which is normalised; long
 *  paths in one row. *out is ended by compare_opens_deinit(). -ENOMEM. */
int compare_opens_init(const struct census census[COMPARE_CENSUSES], const char *prefix,
		       struct compare_opens *out);
void compare_opens_deinit(struct compare_opens *o);

/** Censuses that were taken between two of our ticks, whose frames are before[] and after[], by
 *  track. A number differs if it does in both. Errors as above. */
int compare_census(struct compare *c, const struct compare_opens *opens,
		   const struct compare_text *before, const struct compare_text *after);

#endif /* MOQSTAT_COMPARE_H */
