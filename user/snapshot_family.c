/* SPDX-License-Identifier: MIT */
#include "snapshot_family.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

#define SNAPSHOT_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define SNAPSHOT_SLOTS	    (MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX)

/* Most counts of one incarnation, over all its slots. */
#define SNAPSHOT_WIDTH (SNAPSHOT_SLOTS * MOQSTAT_FIELD_MAX)

struct snapshot_pair {
	unsigned int open;
	unsigned int closed;
};

static const struct snapshot_pair snapshot_broadcast_pairs[] = {
	{ MOQSTAT_ANNOUNCED, MOQSTAT_ANNOUNCED_CLOSED },
	{ MOQSTAT_BROADCASTS, MOQSTAT_BROADCASTS_CLOSED },
	{ MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED },
};

static const struct snapshot_pair snapshot_session_pairs[] = {
	{ MOQSTAT_SESSIONS, MOQSTAT_SESSIONS_CLOSED },
};

/* Broadcasts and sessions follow the same rules over counts of another shape. */
struct snapshot_shape {
	size_t slots;
	size_t fields; /* of a slot */
	const struct snapshot_pair *pairs;
	size_t pairs_len;
};

static const struct snapshot_shape snapshot_shapes[TRACK_KIND_MAX] = {
	[TRACK_BROADCASTS] = { SNAPSHOT_SLOTS, MOQSTAT_FIELD_MAX, snapshot_broadcast_pairs,
			       SNAPSHOT_LEN(snapshot_broadcast_pairs) },
	[TRACK_SESSIONS] = { 1, MOQSTAT_SESSION_FIELD_MAX, snapshot_session_pairs,
			     SNAPSHOT_LEN(snapshot_session_pairs) },
};

/* A path and its JSON, escaped once for as long as any generation shows it. */
struct snapshot_name {
	size_t refs;
	size_t text_len;
	size_t json_len;
	char bytes[]; /* the text, then the JSON */
};

/* The same after duplicates have been added up and excess closes held back. */
struct snapshot_run {
	const struct snapshot_item *items;
	size_t items_len;
	bool held;
	uint64_t excess;
	uint64_t counts[SNAPSHOT_WIDTH];
};

/* A path of which an incarnation is shown. It never changes, but for the caches. */
struct snapshot_entry {
	struct snapshot_name *name;
	uint32_t tier;
	uint32_t incarnation;
	uint64_t excess;  /* closes held back, of all incarnations of the path */
	uint32_t waiting; /* incarnations */
	uint32_t visible; /* bits: slots that have a row */
	bool held;
	struct frame_cache caches[SNAPSHOT_SLOTS];
	uint64_t shown[]; /* counts */
};

static int name_create(const char *text, size_t len, struct snapshot_name **out)
{
	struct snapshot_name *name;
	size_t json_len;
	char *json;
	int err;

	err = frame_quote(text, len, &json, &json_len);
	if (err)
		return err;
	name = malloc(sizeof(*name) + len + json_len);
	if (!name) {
		free(json);
		return -ENOMEM;
	}
	name->refs = 1;
	name->text_len = len;
	name->json_len = json_len;
	if (len > 0)
		memcpy(name->bytes, text, len);
	memcpy(name->bytes + len, json, json_len);
	free(json);
	*out = name;
	return 0;
}

static void name_put(struct snapshot_name *name)
{
	if (--name->refs == 0)
		free(name);
}

static int entry_create(const struct snapshot_shape *shape, const struct snapshot_run *run,
			const struct snapshot_entry *old, struct snapshot_entry **out)
{
	size_t width = shape->slots * shape->fields * sizeof(*run->counts), i;
	struct snapshot_entry *e = calloc(1, sizeof(*e) + width);
	int err = 0;

	if (!e)
		return -ENOMEM;
	if (old) {
		e->name = old->name;
		e->name->refs++;
	} else {
		err = name_create(run->items->text, run->items->text_len, &e->name);
	}
	if (err) {
		free(e);
		return err;
	}
	e->tier = run->items->tier;
	e->incarnation = run->items->incarnation;
	e->held = run->held;
	memcpy(e->shown, run->counts, width);
	for (i = 0; i < shape->slots && old; i++) {
		const size_t at = i * shape->fields, len = shape->fields * sizeof(*run->counts);

		e->caches[i].stale =
			old->caches[i].stale || memcmp(e->shown + at, old->shown + at, len) != 0;
	}
	*out = e;
	return 0;
}

static void entry_destroy(struct snapshot_entry *e)
{
	size_t i;

	if (!e)
		return;
	for (i = 0; i < SNAPSHOT_SLOTS; i++)
		frame_cache_deinit(&e->caches[i]);
	name_put(e->name);
	free(e);
}

/* The slot of an entry that a track shows; -1: it shows none. */
static int entry_slot(const struct snapshot_entry *e, enum track_kind kind,
		      const struct track_what *track)
{
	unsigned int first = kind == TRACK_BROADCASTS ? track->role * MOQSTAT_TIER_MAX : 0;

	if (e->tier == SNAPSHOT_BOTH_TIERS)
		return track->tier < MOQSTAT_TIER_MAX ? (int)(first + track->tier) : -1;
	return track->tier == e->tier ? (int)first : -1;
}

static bool entry_visible(const struct snapshot_entry *e, enum track_kind kind,
			  const struct track_what *track)
{
	int slot = e ? entry_slot(e, kind, track) : -1;

	return slot >= 0 && (e->visible >> slot & 1);
}

void snapshot_family_deinit(struct snapshot_family *f)
{
	size_t i;

	snapshot_family_forget(f);
	for (i = 0; i < f->len; i++)
		entry_destroy(f->entries[i]);
	for (i = 0; i < f->tracks; i++)
		free(f->rows[i]);
	free(f->changes);
	free(f->told.retire);
	free(f->next.retire);
	free(f->entries);
	free(f->spare);
	memset(f, 0, sizeof(*f));
}

static int item_compare_key(const struct snapshot_item *a, const struct snapshot_item *b)
{
	if (a->tier != b->tier)
		return a->tier < b->tier ? -1 : 1;
	return path_compare(a->text, a->text_len, b->text, b->text_len);
}

int snapshot_item_compare(const void *va, const void *vb)
{
	const struct snapshot_item *a = va, *b = vb;
	int order = item_compare_key(a, b);

	if (order != 0)
		return order;
	return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

/* How an entry's key compares with that of an item. */
static int entry_compare(const struct snapshot_entry *e, const struct snapshot_item *item)
{
	if (e->tier != item->tier)
		return e->tier < item->tier ? -1 : 1;
	return path_compare(e->name->bytes, e->name->text_len, item->text, item->text_len);
}

/* Gather the items of one incarnation, which lie side by side at the front of `items`. */
static void run_load(const struct snapshot_shape *shape, const struct snapshot_item *items,
		     size_t items_len, struct snapshot_run *run)
{
	size_t width = shape->slots * shape->fields, n, i, slot;
	uint64_t *open, *closed;

	run->items = items;
	run->held = false;
	run->excess = 0;
	memset(run->counts, 0, width * sizeof(*run->counts));
	for (n = 0; n < items_len && snapshot_item_compare(&items[n], &items[0]) == 0; n++) {
		run->held = run->held || items[n].held;
		for (i = 0; i < width; i++)
			run->counts[i] += items[n].counts[i];
	}
	run->items_len = n;
	for (slot = 0; slot < shape->slots; slot++) {
		for (i = 0; i < shape->pairs_len; i++) {
			open = &run->counts[slot * shape->fields + shape->pairs[i].open];
			closed = &run->counts[slot * shape->fields + shape->pairs[i].closed];
			if (*closed > *open) {
				run->excess += *closed - *open;
				*closed = *open;
			}
		}
	}
}

static bool slot_live(const struct snapshot_shape *shape, const uint64_t *counts)
{
	size_t i;

	for (i = 0; i < shape->pairs_len; i++) {
		if (counts[shape->pairs[i].open] != counts[shape->pairs[i].closed])
			return true;
	}
	return false;
}

/* The slots in which a run is live, or where rows stay has ever counted anything, or differs from
 * `last`. */
static uint32_t run_visible(const struct snapshot_shape *shape, const struct snapshot_run *run,
			    const uint64_t *last, bool stays)
{
	static const uint64_t nothing[MOQSTAT_FIELD_MAX];
	uint32_t visible = 0;
	size_t slot, at, size = shape->fields * sizeof(*last);

	for (slot = 0; slot < shape->slots; slot++) {
		at = slot * shape->fields;
		if (memcmp(run->counts + at, last + at, size) != 0 ||
		    (run->held && (stays ? memcmp(run->counts + at, nothing, size) != 0
					 : slot_live(shape, run->counts + at))))
			visible |= 1U << slot;
	}
	return visible;
}

static int family_reserve(struct snapshot_family *f, size_t items)
{
	struct snapshot_change *changes;
	size_t *retire;

	/* Every item, and every entry that may have none. */
	if (f->changes_size < items + f->len) {
		changes = reallocarray(NULL, items + f->len, sizeof(*changes));
		if (!changes)
			return -ENOMEM;
		free(f->changes);
		f->changes = changes;
		f->changes_size = items + f->len;
	}
	if (f->next.retire_size < items) {
		retire = reallocarray(NULL, items, sizeof(*retire));
		if (!retire)
			return -ENOMEM;
		free(f->next.retire);
		f->next.retire = retire;
		f->next.retire_size = items;
	}
	return 0;
}

/* What is shown of a path: the oldest of its incarnations that isn't finished. All of its items lie
 * side by side at the front of `items`. */
static int family_take(struct snapshot_family *f, const struct snapshot_shape *shape,
		       const struct snapshot_item *items, size_t items_len,
		       const struct snapshot_entry *old, struct snapshot_entry **out)
{
	static const uint64_t never[SNAPSHOT_WIDTH];
	size_t width = shape->slots * shape->fields * sizeof(*never), i, n;
	struct snapshot_tally *next = &f->next;
	const uint64_t *last, *shown_last = never;
	struct snapshot_run run, shown = { 0 };
	uint64_t excess = 0;
	uint32_t waiting = 0;
	bool known;
	int err;

	for (i = 0; i < items_len; i += run.items_len) {
		run_load(shape, items + i, items_len - i, &run);
		known = old && old->incarnation == run.items->incarnation;
		last = known ? old->shown : never;
		if (shown.items) {
			excess += run.excess;
			waiting += !shown.held;
		} else if (!run.held && !memcmp(run.counts, last, width)) {
			for (n = 0; n < run.items_len; n++)
				next->retire[next->retire_len++] = run.items[n].index;
			next->held_back_retired += run.excess;
			next->gone |= !known || old->held;
		} else {
			excess += run.excess;
			shown = run;
			shown_last = last;
		}
	}
	if (!shown.items)
		return 0;
	err = entry_create(shape, &shown, old, out);
	if (err)
		return err;
	(*out)->visible = run_visible(shape, &shown, shown_last, f->stays);
	(*out)->excess = excess;
	(*out)->waiting = waiting;
	next->held_back += excess;
	next->waiting += waiting;
	return 0;
}

/* Where the first entry is that isn't before the item's path. */
static size_t family_find(const struct snapshot_family *f, const struct snapshot_item *item,
			  size_t from)
{
	size_t end = f->len, middle;

	/* Mostly the very next. */
	if (from < end && entry_compare(f->entries[from], item) >= 0)
		return from;
	while (from < end) {
		middle = from + (end - from) / 2;
		if (entry_compare(f->entries[middle], item) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

/* Note what becomes of the entry at a place, or of what is to come before it. */
static void family_note(struct snapshot_family *f, size_t at, struct snapshot_entry *old,
			struct snapshot_entry *entry)
{
	if (old) {
		f->next.held_back -= old->excess;
		f->next.waiting -= old->waiting;
	}
	if (old || entry)
		f->changes[f->changes_len++] =
			(struct snapshot_change){ .at = at, .old = old, .entry = entry };
	f->next.len += !!entry;
	f->next.len -= !!old;
	f->next.moved |= !old != !entry;
}

static int family_changes(struct snapshot_family *f, enum track_kind kind,
			  const struct snapshot_item *items, size_t items_len, bool partial)
{
	const struct snapshot_shape *shape = &snapshot_shapes[kind];
	struct snapshot_entry *old, *entry;
	size_t i, n, at = 0, found;
	int err;

	for (i = 0; i < items_len; i += n) {
		for (n = 1; i + n < items_len && !item_compare_key(&items[i], &items[i + n]);)
			n++;
		found = family_find(f, &items[i], at);
		/* What a whole batch doesn't list is no more. */
		for (; !partial && at < found; at++)
			family_note(f, at, f->entries[at], NULL);
		at = found;
		old = at < f->len && !entry_compare(f->entries[at], &items[i]) ? f->entries[at]
									       : NULL;
		entry = NULL;
		err = family_take(f, shape, items + i, n, old, &entry);
		if (err)
			return err;
		family_note(f, at, old, entry);
		at += !!old;
	}
	for (; !partial && at < f->len; at++)
		family_note(f, at, f->entries[at], NULL);
	return 0;
}

/* Room for the entries and rows that there will be; those that there are stay where they are. */
static int family_grow(struct snapshot_family *f, enum track_kind kind)
{
	size_t size = f->next.len + f->next.len / 4 + 16, i;

	if (f->next.len > f->spare_size) {
		free(f->spare);
		f->spare_size = 0;
		f->spare = reallocarray(NULL, size, sizeof(struct snapshot_entry *));
		if (!f->spare)
			return -ENOMEM;
		f->spare_size = size;
	}
	for (i = 0; i < f->tracks; i++) {
		if (tracks_what(i).kind != kind || f->next.len <= f->rows_size[i])
			continue;
		f->rows_next[i] = reallocarray(NULL, size, sizeof(*f->rows[i]));
		if (!f->rows_next[i])
			return -ENOMEM;
		f->rows_next_size = size;
	}
	return 0;
}

void snapshot_family_forget(struct snapshot_family *f)
{
	size_t i;

	for (i = 0; i < f->changes_len; i++)
		entry_destroy(f->changes[i].old);
	f->changes_len = 0;
}

/* Drop what was prepared. */
static void family_abandon(struct snapshot_family *f)
{
	size_t i;

	for (i = 0; i < f->changes_len; i++)
		entry_destroy(f->changes[i].entry);
	f->changes_len = 0;
	for (i = 0; i < f->tracks; i++) {
		free(f->rows_next[i]);
		f->rows_next[i] = NULL;
	}
}

int snapshot_family_prepare(struct snapshot_family *f, enum track_kind kind, unsigned int tracks,
			    const struct snapshot_item *items, size_t items_len,
			    const size_t *retire, size_t retire_len, bool partial)
{
	int err = family_reserve(f, items_len + retire_len);

	if (err)
		return err;
	f->tracks = tracks > f->tracks ? tracks : f->tracks;
	f->next = (struct snapshot_tally){ .retire = f->next.retire,
					   .retire_size = f->next.retire_size,
					   .len = f->len,
					   .held_back = f->told.held_back,
					   .held_back_retired = f->told.held_back_retired,
					   .waiting = f->told.waiting };
	if (retire_len)
		memcpy(f->next.retire, retire, retire_len * sizeof(*retire));
	f->next.retire_len = retire_len;
	err = family_changes(f, kind, items, items_len, partial);
	if (!err)
		err = family_grow(f, kind);
	if (err)
		family_abandon(f);
	return err;
}

void snapshot_family_abandon(struct snapshot_family *f)
{
	family_abandon(f);
}

static struct frame_row entry_row(struct snapshot_entry *e, enum track_kind kind, size_t slot)
{
	return (struct frame_row){
		.key = e->name->bytes + e->name->text_len,
		.key_len = e->name->json_len,
		.counts = e->shown + slot * snapshot_shapes[kind].fields,
		.cache = &e->caches[slot],
	};
}

/* All rows of a track anew. */
static void family_list(struct snapshot_family *f, enum track_kind kind, size_t t)
{
	const struct track_what track = tracks_what(t);
	size_t i;

	f->rows_len[t] = 0;
	for (i = 0; i < f->len; i++) {
		struct snapshot_entry *e = f->entries[i];

		if (entry_visible(e, kind, &track))
			f->rows[t][f->rows_len[t]++] =
				entry_row(e, kind, entry_slot(e, kind, &track));
	}
}

/* The row of an entry on a track, which has one. */
static struct frame_row *family_row(const struct snapshot_family *f, size_t t, size_t slot,
				    const struct snapshot_entry *e)
{
	const struct snapshot_item item = { .text = e->name->bytes,
					    .text_len = e->name->text_len,
					    .tier = e->tier };
	size_t from = 0, end = f->rows_len[t], middle;

	while (from < end) {
		const struct snapshot_entry *at;

		middle = from + (end - from) / 2;
		at = (const struct snapshot_entry *)((const char *)(f->rows[t][middle].cache -
								    slot) -
						     offsetof(struct snapshot_entry, caches));
		if (entry_compare(at, &item) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	return &f->rows[t][from];
}

static enum snapshot_news change_news(const struct snapshot_change *c, enum track_kind kind,
				      const struct track_what *track)
{
	bool before = entry_visible(c->old, kind, track);
	bool after = entry_visible(c->entry, kind, track);

	if (before != after)
		return SNAPSHOT_ROWS;
	if (!after)
		return SNAPSHOT_NOTHING;
	return c->entry->caches[entry_slot(c->entry, kind, track)].stale ? SNAPSHOT_COUNTS
									 : SNAPSHOT_NOTHING;
}

static void family_show(struct snapshot_family *f, enum track_kind kind, size_t t)
{
	const struct track_what track = tracks_what(t);
	enum snapshot_news news = SNAPSHOT_NOTHING, one;
	size_t i;

	for (i = 0; i < f->changes_len; i++) {
		one = change_news(&f->changes[i], kind, &track);
		news = one > news ? one : news;
	}
	f->news[t] = news;
	if (news == SNAPSHOT_ROWS) {
		family_list(f, kind, t);
		return;
	}
	for (i = 0; i < f->changes_len; i++) {
		struct snapshot_entry *e = f->changes[i].entry;
		int slot = e ? entry_slot(e, kind, &track) : -1;

		if (entry_visible(e, kind, &track))
			*family_row(f, t, slot, e) = entry_row(e, kind, slot);
	}
}

static void family_swap(struct snapshot_family *f)
{
	struct snapshot_entry **entries = f->entries;
	size_t size = f->size;

	f->entries = f->spare;
	f->size = f->spare_size;
	f->spare = entries;
	f->spare_size = size;
}

/* The entries as they are to be, in the spare array. */
static void family_merge(struct snapshot_family *f)
{
	size_t i, at = 0, len = 0, n;

	for (i = 0; i < f->changes_len; i++) {
		const struct snapshot_change *c = &f->changes[i];

		n = c->at - at;
		if (n)
			memcpy(f->spare + len, f->entries + at,
			       n * sizeof(struct snapshot_entry *));
		len += n;
		at = c->at + !!c->old;
		if (c->entry)
			f->spare[len++] = c->entry;
	}
	n = f->len - at;
	if (n)
		memcpy(f->spare + len, f->entries + at, n * sizeof(struct snapshot_entry *));
}

static void family_tell(struct snapshot_family *f)
{
	struct snapshot_tally told = f->told;

	f->told = f->next;
	f->next = told;
}

/* The bytes of rows go on with what takes the entry's place. They aren't given back by a rollback,
 * but made anew. */
static void family_hand_over(struct snapshot_change *c)
{
	size_t i;

	for (i = 0; i < SNAPSHOT_SLOTS && c->old && c->entry; i++) {
		c->entry->caches[i].text = c->old->caches[i].text;
		c->old->caches[i].text = NULL;
	}
}

void snapshot_family_commit(struct snapshot_family *f, enum track_kind kind)
{
	size_t i;

	for (i = 0; i < f->changes_len; i++)
		family_hand_over(&f->changes[i]);
	if (f->next.moved) {
		family_merge(f);
		family_swap(f);
	}
	for (i = 0; i < f->changes_len && !f->next.moved; i++)
		f->entries[f->changes[i].at] = f->changes[i].entry;
	f->was = f->len;
	f->len = f->next.len;
	family_tell(f);
	for (i = 0; i < f->tracks; i++) {
		if (tracks_what(i).kind != kind)
			continue;
		if (f->rows_next[i]) {
			if (f->rows_len[i])
				memcpy(f->rows_next[i], f->rows[i],
				       f->rows_len[i] * sizeof(*f->rows[i]));
			free(f->rows[i]);
			f->rows[i] = f->rows_next[i];
			f->rows_size[i] = f->rows_next_size;
			f->rows_next[i] = NULL;
		}
		family_show(f, kind, i);
	}
}

void snapshot_family_rollback(struct snapshot_family *f, enum track_kind kind)
{
	size_t i;

	if (f->told.moved)
		family_swap(f);
	for (i = 0; i < f->changes_len; i++) {
		if (!f->told.moved)
			f->entries[f->changes[i].at] = f->changes[i].old;
		entry_destroy(f->changes[i].entry);
	}
	f->changes_len = 0;
	f->len = f->was;
	family_tell(f);
	for (i = 0; i < f->tracks; i++) {
		if (tracks_what(i).kind == kind)
			family_list(f, kind, i);
	}
}
