/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what the rows of some tracks add up to over the lives of what they tell of: the counts
 * of each, of those that have no place of their own, and of all that ever was.
 *
 * A row's counts begin at zero with each life of its broadcast, and the row is gone from the frame
 * while nothing happens to it. So frames alone are read like this: a row of which any count is
 * smaller than before begins a new life; so does one that was gone and is back unchanged, since the
 * same life would not have been shown; one that was gone and is back with more goes on, since a
 * held broadcast keeps its counts. Rows that have gone are remembered for that, as many as
 * LEDGER_GONE_MAX. That is all that frames tell: a new life which has as much of every count as the
 * one before when it is first seen, so has closed as often within a tick, is taken for the same
 * one, and the total then lacks what the old one had.
 *
 * The counts of all, and those of `__overflow__`, are sums of what was added, and never go back:
 * they stay at the largest number. Source: replication-metrics text, `for_channel` (known ones keep
 * their place, newcomers past the cap share one).
 */
#ifndef MOQSTAT_LEDGER_H
#define MOQSTAT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Rows that have gone and are remembered, the latest ones. */
#define LEDGER_GONE_MAX 4096

/** Most tracks and fields of one ledger. */
#define LEDGER_TRACKS 4
#define LEDGER_FIELDS 12

/** The rows that share a place; one that the agent has named so is among them. */
#define LEDGER_OVERFLOW "__overflow__"

/** The row of what can't be named has a place without taking one. */
#define LEDGER_UNATTRIBUTED "__unattributed__"

/** Places for rows, which several ledgers may share. */
struct ledger_places {
	size_t used, max;
};

struct ledger;
struct ledger_found;

/** The last frame of a track, or of a part of it where its rows come in several, each row in one
 *  and the same always. Zeroed before the first; ended by ledger_sheet_deinit(). */
struct ledger_sheet {
	char *frame;
	size_t size;
	struct ledger_found *found; /* its rows */
	size_t found_len, found_size;
};

/** What there is to tell of one row, or of those in the overflow. */
struct ledger_row {
	const char *label; /* escaped by exposition_escape() */
	size_t label_len;
	unsigned int tracks;	/* bits: those that it was on in this life */
	const uint64_t *counts; /* by track, then field: LEDGER_FIELDS of each */
	/** Of the overflow what is open can't be seen from its counts, which outlive their rows:
	 *  the same counts of those that are there now. Else the same as `counts`. */
	const uint64_t *now;
};

/** Begin a ledger of `tracks` tracks whose rows tell of one thing by one name, with these fields
 *  (NULL where one has no name). Places and names must outlive it. *out is ended by
 *  ledger_destroy(). -ENOMEM. */
int ledger_create(size_t tracks, const char *const *fields, size_t fields_len,
		  struct ledger_places *places, struct ledger **out);
void ledger_destroy(struct ledger *l);

/** Take in a frame of a track. Rows that are as in the one before cost a compare. 0; -EBADMSG it is
 *  no frame of ours; -ENOMEM; all is as before then. */
int ledger_frame(struct ledger *l, size_t track, const char *frame, size_t len);

/** The same of a part of a track. One that is no more is taken in as `{}`, and its sheet ended; no
 *  sheet outlives ledger_end(). */
int ledger_frame_of(struct ledger *l, size_t track, struct ledger_sheet *sheet, const char *frame,
		    size_t len);
void ledger_sheet_deinit(struct ledger_sheet *sheet);

/** A tick's frames have all been taken in: rows that are on no track any more leave their places.
 */
void ledger_settle(struct ledger *l);

/** All lives are over: the relay is. */
void ledger_end(struct ledger *l);

/** The rows that have places, and the overflow if it was ever needed, in the order of their names'
 *  bytes. *out is the ledger's, until it is next told something. 0 or -ENOMEM. */
int ledger_list(struct ledger *l, const struct ledger_row **out, size_t *len);

/** What all rows of a track have added up to, by field, ever since; NULL where there was no frame
 *  of it. */
const uint64_t *ledger_total(const struct ledger *l, size_t track);

/** What those that are there now have, by field, on one track: after ledger_list() only. */
const uint64_t *ledger_now(const struct ledger *l, size_t track);

/** Rows that are there: with a place of their own, and in the overflow; as ledger_now(). */
size_t ledger_own(const struct ledger *l);
size_t ledger_overflown(const struct ledger *l);

/** Bits: the fields that frames have had. */
unsigned int ledger_fields(const struct ledger *l);

#endif /* MOQSTAT_LEDGER_H */
