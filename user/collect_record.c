/* SPDX-License-Identifier: MIT */
/*
 * collect_record.c - a backend that writes down what another one reads (--record).
 *
 * The file has one JSON object a line, one line a batch, in the order of the ticks. A line is
 * whole or, where the agent was killed or the disk was full, the last. An example, broken up here:
 *
 *   {"v":1,                         version of the format; each line has it
 *    "schema":"0.13",              the relay's release from which on its frames are so
 *    "time_ms":1763683200000,       Unix time of the tick, milliseconds
 *    "broadcasts":[
 *     {"path":"demo/bbb",
 *      "incarnation":0,             rises with each new life of the path
 *      "held":true,                 the relay may still bump it
 *      "fresh":false,               guards that count here may have begun before the probes
 *      "whole":false,               others of it may have been open before the probes
 *      "counts":{"publisher":{"external":{"announced":1,"bytes":4711}}}}],
 *    "sessions":[
 *     {"root":"demo","tier":"external","incarnation":0,"held":true,
 *      "counts":{"sessions":2,"sessions_closed":1}}],
 *    "lost":{"entry_null":3}}       what could not be attributed, by reason
 *
 * Where tiers are labels (moq-relay 0.14 and later) each line says which there are, by number, and
 * whatever is of one has its label:
 *
 *   {"v":1,"schema":"0.14","tiers":["","region/sjc"],"time_ms":1763683200000,
 *    "broadcasts":[
 *     {"path":"demo/bbb","tier":"region/sjc","incarnation":0,"held":true,
 *      "counts":{"publisher":{"announced":1,"bytes":4711}}}],
 *    "sessions":[
 *     {"root":"demo","tier":"","incarnation":0,"held":true,"counts":{"sessions":2}}],
 *    "lost":{}}
 *
 * The first one is the default tier, "". A later "" is a number that no tier has; a line may give
 * it one, add others behind, and changes nothing else.
 *
 * Counts are cumulative. One that is zero is left out, and so is an object without any. A number
 * is a JSON integer up to 2^63-1 and above that a string of its decimal digits, since many JSON
 * readers (jansson too) have no larger integers. Every member shown is required but
 * "fresh" and "whole", which are there only where they are false, and "schema" and "tiers", which
 * all lines have or none; without "schema" it is "0.12". None else is allowed. The names are those
 * of collect_format.c. An incarnation that the agent retired is in no later batch, unless the path
 * came back.
 */
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "collect_format.h"
#include "jsonl.h"
#include "log.h"
#include "utf8.h"

struct record {
	struct collect base;
	struct collect *inner;
	char *file; /* its name, for messages */
	int fd;
	struct jsonl out;
	char *line;
	size_t line_size;
};

/*
 * The builders below rely on jansson: adding NULL, or to NULL, fails and frees what it was given,
 * so one check at the end of each finds that memory was short anywhere in it.
 */

static json_t *record_u64(uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

/* The counts that aren't zero, by name. NULL where memory is short. */
static json_t *record_counts(const char *const *names, const uint64_t *counts, size_t len)
{
	json_t *json = json_object();
	int err = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (counts[i] != 0)
			err |= json_object_set_new(json, names[i], record_u64(counts[i]));
	}
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Add `child` under `name`, unless it is empty. */
static int record_add_filled(json_t *parent, const char *name, json_t *child)
{
	if (child && json_object_size(child) == 0) {
		json_decref(child);
		return 0;
	}
	return json_object_set_new(parent, name, child);
}

static json_t *record_slots(const struct tiers *tiers, const struct collect_broadcast *b)
{
	json_t *json = json_object(), *role;
	size_t r, t;
	int err = 0;

	for (r = 0; r < MOQSTAT_ROLE_MAX; r++) {
		if (tiers) {
			err |= record_add_filled(json, collect_format_roles[r],
						 record_counts(collect_format_fields,
							       b->counts[r][0], MOQSTAT_FIELD_MAX));
			continue;
		}
		role = json_object();
		for (t = 0; t < MOQSTAT_TIER_MAX; t++)
			err |= record_add_filled(role, collect_format_tiers[t],
						 record_counts(collect_format_fields,
							       b->counts[r][t], MOQSTAT_FIELD_MAX));
		err |= record_add_filled(json, collect_format_roles[r], role);
	}
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Where they aren't so, what kind of beginning it had. */
static int record_beginning(json_t *json, bool fresh, bool whole)
{
	int err = fresh ? 0 : json_object_set_new(json, "fresh", json_false());

	return whole ? err : err | json_object_set_new(json, "whole", json_false());
}

static json_t *record_broadcast(const struct tiers *tiers, const struct collect_broadcast *b)
{
	json_t *json = json_object();
	int err;

	err = json_object_set_new(json, "path", json_stringn_nocheck(b->path, b->path_len));
	if (tiers)
		err |= json_object_set_new(json, "tier", json_string(tiers->labels[b->tier]));
	err |= json_object_set_new(json, "incarnation", json_integer(b->incarnation));
	err |= json_object_set_new(json, "held", json_boolean(b->held));
	err |= record_beginning(json, b->fresh, b->whole);
	err |= json_object_set_new(json, "counts", record_slots(tiers, b));
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *record_session(const struct tiers *tiers, const struct collect_session *s)
{
	const char *tier = tiers ? tiers->labels[s->tier] : collect_format_tiers[s->tier];
	json_t *json = json_object();
	int err;

	err = json_object_set_new(json, "root", json_stringn_nocheck(s->root, s->root_len));
	err |= json_object_set_new(json, "tier", json_string(tier));
	err |= json_object_set_new(json, "incarnation", json_integer(s->incarnation));
	err |= json_object_set_new(json, "held", json_boolean(s->held));
	err |= record_beginning(json, s->fresh, s->whole);
	err |= json_object_set_new(
		json, "counts",
		record_counts(collect_format_session_fields, s->counts, MOQSTAT_SESSION_FIELD_MAX));
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* What "tiers" is to say: nothing where both are there from the beginning. */
static const struct tiers *record_tiers(const struct collect_batch *batch)
{
	return batch->tiers && batch->tiers->found ? batch->tiers : NULL;
}

static json_t *record_labels(const struct tiers *tiers)
{
	json_t *json = json_array();
	int err = 0;
	size_t i;

	for (i = 0; i < tiers->len && !err; i++)
		err = json_array_append_new(json, json_string(tiers->labels[i]));
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *record_batch(const struct collect_batch *batch)
{
	json_t *json = json_object(), *broadcasts = json_array(), *sessions = json_array();
	const struct tiers *tiers = record_tiers(batch);
	int err = 0;
	size_t i;

	for (i = 0; i < batch->broadcasts_len && !err; i++)
		err = json_array_append_new(broadcasts,
					    record_broadcast(tiers, &batch->broadcasts[i]));
	for (i = 0; i < batch->sessions_len && !err; i++)
		err = json_array_append_new(sessions, record_session(tiers, &batch->sessions[i]));
	err |= json_object_set_new(json, "v", json_integer(COLLECT_FORMAT_VERSION));
	if (batch->schema && batch->schema != &frame_schema_broadcast_0_12)
		err |= json_object_set_new(json, "schema", json_string(batch->schema->name));
	if (tiers)
		err |= json_object_set_new(json, "tiers", record_labels(tiers));
	err |= json_object_set_new(json, "time_ms", record_u64(batch->time_ms));
	err |= json_object_set_new(json, "broadcasts", broadcasts);
	err |= json_object_set_new(json, "sessions", sessions);
	err |= json_object_set_new(
		json, "lost", record_counts(collect_format_lost, batch->lost, MOQSTAT_LOST_MAX));
	if (err) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Is there a tier of that number? One without a label is the first. */
static bool record_tier(const struct tiers *tiers, uint32_t tier)
{
	return tier < tiers->len && (!tier || *tiers->labels[tier]);
}

/* What the builders take for granted. */
static int record_check(const struct collect_batch *batch)
{
	const struct tiers *tiers = record_tiers(batch);
	size_t i;

	for (i = 0; tiers && i < tiers->len; i++) {
		if (!utf8_valid(tiers->labels[i], strlen(tiers->labels[i])))
			return -EILSEQ;
	}
	for (i = 0; i < batch->broadcasts_len; i++) {
		if (tiers && !record_tier(tiers, batch->broadcasts[i].tier))
			return -EINVAL;
		if (!utf8_valid(batch->broadcasts[i].path, batch->broadcasts[i].path_len))
			return -EILSEQ;
	}
	for (i = 0; i < batch->sessions_len; i++) {
		if (tiers ? !record_tier(tiers, batch->sessions[i].tier)
			  : batch->sessions[i].tier >= MOQSTAT_TIER_MAX)
			return -EINVAL;
		if (!utf8_valid(batch->sessions[i].root, batch->sessions[i].root_len))
			return -EILSEQ;
	}
	return 0;
}

/* Make the line of `json` in r->line. */
static int record_format(struct record *r, const json_t *json, size_t *len)
{
	size_t need = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *line;

	if (need == 0)
		return -ENOMEM;
	if (need + 1 > COLLECT_FORMAT_LINE_MAX)
		return -EMSGSIZE;
	if (need + 1 > r->line_size) {
		line = realloc(r->line, need + 1);
		if (!line)
			return -ENOMEM;
		r->line = line;
		r->line_size = need + 1;
	}
	if (json_dumpb(json, r->line, need, JSON_COMPACT) != need)
		return -ENOMEM;
	r->line[need] = '\n';
	*len = need + 1;
	return 0;
}

static int record_append(struct record *r, const struct collect_batch *batch)
{
	json_t *json;
	size_t len = 0;
	int err;

	err = record_check(batch);
	if (err)
		return err;
	json = record_batch(batch);
	if (!json)
		return -ENOMEM;
	err = record_format(r, json, &len);
	json_decref(json);
	if (err)
		return err;
	return jsonl_write_line(&r->out, r->line, len);
}

static int record_read(struct collect *c, struct collect_batch *batch)
{
	struct record *r = (struct record *)c;
	int err;

	/* Each line has everything. */
	batch->since = 0;
	err = r->inner->ops->read(r->inner, batch);
	if (err)
		return err;
	err = record_append(r, batch);
	/* Said here, where it is known that the recording failed and not the counting. */
	if (err)
		log_error("cannot append a batch to the recording %s: %s", r->file, strerror(-err));
	return err;
}

static int record_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	struct record *r = (struct record *)c;

	return r->inner->ops->retire_broadcast(r->inner, b);
}

static int record_retire_session(struct collect *c, const struct collect_session *s)
{
	struct record *r = (struct record *)c;

	return r->inner->ops->retire_session(r->inner, s);
}

static void record_destroy(struct collect *c)
{
	struct record *r = (struct record *)c;

	collect_destroy(r->inner);
	jsonl_deinit(&r->out);
	if (r->fd >= 0)
		close(r->fd);
	free(r->line);
	free(r->file);
	free(r);
}

static const struct collect_ops record_ops = {
	.read = record_read,
	.retire_broadcast = record_retire_broadcast,
	.retire_session = record_retire_session,
	.destroy = record_destroy,
};

/* A file that wasn't there is what a confined process may write (filter.h): an older recording
 * makes room. What is no regular file (a pipe), or may only be written over, is opened as it is. */
static int record_open(const char *file)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
	struct stat st;
	int fd;

	if (!lstat(file, &st) && S_ISREG(st.st_mode))
		unlink(file);
	fd = open(file, flags | O_EXCL, 0600);
	return fd >= 0 || errno != EEXIST ? fd : open(file, flags | O_TRUNC, 0600);
}

/* An older recording of the same name is replaced. Paths can tell who watches what: only the
 * owner may read them. On failure `inner` stays the caller's. */
int collect_record_create(const char *file, struct collect *inner, struct collect **out)
{
	size_t size = strlen(file) + 1;
	struct record *r;
	int err;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->base.ops = &record_ops;
	r->fd = -1;
	r->file = malloc(size);
	if (!r->file) {
		err = -ENOMEM;
		goto fail;
	}
	memcpy(r->file, file, size);
	r->fd = record_open(file);
	if (r->fd < 0) {
		err = -errno;
		goto fail;
	}
	jsonl_init(&r->out, r->fd);
	r->inner = inner;
	*out = &r->base;
	return 0;
fail:
	record_destroy(&r->base);
	return err;
}
