/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect.h"
#include "collect_format.h"
#include "collect_live.h"
#include "jsonl.h"
#include "log.h"
#include "loop.h"
#include "sites_cache.h"
#include "sites_report.h"
#include "stats.h"
#include "status.h"

/* All that a run holds; what isn't used stays zero. */
struct run {
	const struct options *options;
	struct target target;
	struct sites sites;
	struct probes *probes;
	struct collect *live; /* the backend itself, inside of `collect` */
	struct collect *collect;
	struct stats *stats;
	struct jsonl out;
	struct loop loop;
	struct collect_live_info info;
	uint64_t lost[MOQSTAT_LOST_MAX];
	bool warned[MOQSTAT_LOST_MAX];
};

/* Bad input is the caller's to mend; all else is ours. */
static int run_exit(int err)
{
	switch (err) {
	case -ENOEXEC:
	case -ENOTSUP:
	case -ENODATA:
	case -ENOENT:
	case -EACCES:
	case -EISDIR:
	case -ELOOP:
	case -ENOTDIR:
	case -ENXIO:
	case -ENAMETOOLONG:
	case -EFBIG:
	case -ESRCH:
	case -EINVAL:
	case -EBADMSG:
	case -ERANGE:
		return EXIT_USAGE;
	default:
		return EXIT_FAILED;
	}
}

static void run_progress(size_t done, size_t all, void *arg)
{
	(void)arg;
	fprintf(stderr, done < all ? "\rmoqstat: scanning %zu%%" : "\r\033[K",
		all ? 100 * done / all : 100);
}

/* The sites of the executable at `path`. */
static int run_find_sites(const struct options *o, const char *path, struct sites *out)
{
	struct elf_file *f;
	int err = elf_file_create(path, &f);

	if (err)
		return err;
	err = sites_find(f, !o->no_cache, isatty(STDERR_FILENO) ? run_progress : NULL, NULL, out);
	elf_file_destroy(f);
	return err;
}

int run_sites(const struct options *o)
{
	struct target target = { 0 };
	struct sites sites;
	int err = o->pid ? target_init(o->pid, &target) : 0;

	if (!err)
		err = run_find_sites(o, o->pid ? target.exe : o->binary, &sites);
	if (!err) {
		err = sites_report(&sites, o->pid ? target.exe_name : o->binary, o->json, stdout);
		if (err && err != -EPIPE)
			log_error("cannot write the report to standard output: %s", strerror(-err));
		sites_deinit(&sites);
		target_deinit(&target);
		return err && err != -EPIPE ? EXIT_FAILED : EXIT_DONE;
	}
	target_deinit(&target);
	return run_exit(err);
}

/* Say what the numbers are worth: at the start, whenever that changes, and at the end. */
static int run_write_status(struct run *r)
{
	json_t *json = r->probes ? status_live(&r->target, &r->sites, r->probes, &r->info, r->lost)
				 : status_replay(r->options->replay);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int err = text ? jsonl_write_status(&r->out, text, strlen(text)) : -ENOMEM;

	free(text);
	json_decref(json);
	return err;
}

/* A loss is said once a reason; its amount is in the recording and in the status. */
static void run_warn(struct run *r, const struct stats_tick *tick)
{
	unsigned int i;

	for (i = MOQSTAT_LOST_NONE + 1; i < MOQSTAT_LOST_MAX; i++) {
		if (!tick->lost[i] || r->warned[i])
			continue;
		r->warned[i] = true;
		log_warn("%llu event(s) could not be attributed: %s",
			 (unsigned long long)tick->lost[i], collect_format_lost[i]);
	}
}

static int run_tick(struct run *r)
{
	struct stats_tick tick;
	struct collect_live_info before;
	int err = stats_tick(r->stats, r->collect, &r->out, &tick);

	if (err)
		return err;
	run_warn(r, &tick);
	memcpy(r->lost, tick.lost, sizeof(r->lost));
	if (!r->live)
		return 0;
	before = r->info;
	r->info = collect_live_info(r->live);
	if (before.statistics == r->info.statistics && before.inventoried == r->info.inventoried &&
	    !before.existing == !r->info.existing)
		return 0;
	if (r->info.statistics == COLLECT_LIVE_OFF && before.statistics != COLLECT_LIVE_OFF)
		log_info(
			"the relay (process %d) runs with its statistics off: counting by its guards",
			r->target.pid);
	return run_write_status(r);
}

static int run_open_live(struct run *r)
{
	const struct options *o = r->options;
	const struct probes_options probes = { .kind = o->probes,
					       .identity = o->identity,
					       .max_broadcasts = o->max_broadcasts };
	int err = target_init(o->pid, &r->target);

	if (!err)
		err = run_find_sites(o, r->target.exe, &r->sites);
	if (!err)
		err = probes_create(&r->target, &r->sites, &probes, &r->probes);
	if (!err)
		err = collect_live_create(r->probes, &r->target, r->sites.layout, &r->live);
	if (!err)
		log_info("attached to process %d (%s, %s): %zu sites by %s", r->target.pid,
			 r->target.exe_name, r->sites.layout->relays, r->sites.len,
			 probes_kind_name(r->probes));
	r->collect = r->live;
	return err;
}

static int run_open(struct run *r)
{
	const struct options *o = r->options;
	struct collect *recorder;
	int err = o->replay ? collect_replay_create(o->replay, &r->collect) : run_open_live(r);

	if (err && o->replay)
		log_error("cannot replay %s: %s; name a file that --record wrote", o->replay,
			  strerror(-err));
	if (!err && o->record) {
		err = collect_record_create(o->record, r->collect, &recorder);
		if (!err)
			r->collect = recorder;
	}
	if (!err)
		err = stats_create(o->prefix, o->node,
				   r->sites.layout ? r->sites.layout->frame
						   : &frame_schema_broadcast_0_12,
				   &r->stats);
	return err;
}

static int run_replay(struct run *r)
{
	int err = run_write_status(r);

	while (!err)
		err = run_tick(r);
	return err == -ENODATA ? 0 : err;
}

static int run_live(struct run *r, int *status)
{
	enum loop_event event = LOOP_TICK;
	int err = loop_init(r->options->interval_ms, r->target.pidfd, STDOUT_FILENO, &r->loop);

	if (!err) {
		jsonl_stop_on(&r->out, r->loop.signals, r->target.pidfd);
		err = run_write_status(r);
	}
	while (!err && event == LOOP_TICK) {
		err = loop_wait(&r->loop, &event);
		if (!err)
			err = event == LOOP_UNREAD ? -EPIPE : run_tick(r);
	}
	if (!err)
		err = run_write_status(r);
	if (!err && event == LOOP_ENDED) {
		log_info("the relay (process %d) has ended", r->target.pid);
		*status = EXIT_RELAY_ENDED;
	}
	return err;
}

static void run_close(struct run *r)
{
	loop_deinit(&r->loop);
	stats_destroy(r->stats);
	jsonl_deinit(&r->out);
	collect_destroy(r->collect);
	probes_destroy(r->probes);
	sites_deinit(&r->sites);
	target_deinit(&r->target);
}

int run(const struct options *o)
{
	struct run r = { .options = o };
	int status = EXIT_DONE, err;

	jsonl_init(&r.out, STDOUT_FILENO);
	err = run_open(&r);
	if (err) {
		run_close(&r);
		return run_exit(err);
	}
	err = o->replay ? run_replay(&r) : run_live(&r, &status);
	run_close(&r);
	if (err == -EPIPE)
		return EXIT_DONE; /* whoever read has seen enough */
	if (err == -ECANCELED) {
		log_error("stopped while nobody read standard output: the last frames are cut off");
		return EXIT_FAILED;
	}
	if (err == -EBADMSG)
		return EXIT_USAGE;
	if (err) {
		log_error("the run ended early: %s", strerror(-err));
		return EXIT_FAILED;
	}
	return status;
}
