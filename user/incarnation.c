/* SPDX-License-Identifier: MIT */
#include "incarnation.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* Only once there is something to put in. */
static void incarnations_init(struct incarnations *s)
{
	s->numbers.offset = offsetof(struct incarnation, number);
	s->paths.offset = offsetof(struct incarnation, id.hash);
	s->addresses.offset = offsetof(struct incarnation, entry);
}

struct incarnation *incarnations_find(const struct incarnations *s, uint32_t number)
{
	return index_find(&s->numbers, number);
}

static int incarnations_reserve(struct incarnations *s)
{
	size_t room = s->room ? 2 * s->room : 64;
	struct incarnation **grown;

	incarnations_init(s);
	/* The other two are filled later. */
	if (index_reserve(&s->numbers, 1) || index_reserve(&s->paths, s->len + 1 - s->settled) ||
	    index_reserve(&s->addresses, s->len + 1 - s->settled))
		return -ENOMEM;
	if (s->len < s->room)
		return 0;
	grown = reallocarray(s->list, room, sizeof(struct incarnation *));
	if (!grown)
		return -ENOMEM;
	s->list = grown;
	grown = reallocarray(s->touched, room, sizeof(struct incarnation *));
	if (!grown)
		return -ENOMEM;
	s->touched = grown;
	s->room = room;
	return 0;
}

int incarnations_add(struct incarnations *s, const struct moqstat_id *id,
		     const struct moqstat_name *name, struct incarnation **out)
{
	struct incarnation *added;
	int err = incarnations_reserve(s);

	if (err)
		return err;
	added = calloc(1, sizeof(*added) + name->len + 1);
	if (!added)
		return -ENOMEM;
	memcpy(added->path, name->path, name->len);
	added->id = *id;
	added->number = id->incarnation;
	added->entry = name->entry;
	added->shown = id->incarnation;
	added->guarded = id->hash && !name->entry;
	added->slot = name->slot;
	added->label = name->label;
	added->len = name->len;
	added->held = true;
	added->fresh = name->fresh;
	added->based = name->fresh || added->guarded;
	added->hidden = !utf8_valid(added->path, added->len);
	s->list[s->len++] = added;
	index_put(&s->numbers, added);
	incarnations_touch(s, added);
	if (out)
		*out = added;
	return 0;
}

void incarnations_touch(struct incarnations *s, struct incarnation *in)
{
	if (!in->touched)
		s->touched[s->touched_len++] = in;
	in->touched = 2;
}

void incarnations_calm(struct incarnations *s,
		       bool (*watched)(const void *arg, const struct incarnation *in),
		       const void *arg)
{
	size_t i, kept = 0;

	for (i = 0; i < s->touched_len; i++) {
		struct incarnation *in = s->touched[i];

		in->touched--;
		if (!in->touched && watched(arg, in))
			in->touched = 1;
		if (in->touched)
			s->touched[kept++] = in;
	}
	s->touched_len = kept;
}

static void incarnations_supersede(struct incarnations *s, struct incarnation *older)
{
	if (!older->superseded)
		incarnations_touch(s, older);
	s->superseding |= !older->superseded;
	older->superseded = true;
}

/* Two incarnations of one path, one right after the other. */
static void incarnations_follow(struct incarnations *s, struct incarnation *older,
				struct incarnation *newer)
{
	if (!newer->guarded) {
		incarnations_supersede(s, older);
	} else if (!older->ended) {
		newer->shown = older->shown;
		older->split = newer->split = true;
		incarnations_touch(s, older);
		incarnations_touch(s, newer);
	}
}

/* Overflow has no hash, no address, and no end. */
static void incarnations_link_path(struct incarnations *s, struct incarnation *in)
{
	struct incarnation *newer = NULL, *older;

	if (!in->id.hash)
		return;
	older = index_find(&s->paths, in->id.hash);
	for (; older && older->number > in->number; older = older->older_path)
		newer = older;
	in->older_path = older;
	if (older)
		incarnations_follow(s, older, in);
	if (newer) {
		newer->older_path = in;
		incarnations_follow(s, in, newer);
	} else {
		index_put(&s->paths, in);
	}
}

static void incarnations_link_entry(struct incarnations *s, struct incarnation *in)
{
	struct incarnation *newer = NULL, *older;

	if (!in->id.hash || !in->entry)
		return;
	older = index_find(&s->addresses, in->entry);
	for (; older && older->number > in->number; older = older->older_entry)
		newer = older;
	in->older_entry = older;
	if (older)
		incarnations_supersede(s, older);
	if (newer) {
		newer->older_entry = in;
		incarnations_supersede(s, in);
	} else {
		index_put(&s->addresses, in);
	}
}

static int incarnation_compare(const void *a, const void *b)
{
	const struct incarnation *const *x = a, *const *y = b;

	return (*x)->number<(*y)->number ? -1 : (*x)->number>(*y)->number;
}

/* Those that are new are the newest ones, but for a few. */
void incarnations_settle(struct incarnations *s)
{
	size_t i, at;

	if (s->len > s->settled)
		qsort(s->list + s->settled, s->len - s->settled, sizeof(struct incarnation *),
		      incarnation_compare);
	for (i = s->settled; i < s->len; i++) {
		struct incarnation *in = s->list[i];

		for (at = i; at && s->list[at - 1]->number > in->number; at--)
			s->list[at] = s->list[at - 1];
		s->list[at] = in;
		incarnations_link_path(s, in);
		incarnations_link_entry(s, in);
	}
	s->settled = s->len;
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
	uint64_t opens = 0, announced = 0;

	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (field = 1; field < MOQSTAT_FIELD_MAX; field++) {
			if (MOQSTAT_FIELD_CLOSES(field))
				opens += in->counts[slot][field - 1];
		}
		announced += in->counts[slot][MOQSTAT_ANNOUNCED_BYTES];
		opens += in->counts[slot][MOQSTAT_FETCHES];
	}
	/* Each of these is counted as the length of the path. */
	opens += in->len ? announced / in->len : 0;
	return opens;
}

void incarnations_retire(struct incarnations *s, struct incarnation *in)
{
	s->retired += !in->retired;
	in->retired = true;
	incarnations_touch(s, in);
}

static void incarnations_unlink_path(struct incarnations *s, struct incarnation *in)
{
	struct incarnation *newest = index_find(&s->paths, in->id.hash), *newer;

	if (newest == in) {
		index_remove(&s->paths, in->id.hash);
		if (in->older_path)
			index_put(&s->paths, in->older_path);
		return;
	}
	for (newer = newest; newer && newer->older_path != in;)
		newer = newer->older_path;
	if (newer)
		newer->older_path = in->older_path;
}

static void incarnations_unlink_entry(struct incarnations *s, struct incarnation *in)
{
	struct incarnation *newest = index_find(&s->addresses, in->entry), *newer;

	if (newest == in) {
		index_remove(&s->addresses, in->entry);
		if (in->older_entry)
			index_put(&s->addresses, in->older_entry);
		return;
	}
	for (newer = newest; newer && newer->older_entry != in;)
		newer = newer->older_entry;
	if (newer)
		newer->older_entry = in->older_entry;
}

/* Take those out of the list that are in `gone`, which is sorted likewise. */
static void incarnations_cut(struct incarnations *s, struct incarnation **gone, size_t len)
{
	struct incarnation **first =
		bsearch(gone, s->list, s->len, sizeof(struct incarnation *), incarnation_compare);
	size_t i = first - s->list, kept = i, next = 0;

	for (; i < s->len; i++) {
		if (next < len && s->list[i] == gone[next])
			next++;
		else
			s->list[kept++] = s->list[i];
	}
	s->len = kept;
	s->settled = kept;
}

void incarnations_compact(struct incarnations *s)
{
	struct incarnation *in, **gone;
	size_t i, kept = 0;

	if (!s->retired)
		return;
	incarnations_settle(s);
	for (i = 0; i < s->touched_len; i++) {
		in = s->touched[i];
		if (in->retired)
			continue;
		s->touched[i] = s->touched[kept];
		s->touched[kept++] = in;
	}
	/* What is left behind those that are kept. */
	gone = s->touched + kept;
	qsort(gone, s->retired, sizeof(struct incarnation *), incarnation_compare);
	incarnations_cut(s, gone, s->retired);
	for (i = 0; i < s->retired; i++) {
		incarnations_unlink_path(s, gone[i]);
		incarnations_unlink_entry(s, gone[i]);
		index_remove(&s->numbers, gone[i]->number);
		free(gone[i]);
	}
	s->touched_len = kept;
	s->retired = 0;
}

void incarnations_deinit(struct incarnations *s)
{
	size_t i;

	for (i = 0; i < s->len; i++)
		free(s->list[i]);
	free(s->list);
	free(s->touched);
	index_deinit(&s->numbers);
	index_deinit(&s->paths);
	index_deinit(&s->addresses);
	memset(s, 0, sizeof(*s));
}
