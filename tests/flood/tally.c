// SPDX-License-Identifier: MIT
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tally_number(const char *text, size_t len, const char *format)
{
	char copy[64];
	unsigned int number;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	return sscanf(copy, format, &number) == 1 && number < FLOOD_PATHS ? (int)number : -1;
}

static void tally_pair(struct tally *t, uint64_t open, uint64_t closed)
{
	if (closed <= open)
		return;
	t->torn++;
	if (closed - open > t->worst)
		t->worst = closed - open;
}

static void tally_look(struct tally *t, const struct collect_batch *batch)
{
	unsigned int role, tier, field;
	size_t i;

	for (i = 0; i < batch->broadcasts_len; i++) {
		for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
			for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++) {
				const uint64_t *counts = batch->broadcasts[i].counts[role][tier];

				for (field = 0; field < MOQSTAT_BYTES; field += 2)
					tally_pair(t, counts[field], counts[field + 1]);
			}
		}
	}
	for (i = 0; i < batch->sessions_len; i++)
		tally_pair(t, batch->sessions[i].counts[MOQSTAT_SESSIONS],
			   batch->sessions[i].counts[MOQSTAT_SESSIONS_CLOSED]);
}

static int tally_read(struct collect *c, struct collect_batch *batch)
{
	struct tally *t = (struct tally *)c;
	int err = collect_read(t->inner, batch);

	if (err)
		return err;
	t->reads++;
	t->left = batch->broadcasts_len + batch->sessions_len;
	memcpy(t->lost, batch->lost, sizeof(t->lost));
	tally_look(t, batch);
	return 0;
}

static struct tally_final *tally_add(struct tally *t)
{
	if (t->finals_len == t->finals_room) {
		t->finals_room = t->finals_room ? 2 * t->finals_room : 1024;
		t->finals = reallocarray(t->finals, t->finals_room, sizeof(*t->finals));
		if (!t->finals)
			abort();
	}
	memset(&t->finals[t->finals_len], 0, sizeof(*t->finals));
	return &t->finals[t->finals_len++];
}

static int tally_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	struct tally *t = (struct tally *)c;
	struct tally_final *final = tally_add(t);

	final->incarnation = b->incarnation;
	final->life.path = tally_number(b->path, b->path_len, FLOOD_PATH);
	memcpy(final->life.counts, b->counts, sizeof(final->life.counts));
	return t->inner->ops->retire_broadcast(t->inner, b);
}

static int tally_retire_session(struct collect *c, const struct collect_session *s)
{
	struct tally *t = (struct tally *)c;
	struct tally_final *final = tally_add(t);

	final->incarnation = s->incarnation;
	final->life.path = tally_number(s->root, s->root_len, FLOOD_ROOT);
	final->life.slot = MOQSTAT_SLOT_SESSION + s->tier;
	memcpy(final->life.counts[0][s->tier], s->counts, sizeof(s->counts));
	return t->inner->ops->retire_session(t->inner, s);
}

static void tally_destroy(struct collect *c)
{
	(void)c;
}

void tally_init(struct tally *t, struct collect *inner)
{
	static const struct collect_ops ops = {
		.read = tally_read,
		.retire_broadcast = tally_retire_broadcast,
		.retire_session = tally_retire_session,
		.destroy = tally_destroy,
	};

	memset(t, 0, sizeof(*t));
	t->base.ops = &ops;
	t->inner = inner;
}

void tally_deinit(struct tally *t)
{
	free(t->finals);
	memset(t, 0, sizeof(*t));
}

static int tally_compare(const void *a, const void *b)
{
	const struct tally_final *x = a, *y = b;

	if (x->life.slot != y->life.slot)
		return x->life.slot < y->life.slot ? -1 : 1;
	if (x->life.path != y->life.path)
		return x->life.path < y->life.path ? -1 : 1;
	return (x->incarnation > y->incarnation) - (x->incarnation < y->incarnation);
}

void tally_sort(struct tally *t)
{
	uint64_t *into, *from;
	size_t i, kept = 0, n;

	if (t->finals_len)
		qsort(t->finals, t->finals_len, sizeof(*t->finals), tally_compare);
	for (i = 0; i < t->finals_len; i++) {
		if (!kept || tally_compare(&t->finals[kept - 1], &t->finals[i])) {
			t->finals[kept++] = t->finals[i];
			continue;
		}
		into = &t->finals[kept - 1].life.counts[0][0][0];
		from = &t->finals[i].life.counts[0][0][0];
		for (n = 0; n < sizeof(t->finals->life.counts) / sizeof(*into); n++)
			into[n] += from[n];
	}
	t->finals_len = kept;
}
