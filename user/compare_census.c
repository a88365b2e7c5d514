/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare_rows.h"
#include "frame.h"
#include "path.h"

/* The row of paths that are too long for one of their own. */
#define COMPARE_OVERFLOW "__overflow__"

/* What each kind of guard is counted in, and what their difference is called. */
static const struct {
	unsigned int opened, closed;
	const char *name;
} compare_kinds[CENSUS_KIND_MAX] = {
	[CENSUS_ANNOUNCE] = { MOQSTAT_ANNOUNCED, MOQSTAT_ANNOUNCED_CLOSED,
			      "announced - announced_closed" },
	[CENSUS_TRACK] = { MOQSTAT_SUBSCRIPTIONS, MOQSTAT_SUBSCRIPTIONS_CLOSED,
			   "subscriptions - subscriptions_closed" },
	[CENSUS_BROADCAST] = { MOQSTAT_BROADCASTS, MOQSTAT_BROADCASTS_CLOSED,
			       "broadcasts - broadcasts_closed" },
	[CENSUS_SESSION] = { MOQSTAT_SESSIONS, MOQSTAT_SESSIONS_CLOSED,
			     "sessions - sessions_closed" },
};

static bool compare_kind_of(unsigned int kind, unsigned int track)
{
	return (kind == CENSUS_SESSION) == (tracks_two[track].kind == TRACK_SESSIONS);
}

/* The track that tells of an item. */
static unsigned int compare_track(const struct census_item *item)
{
	unsigned int track;

	for (track = 0; track < TRACKS_OF_TWO - 1; track++) {
		const struct track_two *t = &tracks_two[track];

		if (compare_kind_of(item->kind, track) && t->tier == item->tier &&
		    (item->kind == CENSUS_SESSION || t->role == item->role))
			break;
	}
	return track;
}

static struct row compare_open_row(const struct compare_open *o)
{
	return (struct row){ .key = o->key, .key_len = o->key_len };
}

static int compare_open_order(const void *a, const void *b)
{
	const struct compare_open *x = a, *y = b;
	struct row one = compare_open_row(x), other = compare_open_row(y);

	if (x->track != y->track)
		return x->track < y->track ? -1 : 1;
	return rows_compare(&one, &other);
}

/* Sum up what is of one key. */
static void compare_opens_merge(struct compare_opens *o)
{
	size_t i, kept = 0;
	unsigned int kind;

	if (o->len)
		qsort(o->list, o->len, sizeof(*o->list), compare_open_order);
	for (i = 0; i < o->len; i++) {
		if (!kept || compare_open_order(&o->list[kept - 1], &o->list[i])) {
			o->list[kept++] = o->list[i];
			continue;
		}
		for (kind = 0; kind < CENSUS_KIND_MAX; kind++) {
			o->list[kept - 1].n[0][kind] += o->list[i].n[0][kind];
			o->list[kept - 1].n[1][kind] += o->list[i].n[1][kind];
		}
		free(o->list[i].key);
	}
	o->len = kept;
}

static int compare_opens_add(struct compare_opens *o, const struct census_item *item,
			     unsigned int which, const char *prefix)
{
	struct compare_open *open = &o->list[o->len];
	const char *path = item->path;
	size_t len = item->len;
	int err;

	if (item->kind != CENSUS_SESSION && path_has_prefix(path, len, prefix, strlen(prefix)))
		return 0;
	if (len > MOQSTAT_PATH_MAX) {
		path = COMPARE_OVERFLOW;
		len = strlen(path);
	}
	open->track = compare_track(item);
	open->n[which][item->kind] = 1;
	err = frame_quote(path, len, &open->key, &open->key_len);
	o->len += !err;
	return err;
}

int compare_opens_init(const struct census census[COMPARE_CENSUSES], const char *prefix,
		       struct compare_opens *out)
{
	struct compare_opens o = { .list = calloc(census[0].len + census[1].len + 1,
						  sizeof(*o.list)) };
	unsigned int which, kind;
	size_t i;
	int err = o.list ? 0 : -ENOMEM;

	for (which = 0; which < COMPARE_CENSUSES && !err; which++) {
		for (i = 0; i < census[which].len && !err; i++)
			err = compare_opens_add(&o, &census[which].items[i], which, prefix);
		for (kind = 0; kind < CENSUS_KIND_MAX; kind++)
			o.partly[kind] |= census[which].untold[kind] || census[which].tasks_untold;
	}
	if (err) {
		compare_opens_deinit(&o);
		return err;
	}
	compare_opens_merge(&o);
	*out = o;
	return 0;
}

void compare_opens_deinit(struct compare_opens *o)
{
	size_t i;

	if (!o)
		return;
	for (i = 0; i < o->len; i++)
		free(o->list[i].key);
	free(o->list);
	memset(o, 0, sizeof(*o));
}

/* How many may be open between two ticks, by the rows that they show, NULL where they show none.
 * False: there is no telling. A row that isn't open at a tick may be a life's last, and another one
 * may have begun. */
static bool compare_bounds(const struct compare_row *a, const struct compare_row *b,
			   unsigned int kind, uint64_t *low, uint64_t *high)
{
	unsigned int opened = compare_kinds[kind].opened, closed = compare_kinds[kind].closed;
	bool was = compare_row_live(a);

	*low = *high = 0;
	if (!b)
		return !was;
	if (!compare_row_live(b))
		return false;
	*high = b->counts[opened];
	if (!was)
		return true;
	if (!compare_row_grown(a, b))
		return false;
	*high -= a->counts[closed];
	if (a->counts[opened] > b->counts[closed])
		*low = a->counts[opened] - b->counts[closed];
	return true;
}

static int compare_census_key(struct compare *c, unsigned int track, const struct row *key,
			      const struct compare_row *a, const struct compare_row *b,
			      const struct compare_open *open, const bool *partly)
{
	struct compare_difference d = { .how = COMPARE_CENSUS, .track = track };
	struct compare_tally *tally = &c->of[COMPARE_CENSUS];
	uint64_t least, most;
	unsigned int kind;
	int err = 0;

	for (kind = 0; kind < CENSUS_KIND_MAX && !err; kind++) {
		if (!compare_kind_of(kind, track))
			continue;
		least = open ? open->n[0][kind] : 0;
		most = open ? open->n[1][kind] : 0;
		if (least > most) {
			d.other = least;
			least = most;
			most = d.other;
		}
		d.field = compare_kinds[kind].name;
		if (!compare_bounds(a, b, kind, &d.low, &d.high)) {
			tally->unstable++;
			continue;
		}
		if (!d.high && !most)
			continue;
		d.other = least > d.high ? least : most;
		tally->numbers++;
		tally->exactly += d.low == d.high && least == most && !partly[kind];
		if (least > d.high || (most < d.low && !partly[kind]))
			err = compare_note(c, &d, key->key, key->key_len);
	}
	return err;
}

static int compare_census_track(struct compare *c, unsigned int track,
				const struct compare_opens *opens, size_t *next,
				struct compare_rows *frames)
{
	size_t at[2] = { 0 };
	int err = 0;

	while (!err) {
		const struct compare_row *a, *b;
		const struct compare_open *open = NULL;
		struct row key = { 0 }, row;
		size_t i;

		for (i = 0; i < 2; i++) {
			if (at[i] < frames[i].len &&
			    (!key.key || rows_compare(&frames[i].list[at[i]].row, &key) < 0))
				key = frames[i].list[at[i]].row;
		}
		if (*next < opens->len && opens->list[*next].track == track) {
			row = compare_open_row(&opens->list[*next]);
			if (!key.key || rows_compare(&row, &key) <= 0) {
				key = row;
				open = &opens->list[(*next)++];
			}
		}
		if (!key.key)
			break;
		a = compare_rows_take(&frames[0], &at[0], &key);
		b = compare_rows_take(&frames[1], &at[1], &key);
		err = compare_census_key(c, track, &key, a, b, open, opens->partly);
	}
	return err;
}

int compare_census(struct compare *c, const struct compare_opens *opens,
		   const struct compare_text *before, const struct compare_text *after)
{
	unsigned int track;
	size_t next = 0;
	int err = 0;

	for (track = 0; track < TRACKS_OF_TWO && !err; track++) {
		struct compare_rows frames[2] = { 0 };

		err = compare_rows_init(track, before[track], &frames[0]);
		if (!err)
			err = compare_rows_init(track, after[track], &frames[1]);
		if (!err)
			err = compare_census_track(c, track, opens, &next, frames);
		compare_rows_deinit(&frames[0]);
		compare_rows_deinit(&frames[1]);
	}
	if (!err)
		c->of[COMPARE_CENSUS].times++;
	return err;
}
