/* SPDX-License-Identifier: MIT */
/*
 * table.h - broadcasts, or sessions by root, of all relays as rows of a table: what their columns
 * say, which are shown, and in what order.
 */
#ifndef MOQSTAT_TABLE_H
#define MOQSTAT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "watch.h"

enum table_kind {
	TABLE_BROADCASTS = 0,
	TABLE_SESSIONS, /* by auth root */
	TABLE_KINDS
};

enum table_tier {
	TABLE_ALL = 0,
	TABLE_EXTERNAL,
	TABLE_INTERNAL,
	TABLE_TIERS
};

/** What a column holds. */
enum table_type {
	TABLE_TEXT = 0,
	TABLE_COUNT,
	TABLE_BYTES, /* a second */
	TABLE_RATE,
};

struct table_column {
	const char *name;  /* for options and plain output */
	const char *title; /* at the top of the column */
	enum table_type type;
	unsigned int side;  /* the first track that it is read from; the other tier's is 2 further,
			       of sessions 1 */
	unsigned int field; /* by its place in the schema */
	bool total;	    /* all ever, not what is open now */
	unsigned int width; /* columns on a screen; 0 what is left */
	unsigned int rank;  /* where there is no room for all, those of a higher one go first */
};

/** The columns of a kind; the first is the name, the last the tier. */
struct table_columns {
	const struct table_column *list;
	size_t len;
	size_t sort; /* which the rows are sorted by at first */
};
extern const struct table_columns table_columns[TABLE_KINDS];

/** Which rows are wanted, and how. */
struct table_wish {
	enum table_kind kind;
	enum table_tier tier;
	size_t sort; /* a column */
	bool reverse;
	const char *filter; /* a part of the name or of the relay's; "" all */
};

/** A row. It lies in the watch. */
struct table_row {
	const struct watch_relay *relay;
	const struct roster_row *row;
	double key;
};

/** The rows that are wanted; zeroed before its first use, ended by free(rows). */
struct table {
	struct table_row *rows;
	size_t len, size;
	size_t all; /* without the filter */
};

/** Sums over all rows, whatever the filter. */
struct table_sums {
	size_t broadcasts;
	uint64_t viewers, subscriptions, sessions;
	double out[ROSTER_FLOWS], in[ROSTER_FLOWS]; /* NAN not known */
};

/** Gather the rows of a watch that are wanted; those from `from` on, `count` of them, are then
 * where they belong, the others in front of them or behind. They last until the watch changes.
 * -ENOMEM. */
int table_build(struct table *t, const struct watch *w, const struct table_wish *wish, size_t from,
		size_t count);

/** What a column says of a row: NAN where nobody knows. */
double table_value(const struct table_row *row, enum table_kind kind,
		   const struct table_column *column, enum table_tier tier);

/** "both", "external", "internal" or "". */
const char *table_tiers(const struct table_row *row, enum table_kind kind);

/** The worst that is known of a column in a relay, and why. */
enum worth_state table_worth(const struct watch_relay *relay, enum table_kind kind,
			     const struct table_column *column, enum table_tier tier,
			     const char **reason);

/** The sums over a tier. */
struct table_sums table_sum(const struct watch *w, enum table_tier tier);

/** A column by its name, or -1. */
int table_column(enum table_kind kind, const char *name);

/** Is this track, by its number in its roster, of the tier? */
bool table_in_tier(enum table_kind kind, unsigned int track, enum table_tier tier);

#endif /* MOQSTAT_TABLE_H */
