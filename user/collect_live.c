/* SPDX-License-Identifier: MIT */
#include "collect_live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "incarnation.h"
#include "inventory.h"
#include "log.h"
#include "moqstat.skel.h"
#include "path.h"
#include "percpu.h"
#include "seed.h"
#include "sweep.h"
#include "takeover.h"

/* Retired incarnations, at most, after which entry pointers that stand for none are swept. */
#define LIVE_SWEEP 4096

/* Readings made at most at first, until all that was there before has its counts. */
#define LIVE_FIRST_TRIES  50

#define LIVE_OVERFLOW	  "__overflow__"
#define LIVE_UNATTRIBUTED "__unattributed__"

struct collect_live {
	struct collect base;
	struct collect_live_source source;
	const struct target *target;
	struct moqstat_bpf *object;
	struct incarnations known;
	struct takeover *takeover;
	struct percpu passes[COLLECT_LIVE_PASSES];
	uint64_t invalid;    /* paths that are no UTF-8 */
	uint64_t orphans;    /* counters without a name */
	size_t existing;     /* incarnations whose beginning wasn't seen */
	size_t retired;	     /* since the last sweep */
	uint64_t full;	     /* pointers that found no room, in all */
	uint64_t full_swept; /* of those, before the last sweep */
	bool started;	     /* has been read once */
	bool seeded;
	struct seed_result seed;
	uint64_t unknown_early; /* bumps on guards that were unknown until the seeding */
};

const struct collect_live_pass collect_live_passes[COLLECT_LIVE_PASSES] = {
	{ .closes = true, .cells = MOQSTAT_CLOSED_CELLS },
	{ .closes = false, .cells = MOQSTAT_OPENED_CELLS },
};

/* Ask who is still held, before any counter is read: counts read afterwards are then final. */
static int live_check_held(struct collect_live *l)
{
	uint64_t *addresses = calloc(l->known.len + 1, sizeof(*addresses));
	struct inventory_arc *arcs = calloc(l->known.len + 1, sizeof(*arcs));
	bool *readable = calloc(l->known.len + 1, sizeof(*readable));
	int err = -ENOMEM;
	size_t i;

	if (!addresses || !arcs || !readable)
		goto out;
	for (i = 0; i < l->known.len; i++)
		addresses[i] = l->known.list[i].entry;
	err = target_read(l->target, addresses, l->known.len, sizeof(*arcs), arcs, readable);
	for (i = 0; i < l->known.len; i++) {
		struct incarnation *in = &l->known.list[i];

		/* Of a relay that has ended, the last state is shown as it was. Overflow is for
		 * ever. What is told by guards has no memory of its own to look at. */
		if (in->guarded && err != -ESRCH)
			continue;
		if (err == -ESRCH || !in->id.hash)
			in->held = true;
		else if (!err)
			in->held = !in->superseded && readable[i] && inventory_arc_alive(&arcs[i]);
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

static int live_names(const struct collect_live *l, uint32_t slot)
{
	return bpf_map__fd(slot >= MOQSTAT_SLOT_SESSION ? l->object->maps.roots
							: l->object->maps.broadcasts);
}

static void live_delete_counts(const struct collect_live *l, const struct moqstat_id *id)
{
	struct moqstat_slot_key key = { .id = *id };

	for (key.slot = 0; key.slot < MOQSTAT_SLOT_MAX; key.slot++) {
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.closed), &key);
		bpf_map_delete_elem(bpf_map__fd(l->object->maps.opened), &key);
	}
}

/* Learn the name of an incarnation whose counts are seen for the first time. */
static int live_learn(struct collect_live *l, const struct moqstat_slot_key *key)
{
	bool unnamed = key->id.incarnation == MOQSTAT_UNATTRIBUTED;
	const char *text = unnamed ? LIVE_UNATTRIBUTED : LIVE_OVERFLOW;
	struct moqstat_name name = { .len = strlen(text),
				     .slot = unnamed ? 0 : key->id.incarnation,
				     .fresh = 1 };
	struct incarnation *added;
	int err;

	memcpy(name.path, text, name.len);
	if (key->id.hash && bpf_map_lookup_elem(live_names(l, key->slot), &key->id, &name)) {
		if (errno != ENOENT)
			return -errno;
		/* Counts of an incarnation that was taken for finished. That must not happen, but
		 * if it does it is said, and does no harm to the others. */
		live_delete_counts(l, &key->id);
		l->orphans++;
		return 0;
	}
	err = incarnations_add(&l->known, &key->id, &name);
	if (err)
		return err;
	added = &l->known.list[l->known.len - 1];
	l->existing += !name.fresh;
	l->invalid += added->hidden;
	if (unnamed && l->source.no_unattributed)
		added->hidden = true;
	/* Where its statistics are on, the relay itself leaves these out. */
	if (added->guarded && !added->slot &&
	    path_has_prefix(added->path, added->len, l->source.prefix, strlen(l->source.prefix)))
		added->hidden = true;
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
	size_t i, len = 0;
	int err = 0;

	if (!unknown)
		return -ENOMEM;
	for (i = 0; i < p->len; i++) {
		if (!incarnations_find(&l->known, p->rows[i].key.id.incarnation))
			unknown[len++] = &p->rows[i].key;
	}
	qsort(unknown, len, sizeof(*unknown), live_compare_key);
	for (i = 0; i < len && !err; i++) {
		if (!i || live_compare_key(&unknown[i - 1], &unknown[i]))
			err = live_learn(l, unknown[i]);
	}
	free(unknown);
	if (!err && len)
		err = incarnations_settle(&l->known);
	return err;
}

/* Put the cells of one of the two maps into the counts. */
static void live_add(struct collect_live *l, const struct percpu *p, bool closes)
{
	unsigned int field;
	size_t i;

	for (i = 0; i < p->len; i++) {
		const struct percpu_row *row = &p->rows[i];
		struct incarnation *in = incarnations_find(&l->known, row->key.id.incarnation);

		if (!in || row->key.slot >= MOQSTAT_SLOT_MAX)
			continue;
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
			if (MOQSTAT_FIELD_CLOSES(field) == closes)
				in->counts[row->key.slot][field] =
					row->cells[MOQSTAT_FIELD_CELL(field)];
		}
	}
}

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

/* Let what begins under the path from now on be another incarnation. False if something has begun
 * since the counters were read: then this one goes on. */
static bool live_unlink(const struct collect_live *l, const struct incarnation *in)
{
	int paths = bpf_map__fd(in->slot >= MOQSTAT_SLOT_SESSION ? l->object->maps.root_paths
								 : l->object->maps.paths);
	struct moqstat_path_key key = { .hash = in->id.hash, .tgid = in->id.tgid, .len = in->len };
	struct moqstat_path path;

	if (bpf_map_lookup_elem(paths, &key, &path) || path.id.incarnation != in->id.incarnation ||
	    bpf_map_lookup_and_delete_elem(paths, &key, &path))
		return true;
	/* Fewer than were counted: one was noted here while this was taken out and put back. */
	if (path.opens <= incarnation_opens(in))
		return true;
	/* In vain only if yet another has begun meanwhile; that one is shown as this one's. */
	bpf_map_update_elem(paths, &key, &path, BPF_NOEXIST);
	return false;
}

/* What is told by guards is held as long as one of them is open. Then it ends with what was read,
 * as the relay's collection would have it. */
static void live_check_guarded(struct collect_live *l)
{
	bool alive = target_alive(l->target);
	size_t i;

	for (i = 0; i < l->known.len; i++) {
		struct incarnation *in = &l->known.list[i];

		if (!in->guarded || in->ended)
			continue;
		in->held = !alive || incarnation_open(in) || !live_unlink(l, in);
		in->ended = !in->held;
	}
}

static int live_read_lost(struct collect_live *l, uint64_t *lost)
{
	uint32_t reason;
	int err = 0;

	for (reason = 0; reason < MOQSTAT_LOST_MAX && !err; reason++)
		err = percpu_sum(bpf_map__fd(l->object->maps.lost), reason, &lost[reason]);
	if (err)
		return err;
	lost[MOQSTAT_LOST_PATH_INVALID] = l->invalid;
	lost[MOQSTAT_LOST_ENTRY_UNKNOWN] += l->orphans;
	lost[MOQSTAT_LOST_GUARD_UNKNOWN] -= l->unknown_early;
	l->full = lost[MOQSTAT_LOST_ENTRIES_FULL] + lost[MOQSTAT_LOST_GUARDS_FULL];
	return 0;
}

/* Were all guards that count on it seen from their beginning? */
static bool live_fresh(const struct incarnation *in)
{
	unsigned int slot, field;
	uint64_t base = 0;

	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
			base |= in->base[slot][field];
	}
	return in->id.hash && in->fresh && !base;
}

/* And is there nothing else of it? An entry is new, or not; but of a path without an entry only the
 * relay's memory can tell what was open before. */
static bool live_whole(const struct collect_live *l, const struct incarnation *in)
{
	return live_fresh(in) && !in->split &&
	       (!in->guarded || (l->seeded && !l->seed.untold && !l->seed.restless));
}

static void live_fill_session(const struct collect_live *l, const struct incarnation *in,
			      char *text, struct collect_session *out)
{
	unsigned int field;

	*out = (struct collect_session){ .root = text,
					 .root_len = in->len,
					 .tier = in->slot - MOQSTAT_SLOT_SESSION,
					 .incarnation = in->shown,
					 .held = in->held,
					 .fresh = live_fresh(in),
					 .whole = live_whole(l, in),
					 .ref = in->id.incarnation };
	for (field = 0; field < MOQSTAT_SESSION_FIELD_MAX; field++)
		out->counts[field] = in->counts[in->slot][field] + in->base[in->slot][field];
}

static void live_fill_broadcast(const struct collect_live *l, const struct incarnation *in,
				char *text, struct collect_broadcast *out)
{
	unsigned int slot, field;

	*out = (struct collect_broadcast){ .path = text,
					   .path_len = in->len,
					   .incarnation = in->shown,
					   .held = in->held,
					   .fresh = live_fresh(in),
					   .whole = live_whole(l, in),
					   .ref = in->id.incarnation };
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		uint64_t *counts = out->counts[slot / MOQSTAT_TIER_MAX][slot % MOQSTAT_TIER_MAX];

		for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
			counts[field] = in->counts[slot][field] + in->base[slot][field];
	}
}

static int live_fill(struct collect_live *l, struct collect_batch *batch)
{
	size_t i, text = 1;
	char *at;

	for (i = 0; i < l->known.len; i++)
		text += l->known.list[i].len;
	batch->broadcasts = calloc(l->known.len + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(l->known.len + 1, sizeof(*batch->sessions));
	batch->text = at = malloc(text);
	if (!batch->broadcasts || !batch->sessions || !batch->text)
		return -ENOMEM;
	for (i = 0; i < l->known.len; i++) {
		const struct incarnation *in = &l->known.list[i];

		if (in->hidden || in->retired || !in->based)
			continue;
		memcpy(at, in->path, in->len);
		if (in->slot >= MOQSTAT_SLOT_SESSION)
			live_fill_session(l, in, at, &batch->sessions[batch->sessions_len++]);
		else
			live_fill_broadcast(l, in, at, &batch->broadcasts[batch->broadcasts_len++]);
		at += in->len;
	}
	return live_read_lost(l, batch->lost);
}

static void live_retire(struct collect_live *l, struct incarnation *in)
{
	uint32_t *used = &l->object->bss->names_used[in->slot >= MOQSTAT_SLOT_SESSION];

	live_delete_counts(l, &in->id);
	if (!bpf_map_delete_elem(live_names(l, in->slot), &in->id) && !in->guarded)
		__atomic_sub_fetch(used, 1, __ATOMIC_SEQ_CST);
	in->retired = true;
	l->retired++;
}

/* What isn't shown needs no final snapshot. */
static void live_retire_unseen(struct collect_live *l)
{
	size_t i;

	for (i = 0; i < l->known.len; i++) {
		struct incarnation *in = &l->known.list[i];

		if (!in->held && (in->hidden || !in->based))
			live_retire(l, in);
	}
}

static void live_sweep(struct collect_live *l)
{
	sweep_entries(l->object, l->target);
	sweep_guards(l->object, &l->known);
	l->retired = 0;
	l->full_swept = l->full;
}

static int live_seed_read(void *arg)
{
	return live_read_counters(arg);
}

/* What happened on guards before they were known is in the base by now: it is no loss. */
static void live_forget_unattributed(struct collect_live *l)
{
	struct moqstat_id id = { .tgid = l->target->pid, .incarnation = MOQSTAT_UNATTRIBUTED };
	struct incarnation *in = incarnations_find(&l->known, id.incarnation);

	live_delete_counts(l, &id);
	if (in)
		memset(in->counts, 0, sizeof(in->counts));
	percpu_sum(bpf_map__fd(l->object->maps.lost), MOQSTAT_LOST_GUARD_UNKNOWN,
		   &l->unknown_early);
}

/* At first: what is open already? */
static int live_seed(struct collect_live *l)
{
	const struct seed seed = { .object = l->object,
				   .target = l->target,
				   .plan = l->source.plan,
				   .prefix = l->source.prefix,
				   .known = &l->known,
				   .read = live_seed_read,
				   .arg = l };
	int err;

	if (!l->source.plan)
		return 0;
	err = seed_take(&seed, &l->seed);
	if (err == -ENOMEM)
		return err;
	if (err) {
		log_warn("what is open in the relay (process %d) can't be told: %s; it is left "
			 "out until it ends",
			 l->target->pid, strerror(-err));
		return 0;
	}
	if (l->seed.on && !l->object->rodata->by_guard)
		err = takeover_census(l->takeover, &l->seed.census, &l->known, &l->existing);
	else
		live_forget_unattributed(l);
	census_deinit(&l->seed.census);
	l->seeded = !err;
	return err;
}

/* One reading of who is held and of all counters. */
static int live_read_all(struct collect_live *l)
{
	unsigned int round;
	int err = 0;

	/* Where a newer incarnation turns up, the counts of the one before it were perhaps read too
	 * early to be final: once more. */
	for (round = 0, l->known.superseding = true; !err && round < 2 && l->known.superseding;
	     round++) {
		l->known.superseding = false;
		err = live_check_held(l);
		if (!err)
			err = takeover_begin(l->takeover, &l->known);
		if (!err)
			err = live_read_counters(l);
	}
	if (!err)
		takeover_finish(l->takeover, &l->known);
	return err;
}

/* Is there something left whose counts before the probes weren't still for long enough? */
static bool live_is_baseless(const struct collect_live *l)
{
	size_t i;

	for (i = 0; i < l->known.len; i++) {
		if (!l->known.list[i].based && l->known.list[i].held)
			return true;
	}
	return false;
}

static int collect_live_read(struct collect *c, struct collect_batch *batch)
{
	struct collect_live *l = (struct collect_live *)c;
	uint32_t room = bpf_map__max_entries(l->object->maps.broadcasts);
	struct timespec now;
	bool first = !l->started;
	unsigned int tries = 0;
	int err;

	incarnations_compact(&l->known);
	if (l->retired >= (room < LIVE_SWEEP ? room : LIVE_SWEEP) || l->full != l->full_swept)
		live_sweep(l);
	err = l->started ? 0 : live_seed(l);
	l->started = true;
	if (!err && !l->object->rodata->by_guard)
		err = takeover_learn(l->takeover, &l->known, &l->existing);
	/* What was there before is to be in the first frames already. */
	do
		err = err ? err : live_read_all(l);
	while (!err && first && live_is_baseless(l) && tries++ < LIVE_FIRST_TRIES);
	if (err)
		return err;
	live_check_guarded(l);
	live_retire_unseen(l);
	clock_gettime(CLOCK_REALTIME, &now);
	batch->time_ms = (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	return live_fill(l, batch);
}

static int live_retire_ref(struct collect *c, uint64_t ref)
{
	struct collect_live *l = (struct collect_live *)c;
	struct incarnation *in = incarnations_find(&l->known, ref);

	if (!in)
		return -ENOENT;
	live_retire(l, in);
	return 0;
}

static int collect_live_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	return live_retire_ref(c, b->ref);
}

static int collect_live_retire_session(struct collect *c, const struct collect_session *s)
{
	return live_retire_ref(c, s->ref);
}

static void collect_live_destroy(struct collect *c)
{
	struct collect_live *l = (struct collect_live *)c;
	size_t i;

	incarnations_deinit(&l->known);
	takeover_destroy(l->takeover);
	for (i = 0; i < COLLECT_LIVE_PASSES; i++)
		percpu_deinit(&l->passes[i]);
	free(l);
}

int collect_live_create(const struct collect_live_source *source, struct collect **out)
{
	static const struct collect_ops ops = {
		.read = collect_live_read,
		.retire_broadcast = collect_live_retire_broadcast,
		.retire_session = collect_live_retire_session,
		.destroy = collect_live_destroy,
	};
	struct collect_live *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->base.ops = &ops;
	l->source = *source;
	l->object = probes_object(source->probes);
	l->target = source->target;
	err = takeover_create(l->object, source->target, source->layout, &l->takeover);
	if (err) {
		free(l);
		return err;
	}
	*out = &l->base;
	return 0;
}

struct collect_live_info collect_live_info(const struct collect *c)
{
	const struct collect_live *l = (const struct collect_live *)c;
	struct collect_live_info info = { .inventoried = takeover_learnt(l->takeover),
					  .existing = l->existing };

	if (l->object->bss->statistics_off)
		info.statistics = COLLECT_LIVE_OFF;
	else if (l->object->bss->statistics_shared)
		info.statistics = COLLECT_LIVE_ON;
	else if (l->seed.on)
		info.statistics = COLLECT_LIVE_ON;
	info.seeded = l->seeded;
	info.open = l->seed.open;
	info.untold = l->seed.untold + l->seed.restless;
	info.guarded = l->object->rodata->by_guard || info.statistics == COLLECT_LIVE_OFF;
	return info;
}
