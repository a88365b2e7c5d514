/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect_format.h"
#include "json_memory.h"
#include "ledger_record.h"
#include "metrics_node.h"

_Static_assert(LEDGER_FIELDS >= MOQSTAT_FIELD_MAX && LEDGER_TRACKS >= MOQSTAT_SLOT_SESSION,
	       "a ledger has room for a broadcast's counts");

struct metrics {
	struct ledger_places broadcasts, roots;
	struct metrics_node *nodes[METRICS_NODES_MAX]; /* sorted by the bytes of their names */
	size_t len;
	uint64_t heard; /* things, so far */
	json_t *health;
};

size_t metrics_ledger_of(unsigned int track, size_t *its)
{
	const struct track_what t = tracks_what(track);

	if (t.kind == TRACK_SESSIONS) {
		*its = 0;
		return METRICS_ROOTS + t.tier;
	}
	*its = t.tier % MOQSTAT_TIER_MAX * MOQSTAT_ROLE_MAX + t.role;
	return t.tier / MOQSTAT_TIER_MAX;
}

int metrics_create(size_t places, struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	metrics_set_places(m, places);
	*out = m;
	return 0;
}

void metrics_set_places(struct metrics *m, size_t places)
{
	m->broadcasts.max = m->roots.max = places;
}

static void metrics_part_destroy(struct metrics_part *part)
{
	size_t i;

	for (i = 0; i < TRACKS_MAX; i++)
		ledger_sheet_deinit(&part->sheets[i]);
	free(part->name);
	free(part);
}

static void metrics_clear_parts(struct metrics_node *node)
{
	while (node->parts_len)
		metrics_part_destroy(node->parts[--node->parts_len]);
	free(node->parts);
	node->parts = NULL;
	node->parts_size = 0;
}

static void metrics_node_destroy(struct metrics_node *node)
{
	size_t i;

	if (!node)
		return;
	metrics_clear_parts(node);
	for (i = 0; i < METRICS_LEDGERS; i++)
		ledger_destroy(node->ledgers[i]);
	for (i = 1; i < MOQSTAT_LABELS_MAX; i++)
		free((char *)node->labels[i].value);
	json_decref(node->status);
	free(node->name);
	free(node);
}

void metrics_destroy(struct metrics *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->len; i++)
		metrics_node_destroy(m->nodes[i]);
	json_decref(m->health);
	free(m);
}

static int metrics_node_create(const char *name, struct metrics_node **out)
{
	struct metrics_node *node = calloc(1, sizeof(*node));
	size_t len = strlen(name);
	char *label;

	/* The name, and then its label. */
	if (node)
		node->name = malloc(len + 1 + EXPOSITION_ESCAPED(len));
	if (!node || !node->name)
		goto fail;
	label = mempcpy(node->name, name, len + 1);
	node->label =
		(struct exposition_label){ "node", label, exposition_escape(name, len, label) };
	node->tiers = tiers_default;
	node->labels[0] = EXPOSITION_LABEL("tier", "external");
	*out = node;
	return 0;
fail:
	metrics_node_destroy(node);
	return -ENOMEM;
}

static void metrics_remove(struct metrics *m, size_t i)
{
	metrics_node_destroy(m->nodes[i]);
	m->len--;
	memmove(&m->nodes[i], &m->nodes[i + 1], (m->len - i) * sizeof(m->nodes[0]));
}

/* Room for one more: the place of the relay that ended first. */
static int metrics_make_room(struct metrics *m)
{
	size_t i, oldest = METRICS_NODES_MAX;

	if (m->len < METRICS_NODES_MAX)
		return 0;
	for (i = 0; i < m->len; i++) {
		if (m->nodes[i]->ended && (oldest == METRICS_NODES_MAX ||
					   m->nodes[i]->touched < m->nodes[oldest]->touched))
			oldest = i;
	}
	if (oldest == METRICS_NODES_MAX)
		return -ENOSPC;
	metrics_remove(m, oldest);
	return 0;
}

/* The node of that name, made where there is none. */
static int metrics_node(struct metrics *m, const char *name, struct metrics_node **out)
{
	struct metrics_node *node;
	size_t i;
	int err;

	for (i = 0; i < m->len; i++) {
		if (!strcmp(m->nodes[i]->name, name)) {
			*out = m->nodes[i];
			return 0;
		}
	}
	err = metrics_make_room(m);
	if (!err)
		err = metrics_node_create(name, &node);
	if (err)
		return err;
	for (i = m->len; i > 0 && strcmp(m->nodes[i - 1]->name, name) > 0; i--)
		m->nodes[i] = m->nodes[i - 1];
	m->nodes[i] = node;
	m->len++;
	*out = node;
	return 0;
}

static void metrics_settle(struct metrics_node *node)
{
	size_t i;

	for (i = 0; i < METRICS_LEDGERS; i++) {
		if (node->ledgers[i])
			ledger_settle(node->ledgers[i]);
	}
}

/* The fields that the status calls unavailable. */
static void metrics_learn_fields(struct metrics_node *node)
{
	const json_t *tracks = json_object_get(node->status, "tracks"), *fields;
	const char *const *names;
	char name[TRACK_NAME_MAX];
	size_t i, field, n;

	for (i = 0; i < tracks_count(&node->tiers); i++) {
		bool roots = tracks_what(i).kind == TRACK_SESSIONS;

		names = roots ? collect_format_session_fields : collect_format_fields;
		n = roots ? (size_t)MOQSTAT_SESSION_FIELD_MAX : (size_t)MOQSTAT_FIELD_MAX;
		fields = json_object_get(tracks, tracks_name(&node->tiers, i, name));
		node->unavailable[i] = 0;
		for (field = 0; field < n; field++) {
			const char *state = json_string_value(
				json_object_get(json_object_get(fields, names[field]), "state"));

			if (state && !strcmp(state, "unavailable"))
				node->unavailable[i] |= 1U << field;
		}
	}
}

/* The track of that name, its tier being learnt if it is new. */
static int metrics_learn_track(struct metrics_node *node, const char *name)
{
	size_t before = node->tiers.len, len;
	int number = tracks_learn(&node->tiers, name);
	char *label;

	if (number < 0)
		return -ENOENT;
	if (node->tiers.len == before)
		return number;
	len = strlen(node->tiers.labels[before]);
	label = malloc(EXPOSITION_ESCAPED(len));
	if (!label) {
		node->tiers.len = before;
		return -ENOMEM;
	}
	len = exposition_escape(node->tiers.labels[before], len, label);
	node->labels[before] = (struct exposition_label){ "tier", label, len };
	metrics_learn_fields(node);
	return number;
}

static int metrics_ledger(struct metrics *m, struct metrics_node *node, size_t which)
{
	if (node->ledgers[which])
		return 0;
	if (which >= METRICS_ROOTS)
		return ledger_create(1, collect_format_session_fields, MOQSTAT_SESSION_FIELD_MAX,
				     &m->roots, &node->ledgers[which]);
	return ledger_create(MOQSTAT_ROLE_MAX * MOQSTAT_TIER_MAX, collect_format_fields,
			     MOQSTAT_FIELD_MAX, &m->broadcasts, &node->ledgers[which]);
}

/* Where a part is, or belongs; *out is NULL where there is none. */
static size_t metrics_find_part(const struct metrics_node *node, const char *name,
				struct metrics_part **out)
{
	size_t from = 0, end = node->parts_len, middle;

	while (from < end) {
		middle = from + (end - from) / 2;
		if (strcmp(node->parts[middle]->name, name) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	*out = NULL;
	if (node->parts && from < node->parts_len && !strcmp(node->parts[from]->name, name))
		*out = node->parts[from];
	return from;
}

/* The part of a name, made where there is none; NULL for the node's own. */
static int metrics_part(struct metrics_node *node, const char *name, struct metrics_part **out)
{
	struct metrics_part *part;
	size_t i;
	int err;

	*out = NULL;
	if (!strcmp(name, node->name))
		return 0;
	i = metrics_find_part(node, name, out);
	if (*out)
		return 0;
	if (node->parts_len == METRICS_PARTS_MAX)
		return -ENOSPC;
	err = ledger_grow(&node->parts, node->parts_len, &node->parts_size,
			  sizeof(struct metrics_part *));
	part = err ? NULL : calloc(1, sizeof(*part));
	if (part)
		part->name = strdup(name);
	if (!part || !part->name) {
		free(part);
		return -ENOMEM;
	}
	memmove(&node->parts[i + 1], &node->parts[i],
		(node->parts_len++ - i) * sizeof(struct metrics_part *));
	node->parts[i] = *out = part;
	return 0;
}

/* Take in a frame of a node's own, or of a part of it. */
static int metrics_count(struct metrics_node *node, struct metrics_part *part, unsigned int i,
			 const char *frame, size_t len)
{
	size_t its, which = metrics_ledger_of(i, &its);

	return part ? ledger_frame_of(node->ledgers[which], its, &part->sheets[i], frame, len)
		    : ledger_frame(node->ledgers[which], its, frame, len);
}

int metrics_end(struct metrics *m, const char *relay, const char *broadcast)
{
	struct metrics_node *node = NULL;
	struct metrics_part *part;
	size_t i, its, at;
	int err = 0;

	for (i = 0; i < m->len && !node; i++)
		node = strcmp(m->nodes[i]->name, relay) ? NULL : m->nodes[i];
	if (!node)
		return 0;
	at = metrics_find_part(node, broadcast, &part);
	if (!part && strcmp(broadcast, relay))
		return 0;
	for (i = 0; i < tracks_count(&node->tiers) && !err; i++) {
		const struct ledger *l = node->ledgers[metrics_ledger_of(i, &its)];

		if (part ? !!part->sheets[i].frame : l && ledger_total(l, its))
			err = metrics_count(node, part, i, "{}", 2);
	}
	if (err || !part)
		return err;
	metrics_part_destroy(part);
	node->parts_len--;
	memmove(&node->parts[at], &node->parts[at + 1],
		(node->parts_len - at) * sizeof(struct metrics_part *));
	return 0;
}

int metrics_frame(struct metrics *m, const char *broadcast, const char *track, const char *frame,
		  size_t len)
{
	return metrics_frame_of(m, broadcast, broadcast, track, frame, len);
}

int metrics_frame_of(struct metrics *m, const char *relay, const char *broadcast, const char *track,
		     const char *frame, size_t len)
{
	struct metrics_part *part;
	struct metrics_node *node;
	size_t which, its;
	int i, err;

	/* What isn't the name of a track begins no node. */
	if (!tracks_is_name(track))
		return -ENOENT;
	err = metrics_node(m, relay, &node);
	if (!err)
		err = metrics_part(node, broadcast, &part);
	if (err)
		return err;
	i = metrics_learn_track(node, track);
	if (i < 0)
		return i;
	/* A tick's frames come in the order of the tracks. */
	if ((size_t)i <= node->track)
		metrics_settle(node);
	which = metrics_ledger_of(i, &its);
	err = metrics_ledger(m, node, which);
	if (!err)
		err = metrics_count(node, part, i, frame, len);
	if (err)
		return err;
	node->track = i;
	node->ended = false;
	node->touched = m->heard++;
	return 0;
}

int metrics_status(struct metrics *m, json_t *status)
{
	const char *broadcast = json_string_value(json_object_get(status, "broadcast"));
	struct metrics_node *node;
	size_t i;
	int err;

	if (!json_is_object(status))
		return -EBADMSG;
	if (!broadcast)
		return 0;
	err = metrics_node(m, broadcast, &node);
	if (err)
		return err;
	json_decref(node->status);
	node->status = json_incref(status);
	node->ended = json_is_true(json_object_get(status, "ended"));
	node->touched = m->heard++;
	metrics_learn_fields(node);
	if (!node->ended)
		return 0;
	metrics_clear_parts(node);
	for (i = 0; i < METRICS_LEDGERS; i++) {
		if (node->ledgers[i])
			ledger_end(node->ledgers[i]);
	}
	/* Of it only its totals are told. */
	json_decref(node->status);
	node->status = NULL;
	return 0;
}

int metrics_health(struct metrics *m, json_t *health)
{
	size_t i;

	if (!json_is_object(health))
		return -EBADMSG;
	for (i = 0; i < m->len; i++)
		metrics_settle(m->nodes[i]);
	json_decref(m->health);
	m->health = json_incref(health);
	return 0;
}

int metrics_take(struct metrics *m, const struct feed_line *line)
{
	const char *relay = line->relay ? line->relay : line->broadcast;
	json_t *json;
	int err;

	if (line->kind == FEED_FRAME)
		return metrics_frame_of(m, relay, line->broadcast, line->track, line->json,
					line->len);
	if (line->kind == FEED_END)
		return metrics_end(m, relay, line->broadcast);
	json_memory_begin();
	json = json_loadb(line->json, line->len, 0, NULL);
	err = json_memory_failed() ? -ENOMEM : json ? 0 : -EBADMSG;
	if (!err)
		err = line->kind == FEED_STATUS ? metrics_status(m, json) : metrics_health(m, json);
	json_decref(json);
	return err;
}

int metrics_render(struct metrics *m, const struct metrics_served *served,
		   enum exposition_format format, struct frame_buf *buf)
{
	struct exposition e;
	size_t i, j;
	int err = 0;

	for (i = 0; i < m->len; i++) {
		struct metrics_node *node = m->nodes[i];

		metrics_settle(node);
		for (j = 0; j < METRICS_LEDGERS && !err; j++) {
			if (node->ledgers[j])
				err = ledger_list(node->ledgers[j], &node->rows[j].rows,
						  &node->rows[j].len);
		}
	}
	if (err)
		return err;
	exposition_begin(&e, format, buf);
	metrics_write_counts(&e, m->nodes, m->len);
	metrics_write_status(&e, m->nodes, m->len);
	err = metrics_write_health(&e, m->health);
	if (err)
		return err;
	if (served && served->ready)
		metrics_write_ready(&e, *served->ready);
	if (served && served->hub)
		metrics_write_hub(&e, served->hub);
	if (served && served->http)
		metrics_write_http(&e, served->http);
	if (served && served->uplinks)
		metrics_write_uplinks(&e, served->uplinks);
	return exposition_end(&e);
}
