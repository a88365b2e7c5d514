/* SPDX-License-Identifier: MIT */
#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

/* No path that the agent tells apart is longer. */
#define ROSTER_NAME_MAX 8192

#define ROSTER_SET	"{\"set\":"
#define ROSTER_GONE	",\"gone\":["

void roster_init(const struct frame_schema *schema, struct roster_room *room, struct roster *out)
{
	*out = (struct roster){ .schema = schema, .room = room };
}

static void roster_give_back(struct roster *r, const struct roster_row *row)
{
	if (!r->room)
		return;
	r->room->rows++;
	r->room->bytes += row->name_len;
}

static void roster_row_destroy(struct roster_row *row)
{
	free(row->name);
	free(row);
}

void roster_deinit(struct roster *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->len; i++) {
		roster_give_back(r, r->rows[i]);
		roster_row_destroy(r->rows[i]);
	}
	free(r->rows);
	roster_init(r->schema, r->room, r);
}

static int roster_compare(const struct roster_row *row, const char *name, size_t len)
{
	size_t common = row->name_len < len ? row->name_len : len;
	int order = memcmp(row->name, name, common);

	if (order)
		return order;
	return row->name_len < len ? -1 : row->name_len > len;
}

/* The first row from `from` on that isn't before a name. */
static size_t roster_place(const struct roster *r, size_t from, const char *name, size_t len)
{
	size_t low = from, high = r->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (roster_compare(r->rows[middle], name, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct roster_row *roster_find(const struct roster *r, const char *name, size_t len)
{
	size_t i = roster_place(r, 0, name, len);

	return i < r->len && !roster_compare(r->rows[i], name, len) ? r->rows[i] : NULL;
}

static void roster_row_forget(struct roster_row *row, unsigned int track)
{
	size_t i;

	row->tracks &= ~(1U << track);
	memset(row->counts[track], 0, sizeof(row->counts[track]));
	for (i = 0; i < ROSTER_FLOWS; i++)
		rate_forget(&row->rates[track][i]);
}

static int roster_row_create(const char *name, size_t len, struct roster_row **out)
{
	struct roster_row *row = calloc(1, sizeof(*row));
	unsigned int track;

	if (row)
		row->name = malloc(len + 1);
	if (!row || !row->name) {
		free(row);
		return -ENOMEM;
	}
	memcpy(row->name, name, len);
	row->name[len] = '\0';
	row->name_len = len;
	for (track = 0; track < ROSTER_TRACKS; track++)
		roster_row_forget(row, track);
	*out = row;
	return 0;
}

/* A pass over rows in their order, old ones and those that are told. */
struct roster_pass {
	struct roster *roster;
	unsigned int track;
	bool all; /* what isn't told is no more */
	struct roster_row **fresh;
	size_t fresh_len, fresh_size;
	size_t at; /* the next old one */
	const char *fields[ROSTER_FIELDS];
	char *name, *last; /* of the row, and of the one before */
	size_t name_len, last_len;
	bool any;
};

/* Note a row that there wasn't. */
static int roster_add(struct roster_pass *p, struct roster_row **out)
{
	struct roster *r = p->roster;
	struct roster_row **fresh;
	size_t size = p->fresh_size ? 2 * p->fresh_size : 64;
	int err;

	if (!r->room->rows || p->name_len > r->room->bytes)
		return -E2BIG;
	if (p->fresh_len == p->fresh_size) {
		fresh = realloc(p->fresh, size * sizeof(struct roster_row *));
		if (!fresh)
			return -ENOMEM;
		p->fresh = fresh;
		p->fresh_size = size;
	}
	err = roster_row_create(p->name, p->name_len, out);
	if (err)
		return err;
	r->room->rows--;
	r->room->bytes -= p->name_len;
	p->fresh[p->fresh_len++] = *out;
	return 0;
}

/* The row's name, which must come behind the one before. */
static int roster_read_name(struct roster_pass *p, const struct row *row)
{
	char *name = p->last;
	size_t common;
	int order;

	p->last = p->name;
	p->last_len = p->name_len;
	p->name = name;
	if (row->key_len > 6 * ROSTER_NAME_MAX)
		return -EBADMSG;
	p->name_len = rows_unquote(row->key, row->key_len, p->name);
	if (p->name_len > ROSTER_NAME_MAX)
		return -EBADMSG;
	common = p->name_len < p->last_len ? p->name_len : p->last_len;
	order = p->any ? memcmp(p->last, p->name, common) : -1;
	if (order > 0 || (!order && p->last_len >= p->name_len))
		return -EBADMSG;
	p->any = true;
	return 0;
}

/* Over the old rows in front of the one that is told. */
static void roster_skip(struct roster_pass *p)
{
	struct roster *r = p->roster;

	if (!p->all) {
		p->at = roster_place(r, p->at, p->name, p->name_len);
		return;
	}
	while (p->at < r->len && roster_compare(r->rows[p->at], p->name, p->name_len) < 0)
		roster_row_forget(r->rows[p->at++], p->track);
}

static int roster_take(struct roster_pass *p, const struct row *told)
{
	uint64_t counts[ROSTER_FIELDS] = { 0 };
	struct roster *r = p->roster;
	struct roster_row *row;
	unsigned int seen = 0;
	int err = roster_read_name(p, told);

	if (!err)
		err = rows_counts(told, p->fields, r->schema->fields_len, counts, &seen);
	if (err)
		return err;
	roster_skip(p);
	if (p->at < r->len && !roster_compare(r->rows[p->at], p->name, p->name_len))
		row = r->rows[p->at++];
	else
		err = roster_add(p, &row);
	if (err)
		return err;
	row->tracks |= 1U << p->track;
	memcpy(row->counts[p->track], counts, sizeof(counts));
	return 0;
}

/* Put new rows where they belong, from the end so that each old one moves once. */
static int roster_merge(struct roster *r, struct roster_row **fresh, size_t len)
{
	struct roster_row **rows;
	size_t old = r->len, at = old + len;

	if (!len)
		return 0;
	rows = realloc(r->rows, at * sizeof(struct roster_row *));
	if (!rows)
		return -ENOMEM;
	r->rows = rows;
	r->len = at;
	while (len) {
		const struct roster_row *last = fresh[len - 1];

		if (old && roster_compare(rows[old - 1], last->name, last->name_len) > 0)
			rows[--at] = rows[--old];
		else
			rows[--at] = fresh[--len];
	}
	return 0;
}

static int roster_pass_rows(struct roster_pass *p, const char *text, size_t len)
{
	struct rows rows = rows_begin(text, len);
	struct row row;
	int got = 0, err = 0;

	while (!err && (got = rows_next(&rows, &row)) > 0)
		err = roster_take(p, &row);
	return err ? err : got;
}

/* Take in the rows of a frame, or of a part of one. */
static int roster_apply(struct roster *r, unsigned int track, bool all, const char *text,
			size_t len)
{
	struct roster_pass p = { .roster = r, .track = track, .all = all };
	int err, merged;
	size_t i;

	for (i = 0; i < r->schema->fields_len; i++)
		p.fields[i] = r->schema->fields[i].name;
	p.name = malloc(6 * ROSTER_NAME_MAX);
	p.last = malloc(6 * ROSTER_NAME_MAX);
	err = p.name && p.last ? roster_pass_rows(&p, text, len) : -ENOMEM;
	while (!err && all && p.at < r->len)
		roster_row_forget(r->rows[p.at++], track);
	merged = roster_merge(r, p.fresh, p.fresh_len);
	for (i = 0; merged && i < p.fresh_len; i++) {
		roster_give_back(r, p.fresh[i]);
		roster_row_destroy(p.fresh[i]);
	}
	free(p.fresh);
	free(p.name);
	free(p.last);
	return err ? err : merged;
}

int roster_full(struct roster *r, unsigned int track, const char *frame, size_t len)
{
	return roster_apply(r, track, true, frame, len);
}

/* Let go of the keys of a list, from behind its bracket. */
static int roster_gone(struct roster *r, unsigned int track, const char *at, const char *end)
{
	const char *from;
	char *name;
	struct roster_row *row;
	int err = 0;

	name = malloc(6 * ROSTER_NAME_MAX);
	if (!name)
		return -ENOMEM;
	while (at < end && *at == '"') {
		for (from = at++; at < end && *at != '"'; at++)
			at += *at == '\\';
		if (at++ >= end || at - from > 6 * ROSTER_NAME_MAX)
			break;
		row = roster_find(r, name, rows_unquote(from, at - from, name));
		if (row)
			roster_row_forget(row, track);
		if (at < end && *at == ',' && at + 1 < end && at[1] == '"')
			at++;
		else
			break;
	}
	if (end - at != 2 || memcmp(at, "]}", 2))
		err = -EBADMSG;
	free(name);
	return err;
}

int roster_change(struct roster *r, unsigned int track, const char *delta, size_t len)
{
	const char *set = delta + strlen(ROSTER_SET), *end = delta + len, *gone;
	int err;

	if (len < strlen(ROSTER_SET) || memcmp(delta, ROSTER_SET, strlen(ROSTER_SET)))
		return -EBADMSG;
	/* In a string the quotes would be escaped, and in an object no list can stand. */
	gone = memmem(set, end - set, ROSTER_GONE, strlen(ROSTER_GONE));
	if (!gone)
		return -EBADMSG;
	err = roster_apply(r, track, false, set, gone - set);
	return err ? err : roster_gone(r, track, gone + strlen(ROSTER_GONE), end);
}

void roster_forget(struct roster *r, unsigned int track)
{
	size_t i;

	for (i = 0; i < r->len; i++)
		roster_row_forget(r->rows[i], track);
}

void roster_sample(struct roster *r, const struct rates_clock *clock)
{
	size_t i, len = 0, flow;
	unsigned int track;

	for (i = 0; i < r->len; i++) {
		struct roster_row *row = r->rows[i];

		if (!row->tracks) {
			roster_give_back(r, row);
			roster_row_destroy(row);
			continue;
		}
		r->rows[len++] = row;
		for (track = 0; track < ROSTER_TRACKS; track++) {
			if (!(row->tracks & 1U << track))
				continue;
			for (flow = 0; flow < ROSTER_FLOWS; flow++)
				rate_take(&row->rates[track][flow], clock,
					  row->counts[track][ROSTER_OPEN + flow]);
		}
	}
	r->len = len;
}

uint64_t roster_live(const struct roster_row *row, unsigned int track, unsigned int field)
{
	const uint64_t *counts = row->counts[track];

	if (field >= ROSTER_OPEN)
		return counts[field];
	/* Each is followed by what was closed of it. */
	return counts[field] >= counts[field + 1] ? counts[field] - counts[field + 1] : 0;
}

int roster_copy(const struct roster *r, struct roster *out)
{
	struct roster copy = { .schema = r->schema };
	struct roster_row *row;
	int err = 0;

	copy.rows = calloc(r->len + 1, sizeof(struct roster_row *));
	if (!copy.rows)
		err = -ENOMEM;
	for (; !err && copy.len < r->len; copy.len += !err) {
		const struct roster_row *from = r->rows[copy.len];

		err = roster_row_create(from->name, from->name_len, &row);
		if (err)
			break;
		row->tracks = from->tracks;
		memcpy(row->counts, from->counts, sizeof(row->counts));
		memcpy(row->rates, from->rates, sizeof(row->rates));
		copy.rows[copy.len] = row;
	}
	if (err)
		roster_deinit(&copy);
	*out = copy;
	return err;
}
