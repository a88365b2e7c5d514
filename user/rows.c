/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct rows rows_begin(const char *frame, size_t len)
{
	return (struct rows){ .at = frame, .end = frame + len, .first = 1 };
}

static bool rows_take(struct rows *rows, char c)
{
	if (rows->at == rows->end || *rows->at != c)
		return false;
	rows->at++;
	return true;
}

/* Over a string, from its first quote to behind its last one. */
static bool rows_string(struct rows *rows)
{
	if (!rows_take(rows, '"'))
		return false;
	while (rows->at < rows->end && *rows->at != '"')
		rows->at += *rows->at == '\\' ? 2 : 1;
	return rows->at < rows->end && rows_take(rows, '"');
}

/* Over the rest of an object, to behind its brace. No string in it has one; but there may be one
 * object more in it. */
static bool rows_object(struct rows *rows)
{
	const char *close = memchr(rows->at, '}', rows->end - rows->at);

	if (close && memchr(rows->at, '{', close - rows->at))
		close = memchr(close + 1, '}', rows->end - close - 1);
	rows->at = close ? close + 1 : rows->end;
	return close;
}

int rows_next(struct rows *rows, struct row *out)
{
	struct row row;

	if (rows->first && !rows_take(rows, '{'))
		return -EBADMSG;
	if (rows->at < rows->end && *rows->at == '}')
		return rows->at + 1 == rows->end ? 0 : -EBADMSG;
	if (!rows->first && !rows_take(rows, ','))
		return -EBADMSG;
	rows->first = 0;
	row.key = rows->at;
	if (!rows_string(rows))
		return -EBADMSG;
	row.key_len = rows->at - row.key;
	if (!rows_take(rows, ':'))
		return -EBADMSG;
	row.value = rows->at;
	if (!rows_take(rows, '{'))
		return -EBADMSG;
	if (!rows_object(rows))
		return -EBADMSG;
	row.value_len = rows->at - row.value;
	*out = row;
	return 1;
}

int rows_next_like(struct rows *rows, const struct row *like, struct row *out)
{
	size_t len = like ? like->value + like->value_len - like->key : 0;
	const char *key;

	if (!like || (size_t)(rows->end - rows->at) <= len ||
	    *rows->at != (rows->first ? '{' : ',') || memcmp(rows->at + 1, like->key, len))
		return rows_next(rows, out);
	key = rows->at + 1;
	rows->at = key + len;
	rows->first = 0;
	*out = (struct row){ .key = key,
			     .key_len = like->key_len,
			     .value = key + like->key_len + 1,
			     .value_len = like->value_len };
	return 2;
}

static int rows_digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The byte that a key goes on with, or -1 at its end. Only control characters, quotes and
 * backslashes are escaped. */
static int rows_byte(const char **at, const char *end)
{
	static const char plain[] = "b\bf\fn\nr\rt\t";
	const char *p = *at;
	size_t i;

	if (p >= end)
		return -1;
	if (*p != '\\' || p + 1 >= end) {
		*at = p + 1;
		return (unsigned char)*p;
	}
	if (p[1] == 'u' && end - p >= 6) {
		*at = p + 6;
		return rows_digit(p[4]) * 16 + rows_digit(p[5]);
	}
	*at = p + 2;
	for (i = 0; i + 1 < sizeof(plain); i += 2) {
		if (p[1] == plain[i])
			return plain[i + 1];
	}
	return (unsigned char)p[1];
}

int rows_compare(const struct row *a, const struct row *b)
{
	const char *x = a->key + 1, *x_end = a->key + a->key_len - 1;
	const char *y = b->key + 1, *y_end = b->key + b->key_len - 1;
	int one, other;

	do {
		one = rows_byte(&x, x_end);
		other = rows_byte(&y, y_end);
	} while (one == other && one >= 0);
	return one - other;
}

size_t rows_unquote(const char *json, size_t len, char *out)
{
	const char *at = json + 1, *end = json + len - 1;
	size_t n = 0;
	int byte;

	while ((byte = rows_byte(&at, end)) >= 0)
		out[n++] = (char)byte;
	return n;
}

/* Which field a name is, most likely the one after that before it; or fields_len. */
static size_t rows_field(const char *const *fields, size_t fields_len, size_t likely,
			 const char *name, size_t len)
{
	size_t i, field;

	for (i = 0; i < fields_len; i++) {
		field = (likely + i) % fields_len;
		if (fields[field] && strlen(fields[field]) == len &&
		    !memcmp(fields[field], name, len))
			return field;
	}
	return fields_len;
}

/* Is that a field's name, though one that isn't known? */
static bool rows_plain(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    name[i] != '_')
			return false;
	}
	return len;
}

/* Up to behind a number; NULL where there is none, or one that is too large. */
static const char *rows_number(const char *at, const char *end, uint64_t *out)
{
	const char *begin = at;
	uint64_t n = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *at - '0', &n))
			return NULL;
	}
	*out = n;
	return at == begin || (*begin == '0' && at > begin + 1) ? NULL : at;
}

int rows_counts(const struct row *row, const char *const *fields, size_t fields_len,
		uint64_t *counts, unsigned int *seen)
{
	const char *at = row->value, *end = row->value + row->value_len, *name;
	size_t field = fields_len - 1, len;
	uint64_t n;

	if (row->value_len == strlen("{}"))
		return 0;
	while (*at++ != '}') {
		if (*at++ != '"')
			return -EBADMSG;
		name = at;
		at = memchr(at, '"', end - at);
		if (!at)
			return -EBADMSG;
		len = at - name;
		field = rows_field(fields, fields_len, field + 1, name, len);
		if (*++at != ':')
			return -EBADMSG;
		/* Numbers that nothing is known of. */
		if (at[1] == '{' && field == fields_len) {
			at = memchr(at, '}', end - at);
			if (!at || ++at == end)
				return -EBADMSG;
		} else {
			at = rows_number(at + 1, end, &n);
		}
		if (!at || (*at != ',' && *at != '}'))
			return -EBADMSG;
		if (field == fields_len && !rows_plain(name, len))
			return -EBADMSG;
		if (field == fields_len)
			continue;
		counts[field] = n;
		*seen |= 1U << field;
	}
	return 0;
}
