/* SPDX-License-Identifier: MIT */
/*
 * snapshot_family.h - the inside of snapshot.c: what was shown of one kind, and what becomes of it.
 */
#ifndef MOQSTAT_SNAPSHOT_FAMILY_H
#define MOQSTAT_SNAPSHOT_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "snapshot.h"

/** One incarnation of the batch, whatever its kind; points into the batch. */
struct snapshot_item {
	const char *text;
	size_t text_len;
	uint32_t tier; /* 0 for broadcasts: a tier is no part of their identity */
	uint32_t incarnation;
	bool held;
	const uint64_t *counts; /* all slots, one after the other */
	size_t index;		/* in the batch */
};

struct snapshot_entry;

/** All of one kind that was shown, sorted by tier and path; at most one incarnation each. Zeroed
 *  before its first snapshot_family_reset(). */
struct snapshot_family {
	struct snapshot_entry *entries;
	uint64_t *shown; /* counts of each of the entries */
	size_t len;
	size_t *retire; /* indices into the batch */
	size_t retire_len;
	struct frame_row *rows[SNAPSHOT_TRACK_MAX]; /* NULL for tracks of the other kind */
	size_t rows_len[SNAPSHOT_TRACK_MAX];
	size_t size;		    /* room, in entries, of each of the arrays */
	uint64_t held_back;	    /* excess closes of what stays */
	uint64_t held_back_retired; /* and of all that was ever retired */
	size_t waiting; /* incarnations behind one that is finished but for showing it */
};

/** Empty the family and make room for what n items can need of it, names excepted. Returns 0 or
 *  -ENOMEM, the family then empty. */
int snapshot_family_reset(struct snapshot_family *f, enum snapshot_kind kind, size_t n);

/** Free everything and zero the family. */
void snapshot_family_deinit(struct snapshot_family *f);

/** Order of items: by tier, then by the bytes of the path as in BTreeMap<String, _>, then by
 *  incarnation. For qsort(). */
int snapshot_item_compare(const void *a, const void *b);

/** Fill `next`, which was reset, from the sorted items and from what was shown before. Returns 0,
 *  -ENOMEM or -EILSEQ; `next` then is good for another reset or the end. */
int snapshot_family_update(const struct snapshot_family *prev, enum snapshot_kind kind,
			   const struct snapshot_item *items, size_t items_len,
			   struct snapshot_family *next);

#endif /* MOQSTAT_SNAPSHOT_FAMILY_H */
