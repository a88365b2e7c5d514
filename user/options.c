/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <moqstat.h>

#include "log.h"
#include "template.h"
#include "utf8.h"

#define OPTIONS_INTERVAL_MIN   0.05
#define OPTIONS_INTERVAL_MAX   3600.0
#define OPTIONS_BROADCASTS_MAX 1000000

static const char options_text[] =
	"moqstat: the statistics of a running moq-relay, from outside, by eBPF\n"
	"\n"
	"usage: moqstat run --pid PID [options]      emit the six stats tracks of a relay\n"
	"       moqstat run --exe PATH | --unit NAME | --all [options]\n"
	"                                            of each relay that there is and will be\n"
	"       moqstat run --replay FILE [options]  the same from a recording; needs no root\n"
	"       moqstat sites --pid PID | --binary FILE [--json]\n"
	"                                            where the counters are bumped\n"
	"       moqstat census --pid PID [--json]    what is open in a relay right now\n"
	"       moqstat --help | --version\n"
	"\n"
	"run:\n"
	"  --pid PID            the relay's process; it may run already, and is left untouched\n"
	"  --exe PATH           each process that runs this executable, by its path here or as the\n"
	"                       process sees it (a container's)\n"
	"  --unit NAME          the relays of a systemd unit; NAME may hold wildcards\n"
	"  --all                every process that runs a relay which is known here\n"
	"                       With these three, relays are found when they start, whatever ends\n"
	"                       is closed with a last frame, and moqstat runs until it is stopped.\n"
	"  --replay FILE        read what --record wrote instead\n"
	"  --record FILE        also write what is counted at each tick to FILE, which is replaced;\n"
	"                       where there may be several relays, FILE must hold {pid}\n"
	"  --node NODE          publish as <prefix>/node/NODE; default: <prefix>/node. NODE may hold\n"
	"                       {pid}, {host} and {unit}, so that each relay has a name of its own;\n"
	"                       where one is taken, /PID is put behind it\n"
	"  --prefix PATH        where stats broadcasts live, default .stats; paths under it are not\n"
	"                       counted\n"
	"  --interval SECONDS   from one tick to the next, 0.05 to 3600, default 1\n"
	"  --output jsonl       one line a frame on standard output (the default, and the only one);\n"
	"                       the first line tells what each field is worth\n"
	"  --max-broadcasts N   told apart at once, default 16384; what exceeds it is summed up in\n"
	"                       __overflow__\n"
	"  --probes KIND        auto (the default), uprobe_multi, or perf_event: slower to attach and\n"
	"                       detach, for kernels before 6.6\n"
	"  --identity HOW       auto (the default): by the relay's own entries where its statistics\n"
	"                       are on, and by guards where they are off; guard: by guards always,\n"
	"                       to check the one by the other\n"
	"  --no-unattributed    no row __unattributed__ for what happens on something that can't be\n"
	"                       named; it is counted in the status all the same\n"
	"  --explain            also tell people, on standard error, what each field is worth: at the\n"
	"                       start, and whenever that changes\n"
	"  --leave-out COUNTER  for tests: don't probe the sites of COUNTER, as `moqstat sites` calls\n"
	"                       it, to see what notices\n"
	"\n"
	"sites:\n"
	"  --binary FILE        an executable; or --pid PID: that of a process\n"
	"  --json               as one JSON object\n"
	"\n"
	"census: announcements, track subscriptions, broadcasts subscribed to and sessions that are\n"
	"open, by path, tier and role, from the relay's memory alone; nothing is attached.\n"
	"  --pid PID            the relay's process\n"
	"  --json               as one JSON object, every one by itself, with its address\n"
	"\n"
	"all:\n"
	"  --no-cache           scan the executable even if its sites are known from last time\n"
	"  --verbose            say more on standard error\n"
	"\n"
	"A live run needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; a kernel from 6.1 on with\n"
	"BTF; and an x86-64 moq-relay 0.12.5, stripped or not.\n"
	"\n"
	"exit status: 0 done, or stopped by SIGINT or SIGTERM; 1 something failed; 2 bad arguments,\n"
	"file or process; 3 the relay of --pid ended.\n";

enum {
	OPTION_PID = 256,
	OPTION_EXE,
	OPTION_UNIT,
	OPTION_ALL,
	OPTION_BINARY,
	OPTION_REPLAY,
	OPTION_RECORD,
	OPTION_NODE,
	OPTION_PREFIX,
	OPTION_INTERVAL,
	OPTION_OUTPUT,
	OPTION_MAX_BROADCASTS,
	OPTION_PROBES,
	OPTION_IDENTITY,
	OPTION_NO_UNATTRIBUTED,
	OPTION_EXPLAIN,
	OPTION_LEAVE_OUT,
	OPTION_JSON,
	OPTION_NO_CACHE,
	OPTION_VERBOSE,
};

static const struct option options_long[] = {
	{ "pid", required_argument, NULL, OPTION_PID },
	{ "exe", required_argument, NULL, OPTION_EXE },
	{ "unit", required_argument, NULL, OPTION_UNIT },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "binary", required_argument, NULL, OPTION_BINARY },
	{ "replay", required_argument, NULL, OPTION_REPLAY },
	{ "record", required_argument, NULL, OPTION_RECORD },
	{ "node", required_argument, NULL, OPTION_NODE },
	{ "prefix", required_argument, NULL, OPTION_PREFIX },
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "output", required_argument, NULL, OPTION_OUTPUT },
	{ "max-broadcasts", required_argument, NULL, OPTION_MAX_BROADCASTS },
	{ "probes", required_argument, NULL, OPTION_PROBES },
	{ "no-unattributed", no_argument, NULL, OPTION_NO_UNATTRIBUTED },
	{ "identity", required_argument, NULL, OPTION_IDENTITY },
	{ "explain", no_argument, NULL, OPTION_EXPLAIN },
	{ "leave-out", required_argument, NULL, OPTION_LEAVE_OUT },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "no-cache", no_argument, NULL, OPTION_NO_CACHE },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int options_number(const char *name, const char *text, long low, long high, long *out)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < low || value > high) {
		log_error("--%s %s: give a whole number from %ld to %ld", name, text, low, high);
		return -EINVAL;
	}
	*out = value;
	return 0;
}

static int options_interval(const char *text, uint64_t *out)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(seconds) || seconds < OPTIONS_INTERVAL_MIN ||
	    seconds > OPTIONS_INTERVAL_MAX) {
		log_error("--interval %s: give seconds from %g to %g", text, OPTIONS_INTERVAL_MIN,
			  OPTIONS_INTERVAL_MAX);
		return -EINVAL;
	}
	*out = (uint64_t)(seconds * 1000 + 0.5);
	return 0;
}

static int options_path(const char *name, const char *text, const char **out)
{
	if (!utf8_valid(text, strlen(text))) {
		log_error("--%s: give a path in UTF-8", name);
		return -EINVAL;
	}
	*out = text;
	return 0;
}

static int options_template(const char *name, const char *text, const char **out)
{
	if (template_check(text)) {
		log_error("--%s %s: a brace that belongs to none of {pid}, {host}, {unit}", name,
			  text);
		return -EINVAL;
	}
	*out = text;
	return 0;
}

static int options_probes(const char *text, enum probes_kind *out)
{
	static const char *const kinds[] = { "auto", "uprobe_multi", "perf_event" };
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(text, kinds[i])) {
			*out = i;
			return 0;
		}
	}
	log_error("--probes %s: give auto, uprobe_multi or perf_event", text);
	return -EINVAL;
}

static int options_identity(const char *text, enum probes_identity *out)
{
	if (!strcmp(text, "auto")) {
		*out = PROBES_IDENTITY_AUTO;
	} else if (!strcmp(text, "guard")) {
		*out = PROBES_IDENTITY_GUARD;
	} else {
		log_error("--identity %s: give auto or guard", text);
		return -EINVAL;
	}
	return 0;
}

static int options_one(struct options *o, int option)
{
	long number = 0;
	int err = 0;

	switch (option) {
	case OPTION_PID:
		err = options_number("pid", optarg, 1, 4194304, &number);
		o->pid = number;
		return err;
	case OPTION_EXE:
		o->exe = optarg;
		return 0;
	case OPTION_UNIT:
		o->unit = optarg;
		return 0;
	case OPTION_ALL:
		o->all = true;
		return 0;
	case OPTION_BINARY:
		o->binary = optarg;
		return 0;
	case OPTION_REPLAY:
		o->replay = optarg;
		return 0;
	case OPTION_RECORD:
		return options_template("record", optarg, &o->record);
	case OPTION_NODE:
		err = options_path("node", optarg, &o->node);
		return err ? err : options_template("node", optarg, &o->node);
	case OPTION_PREFIX:
		return options_path("prefix", optarg, &o->prefix);
	case OPTION_INTERVAL:
		return options_interval(optarg, &o->interval_ms);
	case OPTION_OUTPUT:
		if (!strcmp(optarg, "jsonl"))
			return 0;
		log_error("--output %s: jsonl is the only one there is", optarg);
		return -EINVAL;
	case OPTION_MAX_BROADCASTS:
		err = options_number("max-broadcasts", optarg, 1, OPTIONS_BROADCASTS_MAX, &number);
		o->max_broadcasts = number;
		return err;
	case OPTION_PROBES:
		return options_probes(optarg, &o->probes);
	case OPTION_NO_UNATTRIBUTED:
		o->no_unattributed = true;
		return 0;
	case OPTION_IDENTITY:
		return options_identity(optarg, &o->identity);
	case OPTION_EXPLAIN:
		o->explain = true;
		return 0;
	case OPTION_LEAVE_OUT:
		o->leave_out = optarg;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_NO_CACHE:
		o->no_cache = true;
		return 0;
	case OPTION_VERBOSE:
		o->verbose = true;
		return 0;
	case 'h':
		o->command = OPTIONS_HELP;
		return 0;
	case 'V':
		o->command = OPTIONS_VERSION;
		return 0;
	default: /* getopt_long has said what is wrong */
		return -EINVAL;
	}
}

static bool options_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !strcmp(a, b) ||
	       (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static bool options_templated(const char *text)
{
	return text && strchr(text, '{');
}

static int options_check_run(const struct options *o)
{
	bool several = o->exe || o->unit || o->all;

	if (!!o->pid + !!o->exe + !!o->unit + o->all + !!o->replay != 1) {
		log_error("run: give one of --pid PID, --exe PATH, --unit NAME, --all and "
			  "--replay FILE");
		return -EINVAL;
	}
	if (o->binary || o->json) {
		log_error("run: --binary and --json belong to `moqstat sites`");
		return -EINVAL;
	}
	if (o->replay && (o->explain || o->leave_out)) {
		log_error("run: --explain and --leave-out belong to a live run");
		return -EINVAL;
	}
	if (o->replay && (options_templated(o->node) || options_templated(o->record))) {
		log_error("run: {pid}, {host} and {unit} mean nothing with --replay; give names "
			  "without");
		return -EINVAL;
	}
	if (several && o->record && !template_holds(o->record, "{pid}")) {
		log_error("run: --record %s: there may be several relays; put {pid} into the "
			  "name, relay-{pid}.jsonl say",
			  o->record);
		return -EINVAL;
	}
	if (o->replay && o->record && options_same_file(o->replay, o->record)) {
		log_error("run: --record %s: the file that --replay reads; give another",
			  o->record);
		return -EINVAL;
	}
	return 0;
}

static int options_check_sites(const struct options *o)
{
	if (!o->pid == !o->binary) {
		log_error("sites: give either --pid PID or --binary FILE");
		return -EINVAL;
	}
	if (o->explain || o->leave_out) {
		log_error("sites: --explain and --leave-out belong to `moqstat run`");
		return -EINVAL;
	}
	if (o->replay || o->record) {
		log_error("sites: --replay and --record belong to `moqstat run`");
		return -EINVAL;
	}
	if (o->exe || o->unit || o->all) {
		log_error("sites: --exe, --unit and --all belong to `moqstat run`");
		return -EINVAL;
	}
	return 0;
}

static int options_check_census(const struct options *o)
{
	if (!o->pid) {
		log_error("census: give --pid PID");
		return -EINVAL;
	}
	if (o->binary || o->replay || o->record || o->exe || o->unit || o->all) {
		log_error("census: --binary, --replay, --record, --exe, --unit and --all belong "
			  "to other commands");
		return -EINVAL;
	}
	return 0;
}

static int options_check(const struct options *o)
{
	switch (o->command) {
	case OPTIONS_RUN:
		return options_check_run(o);
	case OPTIONS_SITES:
		return options_check_sites(o);
	case OPTIONS_CENSUS:
		return options_check_census(o);
	default:
		return 0;
	}
}

static int options_command(const char *word, enum options_command *out)
{
	if (!strcmp(word, "run"))
		*out = OPTIONS_RUN;
	else if (!strcmp(word, "sites"))
		*out = OPTIONS_SITES;
	else if (!strcmp(word, "census"))
		*out = OPTIONS_CENSUS;
	else if (!strcmp(word, "help"))
		*out = OPTIONS_HELP;
	else
		return -EINVAL;
	return 0;
}

int options_parse(int argc, char **argv, struct options *out)
{
	struct options o = { .prefix = ".stats",
			     .interval_ms = 1000,
			     .max_broadcasts = MOQSTAT_BROADCASTS_DEFAULT };
	bool named = argc > 1 && argv[1][0] != '-';
	int option;

	if (named && options_command(argv[1], &o.command)) {
		log_error(
			"%s: no such command; there are run, sites and census, see moqstat --help",
			argv[1]);
		return -EINVAL;
	}
	optind = named ? 2 : 1;
	while ((option = getopt_long(argc, argv, "hV", options_long, NULL)) != -1) {
		if (options_one(&o, option))
			return -EINVAL;
		if (option == 'h' || option == 'V') {
			*out = o;
			return 0;
		}
	}
	if (optind < argc) {
		log_error("%s: an argument too many, see moqstat --help", argv[optind]);
		return -EINVAL;
	}
	if (!named) {
		log_error("say what to do: run, sites, census, or --help");
		return -EINVAL;
	}
	if (options_check(&o))
		return -EINVAL;
	*out = o;
	return 0;
}

int options_help(void)
{
	errno = 0;
	if (fputs(options_text, stdout) == EOF || fflush(stdout))
		return errno ? -errno : -EIO;
	return 0;
}
