/* SPDX-License-Identifier: MIT */
/*
 * roster.h - the rows of several tracks of one kind, by name, as frames and what changes them tell:
 * the newest of everything, for those who look at it. What is read is a stranger's.
 */
#ifndef MOQSTAT_ROSTER_H
#define MOQSTAT_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "rates.h"

/** Tracks of one kind at most: both roles of both tiers. */
#define ROSTER_TRACKS 4

/** Counts of a row on one track at most: the fields of frame_schema_broadcast_0_12. */
#define ROSTER_FIELDS 9

/** The last counts of a row only grow, and have a rate each: bytes, frames, groups. */
#define ROSTER_FLOWS 3
#define ROSTER_OPEN  (ROSTER_FIELDS - ROSTER_FLOWS)

/** What there is room for, in all rosters that share it. */
struct roster_room {
	size_t rows;
	size_t bytes; /* of names */
};
#define ROSTER_ROWS_MAX	 (256 << 10)
#define ROSTER_BYTES_MAX (64 << 20)

/** One name, and what is said of it. */
struct roster_row {
	char *name; /* any bytes, and a 0 behind them */
	size_t name_len;
	unsigned int tracks; /* a bit for each that has it now; 0: it goes at the next sample */
	uint64_t counts[ROSTER_TRACKS][ROSTER_FIELDS]; /* in the order of the schema */
	struct rate rates[ROSTER_TRACKS][ROSTER_FLOWS];
};

struct roster {
	const struct frame_schema *schema;
	struct roster_row **rows; /* sorted by the bytes of their names */
	size_t len;
	struct roster_room *room; /* NULL: of a copy */
};

/** Begin without a row. The schema, of at most ROSTER_FIELDS, and the room must outlive it. */
void roster_init(const struct frame_schema *schema, struct roster_room *room, struct roster *out);
void roster_deinit(struct roster *r);

/** Take in a frame of a track: all rows that it has there. 0; -EBADMSG it is no frame of ours,
 * whose rows are in order; -E2BIG there is no room; -ENOMEM. After an error some of it is taken in.
 */
int roster_full(struct roster *r, unsigned int track, const char *frame, size_t len);

/** Take in what delta_build() writes. Likewise. */
int roster_change(struct roster *r, unsigned int track, const char *delta, size_t len);

/** The track has no rows any more, and its counts begin anew. */
void roster_forget(struct roster *r, unsigned int track);

/** Take the sample that `clock` has noted last: let go of rows that no track has, and work
 * out the rates of the others. */
void roster_sample(struct roster *r, const struct rates_clock *clock);

/** A row by its name, or NULL. */
struct roster_row *roster_find(const struct roster *r, const char *name, size_t len);

/** What a field is by its place in the schema, opened and not closed again; fields that count what
 * flows are as they are. */
uint64_t roster_live(const struct roster_row *row, unsigned int track, unsigned int field);

/** A copy that nothing is added to. 0 or -ENOMEM, *out is then empty. */
int roster_copy(const struct roster *r, struct roster *out);

#endif /* MOQSTAT_ROSTER_H */
