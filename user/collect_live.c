/* SPDX-License-Identifier: MIT */
#include "collect_live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counts.h"
#include "forget.h"
#include "hold.h"
#include "incarnation.h"
#include "labels.h"
#include "log.h"
#include "moqstat.skel.h"
#include "names.h"
#include "overflow.h"
#include "reading.h"
#include "seed.h"
#include "sweep.h"
#include "takeover.h"

/* Retired incarnations, at most, after which entry pointers that stand for none are swept. */
#define LIVE_SWEEP 4096

/* Readings made at most at first, until all that was there before has its counts. */
#define LIVE_FIRST_TRIES 50

struct collect_live {
	struct collect base;
	struct collect_live_source source;
	const struct target *target;
	struct moqstat_bpf *object;
	struct incarnations known;
	struct labels labels;
	struct takeover *takeover;
	struct reading *reading;
	struct counts counts;
	struct hold hold;
	uint64_t number;     /* of the last batch */
	bool followed;	     /* it was for one who had taken in the one before */
	size_t retired;	     /* since the last sweep */
	uint64_t full;	     /* pointers that found no room, in all */
	uint64_t full_swept; /* of those, before the last sweep */
	bool started;	     /* has been read once */
	bool seeded;
	bool uncalled; /* probes at calls have been taken away */
	struct seed_result seed;
	uint64_t unknown_early; /* bumps on guards that were unknown until the seeding */
	uint64_t unnamed_early; /* bumps on entries that had no name until the tables were walked */
	bool named;		/* that is over */
};

/* Nothing has been opened on it since it was read? Then it has ended. */
static bool live_ends(const struct collect_live *l, const struct incarnation *in)
{
	int result = forget_path(l->object, in);

	return result == MOQSTAT_FORGOT || result == MOQSTAT_FORGOT_NOTHING;
}

/* What is told by guards is held as long as one of them is open. Then it ends with what was read,
 * as the relay's collection would have it. */
static void live_check_guarded(struct collect_live *l)
{
	bool alive = target_alive(l->target);
	size_t i;

	for (i = 0; i < l->known.touched_len; i++) {
		struct incarnation *in = l->known.touched[i];

		if (!in->guarded || in->ended)
			continue;
		in->held = !alive || incarnation_open(in) || !live_ends(l, in);
		in->ended = !in->held;
	}
}

/* Is it to be looked at in every reading? Most aren't, so that a reading takes as long as there are
 * changes. */
static bool live_watched(const void *arg, const struct incarnation *in)
{
	(void)arg;
	return !in->held || !in->based || !in->id.hash || in->superseded || in->split ||
	       in->older_path || !incarnation_open(in);
}

static int live_read_lost(struct collect_live *l, uint64_t *lost)
{
	uint32_t reason;
	int err = 0;

	for (reason = 0; reason < MOQSTAT_LOST_MAX && !err; reason++)
		err = percpu_sum(bpf_map__fd(l->object->maps.lost), reason, &lost[reason]);
	if (err)
		return err;
	lost[MOQSTAT_LOST_PATH_INVALID] = l->counts.invalid;
	lost[MOQSTAT_LOST_ENTRY_UNKNOWN] += l->counts.orphans;
	lost[MOQSTAT_LOST_TIERS_FULL] += takeover_uncounted(l->takeover);
	lost[MOQSTAT_LOST_GUARD_UNKNOWN] -= l->unknown_early;
	lost[MOQSTAT_LOST_ENTRY_UNKNOWN] -= l->unnamed_early;
	lost[MOQSTAT_LOST_COUNTERS_UNREAD] += reading_unread(l->reading);
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
					 .tier = in->slot - MOQSTAT_SLOT_SESSION + in->label,
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
					   .tier = in->label,
					   .ref = in->id.incarnation };
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++) {
		uint64_t *counts = out->counts[slot / MOQSTAT_TIER_MAX][slot % MOQSTAT_TIER_MAX];

		for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
			counts[field] = in->counts[slot][field] + in->base[slot][field];
	}
}

static int live_fill(struct collect_live *l, struct collect_batch *batch)
{
	const struct incarnations *known = &l->known;
	struct incarnation **list = batch->partial ? known->touched : known->list;
	size_t i, len = batch->partial ? known->touched_len : known->len, text = 1;
	char *at;

	for (i = 0; i < len; i++)
		text += list[i]->len;
	batch->broadcasts = calloc(len + 1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(len + 1, sizeof(*batch->sessions));
	batch->text = at = malloc(text);
	if (!batch->broadcasts || !batch->sessions || !batch->text)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		const struct incarnation *in = list[i];

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

	counts_delete(&l->counts, &in->id, in->slot);
	reading_forget(l->reading, in);
	if (!names_delete(l->object, in->slot, &in->id, in->len) && !in->guarded)
		__atomic_sub_fetch(used, 1, __ATOMIC_SEQ_CST);
	if (in->entry)
		forget_entry(l->object, in->entry, &in->id);
	incarnations_retire(&l->known, in);
	l->retired++;
}

/* What isn't shown needs no final snapshot. */
static void live_retire_unseen(struct collect_live *l)
{
	size_t i;

	for (i = 0; i < l->known.touched_len; i++) {
		struct incarnation *in = l->known.touched[i];

		if (!in->held && !in->retired && (in->hidden || !in->based))
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
	struct collect_live *l = arg;

	return counts_read(&l->counts);
}

/* What happened on guards before they were known is in the base by now: it is no loss. */
static void live_forget_unattributed(struct collect_live *l)
{
	struct moqstat_id id = { .tgid = l->target->pid, .incarnation = MOQSTAT_UNATTRIBUTED };
	struct incarnation *in = incarnations_find(&l->known, id.incarnation);

	counts_delete(&l->counts, &id, 0);
	overflow_reserve(l->object, l->target->pid);
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

	/* Where tiers are labels all of it is in the tables, if anywhere. */
	if (!l->source.plan || l->object->rodata->labelled)
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
		err = takeover_census(l->takeover, &l->seed.census, &l->known, &l->counts.existing);
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
		err = hold_check(&l->hold);
		if (!err)
			err = takeover_begin(l->takeover, &l->known);
		if (!err)
			err = counts_read(&l->counts);
	}
	if (err)
		return err;
	takeover_finish(l->takeover, &l->known);
	return l->object->bss->reading ? reading_take(l->reading, &l->known) : 0;
}

static enum collect_live_statistics live_statistics(const struct collect_live *l)
{
	if (l->object->bss->statistics_off)
		return COLLECT_LIVE_OFF;
	if (l->object->bss->statistics_shared || l->seed.on)
		return COLLECT_LIVE_ON;
	return COLLECT_LIVE_UNKNOWN;
}

/* Calls are of no use once it is known that the relay's statistics are on. */
static void live_check_calls(struct collect_live *l)
{
	if (l->uncalled || live_statistics(l) != COLLECT_LIVE_ON)
		return;
	l->uncalled = true;
	probes_take_calls(l->source.probes);
}

/* Once it is known that the relay's statistics are on, its own counters of payload are read, if
 * they can be, and its frames pay for no probe any more. */
static void live_check_reading(struct collect_live *l)
{
	if (l->object->bss->reading || !probes_readable(l->source.probes) ||
	    live_statistics(l) != COLLECT_LIVE_ON)
		return;
	reading_begin(l->reading, &l->known);
	probes_take_hot(l->source.probes);
}

/* Is there something left whose counts before the probes weren't still for long enough? */
static bool live_is_baseless(const struct collect_live *l)
{
	size_t i;

	for (i = 0; i < l->known.touched_len; i++) {
		if (!l->known.touched[i]->based && l->known.touched[i]->held)
			return true;
	}
	return false;
}

/* What was counted on entries before they had names is in what is taken over from their own
 * counters: it is no loss. Where tiers are labels the tables are found only once the relay uses
 * them, and until then there is such. */
static int live_forget_unnamed(struct collect_live *l)
{
	if (!l->object->rodata->labelled || l->named || !takeover_learnt(l->takeover))
		return 0;
	l->named = !live_is_baseless(l);
	return percpu_sum(bpf_map__fd(l->object->maps.lost), MOQSTAT_LOST_ENTRY_UNKNOWN,
			  &l->unnamed_early);
}

static int collect_live_read(struct collect *c, struct collect_batch *batch)
{
	struct collect_live *l = (struct collect_live *)c;
	uint32_t room = bpf_map__max_entries(l->object->maps.broadcasts);
	struct timespec now;
	bool first = !l->started;
	unsigned int tries = 0;
	int err;

	/* Who hasn't taken in the last two batches, perhaps since one failed, gets everything. */
	batch->schema = l->source.layout->frame;
	batch->tiers = l->object->rodata->labelled ? &l->labels.tiers : NULL;
	batch->number = l->number + 1;
	batch->partial = l->number && l->followed && batch->since == l->number;
	l->followed = batch->since == l->number;
	l->number = batch->number;
	incarnations_compact(&l->known);
	if (l->retired >= (room < LIVE_SWEEP ? room : LIVE_SWEEP) || l->full != l->full_swept)
		live_sweep(l);
	err = l->started ? 0 : live_seed(l);
	l->started = true;
	live_check_calls(l);
	live_check_reading(l);
	if (!err && !l->object->rodata->by_guard)
		err = takeover_learn(l->takeover, &l->known, &l->counts.existing);
	/* What was there before is to be in the first frames already. */
	do
		err = err ? err : live_read_all(l);
	while (!err && first && live_is_baseless(l) && tries++ < LIVE_FIRST_TRIES);
	if (err)
		return err;
	err = live_forget_unnamed(l);
	if (err)
		return err;
	live_check_guarded(l);
	live_retire_unseen(l);
	clock_gettime(CLOCK_REALTIME, &now);
	batch->time_ms = (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	err = live_fill(l, batch);
	incarnations_calm(&l->known, live_watched, NULL);
	return err;
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

	incarnations_deinit(&l->known);
	takeover_destroy(l->takeover);
	reading_destroy(l->reading);
	counts_deinit(&l->counts);
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
	struct counts_source counts = { .prefix = source->prefix,
					.no_unattributed = source->no_unattributed,
					.way = source->maps };
	int err;

	if (!l)
		return -ENOMEM;
	l->base.ops = &ops;
	l->source = *source;
	l->object = probes_object(source->probes);
	l->target = source->target;
	counts.object = l->object;
	counts.known = &l->known;
	counts.labels = &l->labels;
	labels_init(l->object, &l->labels);
	l->hold = (struct hold){ .target = l->target,
				 .layout = l->source.layout,
				 .known = &l->known,
				 .counts = &l->counts };
	err = counts_init(&counts, &l->counts);
	if (!err)
		err = takeover_create(l->object, source->target, source->layout, &l->labels,
				      &l->takeover);
	if (!err)
		err = reading_create(l->object, source->target, source->layout, &l->reading);
	if (err) {
		takeover_destroy(l->takeover);
		counts_deinit(&l->counts);
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
					  .existing = l->counts.existing };
	size_t i;

	info.statistics = live_statistics(l);
	info.tiers = l->object->rodata->labelled ? &l->labels.tiers : NULL;
	info.cold = probes_cold(l->source.probes);
	info.reading = l->object->bss->reading;
	info.missing = live_is_baseless(l) || takeover_omitted(l->takeover);
	info.batches = l->counts.passes[0].way == PERCPU_BATCHES;
	info.seeded = l->seeded;
	info.open = l->seed.open;
	info.untold = l->seed.untold + l->seed.restless;
	for (i = 0; i < COUNTS_PASSES; i++)
		*(counts_passes[i].closes ? &info.closed : &info.opened) = l->counts.passes[i].len;
	info.guarded = l->object->rodata->by_guard || info.statistics == COLLECT_LIVE_OFF;
	return info;
}
