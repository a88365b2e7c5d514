/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "snapshot_family.h"

struct snapshot {
	char *prefix;
	size_t prefix_len;
	struct snapshot_item *items; /* scratch */
	size_t *hidden;		     /* scratch: what is retired unseen */
	size_t items_size;
	struct snapshot_family families[TRACK_KIND_MAX];
	uint64_t number; /* of the last batch */
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
	size_t kind;

	if (!s)
		return;
	for (kind = 0; kind < TRACK_KIND_MAX; kind++)
		snapshot_family_deinit(&s->families[kind]);
	free(s->items);
	free(s->hidden);
	free(s->prefix);
	free(s);
}

static int items_reserve(struct snapshot *s, size_t n)
{
	struct snapshot_item *items;
	size_t *hidden;

	if (n <= s->items_size)
		return 0;
	items = calloc(n + n / 2, sizeof(*items));
	hidden = calloc(n + n / 2, sizeof(*hidden));
	if (!items || !hidden) {
		free(items);
		free(hidden);
		return -ENOMEM;
	}
	free(s->items);
	free(s->hidden);
	s->items = items;
	s->hidden = hidden;
	s->items_size = n + n / 2;
	return 0;
}

/* Broadcasts that are never shown have no final counts to wait for: they go as soon as nothing
 * holds them, or they would fill the backend's maps. */
static size_t items_from_broadcasts(struct snapshot *s, const struct collect_batch *batch,
				    const struct tiers *tiers, size_t *hidden_len)
{
	const struct collect_broadcast *b;
	size_t i, n = 0;

	for (i = 0; i < batch->broadcasts_len; i++) {
		b = &batch->broadcasts[i];
		if (path_has_prefix(b->path, b->path_len, s->prefix, s->prefix_len)) {
			if (!b->held)
				s->hidden[(*hidden_len)++] = i;
			continue;
		}
		s->items[n++] = (struct snapshot_item){
			.text = b->path,
			.text_len = b->path_len,
			.tier = tiers->found ? b->tier : SNAPSHOT_BOTH_TIERS,
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

static void snapshot_tell(const struct snapshot_family *families, const struct tiers *tiers,
			  struct snapshot_tick *out)
{
	const struct snapshot_family *family;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->tiers = tiers;
	out->tracks = tracks_count(tiers);
	for (i = 0; i < out->tracks; i++) {
		family = &families[tracks_what(i).kind];
		out->rows[i] = family->rows[i];
		out->rows_len[i] = family->rows_len[i];
		out->news[i] = family->news[i];
	}
	for (i = 0; i < TRACK_KIND_MAX; i++) {
		family = &families[i];
		out->retire[i] = family->told.retire;
		out->retire_len[i] = family->told.retire_len;
		out->held_back += family->told.held_back;
		out->waiting += family->told.waiting;
		out->held_back_retired += family->told.held_back_retired;
		out->stays |= family->told.len > 0;
		out->any |= family->told.len > 0 || family->told.gone;
	}
}

static int snapshot_prepare(struct snapshot *s, const struct collect_batch *batch,
			    const struct tiers *tiers, enum track_kind kind)
{
	size_t n, hidden = 0;
	int err = items_reserve(s, kind == TRACK_BROADCASTS ? batch->broadcasts_len
							    : batch->sessions_len);

	if (err)
		return err;
	if (kind == TRACK_BROADCASTS)
		n = items_from_broadcasts(s, batch, tiers, &hidden);
	else
		n = items_from_sessions(s, batch);
	if (n > 0)
		qsort(s->items, n, sizeof(*s->items), snapshot_item_compare);
	return snapshot_family_prepare(&s->families[kind], kind, tracks_count(tiers), s->items, n,
				       s->hidden, hidden, batch->partial);
}

/* Are all tiers among those? */
static bool snapshot_tiers_known(const struct collect_batch *batch, const struct tiers *tiers)
{
	size_t i;

	for (i = 0; i < batch->sessions_len; i++) {
		if (batch->sessions[i].tier >= tiers->len)
			return false;
	}
	for (i = 0; i < batch->broadcasts_len; i++) {
		if (batch->broadcasts[i].tier >= (tiers->found ? tiers->len : 1))
			return false;
	}
	return true;
}

int snapshot_update(struct snapshot *s, const struct collect_batch *batch,
		    struct snapshot_tick *out)
{
	const struct tiers *tiers = tiers_or_two(batch->tiers);
	struct snapshot_family *families = s->families;
	size_t i;
	int err;

	if (!snapshot_tiers_known(batch, tiers))
		return -EINVAL;
	if (batch->partial && batch->since != s->number)
		return -EINVAL;
	/* From here on there is no step back. */
	s->undoable = false;
	s->number = 0;
	for (i = 0; i < TRACK_KIND_MAX; i++)
		snapshot_family_forget(&families[i]);
	if (batch->schema)
		families[TRACK_BROADCASTS].stays = batch->schema->stays;
	err = snapshot_prepare(s, batch, tiers, TRACK_BROADCASTS);
	if (err)
		return err;
	err = snapshot_prepare(s, batch, tiers, TRACK_SESSIONS);
	if (err) {
		snapshot_family_abandon(&families[TRACK_BROADCASTS]);
		return err;
	}
	for (i = 0; i < TRACK_KIND_MAX; i++)
		snapshot_family_commit(&families[i], i);
	s->number = batch->number;
	s->undoable = true;
	snapshot_tell(families, tiers, out);
	return 0;
}

uint64_t snapshot_number(const struct snapshot *s)
{
	return s->number;
}

void snapshot_rollback(struct snapshot *s)
{
	size_t i;

	if (!s->undoable)
		return;
	for (i = 0; i < TRACK_KIND_MAX; i++)
		snapshot_family_rollback(&s->families[i], i);
	s->number = 0;
	s->undoable = false;
}
