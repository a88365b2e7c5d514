/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare_rows.h"

/* One row, by two witnesses; at least one of them has it. `last` is ours at the end, `first` at the
 * beginning. */
static int compare_row(struct compare *c, struct compare_difference d, const struct row *key,
		       const struct compare_row *first, const struct compare_row *last,
		       const struct compare_row *theirs)
{
	unsigned int field;
	int err = 0;

	if (!first || !last || !theirs) {
		c->of[d.how].numbers++;
		d.only = theirs ? COMPARE_ONLY_THEIRS : COMPARE_ONLY_OURS;
		return compare_note(c, &d, key->key, key->key_len);
	}
	for (field = 0; field < MOQSTAT_FIELD_MAX && !err; field++) {
		if (!(theirs->seen & 1U << field) && !(last->seen & 1U << field))
			continue;
		d.field = compare_field(d.track, field);
		d.low = first->counts[field];
		d.high = last->counts[field];
		d.other = theirs->counts[field];
		c->of[d.how].numbers++;
		c->of[d.how].exactly += d.low == d.high;
		if (d.other < d.low || d.other > d.high ||
		    (theirs->seen & 1U << field) != (last->seen & 1U << field))
			err = compare_note(c, &d, key->key, key->key_len);
	}
	return err;
}

/* The key that comes first of those at hand; NULL at the end of all. */
static const struct row *compare_next(const struct compare_rows *frames, const size_t *at,
				      size_t len)
{
	const struct row *least = NULL, *row;
	size_t i;

	for (i = 0; i < len; i++) {
		if (at[i] == frames[i].len)
			continue;
		row = &frames[i].list[at[i]].row;
		if (!least || rows_compare(row, least) < 0)
			least = row;
	}
	return least;
}

/* A row's bytes without the member that isn't counted. */
static size_t compare_counted(const struct compare *c, const struct row *row)
{
	char name[64];
	const char *at;

	snprintf(name, sizeof(name), ",\"%s\":", c->uncounted);
	at = memmem(row->value, row->value_len, name, strlen(name));
	return at ? (size_t)(at - row->value) : row->value_len;
}

/* Do they differ in nothing but that? */
static bool compare_uncounted(const struct compare *c, const struct compare_rows *frames)
{
	const struct row *a, *b;
	size_t i, len;

	if (!c->uncounted || !frames[0].list || !frames[1].list || frames[0].len != frames[1].len)
		return false;
	for (i = 0; i < frames[0].len; i++) {
		a = &frames[0].list[i].row;
		b = &frames[1].list[i].row;
		len = compare_counted(c, a);
		if (a->key_len != b->key_len || memcmp(a->key, b->key, a->key_len) != 0 ||
		    compare_counted(c, b) != len || memcmp(a->value, b->value, len) != 0)
			return false;
	}
	return true;
}

static int compare_still_rows(struct compare *c, unsigned int track, struct compare_rows *frames)
{
	struct compare_difference d = { .how = COMPARE_STILL, .track = track };
	uint64_t found = 0;
	size_t at[2] = { 0 }, i;
	const struct row *key;
	int err = 0;

	for (i = 0; i < c->len; i++)
		found += c->list[i].times;
	found += c->more;
	while (!err && (key = compare_next(frames, at, 2))) {
		const struct row copy = *key;
		const struct compare_row *ours = compare_rows_take(&frames[0], &at[0], &copy);
		const struct compare_row *theirs = compare_rows_take(&frames[1], &at[1], &copy);

		err = compare_row(c, d, &copy, ours, ours, theirs);
	}
	for (i = 0; i < c->len; i++)
		found -= c->list[i].times;
	found -= c->more;
	if (err || found || compare_uncounted(c, frames))
		return err;
	/* The same numbers, written in another way. */
	d.field = "bytes of the frame";
	return compare_note(c, &d, NULL, 0);
}

int compare_still(struct compare *c, unsigned int track, struct compare_text ours,
		  struct compare_text theirs)
{
	struct compare_rows frames[2] = { 0 };
	size_t i;
	int err = compare_rows_init(track, ours, &frames[0]);

	if (!err)
		err = compare_rows_init(track, theirs, &frames[1]);
	if (!err) {
		c->of[COMPARE_STILL].times++;
		if (ours.len != theirs.len || memcmp(ours.text, theirs.text, ours.len)) {
			err = compare_still_rows(c, track, frames);
		} else {
			for (i = 0; i < frames[0].len; i++) {
				unsigned int n = __builtin_popcount(frames[0].list[i].seen);

				c->of[COMPARE_STILL].numbers += n;
				c->of[COMPARE_STILL].exactly += n;
			}
		}
	}
	compare_rows_deinit(&frames[0]);
	compare_rows_deinit(&frames[1]);
	return err;
}

/* One key of theirs and of all of ours, which `at` points to. A row that was open in each of ours
 * is of one life, since a life's last numbers, all closed, are shown before the next begins. */
static int compare_between_key(struct compare *c, unsigned int track,
			       const struct compare_rows *frames, size_t *at, size_t len,
			       const struct row *key)
{
	const struct compare_difference d = { .how = COMPARE_BETWEEN, .track = track };
	const struct compare_row *first = NULL, *last = NULL, *theirs = NULL, *row;
	bool steady = true;
	size_t i;

	for (i = 0; i < len; i++) {
		row = compare_rows_take(&frames[i], &at[i], key);
		steady = steady && compare_row_live(row) && (!i || compare_row_grown(last, row));
		first = i ? first : row;
		last = row ? row : last;
	}
	theirs = compare_rows_take(&frames[len], &at[len], key);
	if (steady)
		return compare_row(c, d, key, first, last, theirs);
	/* What is open when they look we show at our next tick, whatever becomes of it. */
	if (!last && compare_row_live(theirs))
		return compare_row(c, d, key, NULL, NULL, theirs);
	c->of[COMPARE_BETWEEN].unstable += !!theirs;
	return 0;
}

int compare_between(struct compare *c, unsigned int track, const struct compare_text *ours,
		    size_t len, struct compare_text theirs)
{
	struct compare_rows *frames = calloc(len + 1, sizeof(*frames));
	size_t i, *at = calloc(len + 1, sizeof(*at));
	const struct row *key;
	int err = frames && at ? 0 : -ENOMEM;

	for (i = 0; i <= len && !err; i++)
		err = compare_rows_init(track, i < len ? ours[i] : theirs, &frames[i]);
	if (!err)
		c->of[COMPARE_BETWEEN].times++;
	while (!err && (key = compare_next(frames, at, len + 1))) {
		struct row copy = *key;

		err = compare_between_key(c, track, frames, at, len, &copy);
	}
	for (i = 0; frames && i <= len; i++)
		compare_rows_deinit(&frames[i]);
	free(frames);
	free(at);
	return err;
}

/* Where a row comes anew, what is open in it has been opened; of the rest nobody knows when. */
static uint64_t compare_row_events(const struct compare_row *before, const struct compare_row *now)
{
	bool goes_on = before && compare_row_grown(before, now);
	uint64_t n = 0;
	unsigned int field;

	for (field = 0; field < MOQSTAT_BYTES; field++) {
		if (goes_on)
			n += now->counts[field] - before->counts[field];
		else if (MOQSTAT_FIELD_CLOSES(field))
			n += now->counts[field - 1] - now->counts[field];
	}
	return n;
}

int compare_events(struct compare *c, unsigned int track, struct compare_text before,
		   struct compare_text now)
{
	struct compare_rows frames[2] = { 0 };
	size_t at[2] = { 0 };
	const struct row *key;
	int err = compare_rows_init(track, before, &frames[0]);

	if (!err)
		err = compare_rows_init(track, now, &frames[1]);
	while (!err && (key = compare_next(frames, at, 2))) {
		const struct compare_row *was = compare_rows_take(&frames[0], &at[0], key);
		const struct compare_row *is = compare_rows_take(&frames[1], &at[1], key);

		c->events += is ? compare_row_events(was, is) : 0;
	}
	compare_rows_deinit(&frames[0]);
	compare_rows_deinit(&frames[1]);
	return err;
}
