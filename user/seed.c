/* SPDX-License-Identifier: MIT */
#include "seed.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "moqstat.skel.h"
#include "names.h"
#include "path.h"

/* Censuses taken, at most, until every count has held still over one of them. */
#define SEED_TRIES 40

/* Where an item counts. */
struct seed_place {
	uint32_t slot;
	unsigned int field;
};

/* One incarnation while it is seeded. */
struct seed_row {
	uint32_t incarnation;
	bool changed; /* something of it was new in the last census */
	bool settled[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];
	uint64_t before[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX]; /* counts before the last census */
	uint64_t open[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];   /* guards in it, at opening fields */
};

struct seed_rows {
	struct seed_row *list; /* by incarnation number, as s->known */
	size_t len;
};

static struct seed_place seed_place(const struct census_item *item)
{
	static const unsigned int fields[] = {
		[CENSUS_ANNOUNCE] = MOQSTAT_ANNOUNCED,
		[CENSUS_TRACK] = MOQSTAT_SUBSCRIPTIONS,
		[CENSUS_BROADCAST] = MOQSTAT_BROADCASTS,
		[CENSUS_SESSION] = MOQSTAT_SESSIONS,
	};
	uint32_t slot = item->role * MOQSTAT_TIER_MAX + item->tier;

	if (item->kind == CENSUS_SESSION)
		slot = MOQSTAT_SLOT_SESSION + item->tier;
	return (struct seed_place){ .slot = slot, .field = fields[item->kind] };
}

static uint32_t seed_kind_slot(const struct census_item *item)
{
	return item->kind == CENSUS_SESSION ? MOQSTAT_SLOT_SESSION + item->tier : 0;
}

/* Does the item count? */
static bool seed_counts(const struct seed *s, const struct census_item *item)
{
	return item->len <= MOQSTAT_PATH_MAX &&
	       (item->kind == CENSUS_SESSION ||
		!path_has_prefix(item->path, item->len, s->prefix, strlen(s->prefix)));
}

/* The identity of an item's path, begun if the programs have none yet. */
static int seed_identity(const struct seed *s, const struct census_item *item,
			 struct moqstat_id *id, bool *begun)
{
	uint32_t slot = seed_kind_slot(item);
	int paths = bpf_map__fd(slot ? s->object->maps.root_paths : s->object->maps.paths);
	struct moqstat_path_key key = { .hash = identity_hash(s->object, slot, 0, item->path,
							      item->len),
					.tgid = s->target->pid,
					.len = item->len };
	struct moqstat_name name = { .slot = slot, .len = item->len };
	struct moqstat_path path;

	*begun = false;
	*id = (struct moqstat_id){ .hash = key.hash, .tgid = key.tgid };
	if (bpf_map_lookup_elem(paths, &key, &path)) {
		memcpy(name.path, item->path, item->len);
		/* The programs draw from the same counter, which is mapped into this process. */
		id->incarnation =
			__atomic_add_fetch(&s->object->data->incarnations, 1, __ATOMIC_SEQ_CST);
		path.state = id->incarnation;
		if (names_add(s->object, id, &name))
			return -E2BIG;
		if (bpf_map_update_elem(paths, &key, &path, BPF_NOEXIST)) {
			names_delete(s->object, slot, id, name.len);
			if (bpf_map_lookup_elem(paths, &key, &path))
				return -E2BIG;
		} else {
			*begun = true;
		}
	}
	id->incarnation = (uint32_t)path.state;
	if (!*begun)
		return 0;
	return incarnations_add(s->known, id, &name, NULL);
}

/* What the programs will find the guard by when something happens on it; false if by nothing that
 * can be told beforehand. */
static bool seed_guard_key(const struct seed *s, const struct census_item *item,
			   struct moqstat_guard_key *out)
{
	struct moqstat_guard_key key = { .tgid = s->target->pid, .address = item->guard };

	switch (item->kind) {
	case CENSUS_TRACK:
		/* Not in its Arc yet, it is told by a path beside it. */
		if (!item->shared)
			return false;
		break;
	case CENSUS_ANNOUNCE:
		/* Right behind its key, it is moq-lite's: told by that key. */
		if (item->table && item->owner == item->key_last)
			return false;
		if (item->role == MOQSTAT_SUBSCRIBER) {
			key.kind = MOQSTAT_GUARD_OWNER;
			key.address = item->owner;
		} else if (item->table && item->key && item->key_len <= MOQSTAT_PATH_MAX) {
			key.kind = MOQSTAT_GUARD_KEY;
			key.address = item->table;
			key.key = identity_hash(s->object, 0, 0, item->key, item->key_len);
		}
		break;
	case CENSUS_BROADCAST:
		return false;
	default:
		break;
	}
	*out = key;
	return key.address;
}

/* Tell the programs where a guard is found, if they don't know. True if that is news. It is its
 * own sibling, which the programs never make: so what they have learnt themselves stands out. */
static bool seed_tell(const struct seed *s, const struct moqstat_guard_key *key,
		      const struct moqstat_id *id)
{
	struct moqstat_guard guard = { .id = *id, .sibling = key->address };

	return !bpf_map_update_elem(bpf_map__fd(s->object->maps.guards), key, &guard, BPF_NOEXIST);
}

static int seed_key_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct moqstat_guard_key));
}

/* Where the guards of a census are found, sorted; joined to those of another one. */
static int seed_keys(const struct seed *s, const struct census *c, struct moqstat_guard_key **keys,
		     size_t *len)
{
	struct moqstat_guard_key *list = realloc(*keys, (*len + c->len + 1) * sizeof(*list));
	size_t i;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < c->len; i++)
		*len += seed_guard_key(s, &c->items[i], &list[*len]);
	qsort(list, *len, sizeof(*list), seed_key_compare);
	*keys = list;
	return 0;
}

/* Was this told, and is it no longer so? */
static bool seed_stale(const struct moqstat_guard_key *key, const struct moqstat_guard *guard,
		       const struct moqstat_guard_key *open, size_t len)
{
	return guard->sibling == key->address &&
	       !bsearch(key, open, len, sizeof(*key), seed_key_compare);
}

/* Forget what was told of guards that aren't open; only count them unless `forget`. */
static size_t seed_retract(const struct seed *s, const struct moqstat_guard_key *open, size_t len,
			   bool forget)
{
	int guards = bpf_map__fd(s->object->maps.guards);
	uint32_t left = bpf_map__max_entries(s->object->maps.guards);
	struct moqstat_guard_key key, next;
	struct moqstat_guard guard, taken;
	bool more = !bpf_map_get_next_key(guards, NULL, &next);
	size_t stale = 0;

	/* Deleting may start this walk anew, which does no harm, but must end. */
	for (; more && left; left--) {
		key = next;
		more = !bpf_map_get_next_key(guards, &key, &next);
		if (bpf_map_lookup_elem(guards, &key, &guard) ||
		    !seed_stale(&key, &guard, open, len))
			continue;
		stale++;
		if (!forget || bpf_map_lookup_and_delete_elem(guards, &key, &taken))
			continue;
		/* The programs were faster: the place is another guard's by now. */
		if (memcmp(&guard, &taken, sizeof(guard)))
			bpf_map_update_elem(guards, &key, &taken, BPF_NOEXIST);
	}
	return stale;
}

static int seed_row_compare(const void *a, const void *b)
{
	const struct seed_row *x = a, *y = b;

	return x->incarnation < y->incarnation ? -1 : x->incarnation > y->incarnation;
}

static struct seed_row *seed_row(const struct seed_rows *rows, uint32_t incarnation)
{
	struct seed_row key = { .incarnation = incarnation };

	return rows->len ? bsearch(&key, rows->list, rows->len, sizeof(key), seed_row_compare)
			 : NULL;
}

/* A row for every incarnation that is known, with its counts as they are; what had settled stays.
 */
static int seed_note(const struct seed *s, struct seed_rows *rows)
{
	struct seed_rows next = { .list = calloc(s->known->len + 1, sizeof(*next.list)) };
	size_t i;

	if (!next.list)
		return -ENOMEM;
	for (i = 0; i < s->known->len; i++) {
		const struct incarnation *in = s->known->list[i];
		const struct seed_row *before = seed_row(rows, in->id.incarnation);
		struct seed_row *row = &next.list[next.len++];

		row->incarnation = in->id.incarnation;
		if (before)
			memcpy(row->settled, before->settled, sizeof(row->settled));
		memcpy(row->before, in->counts, sizeof(row->before));
	}
	free(rows->list);
	*rows = next;
	return 0;
}

/* Take in a census: whose each guard is, and how many there are. Rows that are not there yet come
 * with the next one. */
static int seed_census(const struct seed *s, const struct census *c, const struct seed_rows *rows)
{
	struct moqstat_guard_key key;
	struct moqstat_id id;
	struct seed_place place;
	struct seed_row *row;
	bool news;
	size_t i;
	int err;

	for (i = 0; i < c->len; i++) {
		const struct census_item *item = &c->items[i];

		if (!seed_counts(s, item))
			continue;
		err = seed_identity(s, item, &id, &news);
		if (err == -E2BIG)
			continue; /* no room: as if it weren't open */
		if (err)
			return err;
		if (seed_guard_key(s, item, &key))
			news |= seed_tell(s, &key, &id);
		row = seed_row(rows, id.incarnation);
		if (!row)
			continue;
		place = seed_place(item);
		row->changed |= news;
		row->open[place.slot][place.field]++;
	}
	incarnations_settle(s->known);
	return 0;
}

/* Set the base of one pair of counters: so many were open, though so many openings and closings
 * have been counted. */
static size_t seed_base(struct incarnation *in, unsigned int slot, unsigned int field,
			uint64_t open)
{
	int64_t counted = (int64_t)(in->counts[slot][field] - in->counts[slot][field + 1]);
	int64_t gap = (int64_t)open - counted;

	in->base[slot][field] = gap > 0 ? gap : 0;
	in->base[slot][field + 1] = gap < 0 ? -gap : 0;
	return gap > 0 ? gap : 0;
}

/* What held still over the census is settled. Gives the number of pairs that aren't. */
static size_t seed_settle(const struct seed *s, const struct seed_rows *rows, size_t *open)
{
	size_t i, restless = 0;
	unsigned int slot, field;

	*open = 0;
	for (i = 0; i < s->known->len; i++) {
		struct incarnation *in = s->known->list[i];
		struct seed_row *row = seed_row(rows, in->id.incarnation);

		if (!in->guarded)
			continue;
		for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
			for (field = 0; field < MOQSTAT_BYTES; field += 2) {
				if (row && row->settled[slot][field]) {
					*open += in->base[slot][field];
					continue;
				}
				if (row)
					*open += seed_base(in, slot, field, row->open[slot][field]);
				if (!row || row->changed ||
				    row->before[slot][field] != in->counts[slot][field] ||
				    row->before[slot][field + 1] != in->counts[slot][field + 1])
					restless++;
				else
					row->settled[slot][field] = true;
			}
		}
	}
	return restless;
}

/* Is anything to be told by guards in this relay? */
static void seed_mode(const struct seed *s, struct seed_result *r)
{
	size_t i;

	for (i = 0; i < r->census.len; i++) {
		const struct census_item *item = &r->census.items[i];

		if (item->entry)
			r->on = true;
		else if (seed_counts(s, item))
			r->off = true;
	}
	r->off = r->off && !r->on;
	if (r->off)
		s->object->bss->statistics_off = 1;
}

static void seed_finish(const struct seed *s)
{
	size_t i;

	for (i = 0; i < s->known->len; i++) {
		if (s->known->list[i]->guarded)
			s->known->list[i]->based = true;
	}
}

/* Guards that were let go between a census and the telling went unseen by the programs, and what
 * was told of them has to be taken back. Later censuses, which tell nothing, don't have them. Two,
 * since one may miss a guard that changes hands in that moment. */
static int seed_verify(const struct seed *s)
{
	struct moqstat_guard_key *open = NULL;
	struct census c = { 0 };
	size_t len = 0;
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2 && !err; i++) {
		err = census_read(s->target, s->plan, &c);
		if (!err)
			err = seed_keys(s, &c, &open, &len);
		census_deinit(&c);
		if (!err && !seed_retract(s, open, len, i == 1))
			break;
	}
	free(open);
	return err;
}

static int seed_round(const struct seed *s, struct seed_rows *rows, struct seed_result *r)
{
	int err;

	census_deinit(&r->census);
	err = census_read(s->target, s->plan, &r->census);
	if (!err)
		err = seed_census(s, &r->census, rows);
	if (!err)
		err = s->read(s->arg);
	if (!err)
		r->restless = seed_settle(s, rows, &r->open);
	return err;
}

int seed_take(const struct seed *s, struct seed_result *out)
{
	struct seed_rows rows = { 0 };
	struct seed_result r = { 0 };
	unsigned int tries;
	size_t i;
	int err = census_read(s->target, s->plan, &r.census);

	if (err)
		return err;
	seed_mode(s, &r);
	if (!s->object->rodata->by_guard && !r.off)
		goto done;
	s->object->bss->settling = 1;
	/* The first one only tells the programs what there is. */
	err = seed_census(s, &r.census, &rows);
	if (!err)
		err = s->read(s->arg);
	for (tries = 0, r.restless = 1; !err && r.restless && tries < SEED_TRIES; tries++) {
		err = seed_note(s, &rows);
		if (!err)
			err = seed_round(s, &rows, &r);
	}
	free(rows.list);
	if (!err)
		err = seed_verify(s);
	s->object->bss->settling = 0;
	if (!err)
		seed_finish(s);
done:
	for (i = 0; i < CENSUS_KIND_MAX; i++)
		r.untold += r.census.untold[i];
	r.untold += r.census.tasks_untold;
	if (err)
		census_deinit(&r.census);
	else
		*out = r;
	return err;
}
