/* SPDX-License-Identifier: MIT */
/*
 * collect_replay.c - a backend that reads a recording (--replay). The format is described at the
 * top of collect_record.c.
 *
 * The file may come from anyone. Whatever is not exactly a recording is refused with the line and
 * the reason, and nothing of that line gets through.
 */
#include "collect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "collect_format.h"
#include "json_memory.h"
#include "log.h"

/* First size of the line buffer, bytes. */
#define REPLAY_LINE_MIN 4096

struct replay {
	struct collect base;
	char *file; /* its name, for messages */
	FILE *in;
	size_t line_no; /* from 1 */
	char *line;
	size_t line_len;
	size_t line_size;
	bool complete;			   /* the line ended with a newline */
	const struct frame_schema *schema; /* of all lines so far */
	struct tiers tiers;		   /* the same; none: both of enum moqstat_tier */
	int failed;			   /* the -errno that ended the reading */
};

/* Log why the line is no batch. What it quotes may be of the file's making, so nothing that a
 * terminal would act on gets through. */
__attribute__((format(printf, 2, 3))) static int replay_bad(const struct replay *r, const char *fmt,
							    ...)
{
	char text[512];
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (c = text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	log_error("%s: line %zu: %s", r->file, r->line_no, text);
	return -EBADMSG;
}

/* The same for what jansson found, which takes some allocations that failed for bad tokens. */
static int replay_bad_json(const struct replay *r, const char *what, const json_error_t *error)
{
	if (json_memory_failed())
		return -ENOMEM;
	return replay_bad(r, "%s: %s", what, error->text);
}

static int replay_grow(struct replay *r)
{
	size_t size = r->line_size ? r->line_size * 2 : REPLAY_LINE_MIN;
	char *line;

	line = realloc(r->line, size);
	if (!line)
		return -ENOMEM;
	r->line = line;
	r->line_size = size;
	return 0;
}

/* Read the next line without its newline. -ENODATA at the end of the file. */
static int replay_line(struct replay *r)
{
	int c, err;

	r->line_len = 0;
	r->complete = false;
	r->line_no++;
	for (;;) {
		errno = EIO;
		c = getc_unlocked(r->in);
		if (c == EOF && ferror(r->in)) {
			err = -errno;
			log_error("cannot read %s: %s", r->file, strerror(-err));
			return err;
		}
		if (c == EOF)
			return r->line_len > 0 ? 0 : -ENODATA;
		if (c == '\n') {
			r->complete = true;
			return 0;
		}
		if (r->line_len + 1 >= COLLECT_FORMAT_LINE_MAX)
			return replay_bad(r, "longer than %zu bytes", COLLECT_FORMAT_LINE_MAX);
		if (r->line_len == r->line_size) {
			err = replay_grow(r);
			if (err)
				return err;
		}
		r->line[r->line_len++] = (char)c;
	}
}

/* A number as collect_record.c writes it: 0, or -ERANGE where it is none. */
static int replay_u64(const json_t *json, uint64_t *out)
{
	const char *text;
	uint64_t value = 0;
	size_t i;

	if (json_is_integer(json)) {
		if (json_integer_value(json) < 0)
			return -ERANGE;
		*out = (uint64_t)json_integer_value(json);
		return 0;
	}
	text = json_string_value(json);
	if (!text || json_string_length(json) == 0)
		return -ERANGE;
	for (i = 0; i < json_string_length(json); i++) {
		if (text[i] < '0' || text[i] > '9')
			return -ERANGE;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	}
	*out = value;
	return 0;
}

/* Read an object of counts by name into counts[], which is zero where it has none. */
static int replay_counts(const struct replay *r, const char *what, json_t *json,
			 const char *const *names, size_t len, uint64_t *counts)
{
	const char *key;
	json_t *value;
	int i;

	if (!json_is_object(json))
		return replay_bad(r, "%s: counts are not an object", what);
	json_object_foreach(json, key, value)
	{
		i = collect_format_find(names, len, key);
		if (i < 0)
			return replay_bad(r, "%s: no counter is called \"%s\"", what, key);
		if (replay_u64(value, &counts[i]))
			return replay_bad(r, "%s: \"%s\" is not a number from 0 to 2^64-1", what,
					  key);
	}
	return 0;
}

/* Of all tiers by name; or, where a broadcast is of one, of that one. */
static int replay_slots(const struct replay *r, const char *what, json_t *json,
			struct collect_broadcast *b)
{
	const char *role_name, *tier_name;
	json_t *tiers, *counts;
	int role, tier, err;

	if (!json_is_object(json))
		return replay_bad(r, "%s: counts are not an object", what);
	json_object_foreach(json, role_name, tiers)
	{
		role = collect_format_find(collect_format_roles, MOQSTAT_ROLE_MAX, role_name);
		if (role < 0 || !json_is_object(tiers))
			return replay_bad(r, "%s: \"%s\" is not a role with an object", what,
					  role_name);
		if (r->tiers.len) {
			err = replay_counts(r, what, tiers, collect_format_fields,
					    MOQSTAT_FIELD_MAX, b->counts[role][0]);
			if (err)
				return err;
			continue;
		}
		json_object_foreach(tiers, tier_name, counts)
		{
			tier = collect_format_find(collect_format_tiers, MOQSTAT_TIER_MAX,
						   tier_name);
			if (tier < 0)
				return replay_bad(r, "%s: no tier is called \"%s\"", what,
						  tier_name);
			err = replay_counts(r, what, counts, collect_format_fields,
					    MOQSTAT_FIELD_MAX, b->counts[role][tier]);
			if (err)
				return err;
		}
	}
	return 0;
}

/* The number of the tier of that name. */
static int replay_tier(const struct replay *r, const char *what, const char *name, size_t len,
		       uint32_t *out)
{
	bool labels = r->tiers.len;
	size_t i, tiers = labels ? r->tiers.len : MOQSTAT_TIER_MAX;

	for (i = 0; i < tiers; i++) {
		const char *known = labels ? r->tiers.labels[i] : collect_format_tiers[i];

		if (strlen(known) == len && !memcmp(known, name, len)) {
			*out = (uint32_t)i;
			return 0;
		}
	}
	return replay_bad(r, "%s: no tier is called \"%s\"", what, name);
}

/* What a path or root and an incarnation may be. */
static int replay_identity(const struct replay *r, const char *what, size_t text_len,
			   json_int_t incarnation, uint32_t *out)
{
	if (text_len > MOQSTAT_PATH_MAX)
		return replay_bad(r, "%s: name longer than %d bytes", what, MOQSTAT_PATH_MAX);
	if (incarnation < 0 || incarnation > UINT32_MAX)
		return replay_bad(r, "%s: incarnation is not from 0 to 2^32-1", what);
	*out = (uint32_t)incarnation;
	return 0;
}

/* What kind of beginning it had, and take that out of the object. Older recordings don't say; they
 * are believed. */
static int replay_beginning(const struct replay *r, const char *what, json_t *json, bool *fresh,
			    bool *whole)
{
	const json_t *f = json_object_get(json, "fresh"), *w = json_object_get(json, "whole");

	if ((f && !json_is_boolean(f)) || (w && !json_is_boolean(w)))
		return replay_bad(r, "%s: \"fresh\" or \"whole\" is neither true nor false", what);
	*fresh = !json_is_false(f);
	*whole = *fresh && !json_is_false(w);
	json_object_del(json, "fresh");
	json_object_del(json, "whole");
	return 0;
}

/* Of which tier it is, where it is of one, and take that out of the object. */
static int replay_broadcast_tier(const struct replay *r, const char *what, json_t *json,
				 struct collect_broadcast *b)
{
	const json_t *tier = json_object_get(json, "tier");
	int err;

	if (!r->tiers.len)
		return 0;
	if (!json_is_string(tier))
		return replay_bad(r, "%s: \"tier\" is no label", what);
	err = replay_tier(r, what, json_string_value(tier), json_string_length(tier), &b->tier);
	json_object_del(json, "tier");
	return err;
}

static int replay_broadcast(const struct replay *r, json_t *json, size_t i,
			    struct collect_broadcast *b)
{
	json_int_t incarnation;
	json_error_t error;
	char what[48];
	json_t *counts;
	int held, err;

	snprintf(what, sizeof(what), "broadcasts[%zu]", i);
	err = replay_beginning(r, what, json, &b->fresh, &b->whole);
	if (!err)
		err = replay_broadcast_tier(r, what, json, b);
	if (err)
		return err;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s%,s:I,s:b,s:o}", "path", &b->path,
			   &b->path_len, "incarnation", &incarnation, "held", &held, "counts",
			   &counts))
		return replay_bad_json(r, what, &error);
	err = replay_identity(r, what, b->path_len, incarnation, &b->incarnation);
	if (err)
		return err;
	b->held = held;
	return replay_slots(r, what, counts, b);
}

static int replay_session(const struct replay *r, json_t *json, size_t i, struct collect_session *s)
{
	json_int_t incarnation;
	json_error_t error;
	const char *tier;
	size_t tier_len;
	char what[48];
	json_t *counts;
	int held, err;

	snprintf(what, sizeof(what), "sessions[%zu]", i);
	err = replay_beginning(r, what, json, &s->fresh, &s->whole);
	if (err)
		return err;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:s%,s:s%,s:I,s:b,s:o}", "root", &s->root,
			   &s->root_len, "tier", &tier, &tier_len, "incarnation", &incarnation,
			   "held", &held, "counts", &counts))
		return replay_bad_json(r, what, &error);
	err = replay_identity(r, what, s->root_len, incarnation, &s->incarnation);
	if (!err)
		err = replay_tier(r, what, tier, tier_len, &s->tier);
	if (err)
		return err;
	s->held = held;
	return replay_counts(r, what, counts, collect_format_session_fields,
			     MOQSTAT_SESSION_FIELD_MAX, s->counts);
}

/* The names still lie in the JSON; copy them to storage of the batch's own. */
static int replay_own_text(struct collect_batch *batch)
{
	size_t total = 0, i;
	char *at;

	for (i = 0; i < batch->broadcasts_len; i++)
		total += batch->broadcasts[i].path_len;
	for (i = 0; i < batch->sessions_len; i++)
		total += batch->sessions[i].root_len;
	batch->text = malloc(total + 1);
	if (!batch->text)
		return -ENOMEM;
	at = batch->text;
	/* json_unpack_ex() has set each path and root, also empty ones. */
	/* NOLINTBEGIN(clang-analyzer-core.NonNullParamChecker) */
	for (i = 0; i < batch->broadcasts_len; i++) {
		memcpy(at, batch->broadcasts[i].path, batch->broadcasts[i].path_len);
		batch->broadcasts[i].path = at;
		at += batch->broadcasts[i].path_len;
	}
	for (i = 0; i < batch->sessions_len; i++) {
		memcpy(at, batch->sessions[i].root, batch->sessions[i].root_len);
		batch->sessions[i].root = at;
		at += batch->sessions[i].root_len;
	}
	/* NOLINTEND(clang-analyzer-core.NonNullParamChecker) */
	return 0;
}

static int replay_arrays(const struct replay *r, json_t *broadcasts, json_t *sessions,
			 struct collect_batch *batch)
{
	json_t *item;
	size_t i;
	int err;

	if (!json_is_array(broadcasts) || !json_is_array(sessions))
		return replay_bad(r, "broadcasts or sessions are not an array");
	/* One more than there are: calloc(0) may be NULL. */
	batch->broadcasts = calloc(json_array_size(broadcasts) + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(json_array_size(sessions) + 1, sizeof(*batch->sessions));
	if (!batch->broadcasts || !batch->sessions)
		return -ENOMEM;
	json_array_foreach(broadcasts, i, item)
	{
		err = replay_broadcast(r, item, i, &batch->broadcasts[i]);
		if (err)
			return err;
	}
	json_array_foreach(sessions, i, item)
	{
		err = replay_session(r, item, i, &batch->sessions[i]);
		if (err)
			return err;
	}
	batch->broadcasts_len = json_array_size(broadcasts);
	batch->sessions_len = json_array_size(sessions);
	return replay_own_text(batch);
}

/* Of which release the frames are to be, and take that out of the object. */
static int replay_schema(struct replay *r, json_t *json, struct collect_batch *batch)
{
	const json_t *name = json_object_get(json, "schema");
	const struct frame_schema *schema = &frame_schema_broadcast_0_12;

	if (name)
		schema = json_is_string(name) ? frame_schema_find(json_string_value(name)) : NULL;
	if (!schema)
		return replay_bad(r, "\"schema\" is none that is known here");
	if (r->schema && r->schema != schema)
		return replay_bad(r, "\"schema\" is another than before");
	r->schema = batch->schema = schema;
	json_object_del(json, "schema");
	return 0;
}

/* The label of one more tier, or of one that there is already. */
static int replay_label(struct replay *r, size_t i, const json_t *json)
{
	const char *text = json_string_value(json);
	char *label = r->tiers.labels[i];
	size_t len = text ? json_string_length(json) : 0, k;

	if (!text || len > MOQSTAT_LABEL_MAX || strlen(text) != len || (!i && len))
		return replay_bad(r, "\"tiers\": number %zu is no label that it may have", i);
	for (k = 0; k < r->tiers.len && len; k++) {
		if (k != i && !strcmp(r->tiers.labels[k], text))
			return replay_bad(r, "\"tiers\": two have one label");
	}
	if (*label && strcmp(label, text))
		return replay_bad(r, "\"tiers\": number %zu is another than before", i);
	memcpy(label, text, len + 1);
	if (r->tiers.len <= i)
		r->tiers.len = i + 1;
	return 0;
}

/* The tiers that there are so far, if they are labels, and take that out of the object. */
static int replay_tiers(struct replay *r, json_t *json, bool first, struct collect_batch *batch)
{
	const json_t *list = json_object_get(json, "tiers"), *label;
	size_t i;
	int err = 0;

	if (!first && !list != !r->tiers.len)
		return replay_bad(r, "\"tiers\" is there, or isn't, other than before");
	if (!list)
		return 0;
	if (!json_is_array(list) || !json_array_size(list) ||
	    json_array_size(list) > MOQSTAT_LABELS_MAX || json_array_size(list) < r->tiers.len)
		return replay_bad(r, "\"tiers\" is no list of 1 to %d labels, or a shorter one",
				  MOQSTAT_LABELS_MAX);
	json_array_foreach(list, i, label)
	{
		err = err ? err : replay_label(r, i, label);
	}
	r->tiers.found = true;
	batch->tiers = &r->tiers;
	json_object_del(json, "tiers");
	return err;
}

static int replay_batch(struct replay *r, json_t *json, struct collect_batch *batch)
{
	json_t *version = json_object_get(json, "v"), *time_ms, *broadcasts, *sessions, *lost;
	bool first = !r->schema;
	json_error_t error;
	int err;

	if (!json_is_integer(version))
		return replay_bad(r, "not a batch of a moqstat recording: no version \"v\"");
	if (json_integer_value(version) != COLLECT_FORMAT_VERSION)
		return replay_bad(r,
				  "recording of version %" JSON_INTEGER_FORMAT ", only %d is known",
				  json_integer_value(version), COLLECT_FORMAT_VERSION);
	err = replay_schema(r, json, batch);
	if (!err)
		err = replay_tiers(r, json, first, batch);
	if (err)
		return err;
	if (json_unpack_ex(json, &error, JSON_STRICT, "{s:o,s:o,s:o,s:o,s:o}", "v", &version,
			   "time_ms", &time_ms, "broadcasts", &broadcasts, "sessions", &sessions,
			   "lost", &lost))
		return replay_bad_json(r, "not a batch", &error);
	if (replay_u64(time_ms, &batch->time_ms))
		return replay_bad(r, "\"time_ms\" is not a number from 0 to 2^64-1");
	err = replay_counts(r, "lost", lost, collect_format_lost, MOQSTAT_LOST_MAX, batch->lost);
	if (err)
		return err;
	return replay_arrays(r, broadcasts, sessions, batch);
}

/* Read one line into *batch, which is left half-filled on failure. */
static int replay_next(struct replay *r, struct collect_batch *batch)
{
	json_error_t error;
	json_t *json;
	int err;

	err = replay_line(r);
	if (err)
		return err;
	json_memory_begin();
	json = json_loadb(r->line, r->line_len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!json)
		return replay_bad_json(r, r->complete ? "not JSON" : "cut short", &error);
	err = json_memory_failed() ? -ENOMEM : replay_batch(r, json, batch);
	if (json_memory_failed())
		err = -ENOMEM;
	json_decref(json);
	return err;
}

static int replay_read(struct collect *c, struct collect_batch *batch)
{
	struct replay *r = (struct replay *)c;

	/* What follows a bad line would be counts out of their order. */
	if (!r->failed)
		r->failed = replay_next(r, batch);
	if (r->failed)
		collect_batch_deinit(batch);
	return r->failed;
}

/* The agent that recorded has retired these already. */
static int replay_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	(void)c;
	(void)b;
	return 0;
}

static int replay_retire_session(struct collect *c, const struct collect_session *s)
{
	(void)c;
	(void)s;
	return 0;
}

static void replay_destroy(struct collect *c)
{
	struct replay *r = (struct replay *)c;

	if (r->in)
		fclose(r->in);
	free(r->line);
	free(r->file);
	free(r);
}

static const struct collect_ops replay_ops = {
	.read = replay_read,
	.retire_broadcast = replay_retire_broadcast,
	.retire_session = replay_retire_session,
	.destroy = replay_destroy,
};

int collect_replay_create(const char *file, struct collect **out)
{
	size_t size = strlen(file) + 1;
	struct replay *r;
	int err;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->base.ops = &replay_ops;
	r->file = malloc(size);
	if (!r->file) {
		err = -ENOMEM;
		goto fail;
	}
	memcpy(r->file, file, size);
	r->in = fopen(file, "re");
	if (!r->in) {
		err = -errno;
		goto fail;
	}
	*out = &r->base;
	return 0;
fail:
	replay_destroy(&r->base);
	return err;
}
