/* SPDX-License-Identifier: MIT */
#include "compare_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

const char *compare_field(unsigned int track, unsigned int field)
{
	static const char *const sessions[] = { "sessions", "sessions_closed" };

	if (tracks_two[track].kind == TRACK_SESSIONS)
		return field < MOQSTAT_SESSION_FIELD_MAX ? sessions[field] : NULL;
	return field < MOQSTAT_FIELD_MAX ? layout_field_name(field) : NULL;
}

int compare_rows_init(unsigned int track, struct compare_text text, struct compare_rows *out)
{
	const char *fields[MOQSTAT_FIELD_MAX] = { NULL };
	struct rows rows = rows_begin(text.text, text.len);
	struct compare_rows r = { 0 };
	struct compare_row row, *grown;
	size_t room = 0, i;
	int rc;

	for (i = 0; i < MOQSTAT_FIELD_MAX; i++)
		fields[i] = compare_field(track, i);
	for (;;) {
		row = (struct compare_row){ 0 };
		rc = rows_next(&rows, &row.row);
		if (rc <= 0)
			break;
		rc = rows_counts(&row.row, fields, MOQSTAT_FIELD_MAX, row.counts, &row.seen);
		if (rc)
			break;
		if (r.len == room) {
			room = room ? 2 * room : 16;
			grown = reallocarray(r.list, room, sizeof(*grown));
			if (!grown) {
				rc = -ENOMEM;
				break;
			}
			r.list = grown;
		}
		r.list[r.len++] = row;
	}
	if (rc) {
		compare_rows_deinit(&r);
		return rc;
	}
	*out = r;
	return 0;
}

void compare_rows_deinit(struct compare_rows *r)
{
	if (!r)
		return;
	free(r->list);
	memset(r, 0, sizeof(*r));
}

const struct compare_row *compare_rows_take(const struct compare_rows *r, size_t *at,
					    const struct row *key)
{
	if (*at == r->len || rows_compare(&r->list[*at].row, key))
		return NULL;
	return &r->list[(*at)++];
}

bool compare_row_live(const struct compare_row *r)
{
	unsigned int field;

	for (field = 1; r && field < MOQSTAT_FIELD_MAX; field++) {
		if (MOQSTAT_FIELD_CLOSES(field) && r->counts[field] != r->counts[field - 1])
			return true;
	}
	return false;
}

bool compare_row_grown(const struct compare_row *before, const struct compare_row *after)
{
	unsigned int field;

	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		if (after->counts[field] < before->counts[field])
			return false;
	}
	return true;
}

static bool compare_same(const struct compare_difference *a, const struct compare_difference *b,
			 const char *key, size_t key_len)
{
	if (a->how != b->how || a->track != b->track || a->field != b->field || !a->key != !key)
		return false;
	return !key || (strlen(a->key) == key_len && !memcmp(a->key, key, key_len));
}

int compare_note(struct compare *c, const struct compare_difference *d, const char *key,
		 size_t key_len)
{
	struct compare_difference *grown;
	char *copy = NULL;
	size_t i;

	for (i = 0; i < c->len; i++) {
		if (compare_same(&c->list[i], d, key, key_len)) {
			c->list[i].times++;
			return 0;
		}
	}
	if (c->len == COMPARE_LIST_MAX) {
		c->more++;
		return 0;
	}
	if (c->len == c->room) {
		grown = reallocarray(c->list, c->room + 20, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->list = grown;
		c->room += 20;
	}
	if (key) {
		copy = strndup(key, key_len);
		if (!copy)
			return -ENOMEM;
	}
	c->list[c->len] = *d;
	c->list[c->len].key = copy;
	c->list[c->len++].times = 1;
	return 0;
}

uint64_t compare_found(const struct compare *c)
{
	return c->len + c->more;
}

const char *compare_how_name(enum compare_how how)
{
	static const char *const names[] = { "still", "between", "census" };

	return how < COMPARE_HOW_MAX ? names[how] : "?";
}

void compare_deinit(struct compare *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->len; i++)
		free(c->list[i].key);
	free(c->list);
	memset(c, 0, sizeof(*c));
}
