/* SPDX-License-Identifier: MIT */
#include "collect_live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "moqstat.skel.h"
#include "percpu.h"
#include "utf8.h"

/* Retired incarnations after which entry pointers that stand for none are swept. */
#define LIVE_SWEEP    4096

#define LIVE_OVERFLOW "__overflow__"

/* The head of an Arc in the relay's memory. */
struct live_arc {
	uint64_t strong;
	uint64_t weak;
};

/* An incarnation, from the first time its counters are seen until it is retired. */
struct live_name {
	struct moqstat_id id;
	uint64_t entry;
	uint32_t slot;
	uint32_t len;
	char *path;
	bool held;
	bool superseded; /* a newer incarnation has its path or its memory */
	bool retired;
	bool hidden; /* its path is no text, so there is no row to show it in */
	uint64_t counts[MOQSTAT_SLOT_MAX][MOQSTAT_FIELD_MAX];
};

struct collect_live {
	struct collect base;
	const struct target *target;
	struct moqstat_bpf *object;
	struct live_name *names; /* by incarnation */
	size_t names_len, names_room;
	struct percpu passes[COLLECT_LIVE_PASSES];
	uint64_t invalid; /* paths that are no UTF-8 */
	uint64_t orphans; /* counters without a name */
	size_t retired;	  /* since the last sweep */
};

static int live_compare(const void *a, const void *b)
{
	const struct live_name *x = a, *y = b;

	return x->id.incarnation < y->id.incarnation ? -1 : x->id.incarnation > y->id.incarnation;
}

static struct live_name *live_find(struct collect_live *l, uint32_t incarnation)
{
	struct live_name key = { .id.incarnation = incarnation };

	return l->names_len ? bsearch(&key, l->names, l->names_len, sizeof(key), live_compare)
			    : NULL;
}

/* Does the relay still have this entry? Its Arc's counts tell: the relay's own map holds one, each
 * guard another, and nothing holds weak references. Freed memory says something else there: glibc
 * puts list pointers and a random key into it. */
static bool live_arc_held(const struct live_arc *arc)
{
	return arc->strong > 0 && arc->strong < UINT32_MAX && arc->weak == 1;
}

/* Ask who is still held, before any counter is read: counts read afterwards are then final. */
static int live_check_held(struct collect_live *l)
{
	uint64_t *addresses = calloc(l->names_len + 1, sizeof(*addresses));
	struct live_arc *arcs = calloc(l->names_len + 1, sizeof(*arcs));
	bool *readable = calloc(l->names_len + 1, sizeof(*readable));
	int err = -ENOMEM;
	size_t i;

	if (!addresses || !arcs || !readable)
		goto out;
	for (i = 0; i < l->names_len; i++)
		addresses[i] = l->names[i].entry;
	err = target_read(l->target, addresses, l->names_len, sizeof(*arcs), arcs, readable);
	for (i = 0; i < l->names_len; i++) {
		struct live_name *name = &l->names[i];

		/* Of a relay that has ended, the last state is shown as it was. Overflow is for
		 * ever. */
		if (err == -ESRCH || !name->id.hash)
			name->held = true;
		else if (!err)
			name->held = !name->superseded && readable[i] && live_arc_held(&arcs[i]);
	}
	if (err == -ESRCH)
		err = 0;
	if (err)
		log_error("cannot read the memory of process %d: %s", l->target->pid,
			  strerror(-err));
out:
	free(addresses);
	free(arcs);
	free(readable);
	return err;
}

/* Learn the name of an incarnation seen for the first time. */
static int live_learn(struct collect_live *l, const struct moqstat_slot_key *key)
{
	struct bpf_map *map = key->slot >= MOQSTAT_SLOT_SESSION ? l->object->maps.roots
								: l->object->maps.broadcasts;
	struct live_name *grown, *name;
	struct moqstat_name text = { .len = strlen(LIVE_OVERFLOW), .slot = key->id.incarnation };

	if (l->names_len == l->names_room) {
		size_t room = l->names_room ? 2 * l->names_room : 64;

		grown = reallocarray(l->names, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		l->names = grown;
		l->names_room = room;
	}
	memcpy(text.path, LIVE_OVERFLOW, text.len);
	if (key->id.hash && bpf_map_lookup_elem(bpf_map__fd(map), &key->id, &text))
		return -errno;
	name = &l->names[l->names_len];
	memset(name, 0, sizeof(*name));
	name->path = malloc(text.len + 1);
	if (!name->path)
		return -ENOMEM;
	memcpy(name->path, text.path, text.len);
	name->path[text.len] = '\0';
	name->id = key->id;
	name->entry = text.entry;
	name->slot = text.slot;
	name->len = text.len;
	name->held = true;
	name->hidden = !utf8_valid(name->path, name->len);
	l->invalid += name->hidden;
	l->names_len++;
	return 0;
}

static int live_compare_hash(const void *a, const void *b)
{
	const struct live_name *const *x = a, *const *y = b;

	if ((*x)->id.hash != (*y)->id.hash)
		return (*x)->id.hash < (*y)->id.hash ? -1 : 1;
	return live_compare(*x, *y);
}

static int live_compare_entry(const void *a, const void *b)
{
	const struct live_name *const *x = a, *const *y = b;

	if ((*x)->entry != (*y)->entry)
		return (*x)->entry < (*y)->entry ? -1 : 1;
	return live_compare(*x, *y);
}

/* The relay has one entry a path and one entry an address: what came later has ended the other. */
static int live_mark_superseded(struct collect_live *l)
{
	struct live_name **order = calloc(l->names_len + 1, sizeof(struct live_name *));
	size_t i;

	if (!order)
		return -ENOMEM;
	for (i = 0; i < l->names_len; i++)
		order[i] = &l->names[i];
	qsort(order, l->names_len, sizeof(struct live_name *), live_compare_hash);
	for (i = 1; i < l->names_len; i++) {
		if (order[i]->id.hash && order[i]->id.hash == order[i - 1]->id.hash)
			order[i - 1]->superseded = true;
	}
	qsort(order, l->names_len, sizeof(struct live_name *), live_compare_entry);
	for (i = 1; i < l->names_len; i++) {
		if (order[i]->id.hash && order[i]->entry == order[i - 1]->entry)
			order[i - 1]->superseded = true;
	}
	free(order);
	return 0;
}

/* Counts of an incarnation that was taken for finished. That must not happen, but if it does it is
 * said, and does no harm to the others. */
static int live_drop_orphan(struct collect_live *l, const struct moqstat_slot_key *key)
{
	struct moqstat_slot_key slot = *key;

	for (slot.slot = 0; slot.slot < MOQSTAT_SLOT_MAX; slot.slot++) {
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.closed), &slot);
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.opened), &slot);
	}
	l->orphans++;
	return 0;
}

static int live_compare_key(const void *a, const void *b)
{
	const struct moqstat_slot_key *const *x = a, *const *y = b;
	uint32_t p = (*x)->id.incarnation, q = (*y)->id.incarnation;

	return p < q ? -1 : p > q;
}

/* Learn every incarnation of the rows that isn't known yet. */
static int live_learn_all(struct collect_live *l, const struct percpu *p)
{
	const struct moqstat_slot_key **unknown = calloc(p->len + 1, sizeof(*unknown));
	size_t i, len = 0, before = l->names_len;
	int err = 0;

	if (!unknown)
		return -ENOMEM;
	for (i = 0; i < p->len; i++) {
		if (!live_find(l, p->rows[i].key.id.incarnation))
			unknown[len++] = &p->rows[i].key;
	}
	qsort(unknown, len, sizeof(*unknown), live_compare_key);
	for (i = 0; i < len && !err; i++) {
		if (i && !live_compare_key(&unknown[i - 1], &unknown[i]))
			continue;
		err = live_learn(l, unknown[i]);
		if (err == -ENOENT)
			err = live_drop_orphan(l, unknown[i]);
	}
	free(unknown);
	qsort(l->names, l->names_len, sizeof(*l->names), live_compare);
	if (!err && l->names_len != before)
		err = live_mark_superseded(l);
	return err;
}

/* Put the cells of one of the two maps into the counts. */
static void live_add(struct collect_live *l, const struct percpu *p, bool closes)
{
	unsigned int field;
	size_t i;

	for (i = 0; i < p->len; i++) {
		const struct percpu_row *row = &p->rows[i];
		struct live_name *name = live_find(l, row->key.id.incarnation);

		if (!name || row->key.slot >= MOQSTAT_SLOT_MAX)
			continue;
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			if (MOQSTAT_FIELD_CLOSES(field) == closes)
				name->counts[row->key.slot][field] =
					row->cells[MOQSTAT_FIELD_CELL(field)];
		}
	}
}

const struct collect_live_pass collect_live_passes[COLLECT_LIVE_PASSES] = {
	{ .closes = true, .cells = MOQSTAT_CLOSED_CELLS },
	{ .closes = false, .cells = MOQSTAT_OPENED_CELLS },
};

static int live_read_counters(struct collect_live *l)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < COLLECT_LIVE_PASSES && !err; i++) {
		const struct collect_live_pass *pass = &collect_live_passes[i];

		err = percpu_read(
			&l->passes[i],
			bpf_map__fd(pass->closes ? l->object->maps.closed : l->object->maps.opened),
			pass->cells);
	}
	for (i = 0; i < COLLECT_LIVE_PASSES && !err; i++)
		err = live_learn_all(l, &l->passes[i]);
	if (err) {
		log_error("cannot read the counters: %s", strerror(-err));
		return err;
	}
	for (i = 0; i < COLLECT_LIVE_PASSES; i++)
		live_add(l, &l->passes[i], collect_live_passes[i].closes);
	return 0;
}

static int live_read_lost(struct collect_live *l, uint64_t *lost)
{
	int cpus = libbpf_num_possible_cpus(), cpu, fd = bpf_map__fd(l->object->maps.lost);
	uint64_t *values;
	uint32_t reason;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (reason = 0; reason < MOQSTAT_LOST_MAX; reason++) {
		if (bpf_map_lookup_elem(fd, &reason, values))
			continue;
		for (cpu = 0; cpu < cpus; cpu++)
			lost[reason] += values[cpu];
	}
	lost[MOQSTAT_LOST_PATH_INVALID] = l->invalid;
	lost[MOQSTAT_LOST_ENTRY_UNKNOWN] += l->orphans;
	free(values);
	return 0;
}

static void live_fill_session(const struct live_name *name, char *text, struct collect_session *out)
{
	*out = (struct collect_session){ .root = text,
					 .root_len = name->len,
					 .tier = name->slot - MOQSTAT_SLOT_SESSION,
					 .incarnation = name->id.incarnation,
					 .held = name->held,
					 .ref = name->id.incarnation };
	memcpy(out->counts, name->counts[name->slot], sizeof(out->counts));
}

static void live_fill_broadcast(const struct live_name *name, char *text,
				struct collect_broadcast *out)
{
	unsigned int role, tier;

	*out = (struct collect_broadcast){ .path = text,
					   .path_len = name->len,
					   .incarnation = name->id.incarnation,
					   .held = name->held,
					   .ref = name->id.incarnation };
	for (role = 0; role < MOQSTAT_ROLE_MAX; role++) {
		for (tier = 0; tier < MOQSTAT_TIER_MAX; tier++)
			memcpy(out->counts[role][tier],
			       name->counts[role * MOQSTAT_TIER_MAX + tier],
			       sizeof(out->counts[role][tier]));
	}
}

static int live_fill(struct collect_live *l, struct collect_batch *batch)
{
	size_t i, text = 1;
	char *at;

	for (i = 0; i < l->names_len; i++)
		text += l->names[i].len;
	batch->broadcasts = calloc(l->names_len + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(l->names_len + 1, sizeof(*batch->sessions));
	batch->text = at = malloc(text);
	if (!batch->broadcasts || !batch->sessions || !batch->text)
		return -ENOMEM;
	for (i = 0; i < l->names_len; i++) {
		const struct live_name *name = &l->names[i];

		if (name->hidden)
			continue;
		memcpy(at, name->path, name->len);
		if (name->slot >= MOQSTAT_SLOT_SESSION)
			live_fill_session(name, at, &batch->sessions[batch->sessions_len++]);
		else
			live_fill_broadcast(name, at, &batch->broadcasts[batch->broadcasts_len++]);
		at += name->len;
	}
	return live_read_lost(l, batch->lost);
}

/* Forget what was retired since the last tick, and what is no path. */
static void live_compact(struct collect_live *l)
{
	size_t i, kept = 0;

	for (i = 0; i < l->names_len; i++) {
		if (l->names[i].retired)
			free(l->names[i].path);
		else
			l->names[kept++] = l->names[i];
	}
	l->names_len = kept;
}

/* Entry pointers stay in their map after their incarnation, since taking one out could race with
 * the relay using the address again. When many are stale they are swept; a bump lost to that race
 * would be counted as MOQSTAT_LOST_ENTRY_UNKNOWN. */
static void live_sweep(struct collect_live *l)
{
	int entries = bpf_map__fd(l->object->maps.entries);
	uint32_t newest = l->object->data->incarnations;
	struct moqstat_entry_key key, next;
	bool more = !bpf_map_get_next_key(entries, NULL, &next);
	struct moqstat_id id;

	while (more) {
		key = next;
		/* Deleting during this walk may start it anew, which does no harm here. */
		more = !bpf_map_get_next_key(entries, &key, &next);
		if (!bpf_map_lookup_elem(entries, &key, &id) && id.hash &&
		    id.incarnation < newest && !live_find(l, id.incarnation) &&
		    bpf_map_lookup_elem(bpf_map__fd(l->object->maps.broadcasts), &id,
					&(struct moqstat_name){ 0 }) &&
		    bpf_map_lookup_elem(bpf_map__fd(l->object->maps.roots), &id,
					&(struct moqstat_name){ 0 }))
			bpf_map_delete_elem(entries, &key);
	}
	l->retired = 0;
}

static int collect_live_read(struct collect *c, struct collect_batch *batch)
{
	struct collect_live *l = (struct collect_live *)c;
	struct timespec now;
	int err;

	live_compact(l);
	if (l->retired >= LIVE_SWEEP)
		live_sweep(l);
	err = live_check_held(l);
	if (!err)
		err = live_read_counters(l);
	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	batch->time_ms = (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return live_fill(l, batch);
}

static int live_retire(struct collect_live *l, uint64_t ref)
{
	struct live_name *name = live_find(l, ref);
	struct bpf_map *map = l->object->maps.broadcasts;
	struct moqstat_slot_key key = { 0 };

	if (!name)
		return -ENOENT;
	key.id = name->id;
	if (name->slot >= MOQSTAT_SLOT_SESSION)
		map = l->object->maps.roots;
	for (key.slot = 0; key.slot < MOQSTAT_SLOT_MAX; key.slot++) {
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.closed), &key);
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.opened), &key);
	}
	bpf_map_delete_elem(bpf_map__fd(map), &name->id);
	name->retired = true;
	l->retired++;
	return 0;
}

static int collect_live_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	return live_retire((struct collect_live *)c, b->ref);
}

static int collect_live_retire_session(struct collect *c, const struct collect_session *s)
{
	return live_retire((struct collect_live *)c, s->ref);
}

static void collect_live_destroy(struct collect *c)
{
	struct collect_live *l = (struct collect_live *)c;
	size_t i;

	for (i = 0; i < l->names_len; i++)
		free(l->names[i].path);
	free(l->names);
	for (i = 0; i < COLLECT_LIVE_PASSES; i++)
		percpu_deinit(&l->passes[i]);
	free(l);
}

int collect_live_create(const struct probes *probes, const struct target *target,
			struct collect **out)
{
	static const struct collect_ops ops = {
		.read = collect_live_read,
		.retire_broadcast = collect_live_retire_broadcast,
		.retire_session = collect_live_retire_session,
		.destroy = collect_live_destroy,
	};
	struct collect_live *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->base.ops = &ops;
	l->object = probes_object(probes);
	l->target = target;
	*out = &l->base;
	return 0;
}

enum collect_live_statistics collect_live_statistics(const struct collect *c)
{
	const struct collect_live *l = (const struct collect_live *)c;

	if (l->object->bss->statistics_off)
		return COLLECT_LIVE_OFF;
	return l->object->bss->statistics_on ? COLLECT_LIVE_ON : COLLECT_LIVE_UNKNOWN;
}
