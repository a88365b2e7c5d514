/* SPDX-License-Identifier: MIT */
/*
 * ledger_record.h - the inside of ledger.c: what is kept of a name, and of a frame.
 */
#ifndef MOQSTAT_LEDGER_RECORD_H
#define MOQSTAT_LEDGER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ledger.h"
#include "rows.h"

#define LEDGER_WIDTH (LEDGER_TRACKS * LEDGER_FIELDS)

/* Where a record is. */
enum ledger_list_name {
	LEDGER_SHOWN = 0, /* on a track */
	LEDGER_LEAVING,	  /* on none since this tick */
	LEDGER_GONE,	  /* on none, and remembered */
	LEDGER_LISTS
};

enum ledger_place {
	LEDGER_NOWHERE = 0,
	LEDGER_PLACE,  /* one of the places */
	LEDGER_FREE,   /* its own without taking one */
	LEDGER_SHARED, /* the overflow */
};

/* What a name stands for. */
struct ledger_record {
	struct row row; /* only the key; first, for tfind() */
	TAILQ_ENTRY(ledger_record) link;
	enum ledger_list_name list;
	enum ledger_place place;
	unsigned int listed; /* bits: tracks whose last frame has it */
	unsigned int known;  /* bits: those of which it has counts of this life */
	unsigned int shown;  /* bits: those that it was on since it last had gone */
	uint64_t stamp;	     /* of the last frame that it was found in */
	size_t label_len;
	char *label;
	uint64_t counts[LEDGER_WIDTH];
	char bytes[]; /* the key, then the label */
};

TAILQ_HEAD(ledger_records, ledger_record);

/* A row that is other than in the frame before. */
struct ledger_change {
	struct ledger_record *record;
	uint64_t counts[LEDGER_FIELDS];
};

/* A row of a frame, and what its name stands for. */
struct ledger_found {
	struct row row;
	struct ledger_record *record;
};

struct ledger_track {
	bool told;		   /* there was a frame of it */
	struct ledger_sheet sheet; /* where it comes as a whole */
	uint64_t total[LEDGER_FIELDS], overflow[LEDGER_FIELDS];
	uint64_t now[LEDGER_FIELDS], overflow_now[LEDGER_FIELDS]; /* by ledger_list() */
};

struct ledger {
	const char *const *fields;
	size_t fields_len, tracks_len;
	struct ledger_places *places;
	struct ledger_track tracks[LEDGER_TRACKS];
	struct ledger_records lists[LEDGER_LISTS];
	size_t list_len[LEDGER_LISTS];
	void *tree; /* of all records, by key */
	uint64_t stamp;
	unsigned int fields_seen, overflow_seen; /* bits: fields; tracks */
	/* Scratch: of the frame that is being taken in, and of what is listed. */
	struct ledger_change *changes;
	size_t changes_len, changes_size;
	struct ledger_found *found;
	size_t found_len, found_size;
	struct ledger_record **sorted;
	size_t sorted_size;
	struct ledger_row *rows;
	size_t rows_size;
	size_t own_len, shared_len;
	uint64_t overflow[LEDGER_WIDTH], overflow_now[LEDGER_WIDTH];
};

/** Room for one more element of `of` bytes behind `len` of them in *array, of which there is room
 *  for *size. 0 or -ENOMEM. */
int ledger_grow(void *array, size_t len, size_t *size, size_t of);

#endif /* MOQSTAT_LEDGER_RECORD_H */
