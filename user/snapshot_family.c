/* SPDX-License-Identifier: MIT */
#include "snapshot_family.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static const struct snapshot_shape snapshot_shapes[SNAPSHOT_KIND_MAX] = {
	[SNAPSHOT_BROADCASTS] = { SNAPSHOT_SLOTS, MOQSTAT_FIELD_MAX, snapshot_broadcast_pairs,
				  SNAPSHOT_LEN(snapshot_broadcast_pairs) },
	[SNAPSHOT_SESSIONS] = { 1, MOQSTAT_SESSION_FIELD_MAX, snapshot_session_pairs,
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

/* An incarnation that was shown. */
struct snapshot_entry {
	struct snapshot_name *name;
	uint32_t tier;
	uint32_t incarnation;
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

static void family_clear(struct snapshot_family *f)
{
	size_t i;

	for (i = 0; i < f->len; i++)
		name_put(f->entries[i].name);
	f->len = 0;
	f->retire_len = 0;
	memset(f->rows_len, 0, sizeof(f->rows_len));
	f->held_back = 0;
	f->held_back_retired = 0;
	f->waiting = 0;
}

void snapshot_family_deinit(struct snapshot_family *f)
{
	size_t i;

	family_clear(f);
	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++)
		free(f->rows[i]);
	free(f->retire);
	free(f->shown);
	free(f->entries);
	memset(f, 0, sizeof(*f));
}

/* Empty the family and make room for n entries, so that nothing needs memory later but names. */
int snapshot_family_reset(struct snapshot_family *f, enum snapshot_kind kind, size_t n)
{
	const struct snapshot_shape *shape = &snapshot_shapes[kind];
	size_t i, size = n + n / 2;
	bool ok;

	family_clear(f);
	if (n <= f->size)
		return 0;
	snapshot_family_deinit(f);
	f->entries = calloc(size, sizeof(*f->entries));
	f->shown = calloc(size, shape->slots * shape->fields * sizeof(*f->shown));
	f->retire = calloc(size, sizeof(*f->retire));
	ok = f->entries && f->shown && f->retire;
	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++) {
		if (snapshot_tracks[i].kind != kind)
			continue;
		f->rows[i] = calloc(size, sizeof(*f->rows[i]));
		ok = ok && f->rows[i];
	}
	if (!ok) {
		snapshot_family_deinit(f);
		return -ENOMEM;
	}
	f->size = size;
	return 0;
}

/* Order of rows: BTreeMap<String, _> compares the bytes, and so does this. */
static int text_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len > 0 ? memcmp(a, b, len) : 0;

	if (order != 0)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

static int item_compare_key(const struct snapshot_item *a, const struct snapshot_item *b)
{
	if (a->tier != b->tier)
		return a->tier < b->tier ? -1 : 1;
	return text_compare(a->text, a->text_len, b->text, b->text_len);
}

int snapshot_item_compare(const void *va, const void *vb)
{
	const struct snapshot_item *a = va, *b = vb;
	int order = item_compare_key(a, b);

	if (order != 0)
		return order;
	return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

/* An entry as something to compare items with. */
static struct snapshot_item entry_as_item(const struct snapshot_entry *e)
{
	return (struct snapshot_item){
		.text = e->name->bytes,
		.text_len = e->name->text_len,
		.tier = e->tier,
		.incarnation = e->incarnation,
	};
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

/* Add the entry just appended to the tracks on which it is live or differs from `last`. */
static void family_emit(struct snapshot_family *next, enum snapshot_kind kind, bool held,
			const uint64_t *last)
{
	const struct snapshot_shape *shape = &snapshot_shapes[kind];
	const struct snapshot_entry *entry = &next->entries[next->len - 1];
	const uint64_t *counts = &next->shown[(next->len - 1) * shape->slots * shape->fields];
	const struct snapshot_track *track;
	size_t i, at;

	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++) {
		track = &snapshot_tracks[i];
		if (track->kind != kind ||
		    (kind == SNAPSHOT_SESSIONS && track->tier != entry->tier))
			continue;
		at = 0;
		if (kind == SNAPSHOT_BROADCASTS)
			at = (track->role * MOQSTAT_TIER_MAX + track->tier) * shape->fields;
		if (memcmp(counts + at, last + at, shape->fields * sizeof(*counts)) == 0 &&
		    !(held && slot_live(shape, counts + at)))
			continue;
		next->rows[i][next->rows_len[i]++] = (struct frame_row){
			.key = entry->name->bytes + entry->name->text_len,
			.key_len = entry->name->json_len,
			.counts = counts + at,
		};
	}
}

/* Show a run, or retire it. `name` and `last` are what is known of it, NULL where it was never
 * shown. */
static int family_take(struct snapshot_family *next, enum snapshot_kind kind,
		       const struct snapshot_run *run, struct snapshot_name *name,
		       const uint64_t *last, bool *retired)
{
	static const uint64_t never[SNAPSHOT_WIDTH];
	size_t width = snapshot_shapes[kind].slots * snapshot_shapes[kind].fields, i;
	int err;

	if (!last)
		last = never;
	*retired = !run->held && memcmp(run->counts, last, width * sizeof(*last)) == 0;
	if (*retired) {
		for (i = 0; i < run->items_len; i++)
			next->retire[next->retire_len++] = run->items[i].index;
		return 0;
	}
	if (name) {
		name->refs++;
	} else {
		err = name_create(run->items->text, run->items->text_len, &name);
		if (err)
			return err;
	}
	memcpy(&next->shown[next->len * width], run->counts, width * sizeof(*run->counts));
	next->entries[next->len++] = (struct snapshot_entry){
		.name = name,
		.tier = run->items->tier,
		.incarnation = run->items->incarnation,
	};
	family_emit(next, kind, run->held, last);
	return 0;
}

/* Whether an older incarnation of the item's path is being shown in this tick. */
static bool family_shows_older(const struct snapshot_family *next, const struct snapshot_item *item)
{
	struct snapshot_item newest;

	if (next->len == 0)
		return false;
	newest = entry_as_item(&next->entries[next->len - 1]);
	return item_compare_key(&newest, item) == 0;
}

/* Merge the sorted items into what was shown before: both are walked once, side by side. */
int snapshot_family_update(const struct snapshot_family *prev, enum snapshot_kind kind,
			   const struct snapshot_item *items, size_t items_len,
			   struct snapshot_family *next)
{
	const struct snapshot_shape *shape = &snapshot_shapes[kind];
	size_t width = shape->slots * shape->fields, i, at = 0;
	struct snapshot_run run;
	struct snapshot_item old;
	bool known, retired, shown_held = false;
	int err, order;

	next->held_back_retired = prev->held_back_retired;
	for (i = 0; i < items_len; i += run.items_len) {
		run_load(shape, items + i, items_len - i, &run);
		for (order = 1; at < prev->len; at++) {
			old = entry_as_item(&prev->entries[at]);
			order = snapshot_item_compare(&old, run.items);
			if (order >= 0)
				break;
		}
		known = at < prev->len && order == 0;
		if (family_shows_older(next, run.items)) {
			next->held_back += run.excess;
			next->waiting += !shown_held;
			continue;
		}
		shown_held = run.held;
		err = family_take(next, kind, &run, known ? prev->entries[at].name : NULL,
				  known ? &prev->shown[at * width] : NULL, &retired);
		if (err)
			return err;
		if (retired)
			next->held_back_retired += run.excess;
		else
			next->held_back += run.excess;
	}
	return 0;
}
