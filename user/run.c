/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "closer.h"
#include "clock.h"
#include "discover.h"
#include "files.h"
#include "jsonl.h"
#include "cost.h"
#include "kernel.h"
#include "log.h"
#include "notify.h"
#include "loop.h"
#include "path.h"
#include "privileges.h"
#include "pulse.h"
#include "relay.h"
#include "reload.h"
#include "server.h"
#include "shedding.h"
#include "sites_report.h"
#include "template.h"
#include "unit.h"

/* How often processes are looked for; the ticks may be much shorter or longer. */
#define RUN_LOOK_MS 1000

/* All that a run holds. */
struct run {
	const struct options *options; /* those below */
	struct options settings;       /* some change with SIGHUP */
	struct jsonl out;
	struct server server;
	struct serve_options serving;
	struct pulse pulse;
	struct shedding shedding;
	struct privileges privileges;
	struct notify notify;
	struct loop loop;
	struct discover *discover; /* NULL with --pid */
	struct relay **relays;
	size_t len;
	struct closer *closer;	   /* of the relays' probes */
	bool blind;		   /* the last look failed */
	char unit[UNIT_NAME_SIZE]; /* what --unit stands for */
	char host[HOST_NAME_MAX + 1];
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

/* In place of the list of sites; ends both. */
static int run_cost(const struct options *o, struct sites *sites, struct target *target)
{
	struct cost cost;
	int err = cost_measure(&cost), status = err ? run_exit(err) : EXIT_DONE;

	if (!err)
		err = cost_report(&cost, sites, o->rate, o->json, stdout);
	if (err && status == EXIT_DONE && err != -EPIPE) {
		log_error("cannot write the report to standard output: %s", strerror(-err));
		status = EXIT_FAILED;
	}
	sites_deinit(sites);
	target_deinit(target);
	return status;
}

int run_sites(const struct options *o)
{
	struct target target = { 0 };
	struct sites sites;
	int err = o->pid ? target_init(o->pid, &target) : 0;

	if (!err)
		err = relay_find_sites(o->pid ? target.exe : o->binary,
				       o->pid ? target.exe_name : o->binary, !o->no_cache, &sites);
	if (!err) {
		if (o->cost)
			return run_cost(o, &sites, &target);
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

/* Has another relay this broadcast already? */
static bool run_node_taken(const struct run *r, const char *node)
{
	char *broadcast = NULL;
	bool taken = false;
	size_t i;

	if (!path_advertised(r->options->prefix, node, &broadcast)) {
		for (i = 0; i < r->len && !taken; i++)
			taken = !strcmp(broadcast, relay_broadcast(r->relays[i]));
	}
	free(broadcast);
	return taken;
}

/* The node name of a relay: what --node makes of it, and the pid behind it where another relay has
 * that name now. */
static int run_name_node(const struct run *r, const struct template_values *values, char **out)
{
	const char *given = r->options->node ? r->options->node : "";
	char *node, *longer;
	int err = template_expand(given, values, &node);

	if (err || !run_node_taken(r, node)) {
		*out = err ? NULL : node;
		return err;
	}
	err = asprintf(&longer, "%s/%d", node, values->pid) < 0 ? -ENOMEM : 0;
	free(node);
	if (err)
		return err;
	log_warn("another relay's broadcast has the node name of process %d: it is published as "
		 "node %s; put {pid} or {unit} into --node to keep relays apart",
		 values->pid, longer);
	*out = longer;
	return 0;
}

static int run_attach(const struct run *r, struct relay *relay)
{
	char *node = NULL, *record = NULL, *cgroups = malloc(UNIT_TEXT_SIZE);
	struct template_values values = { .pid = relay_pid(relay), .host = r->host };
	char unit[UNIT_NAME_SIZE] = "";
	int err;

	if (cgroups && !unit_read("/proc", values.pid, cgroups))
		unit_name(cgroups, unit);
	values.unit = unit;
	err = run_name_node(r, &values, &node);
	if (!err && r->options->record)
		err = template_expand(r->options->record, &values, &record);
	if (!err)
		err = relay_attach(relay, node, record, r->closer);
	free(cgroups);
	free(record);
	free(node);
	return err;
}

/* Attach to a process, and say what that is worth. */
static int run_add(struct run *r, pid_t pid)
{
	struct relay **relays = reallocarray(r->relays, r->len + 1, sizeof(struct relay *));
	struct relay *relay = NULL;
	bool unusable = false;
	int err;

	if (!relays)
		return -ENOMEM;
	r->relays = relays;
	err = relay_create(pid, r->options, &unusable, &relay);
	if (!err)
		err = run_attach(r, relay);
	if (!err)
		err = loop_watch(&r->loop, relay_pidfd(relay), relay);
	if (err) {
		relay_destroy(relay);
		if (unusable && r->discover)
			discover_refuse(r->discover, pid);
		return err;
	}
	r->relays[r->len++] = relay;
	return relay_write_status(relay, &r->out);
}

static void run_remove(struct run *r, struct relay *relay)
{
	size_t i;

	for (i = 0; i < r->len && r->relays[i] != relay; i++)
		;
	r->len--;
	memmove(&r->relays[i], &r->relays[i + 1], (r->len - i) * sizeof(struct relay *));
	loop_unwatch(&r->loop, relay_pidfd(relay));
	relay_destroy(relay);
}

/* What a relay's failure means: that of the output is the end of the run, and with --pid any is.
 * Others go on without it. */
static int run_drop(struct run *r, struct relay *relay, int err)
{
	if (!err || !r->discover || r->out.failed)
		return err;
	log_error("%s: process %d is given up: %s", relay_broadcast(relay), relay_pid(relay),
		  strerror(-err));
	run_remove(r, relay);
	return 0;
}

/* A relay's end: that of all it had open, and of its broadcast. */
static int run_end(struct run *r, struct relay *relay)
{
	pid_t pid = relay_pid(relay);
	int err = relay_finish(relay, &r->out);

	if (err && (!r->discover || r->out.failed))
		return err;
	log_info("the relay (process %d) %s", pid,
		 relay_replaced(relay) ? "has become another program" : "has ended");
	run_remove(r, relay);
	if (!r->discover)
		return 0;
	discover_forget(r->discover, pid);
	if (!r->len)
		log_info("no relay is left; waiting for one");
	return 0;
}

static struct relay *run_find(const struct run *r, pid_t pid)
{
	size_t i;

	for (i = 0; i < r->len; i++) {
		if (relay_pid(r->relays[i]) == pid)
			return r->relays[i];
	}
	return NULL;
}

/* Look for relays, and attach to those that are new. Before the first tick of all, which is their
 * first as well, `tick` is false. */
static int run_look(struct run *r, bool tick)
{
	struct discover_look look;
	size_t i, before;
	int err = discover_look(r->discover, &look);

	/* Those that are attached to go on; the next look may do better. */
	if (err && !r->blind)
		log_error("cannot look for relays in /proc: %s%s", strerror(-err),
			  tick ? "; trying again every second" : "");
	r->blind = err;
	if (err)
		return tick ? 0 : err;
	for (i = 0; i < look.len && !err; i++) {
		struct relay *known = run_find(r, look.found[i]);

		/* What it has become by now is attached to at the next look. */
		if (known && relay_replaced(known))
			err = run_end(r, known);
		if (known || discover_refused(r->discover, look.found[i]))
			continue;
		before = r->len;
		err = run_add(r, look.found[i]);
		if (!err && tick)
			err = run_drop(r, r->relays[before],
				       relay_tick(r->relays[before], &r->out));
		if (err && !r->out.failed) {
			log_warn("process %d is left alone: it can't be attached to (see above); "
				 "other relays are not affected",
				 look.found[i]);
			err = 0;
		}
	}
	if (!err && !tick && !r->len && r->options->unit && !look.matched)
		log_warn("no process belongs to the unit %s: it isn't running, or there is no such "
			 "unit (see `systemctl status %s`); waiting for it",
			 r->unit, r->unit);
	else if (!err && !tick && !r->len)
		log_info("no relay yet among %zu process(es) that %s; waiting for one",
			 look.matched,
			 r->options->exe    ? "run that executable"
			 : r->options->unit ? "the unit has"
					    : "there are");
	return err;
}

static int run_open_discover(struct run *r)
{
	const struct options *o = r->options;
	int err = probes_check(o->probes);

	if (!err && o->unit && unit_pattern(o->unit, r->unit)) {
		log_error("--unit %s: give the name of a systemd unit, moq-relay.service say",
			  o->unit);
		err = -EINVAL;
	}
	if (err)
		return err;
	return discover_create("/proc",
			       o->exe	 ? DISCOVER_EXE
			       : o->unit ? DISCOVER_UNIT
					 : DISCOVER_ALL,
			       o->exe	 ? o->exe
			       : o->unit ? r->unit
					 : NULL,
			       &r->discover);
}

static void run_watch_server(struct run *r)
{
	if (r->server.pid)
		loop_watch_server(&r->loop, r->server.fd, outlet_waits(&r->server.outlet));
}

/* Start the process that serves, while there is nothing yet that it must not have. */
static int run_open_server(struct run *r)
{
	const struct options *o = r->options;
	int err;

	r->serving = (struct serve_options){ .token_file = o->token_file,
					     .owner = r->privileges.user.uid,
					     .certificate = o->tls_cert,
					     .key = o->tls_key,
					     .interval_ns = o->interval_ms * 1000000,
					     .metrics_max = o->metrics_max,
					     .publish = { .urls = o->publish,
							  .token_file = o->publish_token_file,
							  .owner = r->privileges.user.uid,
							  .cacert = o->cacert,
							  .no_standing = o->no_standing },
					     .trusted = true };
	err = server_start(o->listen, &r->serving, &r->server);
	if (!err)
		jsonl_also(&r->out, server_write, &r->server);
	return err;
}

/* A token file, or NULL, as the user that the run has become. */
static void run_warn_unreadable(const char *file, const char *user)
{
	if (file && access(file, R_OK))
		log_warn("token file %s: moqstat can't read it again at SIGHUP, as user %s: %s; "
			 "give it to that user (chown %s %s), mode 600, in a directory that he may "
			 "search",
			 file, user, strerror(errno), user, file);
}

/* Give up what isn't needed from here on, before anything of a relay's is read. */
static int run_confine(struct run *r)
{
	const struct options *o = r->options;
	struct privileges *p = &r->privileges;
	int err;

	files_raise();
	p->several = !o->pid;
	p->server = r->server.pid;
	p->events = o->probes == PROBES_PERF_EVENT || !kernel_has_multi();
	err = privileges_confine(p);
	if (!err && *p->user.name) {
		run_warn_unreadable(o->token_file, p->user.name);
		run_warn_unreadable(o->publish_token_file, p->user.name);
	}
	return err;
}

/* Begin; what goes wrong here is logged, but for the output. */
static int run_open(struct run *r)
{
	int err = privileges_user_init(r->options->user, &r->privileges.user);

	if (!err && (r->options->listen || r->options->publish))
		err = run_open_server(r);
	/* The server is a process of its own: so it comes before any thread. */
	if (!err)
		err = closer_create(&r->closer);
	if (!err)
		err = pulse_init(r->options->interval_ms * 1000000, r->options->bpf_stats,
				 &r->pulse);
	if (!err)
		err = run_confine(r);
	if (err)
		return err;
	shedding_init(r->options, r->closer, &r->shedding);
	gethostname(r->host, sizeof(r->host) - 1); /* the kernel's names are shorter */
	if (!r->options->pid) {
		err = run_open_discover(r);
		if (err)
			return err;
	}
	err = loop_init(r->options->interval_ms, r->discover ? RUN_LOOK_MS : 0,
			r->options->output == OPTIONS_OUTPUT_NONE ? -1 : STDOUT_FILENO, &r->loop);
	if (!err)
		run_watch_server(r);
	if (err) {
		log_error("cannot wait for ticks and signals: %s", strerror(-err));
		return err;
	}
	jsonl_stop_on(&r->out, r->loop.signals, -1);
	if (r->discover)
		return run_look(r, false);
	err = run_add(r, r->options->pid);
	/* What a budget takes away may come back. */
	if (!err && !r->options->budget)
		err = privileges_settle(&r->privileges);
	if (!err)
		jsonl_stop_on(&r->out, r->loop.signals, relay_pidfd(r->relays[0]));
	return err;
}

static int run_tick_relays(struct run *r)
{
	struct pulse_tick tick = { .begun = clock_read(CLOCK_MONOTONIC), .late = r->loop.late_ns };
	size_t i, before;
	int err = 0;

	/* The next one moves up where one is removed. */
	for (i = 0; i < r->len && !err; i += before == r->len) {
		struct relay *relay = r->relays[i];

		before = r->len;
		err = relay_replaced(relay) ? run_end(r, relay)
					    : run_drop(r, relay, relay_tick(relay, &r->out));
	}
	if (!err)
		err = shedding_tick(&r->shedding, r->relays, r->len, &r->out);
	if (err || !r->server.pid)
		return err;
	tick.skipped = r->server.outlet.dropped;
	tick.budget = shedding_health(&r->shedding);
	return pulse_beat(&r->pulse, &tick, r->relays, r->len, &r->out);
}

static int run_tick(struct run *r)
{
	int err;

	shedding_begin(&r->shedding);
	err = run_tick_relays(r);
	shedding_end(&r->shedding);
	return err;
}

/* The last tick of a run that is stopped, and what it all was worth. */
static int run_stop(struct run *r)
{
	int err = run_tick(r);
	size_t i;

	for (i = 0; i < r->len && !err; i++)
		err = relay_write_status(r->relays[i], &r->out);
	return err;
}

/* The settings again. What is wrong is logged, and changes nothing. */
static int run_reload(struct run *r)
{
	struct options now, *o = &r->settings;
	const uint64_t before_ms = o->interval_ms;
	int err = options_again(o, environ, &now);

	if (!err) {
		err = notify_check(&r->notify, now.interval_ms);
		if (!err)
			err = reload_apply(&now, o);
		options_deinit(&now);
	}
	if (err) {
		log_warn("the settings stay as they were");
		return 0;
	}
	if (server_limit(&r->server, o->interval_ms * 1000000, o->metrics_max))
		log_warn("the process that serves HTTP goes on by its old limits: they could not "
			 "be handed over");
	r->pulse.interval_ns = o->interval_ms * 1000000;
	return o->interval_ms == before_ms ? 0 : loop_set_interval(&r->loop, o->interval_ms);
}

static int run_event(struct run *r, enum loop_event event, struct relay *ended)
{
	int err;

	switch (event) {
	case LOOP_STOP:
		notify_stopping();
		return run_stop(r);
	case LOOP_ENDED:
		return run_end(r, ended);
	case LOOP_UNREAD:
		return -EPIPE;
	case LOOP_LOOK:
		return run_look(r, true);
	case LOOP_RELOAD:
		notify_reloading();
		server_reload(&r->server);
		err = run_reload(r);
		notify_ready(r->len);
		return err;
	case LOOP_ROOM:
		return server_flush(&r->server);
	case LOOP_UNSERVED:
		return -ECHILD;
	default:
		return run_tick(r);
	}
}

static int run_live(struct run *r, int *status)
{
	enum loop_event event = LOOP_TICK;
	void *ended = NULL;
	int err = 0;

	notify_ready(r->len);
	while (!err && event != LOOP_STOP && (r->discover || r->len)) {
		err = loop_wait(&r->loop, &event, &ended);
		if (!err)
			err = run_event(r, event, ended);
		if (event == LOOP_TICK || event == LOOP_LOOK)
			notify_alive(&r->notify, r->len);
		run_watch_server(r);
	}
	if (!err && event != LOOP_STOP)
		*status = EXIT_RELAY_ENDED;
	return err;
}

static int run_replay(struct run *r)
{
	struct relay *relay = r->relays[0];
	int err = relay_write_status(relay, &r->out);

	while (!err)
		err = relay_tick(relay, &r->out);
	return err == -ENODATA ? 0 : err;
}

static int run_open_replay(struct run *r)
{
	int err;

	r->relays = calloc(1, sizeof(struct relay *));
	err = r->relays ? relay_replay(r->options, &r->relays[0]) : -ENOMEM;
	r->len = !err;
	return err;
}

static void run_close(struct run *r)
{
	size_t i;

	server_stop(&r->server);
	loop_deinit(&r->loop);
	jsonl_deinit(&r->out);
	for (i = 0; i < r->len; i++)
		relay_destroy(r->relays[i]);
	free(r->relays);
	discover_destroy(r->discover);
	closer_destroy(r->closer);
	pulse_deinit(&r->pulse);
	privileges_user_deinit(&r->privileges.user);
}

int run(const struct options *o)
{
	struct run r = { .settings = *o, .pulse.stats = -1 };
	int status = EXIT_DONE, err;

	r.options = &r.settings;
	r.notify = notify_begin();
	if (!o->replay && notify_check(&r.notify, o->interval_ms))
		return EXIT_USAGE;
	jsonl_init(&r.out, o->output == OPTIONS_OUTPUT_NONE ? -1 : STDOUT_FILENO);
	err = o->replay ? run_open_replay(&r) : run_open(&r);
	if (err && !r.out.failed) {
		run_close(&r);
		if (err == -ENOMEM)
			log_error("cannot begin: no memory");
		return run_exit(err);
	}
	if (!err)
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
	if (err == -ECHILD) {
		log_error("the process that serves HTTP has ended; see its last words above");
		return EXIT_FAILED;
	}
	if (err) {
		log_error("the run ended early: %s", strerror(-err));
		return EXIT_FAILED;
	}
	return status;
}
