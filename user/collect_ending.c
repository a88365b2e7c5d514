/* SPDX-License-Identifier: MIT */
/*
 * collect_ending.c - closes what a relay leaves open when it ends: its guards are gone without a
 * bump.
 */
#include <errno.h>
#include <stdlib.h>

#include "collect.h"

struct ending {
	struct collect base;
	struct collect *inner;
	bool ended;
};

/* Pairs of an open counter and its closed one lie side by side, in both enums of fields. */
static void ending_close(uint64_t *counts, unsigned int fields)
{
	unsigned int field;

	for (field = 1; field < fields; field++) {
		if (MOQSTAT_FIELD_CLOSES(field) && counts[field] < counts[field - 1])
			counts[field] = counts[field - 1];
	}
}

static int ending_read(struct collect *c, struct collect_batch *batch)
{
	struct ending *e = (struct ending *)c;
	unsigned int role, tier;
	size_t i;
	int err;

	/* What is closed below has not changed in the backend. */
	if (e->ended)
		batch->since = 0;
	err = e->inner->ops->read(e->inner, batch);

	if (err || !e->ended)
		return err;
	for (i = 0; i < batch->broadcasts_len; i++) {
		batch->broadcasts[i].held = false;
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
			for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++)
				ending_close(batch->broadcasts[i].counts[role][tier],
					     MOQSTAT_FIELD_MAX);
		}
	}
	for (i = 0; i < batch->sessions_len; i++) {
		batch->sessions[i].held = false;
		ending_close(batch->sessions[i].counts, MOQSTAT_SESSION_FIELD_MAX);
	}
	return 0;
}

static int ending_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	struct ending *e = (struct ending *)c;

	return e->inner->ops->retire_broadcast(e->inner, b);
}

static int ending_retire_session(struct collect *c, const struct collect_session *s)
{
	struct ending *e = (struct ending *)c;

	return e->inner->ops->retire_session(e->inner, s);
}

static void ending_destroy(struct collect *c)
{
	struct ending *e = (struct ending *)c;

	collect_destroy(e->inner);
	free(e);
}

int collect_ending_create(struct collect *inner, struct collect **out)
{
	static const struct collect_ops ops = {
		.read = ending_read,
		.retire_broadcast = ending_retire_broadcast,
		.retire_session = ending_retire_session,
		.destroy = ending_destroy,
	};
	struct ending *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->base.ops = &ops;
	e->inner = inner;
	*out = &e->base;
	return 0;
}

void collect_ending_end(struct collect *c)
{
	((struct ending *)c)->ended = true;
}
