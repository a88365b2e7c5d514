/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "relay_model.h"

void model_init(struct model *m, const char *prefix)
{
	size_t i;

	memset(m, 0, sizeof(*m));
	assert_int_equal(snapshot_create(prefix, &m->snapshot), 0);
	for (i = 0; i < TRACKS_OF_TWO; i++)
		assert_int_equal(track_create(tracks_two[i].name, 0, &m->tracks[i]), 0);
}

void model_deinit(struct model *m)
{
	size_t i;

	for (i = 0; i < TRACKS_OF_TWO; i++) {
		frame_buf_deinit(&m->frames[i]);
		track_destroy(m->tracks[i]);
	}
	snapshot_destroy(m->snapshot);
	memset(m, 0, sizeof(*m));
}

static bool entry_is(const struct model_entry *e, bool is_root, enum moqstat_tier tier,
		     const char *name)
{
	return e->used && e->is_root == is_root && (!is_root || e->tier == tier) &&
	       strcmp(e->name, name) == 0;
}

/* Stats::entry and session_counters: get or create. */
static struct model_entry *model_entry(struct model *m, bool is_root, enum moqstat_tier tier,
				       const char *name)
{
	struct model_entry *e, *spare = NULL;
	uint32_t incarnation = 0;
	size_t i;

	if (m->disabled)
		return NULL;
	for (i = 0; i < MODEL_ENTRIES; i++) {
		e = &m->entries[i];
		if (!e->used && !spare)
			spare = e;
		if (!entry_is(e, is_root, tier, name))
			continue;
		if (!e->ended)
			return e;
		if (e->incarnation >= incarnation)
			incarnation = e->incarnation + 1;
	}
	assert_non_null(spare);
	memset(spare, 0, sizeof(*spare));
	snprintf(spare->name, sizeof(spare->name), "%s", name);
	spare->is_root = is_root;
	spare->tier = tier;
	spare->incarnation = incarnation;
	spare->used = true;
	return spare;
}

/* A guard that bumps `open` now and open + 1 when it is dropped, as every pair of fields lies. */
static struct model_guard model_open(struct model_entry *e, enum moqstat_role role,
				     enum moqstat_tier tier, unsigned int open)
{
	struct model_guard guard = { .entry = e };

	if (!e)
		return guard;
	e->refs++;
	guard.counts = e->counts[role][tier];
	guard.counts[open]++;
	guard.closed = &guard.counts[open + 1];
	return guard;
}

struct model_guard model_hold(struct model *m, const char *path)
{
	struct model_guard guard = { .entry = model_entry(m, false, MOQSTAT_EXTERNAL, path) };

	if (guard.entry)
		guard.entry->refs++;
	return guard;
}

struct model_guard model_announce(struct model *m, enum moqstat_role role, enum moqstat_tier tier,
				  const char *path)
{
	return model_open(model_entry(m, false, tier, path), role, tier, MOQSTAT_ANNOUNCED);
}

struct model_guard model_track(struct model *m, enum moqstat_role role, enum moqstat_tier tier,
			       const char *path)
{
	return model_open(model_entry(m, false, tier, path), role, tier, MOQSTAT_SUBSCRIPTIONS);
}

/* The two counts of a root lie where a broadcast of slot 0 has its first two. */
struct model_guard model_session(struct model *m, enum moqstat_tier tier, const char *root)
{
	return model_open(model_entry(m, true, tier, root), MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL,
			  MOQSTAT_SESSIONS);
}

static unsigned int *session_path(struct model_session_broadcasts *s, const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(s->paths) / sizeof(s->paths[0]); i++) {
		if (s->paths[i].name[0] == '\0')
			snprintf(s->paths[i].name, MODEL_NAME, "%s", path);
		if (strcmp(s->paths[i].name, path) == 0)
			return &s->paths[i].n;
	}
	fail_msg("model session is full");
	return NULL;
}

struct model_guard model_subscribe(struct model_session_broadcasts *s, const char *path)
{
	struct model_guard guard = model_hold(s->model, path);

	if (guard.entry) {
		guard.counts = guard.entry->counts[s->role][s->tier];
		if ((*session_path(s, path))++ == 0)
			guard.counts[MOQSTAT_BROADCASTS]++;
	}
	return guard;
}

void model_unsubscribe(struct model_session_broadcasts *s, const char *path,
		       struct model_guard *guard)
{
	if (guard->entry && --*session_path(s, path) == 0)
		guard->counts[MOQSTAT_BROADCASTS_CLOSED]++;
	model_drop(guard);
}

void model_bump(struct model_guard *guard, enum moqstat_field field, uint64_t n)
{
	if (guard->entry)
		guard->counts[field] += n;
}

void model_drop(struct model_guard *guard)
{
	if (!guard->entry)
		return;
	assert_true(guard->entry->refs > 0);
	if (guard->closed)
		(*guard->closed)++;
	guard->entry->refs--;
	memset(guard, 0, sizeof(*guard));
}

void model_collect(struct model *m)
{
	size_t i;

	for (i = 0; i < MODEL_ENTRIES; i++)
		m->entries[i].ended = m->entries[i].used && m->entries[i].refs == 0;
}

/* What a backend reads. Whatever it tells as not held has ended for good. */
static void model_read(struct model *m, struct collect_batch *batch, struct model_entry **b_entries,
		       struct model_entry **s_entries)
{
	struct collect_broadcast *b;
	struct collect_session *s;
	struct model_entry *e;
	size_t i;

	model_collect(m);
	for (i = 0; i < MODEL_ENTRIES; i++) {
		e = &m->entries[i];
		if (!e->used)
			continue;
		if (e->is_root) {
			s_entries[batch->sessions_len] = e;
			s = &batch->sessions[batch->sessions_len++];
			*s = (struct collect_session){ e->name,	       strlen(e->name), e->tier,
						       e->incarnation, !e->ended,	false,
						       false,	       { 0 },		0 };
			memcpy(s->counts, e->counts, sizeof(s->counts));
		} else {
			b_entries[batch->broadcasts_len] = e;
			b = &batch->broadcasts[batch->broadcasts_len++];
			*b = (struct collect_broadcast){ .path = e->name,
							 .path_len = strlen(e->name),
							 .incarnation = e->incarnation,
							 .held = !e->ended };
			memcpy(b->counts, e->counts, sizeof(b->counts));
		}
	}
}

void model_tick(struct model *m)
{
	struct model_entry *b_entries[MODEL_ENTRIES], *s_entries[MODEL_ENTRIES];
	struct collect_broadcast broadcasts[MODEL_ENTRIES];
	struct collect_session sessions[MODEL_ENTRIES];
	struct collect_batch batch = { .broadcasts = broadcasts, .sessions = sessions };
	const struct frame_schema *schema;
	size_t i;
	int rc;

	model_read(m, &batch, b_entries, s_entries);
	assert_int_equal(snapshot_update(m->snapshot, &batch, &m->tick), 0);
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		schema = tracks_two[i].kind == TRACK_BROADCASTS ? &frame_schema_broadcast_0_12
								: &frame_schema_session;
		assert_int_equal(
			frame_build(schema, m->tick.rows[i], m->tick.rows_len[i], &m->frames[i]),
			0);
		rc = track_write(m->tracks[i], 0, m->frames[i].data, m->frames[i].len);
		assert_true(rc >= 0);
		m->wrote[i] = rc > 0;
	}
	for (i = 0; i < m->tick.retire_len[TRACK_BROADCASTS]; i++)
		b_entries[m->tick.retire[TRACK_BROADCASTS][i]]->used = false;
	for (i = 0; i < m->tick.retire_len[TRACK_SESSIONS]; i++)
		s_entries[m->tick.retire[TRACK_SESSIONS][i]]->used = false;
	m->retired += m->tick.retire_len[TRACK_BROADCASTS] + m->tick.retire_len[TRACK_SESSIONS];
}

size_t model_entries(const struct model *m)
{
	size_t i, n = 0;

	for (i = 0; i < MODEL_ENTRIES; i++)
		n += m->entries[i].used;
	return n;
}

const char *model_frame(const struct model *m, const char *track)
{
	size_t i;

	for (i = 0; i < TRACKS_OF_TWO; i++) {
		if (strcmp(tracks_two[i].name, track) == 0)
			return m->frames[i].data;
	}
	fail_msg("no track %s", track);
	return NULL;
}

bool model_has(const struct model *m, const char *track, const char *name)
{
	json_t *frame = json_loads(model_frame(m, track), JSON_REJECT_DUPLICATES, NULL);
	bool has;

	assert_non_null(frame);
	has = json_object_get(frame, name) != NULL;
	json_decref(frame);
	return has;
}

uint64_t model_value(const struct model *m, const char *track, const char *name, const char *field)
{
	json_t *frame = json_loads(model_frame(m, track), JSON_REJECT_DUPLICATES, NULL);
	json_t *value = json_object_get(json_object_get(frame, name), field);
	json_int_t number = json_integer_value(value);
	bool found = json_is_integer(value);

	json_decref(frame);
	if (!found)
		fail_msg("%s has no %s of %s: %s", track, field, name, model_frame(m, track));
	return (uint64_t)number;
}
