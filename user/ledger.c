/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "frame.h"
#include "ledger_record.h"
#include "rows.h"

int ledger_create(size_t tracks, const char *const *fields, size_t fields_len,
		  struct ledger_places *places, struct ledger **out)
{
	struct ledger *l = calloc(1, sizeof(*l));
	size_t i;

	if (!l)
		return -ENOMEM;
	l->tracks_len = tracks;
	l->fields = fields;
	l->fields_len = fields_len;
	l->places = places;
	for (i = 0; i < LEDGER_LISTS; i++)
		TAILQ_INIT(&l->lists[i]);
	*out = l;
	return 0;
}

static void ledger_move(struct ledger *l, struct ledger_record *r, enum ledger_list_name to)
{
	if (r->list == to)
		return;
	TAILQ_REMOVE(&l->lists[r->list], r, link);
	l->list_len[r->list]--;
	r->list = to;
	TAILQ_INSERT_TAIL(&l->lists[to], r, link);
	l->list_len[to]++;
}

static void ledger_leave_place(struct ledger *l, struct ledger_record *r)
{
	l->places->used -= r->place == LEDGER_PLACE;
	r->place = LEDGER_NOWHERE;
}

static int ledger_compare_keys(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;

	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(a->key, b->key, a->key_len);
}

static void ledger_forget(struct ledger *l, struct ledger_record *r)
{
	ledger_leave_place(l, r);
	TAILQ_REMOVE(&l->lists[r->list], r, link);
	l->list_len[r->list]--;
	tdelete(&r->row, &l->tree, ledger_compare_keys);
	free(r);
}

void ledger_sheet_deinit(struct ledger_sheet *sheet)
{
	free(sheet->frame);
	free(sheet->found);
	memset(sheet, 0, sizeof(*sheet));
}

/* Free what only a next frame has a use for. */
static void ledger_shed(struct ledger *l)
{
	size_t i;

	for (i = 0; i < l->tracks_len; i++)
		ledger_sheet_deinit(&l->tracks[i].sheet);
	free(l->changes);
	free(l->found);
	free(l->sorted);
	free(l->rows);
	l->changes = NULL;
	l->found = NULL;
	l->sorted = NULL;
	l->rows = NULL;
	l->changes_len = l->changes_size = l->found_len = l->found_size = 0;
	l->sorted_size = l->rows_size = 0;
}

void ledger_end(struct ledger *l)
{
	size_t i;

	for (i = 0; i < LEDGER_LISTS; i++) {
		while (!TAILQ_EMPTY(&l->lists[i]))
			ledger_forget(l, TAILQ_FIRST(&l->lists[i]));
	}
	ledger_shed(l);
}

void ledger_destroy(struct ledger *l)
{
	if (!l)
		return;
	ledger_end(l);
	free(l);
}

int ledger_grow(void *array, size_t len, size_t *size, size_t of)
{
	size_t more = *size ? 2 * *size : 64;
	void **p = array, *grown;

	if (len < *size)
		return 0;
	grown = reallocarray(*p, more, of);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*size = more;
	return 0;
}

/* Is that how frames write a name? */
static int ledger_check_name(const struct row *row, const char *text, size_t len)
{
	size_t quoted_len;
	char *quoted;
	int err = frame_quote(text, len, &quoted, &quoted_len);

	if (err)
		return err == -EILSEQ ? -EBADMSG : err;
	if (quoted_len != row->key_len || memcmp(quoted, row->key, quoted_len))
		err = -EBADMSG;
	free(quoted);
	return err;
}

/* A record of a name that there is none of. It has no counts, and until it gets some it is one of
 * those that are gone. */
static int ledger_add(struct ledger *l, const struct row *row, struct ledger_record **out)
{
	struct ledger_record *r;
	char *text;
	size_t len;
	int err;

	r = calloc(1, sizeof(*r) + row->key_len + EXPOSITION_ESCAPED(row->key_len) + row->key_len);
	if (!r)
		return -ENOMEM;
	r->row.key = r->bytes;
	r->row.key_len = row->key_len;
	memcpy(r->bytes, row->key, row->key_len);
	r->label = r->bytes + row->key_len;
	text = r->label + EXPOSITION_ESCAPED(row->key_len);
	len = rows_unquote(row->key, row->key_len, text);
	err = ledger_check_name(row, text, len);
	if (err) {
		free(r);
		return err;
	}
	r->label_len = exposition_escape(text, len, r->label);
	if (!tsearch(&r->row, &l->tree, ledger_compare_keys)) {
		free(r);
		return -ENOMEM;
	}
	r->list = LEDGER_GONE;
	TAILQ_INSERT_TAIL(&l->lists[LEDGER_GONE], r, link);
	l->list_len[LEDGER_GONE]++;
	*out = r;
	return 0;
}

static int ledger_find(struct ledger *l, const struct row *row, struct ledger_record **out)
{
	struct ledger_record *const *node = tfind(row, &l->tree, ledger_compare_keys);

	if (!node)
		return ledger_add(l, row, out);
	*out = *node;
	return 0;
}

static int ledger_note_change(struct ledger *l, struct ledger_record *r, const struct row *row)
{
	int err = ledger_grow(&l->changes, l->changes_len, &l->changes_size, sizeof(*l->changes));

	if (err)
		return err;
	memset(&l->changes[l->changes_len], 0, sizeof(*l->changes));
	l->changes[l->changes_len].record = r;
	err = rows_counts(row, l->fields, l->fields_len, l->changes[l->changes_len].counts,
			  &l->fields_seen);
	l->changes_len += !err;
	return err;
}

static int ledger_order(const struct row *a, const struct row *b)
{
	if (a->key_len == b->key_len && !memcmp(a->key, b->key, a->key_len))
		return 0;
	return rows_compare(a, b);
}

/* Note a row, and that it has changed if so. `old` is the one of its name in the frame before. */
static int ledger_note(struct ledger *l, const struct row *row, const struct ledger_found *old,
		       bool same)
{
	struct ledger_found found = { .row = *row };
	int err = ledger_grow(&l->found, l->found_len, &l->found_size, sizeof(*l->found));

	if (!err && old)
		found.record = old->record;
	else if (!err)
		err = ledger_find(l, row, &found.record);
	if (err)
		return err;
	l->found[l->found_len++] = found;
	return same ? 0 : ledger_note_change(l, found.record, row);
}

/* The row at a place of the frame before; NULL behind the last. */
static const struct ledger_found *ledger_before(const struct ledger_sheet *t, size_t at)
{
	return t->found && at < t->found_len ? &t->found[at] : NULL;
}

/* Read a frame beside the one before: which records its rows are of, and which have changed. */
static int ledger_scan(struct ledger *l, const struct ledger_sheet *t, struct rows rows)
{
	size_t at = 0;
	struct row row;
	int has, order, err = 0;

	l->changes_len = l->found_len = 0;
	while (!err) {
		const struct ledger_found *old = ledger_before(t, at);
		bool same;

		has = rows_next_like(&rows, old ? &old->row : NULL, &row);
		if (has <= 0)
			return has;
		same = has > 1;
		for (order = same ? 0 : 1; !same && old; old = ledger_before(t, ++at)) {
			order = ledger_order(&old->row, &row);
			if (order >= 0)
				break;
		}
		same = same || (order == 0 && old && old->row.value_len == row.value_len &&
				!memcmp(old->row.value, row.value, row.value_len));
		err = ledger_note(l, &row, order == 0 ? old : NULL, same);
		at += order == 0;
	}
	return err;
}

/* A life has ended and another begun, seen on one track. What isn't on its track now is of the old
 * one, or is an idle part of the new one: its counts are kept, to be judged when it is back. */
static void ledger_restart(struct ledger_record *r, size_t track)
{
	memset(&r->counts[track * LEDGER_FIELDS], 0, LEDGER_FIELDS * sizeof(*r->counts));
	r->shown &= r->listed;
}

static bool ledger_named(const struct ledger_record *r, const char *name)
{
	return r->label_len == strlen(name) && !memcmp(r->label, name, r->label_len);
}

static void ledger_take_place(struct ledger *l, struct ledger_record *r)
{
	if (ledger_named(r, LEDGER_UNATTRIBUTED)) {
		r->place = LEDGER_FREE;
	} else if (ledger_named(r, LEDGER_OVERFLOW) || l->places->used >= l->places->max) {
		r->place = LEDGER_SHARED;
	} else {
		r->place = LEDGER_PLACE;
		l->places->used++;
	}
}

/* A sum stays at the largest number: it must not go back. */
static void ledger_add_up(uint64_t *sum, uint64_t added)
{
	if (__builtin_add_overflow(*sum, added, sum))
		*sum = UINT64_MAX;
}

static void ledger_apply(struct ledger *l, size_t track, const struct ledger_change *change)
{
	struct ledger_record *r = change->record;
	uint64_t *counts = &r->counts[track * LEDGER_FIELDS], added;
	unsigned int bit = 1U << track;
	bool other = r->known & bit && !(r->listed & bit) &&
		     !memcmp(counts, change->counts, sizeof(change->counts));
	size_t i;

	for (i = 0; i < LEDGER_FIELDS && !other; i++)
		other = change->counts[i] < counts[i];
	if (other)
		ledger_restart(r, track);
	if (r->place == LEDGER_NOWHERE)
		ledger_take_place(l, r);
	for (i = 0; i < LEDGER_FIELDS; i++) {
		added = change->counts[i] - counts[i];
		counts[i] = change->counts[i];
		ledger_add_up(&l->tracks[track].total[i], added);
		if (r->place == LEDGER_SHARED)
			ledger_add_up(&l->tracks[track].overflow[i], added);
	}
	if (r->place == LEDGER_SHARED)
		l->overflow_seen |= bit;
	r->listed |= bit;
	r->known |= bit;
	r->shown |= bit;
	ledger_move(l, r, LEDGER_SHOWN);
}

/* What can't fail any more. */
static void ledger_commit(struct ledger *l, size_t track, struct ledger_sheet *t)
{
	struct ledger_found *found = t->found;
	size_t i, size = t->found_size;

	l->stamp++;
	for (i = 0; i < l->found_len; i++)
		l->found[i].record->stamp = l->stamp;
	for (i = 0; i < t->found_len; i++) {
		struct ledger_record *r = found[i].record;

		if (r->stamp == l->stamp)
			continue;
		r->listed &= ~(1U << track);
		if (!r->listed)
			ledger_move(l, r, LEDGER_LEAVING);
	}
	for (i = 0; i < l->changes_len; i++)
		ledger_apply(l, track, &l->changes[i]);
	t->found = l->found;
	t->found_len = l->found_len;
	t->found_size = l->found_size;
	l->found = found;
	l->found_size = size;
	l->tracks[track].told = true;
}

int ledger_frame(struct ledger *l, size_t track, const char *frame, size_t len)
{
	return ledger_frame_of(l, track, &l->tracks[track].sheet, frame, len);
}

int ledger_frame_of(struct ledger *l, size_t track, struct ledger_sheet *t, const char *frame,
		    size_t len)
{
	int err = ledger_scan(l, t, rows_begin(frame, len));
	size_t i, size = len + len / 2;
	char *copy = t->frame;

	if (err)
		return err;
	if (len > t->size) {
		copy = malloc(size);
		if (!copy)
			return -ENOMEM;
		free(t->frame);
		t->frame = copy;
		t->size = size;
	}
	memcpy(copy, frame, len);
	for (i = 0; i < l->found_len; i++) {
		struct row *row = &l->found[i].row;

		row->key = copy + (row->key - frame);
		row->value = copy + (row->value - frame);
	}
	ledger_commit(l, track, t);
	return 0;
}

void ledger_settle(struct ledger *l)
{
	struct ledger_record *r;

	while ((r = TAILQ_FIRST(&l->lists[LEDGER_LEAVING]))) {
		ledger_leave_place(l, r);
		r->shown = 0;
		ledger_move(l, r, LEDGER_GONE);
	}
	while (l->list_len[LEDGER_GONE] > LEDGER_GONE_MAX)
		ledger_forget(l, TAILQ_FIRST(&l->lists[LEDGER_GONE]));
}
