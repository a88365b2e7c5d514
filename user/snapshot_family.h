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

/** The tier of broadcasts that count for both of enum moqstat_tier: it is no part of their
 *  identity. */
#define SNAPSHOT_BOTH_TIERS UINT32_MAX

/** One incarnation of the batch, whatever its kind; points into the batch. */
struct snapshot_item {
	const char *text;
	size_t text_len;
	uint32_t tier; /* its number, or SNAPSHOT_BOTH_TIERS */
	uint32_t incarnation;
	bool held;
	const uint64_t *counts; /* all slots, one after the other */
	size_t index;		/* in the batch */
};

struct snapshot_entry;

/** What became of one path's entry in an update. */
struct snapshot_change {
	size_t at;		      /* among the entries before, or before which of them */
	struct snapshot_entry *old;   /* NULL: there was none */
	struct snapshot_entry *entry; /* NULL: there is none any more */
};

/** What an update comes to. */
struct snapshot_tally {
	size_t len;	/* entries */
	bool moved;	/* not all of them are where they were */
	bool gone;	/* one has gone that was there until just now */
	size_t *retire; /* indices into the batch */
	size_t retire_len, retire_size;
	uint64_t held_back;	    /* excess closes of what stays */
	uint64_t held_back_retired; /* and of all that was ever retired */
	size_t waiting; /* incarnations behind one that is finished but for showing it */
};

/** All of one kind that was shown, sorted by tier and path; at most one incarnation each. Zeroed
 *  before the first update. An update is prepared, which may fail and leaves all that was told as
 * it is, and then committed. */
struct snapshot_family {
	bool stays; /* rows, as in struct frame_schema */
	struct snapshot_entry **entries;
	size_t len, size;
	struct snapshot_entry **spare; /* the other array: next, or before the last commit */
	size_t spare_size;
	size_t was;			 /* entries before it */
	struct snapshot_change *changes; /* of the last update, by place */
	size_t changes_len, changes_size;
	struct snapshot_tally told, next;   /* after a commit `next` is what it was before */
	unsigned int tracks;		    /* how many there may be; it only rises */
	struct frame_row *rows[TRACKS_MAX]; /* NULL for tracks of the other kind */
	size_t rows_len[TRACKS_MAX], rows_size[TRACKS_MAX];
	struct frame_row *rows_next[TRACKS_MAX]; /* larger ones, prepared */
	size_t rows_next_size;
	enum snapshot_news news[TRACKS_MAX];
};

/** Free everything and zero the family. */
void snapshot_family_deinit(struct snapshot_family *f);

/** Order of items: by tier, then by the bytes of the path as in BTreeMap<String, _>, then by
 *  incarnation. For qsort(). */
int snapshot_item_compare(const void *a, const void *b);

/** Prepare an update for so many tracks from the sorted items, those of one path side by side,
 * after `retire`, which is to be retired in any case. What isn't among the items is no more, unless
 * they are `partial`: then it stays. What the last update has left behind must be forgotten. 0,
 * -ENOMEM or -EILSEQ. */
int snapshot_family_prepare(struct snapshot_family *f, enum track_kind kind, unsigned int tracks,
			    const struct snapshot_item *items, size_t items_len,
			    const size_t *retire, size_t retire_len, bool partial);

/** Drop what was prepared; or make it so. */
void snapshot_family_abandon(struct snapshot_family *f);
void snapshot_family_commit(struct snapshot_family *f, enum track_kind kind);

/** Undo the last commit; or forget what that takes. */
void snapshot_family_rollback(struct snapshot_family *f, enum track_kind kind);
void snapshot_family_forget(struct snapshot_family *f);

#endif /* MOQSTAT_SNAPSHOT_FAMILY_H */
