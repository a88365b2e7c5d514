/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "collect.h"
#include "collect_format.h"
#include "collect_live.h"
#include "explain.h"
#include "json_memory.h"
#include "lapse.h"
#include "log.h"
#include "settings.h"
#include "sites_cache.h"
#include "stats.h"
#include "status.h"
#include "toll.h"

/* What isn't used stays zero. */
struct relay {
	const struct options *options;
	struct target target;
	struct sites sites;
	struct probes *probes;
	struct census_plan *plan;
	struct collect *live;	 /* the backend itself, inside of `collect` */
	struct collect *ending;	 /* around it */
	struct collect *collect; /* and what is read from */
	struct stats *stats;
	struct collect_live_info info;
	struct worths worths;
	struct vitals vitals;
	struct toll toll;
	struct lapse lapses[BUDGET_KINDS];
	uint64_t lost[MOQSTAT_LOST_MAX];
	bool warned[MOQSTAT_LOST_MAX];
	bool ended;
};

static void relay_progress(size_t done, size_t all, void *arg)
{
	(void)arg;
	fprintf(stderr, done < all ? "\rmoqstat: scanning %zu%%" : "\r\033[K",
		all ? 100 * done / all : 100);
}

int relay_find_sites(const char *path, const char *name, bool cache, struct sites *out)
{
	struct elf_file *f;
	int err = elf_file_create_named(path, name, &f);

	if (err)
		return err;
	err = sites_find(f, cache, isatty(STDERR_FILENO) ? relay_progress : NULL, NULL, out);
	elf_file_destroy(f);
	return err;
}

/* Is it the executable that is no good, whoever runs it? */
static bool relay_is_unusable(int err)
{
	return err == -ENOEXEC || err == -ENOTSUP || err == -ENODATA;
}

int relay_create(pid_t pid, const struct options *o, bool *unusable, struct relay **out)
{
	struct relay *r = calloc(1, sizeof(*r));
	bool found;
	int err;

	if (unusable)
		*unusable = false;
	if (!r)
		return -ENOMEM;
	r->options = o;
	err = target_init(pid, &r->target);
	found = !err;
	if (!err)
		err = relay_find_sites(r->target.exe, r->target.exe_name, !o->no_cache, &r->sites);
	if (err) {
		if (unusable)
			*unusable = found && relay_is_unusable(err);
		relay_destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

/* Has what is known changed what the numbers are worth? Then it is explained, too. */
static bool relay_judge(struct relay *r)
{
	bool changed = worth_update(&r->sites, &r->info, stats_crosscheck(r->stats), &r->worths);

	if (changed && r->options->explain)
		explain_write(stats_broadcast(r->stats), &r->sites, &r->info, &r->worths, stderr);
	return changed;
}

static int relay_record(struct relay *r, const char *file)
{
	struct collect *recorder;
	int err;

	if (!file)
		return 0;
	err = collect_record_create(file, r->collect, &recorder);
	if (err)
		log_error("cannot record to %s: %s%s", file, strerror(-err),
			  err == -EACCES || err == -EPERM
				  ? "; it must be a file that moqstat's user (--user) may make "
				    "there, or a directory that is his"
				  : "");
	else
		r->collect = recorder;
	return err;
}

/* How to tell what is open; without, the relay is counted all the same. */
static int relay_plan(struct relay *r)
{
	struct elf_file *f;
	int err;

	/* Where tiers are labels it is known only of relays with statistics, by their tables. */
	if (layout_has_labels(r->sites.layout))
		return 0;
	err = elf_file_create_named(r->target.exe, r->target.exe_name, &f);
	if (err)
		return err;
	err = census_plan_create(f, &r->sites, &r->plan);
	elf_file_destroy(f);
	if (err && err != -ENOMEM) {
		log_warn("%s: what is open in it when moqstat comes can't be told (%s); attach "
			 "before anything begins, or run a relay with its symbols",
			 r->target.exe_name, strerror(-err));
		err = 0;
	}
	return err;
}

static int relay_probe(struct relay *r, struct closer *closer)
{
	const struct options *o = r->options;
	const struct probes_options options = { .kind = o->probes,
						.identity = o->identity,
						.hot = o->hot,
						.max_broadcasts = o->max_broadcasts,
						.leave_out = o->leave_out,
						.best_effort = o->best_effort,
						.apart = o->budget,
						.closer = closer };
	int err = probes_create(&r->target, &r->sites, &options, &r->probes);
	size_t i;

	for (i = 0; i < r->sites.len && !err; i++)
		r->sites.list[i].refused = probes_refused(r->probes, i);
	return err;
}

/* Begin what is made of what is counted. */
static int relay_begin(struct relay *r, const char *node, const struct frame_schema *schema)
{
	const struct options *o = r->options;
	const struct stats_depth depth = { .segments = o->depth,
					   .linger = settings_given(o, "linger"),
					   .linger_ms = o->linger_ms };
	int err = stats_create(o->prefix, node, schema, &r->stats);

	return err || !o->depth ? err : stats_sort(r->stats, &depth);
}

int relay_attach(struct relay *r, const char *node, const char *record, struct closer *closer)
{
	const struct options *o = r->options;
	struct collect_live_source source = { .target = &r->target,
					      .layout = r->sites.layout,
					      .prefix = o->prefix,
					      .no_unattributed = o->no_unattributed,
					      .maps = o->maps };
	int err = relay_plan(r);

	if (!err)
		err = relay_probe(r, closer);
	source.probes = r->probes;
	source.plan = r->plan;
	if (!err)
		err = collect_live_create(&source, &r->live);
	r->collect = r->live;
	if (!err)
		err = collect_ending_create(r->live, &r->ending);
	if (err)
		return err;
	r->collect = r->ending;
	err = relay_record(r, record);
	if (!err)
		err = relay_begin(r, node, r->sites.layout->frame);
	if (!err)
		log_info("attached to process %d (%s, %s): %zu sites by %s; its broadcast is %s",
			 r->target.pid, r->target.exe_name, r->sites.layout->relays,
			 probes_sites(r->probes), probes_kind_name(r->probes),
			 stats_broadcast(r->stats));
	if (err)
		return err;
	r->info.batches = collect_live_info(r->live).batches;
	relay_judge(r);
	return 0;
}

int relay_replay(const struct options *o, struct relay **out)
{
	struct relay *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->options = o;
	err = collect_replay_create(o->replay, &r->collect);
	if (err)
		log_error("cannot replay %s: %s; name a file that --record wrote", o->replay,
			  strerror(-err));
	else
		err = relay_record(r, o->record);
	if (!err)
		err = relay_begin(r, o->node, &frame_schema_broadcast_0_12);
	if (err) {
		relay_destroy(r);
		return err;
	}
	*out = r;
	return 0;
}

void relay_destroy(struct relay *r)
{
	if (!r)
		return;
	stats_destroy(r->stats);
	collect_destroy(r->collect);
	probes_destroy(r->probes);
	census_plan_destroy(r->plan);
	sites_deinit(&r->sites);
	target_deinit(&r->target);
	free(r);
}

pid_t relay_pid(const struct relay *r)
{
	return r->target.pid;
}

int relay_pidfd(const struct relay *r)
{
	return r->target.pid ? r->target.pidfd : -1;
}

const char *relay_broadcast(const struct relay *r)
{
	return r->stats ? stats_broadcast(r->stats) : "";
}

bool relay_replaced(const struct relay *r)
{
	return target_replaced(&r->target);
}

/* What is away, by kind, and how many sites are not. */
static void relay_add_shed(const struct relay *r, json_t *probes)
{
	json_t *shed = json_array();
	unsigned int kind;

	for (kind = 0; kind < BUDGET_KINDS; kind++) {
		if (r->lapses[kind].now)
			json_array_append_new(shed, json_string(budget_name(kind)));
	}
	json_object_set_new(probes, "shed", shed);
	json_object_set_new(probes, "sites", json_integer((json_int_t)probes_sites(r->probes)));
}

int relay_write_status(struct relay *r, struct jsonl *out)
{
	json_t *json;
	char *text;
	int err;

	json_memory_begin();
	json = r->probes ? status_live(&r->target, &r->sites, r->probes, &r->info, &r->worths,
				       r->lost)
			 : status_replay(r->options->replay);
	if (r->probes) {
		json_object_set_new(json, "broadcast", json_string(relay_broadcast(r)));
		if (r->options->depth)
			json_object_set_new(json, "depth", json_integer(r->options->depth));
		json_object_set_new(json, "ended", json_boolean(r->ended));
	}
	if (r->probes && r->options->budget)
		relay_add_shed(r, json_object_get(json, "probes"));
	text = json_memory_text(json, JSON_COMPACT);
	err = text ? jsonl_write_status(out, text, strlen(text)) : -ENOMEM;
	free(text);
	return err;
}

/* A loss is said once a reason; its amount is in the recording and in the status. */
static void relay_warn(struct relay *r, const struct stats_tick *tick)
{
	unsigned int i;

	for (i = MOQSTAT_LOST_NONE + 1; i < MOQSTAT_LOST_MAX; i++) {
		if (!tick->lost[i] || r->warned[i])
			continue;
		r->warned[i] = true;
		log_warn("%s: %llu event(s) could not be attributed: %s", relay_broadcast(r),
			 (unsigned long long)tick->lost[i], collect_format_lost[i]);
	}
}

/* What the backend has learnt. Whether the status tells more than before. */
static bool relay_learn(struct relay *r)
{
	struct collect_live_info before = r->info;

	r->info = collect_live_info(r->live);
	if (r->info.statistics == COLLECT_LIVE_OFF && before.statistics != COLLECT_LIVE_OFF &&
	    !sites_told_off(&r->sites))
		log_warn(
			"the relay (process %d) runs with its statistics off, and this moqstat can't count on %s then: nothing is shown; switch them on (--stats-enabled)",
			r->target.pid, r->sites.layout->relays);
	else if (r->info.statistics == COLLECT_LIVE_OFF && before.statistics != COLLECT_LIVE_OFF)
		log_info(
			"the relay (process %d) runs with its statistics off: counting by its guards",
			r->target.pid);
	return relay_judge(r) || before.statistics != r->info.statistics;
}

static int relay_tick_once(struct relay *r, struct jsonl *out, bool *learnt)
{
	struct stats_tick tick;
	int err = stats_tick(r->stats, r->collect, out, &tick);

	if (err)
		return err;
	relay_warn(r, &tick);
	memcpy(r->lost, tick.lost, sizeof(r->lost));
	*learnt = r->live && relay_learn(r);
	return 0;
}

int relay_tick(struct relay *r, struct jsonl *out)
{
	bool learnt = false;
	int err = relay_tick_once(r, out, &learnt);

	return err || !learnt ? err : relay_write_status(r, out);
}

int relay_finish(struct relay *r, struct jsonl *out)
{
	bool learnt;
	int err;

	r->ended = true;
	collect_ending_end(r->ending);
	err = relay_tick_once(r, out, &learnt);
	if (!err)
		err = stats_finish(r->stats, out);
	return err ? err : relay_write_status(r, out);
}

const char *relay_uncounted(const struct relay *r)
{
	return r->sites.layout->frame->uncounted;
}

const char *relay_no_census(const struct relay *r)
{
	if (r->plan)
		return NULL;
	return layout_has_labels(r->sites.layout)
		       ? "what is open by the memory of such a release isn't known yet"
		       : "the executable has no symbols that name its types";
}

int relay_census(const struct relay *r, struct census *out)
{
	return r->plan ? census_read(&r->target, r->plan, out) : -ENOTSUP;
}

const struct health_relay *relay_vitals(struct relay *r, bool measured)
{
	const struct vitals_source from = { .probes = r->probes,
					    .sites = &r->sites,
					    .info = &r->info,
					    .broadcast = relay_broadcast(r),
					    .lost = r->lost,
					    .measured = measured };

	vitals_read(&from, clock_read(CLOCK_MONOTONIC), &r->vitals);
	return &r->vitals.out;
}

int relay_toll(struct relay *r, struct budget_spent *spent)
{
	struct toll_sums sums;
	int err = toll_read(r->probes, &r->sites, &sums);

	if (!err)
		toll_take(&r->toll, &sums, r->options->hit_cost, spent);
	return err;
}

bool relay_is_away(const struct relay *r, enum budget_kind kind)
{
	return r->lapses[kind].now || probes_cold(r->probes);
}

static void relay_note_lapse(struct relay *r, enum budget_kind kind)
{
	stats_lapse(r->stats, budget_field(kind), r->lapses[kind].reason, r->lapses[kind].now);
	relay_judge(r);
}

int relay_take_away(struct relay *r, enum budget_kind kind, const struct budget *b,
		    struct jsonl *out)
{
	lapse_begin(&r->lapses[kind], clock_read(CLOCK_REALTIME) / 1000000, b->share, b->limit);
	probes_take_away(r->probes, budget_field(kind));
	relay_note_lapse(r, kind);
	return relay_write_status(r, out);
}

int relay_put_back(struct relay *r, enum budget_kind kind)
{
	int err = r->lapses[kind].now ? probes_put_back(r->probes, budget_field(kind)) : 0;

	if (err || !r->lapses[kind].now)
		return err;
	lapse_end(&r->lapses[kind], clock_read(CLOCK_REALTIME) / 1000000);
	relay_note_lapse(r, kind);
	return 0;
}
