/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <moqstat.h>

#include "utf8.h"

/* Digits of the largest u64. */
#define FRAME_DIGITS 20

/* Rows are fetched into the cache so far ahead: they lie all over the memory. */
#define FRAME_AHEAD	 8

#define FRAME_LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct frame_field frame_fields_0_12[] = {
	{ "announced", MOQSTAT_ANNOUNCED },
	{ "announced_closed", MOQSTAT_ANNOUNCED_CLOSED },
	{ "broadcasts", MOQSTAT_BROADCASTS },
	{ "broadcasts_closed", MOQSTAT_BROADCASTS_CLOSED },
	{ "subscriptions", MOQSTAT_SUBSCRIPTIONS },
	{ "subscriptions_closed", MOQSTAT_SUBSCRIPTIONS_CLOSED },
	{ "bytes", MOQSTAT_BYTES },
	{ "frames", MOQSTAT_FRAMES },
	{ "groups", MOQSTAT_GROUPS },
};

static const struct frame_field frame_fields_0_13[] = {
	{ "announced", MOQSTAT_ANNOUNCED },
	{ "announced_closed", MOQSTAT_ANNOUNCED_CLOSED },
	{ "announced_bytes", MOQSTAT_ANNOUNCED_BYTES },
	{ "broadcasts", MOQSTAT_BROADCASTS },
	{ "broadcasts_closed", MOQSTAT_BROADCASTS_CLOSED },
	{ "subscriptions", MOQSTAT_SUBSCRIPTIONS },
	{ "subscriptions_closed", MOQSTAT_SUBSCRIPTIONS_CLOSED },
	{ "bytes", MOQSTAT_BYTES },
	{ "frames", MOQSTAT_FRAMES },
	{ "groups", MOQSTAT_GROUPS },
};

static const struct frame_field frame_fields_0_14[] = {
	{ "announced", MOQSTAT_ANNOUNCED },
	{ "announced_closed", MOQSTAT_ANNOUNCED_CLOSED },
	{ "announced_bytes", MOQSTAT_ANNOUNCED_BYTES },
	{ "broadcasts", MOQSTAT_BROADCASTS },
	{ "broadcasts_closed", MOQSTAT_BROADCASTS_CLOSED },
	{ "subscriptions", MOQSTAT_SUBSCRIPTIONS },
	{ "subscriptions_closed", MOQSTAT_SUBSCRIPTIONS_CLOSED },
	{ "fetches", MOQSTAT_FETCHES },
	{ "bytes", MOQSTAT_BYTES },
	{ "frames", MOQSTAT_FRAMES },
	{ "groups", MOQSTAT_GROUPS },
	{ "datagrams", MOQSTAT_DATAGRAMS },
};

/* Of frame_fields_0_14. */
static const char *const frame_also_0_17[FRAME_LEN(frame_fields_0_14)] = {
	"announces_started",
	"announces_ended",
	NULL,
	"broadcasts_started",
	"broadcasts_ended",
	"subscriptions_started",
	"subscriptions_ended",
	NULL,
	NULL,
	NULL,
	NULL,
	NULL,
};

static const struct frame_field frame_fields_session[] = {
	{ "sessions", MOQSTAT_SESSIONS },
	{ "sessions_closed", MOQSTAT_SESSIONS_CLOSED },
};

const struct frame_schema frame_schema_broadcast_0_12 = {
	.name = "0.12",
	.fields = frame_fields_0_12,
	.fields_len = FRAME_LEN(frame_fields_0_12),
};

const struct frame_schema frame_schema_broadcast_0_13 = {
	.name = "0.13",
	.fields = frame_fields_0_13,
	.fields_len = FRAME_LEN(frame_fields_0_13),
};

const struct frame_schema frame_schema_broadcast_0_14 = {
	.name = "0.14",
	.fields = frame_fields_0_14,
	.fields_len = FRAME_LEN(frame_fields_0_14),
	.compressed = true,
};

static const char *const frame_also_session_0_17[FRAME_LEN(frame_fields_session)] = {
	"sessions_started",
	"sessions_ended",
};

static const struct frame_schema frame_schema_session_0_17 = {
	.name = "sessions",
	.fields = frame_fields_session,
	.fields_len = FRAME_LEN(frame_fields_session),
	.also = frame_also_session_0_17,
};

const struct frame_schema frame_schema_broadcast_0_17 = {
	.name = "0.17",
	.fields = frame_fields_0_14,
	.fields_len = FRAME_LEN(frame_fields_0_14),
	.also = frame_also_0_17,
	.more = ",\"stale\":{\"bytes\":0,\"frames\":0,\"groups\":0,\"datagrams\":0}",
	.uncounted = "stale",
	.linger_ms = 300000,
	.stays = true,
	.compressed = true,
	.sessions = &frame_schema_session_0_17,
};

const struct frame_schema frame_schema_session = {
	.name = "sessions",
	.fields = frame_fields_session,
	.fields_len = FRAME_LEN(frame_fields_session),
};

const struct frame_schema *frame_schema_find(const char *name)
{
	static const struct frame_schema *const all[] = { &frame_schema_broadcast_0_12,
							  &frame_schema_broadcast_0_13,
							  &frame_schema_broadcast_0_14,
							  &frame_schema_broadcast_0_17 };
	size_t i;

	for (i = 0; i < FRAME_LEN(all); i++) {
		if (!strcmp(all[i]->name, name))
			return all[i];
	}
	return NULL;
}

const struct frame_schema *frame_schema_sessions(const struct frame_schema *broadcasts)
{
	return broadcasts->sessions ? broadcasts->sessions : &frame_schema_session;
}

void frame_buf_deinit(struct frame_buf *buf)
{
	if (!buf)
		return;
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

/* The most that a row can take, and the comma behind it. */
static size_t frame_row_bound(const struct frame_schema *schema, const struct frame_row *row)
{
	size_t bound = strlen(":{},") + row->key_len, i;

	for (i = 0; i < schema->fields_len; i++) {
		bound += strlen("\"\":,") + strlen(schema->fields[i].name) + FRAME_DIGITS;
		if (schema->also && schema->also[i])
			bound += strlen("\"\":,") + strlen(schema->also[i]) + FRAME_DIGITS;
	}
	return bound + (schema->more ? strlen(schema->more) : 0);
}

static const struct frame_text *frame_row_text(const struct frame_row *row)
{
	return row->cache && !row->cache->stale ? row->cache->text : NULL;
}

/* The most that a frame can take, its NUL included: room is made once, so that nothing can fail
 * half-way through a frame. */
static size_t frame_bound(const struct frame_schema *schema, const struct frame_row *rows,
			  size_t rows_len)
{
	size_t total = strlen("{}") + 1, i;

	for (i = 0; i < rows_len; i++) {
		const struct frame_text *text = frame_row_text(&rows[i]);

		total += text ? text->len + 1 : frame_row_bound(schema, &rows[i]);
	}
	return total;
}

static char *frame_put(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

static char *frame_put_number(char *at, uint64_t number)
{
	char digits[FRAME_DIGITS], *first = digits + FRAME_DIGITS;

	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	return frame_put(at, first, digits + FRAME_DIGITS - first);
}

static char *frame_put_member(char *at, const char *name, uint64_t number)
{
	*at++ = '"';
	at = frame_put(at, name, strlen(name));
	*at++ = '"';
	*at++ = ':';
	return frame_put_number(at, number);
}

static char *frame_put_row(char *at, const struct frame_schema *schema, const struct frame_row *row)
{
	const struct frame_field *field;
	size_t i;

	at = frame_put(at, row->key, row->key_len);
	*at++ = ':';
	*at++ = '{';
	for (i = 0; i < schema->fields_len; i++) {
		field = &schema->fields[i];
		if (i > 0)
			*at++ = ',';
		if (schema->also && schema->also[i]) {
			at = frame_put_member(at, schema->also[i], row->counts[field->field]);
			*at++ = ',';
		}
		at = frame_put_member(at, field->name, row->counts[field->field]);
	}
	if (schema->more)
		at = frame_put(at, schema->more, strlen(schema->more));
	*at++ = '}';
	return at;
}

void frame_cache_deinit(struct frame_cache *cache)
{
	free(cache->text);
	cache->text = NULL;
}

static int frame_refresh_row(const struct frame_schema *schema, const struct frame_row *row,
			     char *scratch, bool *changed)
{
	struct frame_cache *cache = row->cache;
	size_t len = frame_put_row(scratch, schema, row) - scratch;
	struct frame_text *text;

	if (cache->text && cache->text->len == len && !memcmp(cache->text->bytes, scratch, len)) {
		cache->stale = false;
		return 0;
	}
	text = malloc(sizeof(*text) + len);
	if (!text)
		return -ENOMEM;
	text->len = len;
	memcpy(text->bytes, scratch, len);
	frame_cache_deinit(cache);
	*cache = (struct frame_cache){ .text = text };
	*changed = true;
	return 0;
}

int frame_refresh(const struct frame_schema *schema, const struct frame_row *rows, size_t rows_len,
		  bool *changed)
{
	size_t i, size = 0;
	char *scratch = NULL, *grown;
	int err = 0;

	for (i = 0; i < rows_len && !err; i++) {
		if (i + FRAME_AHEAD < rows_len)
			__builtin_prefetch(rows[i + FRAME_AHEAD].cache);
		if (!rows[i].cache || frame_row_text(&rows[i]))
			continue;
		if (!scratch || frame_row_bound(schema, &rows[i]) > size) {
			size = 2 * frame_row_bound(schema, &rows[i]);
			grown = realloc(scratch, size);
			err = grown ? 0 : -ENOMEM;
			scratch = grown ? grown : scratch;
		}
		err = err ? err : frame_refresh_row(schema, &rows[i], scratch, changed);
	}
	free(scratch);
	return err;
}

int frame_build(const struct frame_schema *schema, const struct frame_row *rows, size_t rows_len,
		struct frame_buf *buf)
{
	size_t need = frame_bound(schema, rows, rows_len), i;
	char *data, *at;

	if (need > buf->size) {
		data = realloc(buf->data, need);
		if (!data)
			return -ENOMEM;
		buf->data = data;
		buf->size = need;
	}
	at = buf->data;
	*at++ = '{';
	for (i = 0; i < rows_len; i++) {
		const struct frame_text *text = frame_row_text(&rows[i]);

		if (i > 0)
			*at++ = ',';
		if (i + FRAME_AHEAD < rows_len && rows[i + FRAME_AHEAD].cache)
			__builtin_prefetch(rows[i + FRAME_AHEAD].cache->text);
		at = text ? frame_put(at, text->bytes, text->len)
			  : frame_put_row(at, schema, &rows[i]);
	}
	*at++ = '}';
	*at = '\0';
	buf->len = (size_t)(at - buf->data);
	return 0;
}

/* jansson writes \u001F where serde_json writes \u001f; all else they escape alike. */
static void frame_lower_escapes(char *json, size_t len)
{
	size_t i = 0, j;

	while (i < len) {
		if (json[i] != '\\') {
			i++;
			continue;
		}
		if (json[i + 1] != 'u') {
			i += 2;
			continue;
		}
		for (j = i + 2; j < i + 6; j++)
			json[j] = (char)tolower((unsigned char)json[j]);
		i += 6;
	}
}

int frame_quote(const char *text, size_t len, char **out, size_t *out_len)
{
	size_t need = 0;
	char *data = NULL;
	json_t *json;

	/* Checked here, so that a NULL from jansson can only mean that memory is short. */
	if (!utf8_valid(text, len))
		return -EILSEQ;
	json = json_stringn_nocheck(text, len);
	if (json)
		need = json_dumpb(json, NULL, 0, JSON_ENCODE_ANY);
	if (need > 0)
		data = malloc(need + 1);
	/* Dumping needs memory of its own, each time. */
	if (data && json_dumpb(json, data, need, JSON_ENCODE_ANY) != need) {
		free(data);
		data = NULL;
	}
	json_decref(json);
	if (!data)
		return -ENOMEM;
	data[need] = '\0';
	frame_lower_escapes(data, need);
	*out = data;
	*out_len = need;
	return 0;
}
