/* SPDX-License-Identifier: MIT */
#include "incarnation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static int incarnation_compare(const void *a, const void *b)
{
	const struct incarnation *x = a, *y = b;

	return x->id.incarnation < y->id.incarnation ? -1 : x->id.incarnation > y->id.incarnation;
}

struct incarnation *incarnations_find(const struct incarnations *s, uint32_t number)
{
	struct incarnation key = { .id.incarnation = number };

	return s->len ? bsearch(&key, s->list, s->len, sizeof(key), incarnation_compare) : NULL;
}

int incarnations_add(struct incarnations *s, const struct moqstat_id *id,
		     const struct moqstat_name *name)
{
	struct incarnation *added;

	if (s->len == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct incarnation *grown = reallocarray(s->list, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->list = grown;
		s->room = room;
	}
	added = &s->list[s->len];
	memset(added, 0, sizeof(*added));
	added->path = malloc(name->len + 1);
	if (!added->path)
		return -ENOMEM;
	memcpy(added->path, name->path, name->len);
	added->path[name->len] = '\0';
	added->id = *id;
	added->entry = name->entry;
	added->shown = id->incarnation;
	added->guarded = id->hash && !name->entry;
	added->slot = name->slot;
	added->len = name->len;
	added->held = true;
	added->fresh = name->fresh;
	added->based = name->fresh || added->guarded;
	added->hidden = !utf8_valid(added->path, added->len);
	s->len++;
	return 0;
}

static int incarnation_compare_hash(const void *a, const void *b)
{
	const struct incarnation *const *x = a, *const *y = b;

	if ((*x)->id.hash != (*y)->id.hash)
		return (*x)->id.hash < (*y)->id.hash ? -1 : 1;
	return incarnation_compare(*x, *y);
}

static int incarnation_compare_entry(const void *a, const void *b)
{
	const struct incarnation *const *x = a, *const *y = b;

	if ((*x)->entry != (*y)->entry)
		return (*x)->entry < (*y)->entry ? -1 : 1;
	return incarnation_compare(*x, *y);
}

static void incarnations_supersede(struct incarnations *s, struct incarnation *older)
{
	s->superseding |= !older->superseded;
	older->superseded = true;
}

static void incarnation_continue(struct incarnation *older, struct incarnation *newer)
{
	newer->shown = older->shown;
	older->split = newer->split = true;
}

int incarnations_settle(struct incarnations *s)
{
	struct incarnation **order = calloc(s->len + 1, sizeof(struct incarnation *));
	size_t i;

	if (!order)
		return -ENOMEM;
	if (s->len)
		qsort(s->list, s->len, sizeof(*s->list), incarnation_compare);
	for (i = 0; i < s->len; i++)
		order[i] = &s->list[i];
	qsort(order, s->len, sizeof(struct incarnation *), incarnation_compare_hash);
	for (i = 1; i < s->len; i++) {
		/* Overflow has no hash, no address, and no end. */
		if (!order[i]->id.hash || order[i]->id.hash != order[i - 1]->id.hash)
			continue;
		if (!order[i]->guarded)
			incarnations_supersede(s, order[i - 1]);
		else if (!order[i - 1]->ended)
			incarnation_continue(order[i - 1], order[i]);
	}
	qsort(order, s->len, sizeof(struct incarnation *), incarnation_compare_entry);
	for (i = 1; i < s->len; i++) {
		if (order[i]->id.hash && order[i]->entry && order[i]->entry == order[i - 1]->entry)
			incarnations_supersede(s, order[i - 1]);
	}
	free(order);
	return 0;
}

bool incarnation_open(const struct incarnation *in)
{
	unsigned int slot, field;
	uint64_t opened, closed;

	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (field = 1; field < MOQSTAT_FIELD_MAX; field++) {
			opened = in->counts[slot][field - 1] + in->base[slot][field - 1];
			closed = in->counts[slot][field] + in->base[slot][field];
			if (MOQSTAT_FIELD_CLOSES(field) && opened > closed)
				return true;
		}
	}
	return false;
}

uint64_t incarnation_opens(const struct incarnation *in)
{
	unsigned int slot, field;
	uint64_t opens = 0;

	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (field = 1; field < MOQSTAT_FIELD_MAX; field++) {
			if (MOQSTAT_FIELD_CLOSES(field))
				opens += in->counts[slot][field - 1];
		}
	}
	return opens;
}

void incarnations_compact(struct incarnations *s)
{
	size_t i, kept = 0;

	for (i = 0; i < s->len; i++) {
		if (s->list[i].retired)
			free(s->list[i].path);
		else
			s->list[kept++] = s->list[i];
	}
	s->len = kept;
}

void incarnations_deinit(struct incarnations *s)
{
	size_t i;

	for (i = 0; i < s->len; i++)
		free(s->list[i].path);
	free(s->list);
	memset(s, 0, sizeof(*s));
}
