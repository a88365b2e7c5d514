/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "snapshot_family.h"

#define SNAPSHOT_LEN(array) (sizeof(array) / sizeof((array)[0]))

const struct snapshot_track snapshot_tracks[SNAPSHOT_TRACK_MAX] = {
	{ "publisher.json", SNAPSHOT_BROADCASTS, MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL },
	{ "subscriber.json", SNAPSHOT_BROADCASTS, MOQSTAT_SUBSCRIBER, MOQSTAT_EXTERNAL },
	{ "internal/publisher.json", SNAPSHOT_BROADCASTS, MOQSTAT_PUBLISHER, MOQSTAT_INTERNAL },
	{ "internal/subscriber.json", SNAPSHOT_BROADCASTS, MOQSTAT_SUBSCRIBER, MOQSTAT_INTERNAL },
	{ "sessions.json", SNAPSHOT_SESSIONS, MOQSTAT_ROLE_MAX, MOQSTAT_EXTERNAL },
	{ "internal/sessions.json", SNAPSHOT_SESSIONS, MOQSTAT_ROLE_MAX, MOQSTAT_INTERNAL },
};

struct snapshot {
	char *prefix;
	size_t prefix_len;
	struct snapshot_item *items; /* scratch */
	size_t items_size;
	/* The current one and the one before, which the next update overwrites: an update that
	 * fails has touched nothing that counts. */
	struct snapshot_family generations[2][SNAPSHOT_KIND_MAX];
	unsigned int current;
	bool undoable;
};

int snapshot_create(const char *prefix, struct snapshot **out)
{
	size_t len = strlen(prefix);
	struct snapshot *s;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->prefix = malloc(len + 1);
	if (!s->prefix) {
		free(s);
		return -ENOMEM;
	}
	s->prefix_len = path_normalize(prefix, len, s->prefix);
	*out = s;
	return 0;
}

void snapshot_destroy(struct snapshot *s)
{
	size_t i, kind;

	if (!s)
		return;
	for (i = 0; i < SNAPSHOT_LEN(s->generations); i++) {
		for (kind = 0; kind < SNAPSHOT_KIND_MAX; kind++)
			snapshot_family_deinit(&s->generations[i][kind]);
	}
	free(s->items);
	free(s->prefix);
	free(s);
}

static int items_reserve(struct snapshot *s, size_t n)
{
	struct snapshot_item *items;

	if (n <= s->items_size)
		return 0;
	items = calloc(n + n / 2, sizeof(*items));
	if (!items)
		return -ENOMEM;
	free(s->items);
	s->items = items;
	s->items_size = n + n / 2;
	return 0;
}

/* Broadcasts that are never shown have no final counts to wait for: they go as soon as nothing
 * holds them, or they would fill the backend's maps. */
static size_t items_from_broadcasts(struct snapshot *s, const struct collect_batch *batch,
				    struct snapshot_family *next)
{
	const struct collect_broadcast *b;
	size_t i, n = 0;

	for (i = 0; i < batch->broadcasts_len; i++) {
		b = &batch->broadcasts[i];
		if (path_has_prefix(b->path, b->path_len, s->prefix, s->prefix_len)) {
			if (!b->held)
				next->retire[next->retire_len++] = i;
			continue;
		}
		s->items[n++] = (struct snapshot_item){
			.text = b->path,
			.text_len = b->path_len,
			.incarnation = b->incarnation,
			.held = b->held,
			.counts = &b->counts[0][0][0],
			.index = i,
		};
	}
	return n;
}

static size_t items_from_sessions(struct snapshot *s, const struct collect_batch *batch)
{
	const struct collect_session *session;
	size_t i;

	for (i = 0; i < batch->sessions_len; i++) {
		session = &batch->sessions[i];
		s->items[i] = (struct snapshot_item){
			.text = session->root,
			.text_len = session->root_len,
			.tier = session->tier,
			.incarnation = session->incarnation,
			.held = session->held,
			.counts = session->counts,
			.index = i,
		};
	}
	return batch->sessions_len;
}

static void snapshot_tell(const struct snapshot_family *families, struct snapshot_tick *out)
{
	const struct snapshot_family *family;
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < SNAPSHOT_TRACK_MAX; i++) {
		family = &families[snapshot_tracks[i].kind];
		out->rows[i] = family->rows[i];
		out->rows_len[i] = family->rows_len[i];
	}
	for (i = 0; i < SNAPSHOT_KIND_MAX; i++) {
		family = &families[i];
		out->retire[i] = family->retire;
		out->retire_len[i] = family->retire_len;
		out->held_back += family->held_back;
		out->waiting += family->waiting;
		out->held_back_retired += family->held_back_retired;
	}
}

/* Fill the families of the spare generation. On failure they hold half a tick, which nobody sees
 * and their next reset drops. */
static int snapshot_advance(struct snapshot *s, const struct collect_batch *batch,
			    const struct snapshot_family *prev, struct snapshot_family *next)
{
	const size_t sizes[SNAPSHOT_KIND_MAX] = { batch->broadcasts_len, batch->sessions_len };
	size_t kind, n;
	int err;

	for (kind = 0; kind < SNAPSHOT_KIND_MAX; kind++) {
		err = items_reserve(s, sizes[kind]);
		if (!err)
			err = snapshot_family_reset(&next[kind], kind, sizes[kind]);
		if (err)
			return err;
		if (kind == SNAPSHOT_BROADCASTS)
			n = items_from_broadcasts(s, batch, &next[kind]);
		else
			n = items_from_sessions(s, batch);
		if (n > 0)
			qsort(s->items, n, sizeof(*s->items), snapshot_item_compare);
		err = snapshot_family_update(&prev[kind], kind, s->items, n, &next[kind]);
		if (err)
			return err;
	}
	return 0;
}

int snapshot_update(struct snapshot *s, const struct collect_batch *batch,
		    struct snapshot_tick *out)
{
	size_t i;
	int err;

	for (i = 0; i < batch->sessions_len; i++) {
		if (batch->sessions[i].tier >= MOQSTAT_TIER_MAX)
			return -EINVAL;
	}
	/* From here on the generation before is being overwritten: no step back to it. */
	s->undoable = false;
	err = snapshot_advance(s, batch, s->generations[s->current], s->generations[!s->current]);
	if (err)
		return err;
	s->current = !s->current;
	s->undoable = true;
	snapshot_tell(s->generations[s->current], out);
	return 0;
}

void snapshot_rollback(struct snapshot *s)
{
	if (!s->undoable)
		return;
	s->current = !s->current;
	s->undoable = false;
}
