// SPDX-License-Identifier: MIT
/*
 * tick - what one tick costs, stage by stage, with so many live broadcasts of which a share has
 * changed; and the memory that they take.
 *
 * The agent's own modules are attached to a small relay (tick_fixture.c), whose events fill the
 * maps as the real one's would. Each number of broadcasts has a process of its own, for its memory;
 * within it, the shares take turns in each round, so that whatever else the machine does falls on
 * all of them alike. The ratio is the median of the ratios within a round to the tick in which
 * everything changes, which rebuilds everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <jansson.h>

#include "../tests/fixture/process.h"
#include "../tests/fixture/site_list.h"
#include "closer.h"
#include "collect_live.h"
#include "log.h"
#include "moqstat.skel.h"
#include "probes.h"
#include "stats.h"
#include "target.h"
#include "tick.h"

#define ROUNDS_MAX 1000
#define SIZES_MAX  8
#define MIB	   (1024.0 * 1024)

/* What happens between two ticks. */
static const struct share {
	const char *name;
	const char *order;
	double part; /* of the broadcasts */
} shares[] = {
	{ "0 %", "bump", 0 },
	{ "1 %", "bump", 0.01 },
	{ "100 %", "bump", 1 },
	{ "1 % end, begin", "turn", 0.01 },
};
#define SHARES (sizeof(shares) / sizeof(shares[0]))
#define ALL    2 /* the one that everything is measured by */

static const char *const stages[STATS_STAGE_MAX] = {
	[STATS_COLLECT] = "collect", [STATS_CHECK] = "check",	[STATS_SNAPSHOT] = "snapshot",
	[STATS_FRAME] = "frame",     [STATS_OUTPUT] = "output", [STATS_RETIRE] = "retire",
};

struct options {
	uint32_t sizes[SIZES_MAX];
	size_t sizes_len;
	unsigned int rounds;
	const char *statistics; /* of the small relay: on or off */
	const char *json;
	enum percpu_way maps;
	enum probes_hot hot;
	bool pipe; /* write to a process that reads, else to /dev/null */
};

/* The agent and its relay. */
struct agent {
	struct fixture_process relay;
	struct target target;
	struct sites sites;
	struct closer *closer;
	struct probes *probes;
	struct collect *live;
	struct stats *stats;
	struct jsonl out;
	uint32_t broadcasts, next;
};

static struct stats_tick samples[SHARES][ROUNDS_MAX];

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list args;

	fputs("bench/tick: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* ---- the agent ---- */

static void agent_order(struct agent *a, const char *what, uint32_t count)
{
	fprintf(a->relay.to, "%s %u %u\n", what, a->next, count);
	fflush(a->relay.to);
	if (fgetc(a->relay.from) != '.')
		die("the small relay has ended");
	a->next = (a->next + count) % a->broadcasts;
}

/* Someone who reads all of it, and does nothing with it. */
static int reader_start(void)
{
	static char buffer[1 << 16];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	if (!fork()) {
		close(fds[1]);
		while (read(fds[0], buffer, sizeof(buffer)) > 0)
			;
		_exit(0);
	}
	close(fds[0]);
	return fds[1];
}

static void agent_start(struct agent *a, const struct options *o, uint32_t broadcasts)
{
	/* What ends and begins within a tick is there twice. */
	struct probes_options options = { .hot = o->hot,
					  .max_broadcasts = broadcasts + broadcasts / 16 + 16 };
	struct collect_live_source source = { .target = &a->target,
					      .prefix = ".stats",
					      .maps = o->maps };
	char self[4096] = "", relay[4200], count[16];
	char *argv[] = { relay, (char *)o->statistics, count, NULL };
	int err = readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ? -errno : 0;

	snprintf(relay, sizeof(relay), "%s/tick_fixture", dirname(self));
	snprintf(count, sizeof(count), "%u", broadcasts);
	a->broadcasts = broadcasts;
	jsonl_init(&a->out, o->pipe ? reader_start() : open("/dev/null", O_WRONLY | O_CLOEXEC));
	/* The cross-check finds that no relay bumps like this. */
	log_set_level(LOG_ERROR);
	err = err ? err : fixture_process_start(&a->relay, argv);
	if (!err && fgetc(a->relay.from) != '.')
		err = -ENOEXEC;
	err = err ? err : fixture_site_list(relay, &a->sites);
	err = err ? err : target_init(a->relay.pid, &a->target);
	err = err ? err : closer_create(&a->closer);
	options.closer = a->closer;
	err = err ? err : probes_create(&a->target, &a->sites, &options, &a->probes);
	source.probes = a->probes;
	source.layout = a->sites.layout;
	err = err ? err : collect_live_create(&source, &a->live);
	err = err ? err : stats_create(".stats", "bench", a->sites.layout->frame, &a->stats);
	if (err)
		die("cannot attach to the small relay: %s", strerror(-err));
}

static void agent_end(struct agent *a)
{
	stats_destroy(a->stats);
	collect_destroy(a->live);
	probes_destroy(a->probes);
	closer_destroy(a->closer);
	sites_deinit(&a->sites);
	target_deinit(&a->target);
	jsonl_deinit(&a->out);
	close(a->out.fd);
	fixture_process_end(&a->relay);
	while (wait(NULL) > 0)
		;
}

static struct stats_tick agent_tick(struct agent *a)
{
	struct stats_tick tick;
	int err = stats_tick(a->stats, a->live, &a->out, &tick);
	size_t i;

	if (err)
		die("tick: %s", strerror(-err));
	for (i = 0; i < MOQSTAT_LOST_MAX; i++) {
		if (tick.lost[i])
			die("the agent has lost something (reason %zu), so this is no measurement",
			    i);
	}
	return tick;
}

/* ---- memory ---- */

/* A number of a line "NAME:\tNUMBER" of a file in /proc. */
static uint64_t proc_number(const char *file, const char *name)
{
	char line[256];
	uint64_t value = 0;
	size_t len = strlen(name);
	FILE *in = fopen(file, "re");

	while (in && fgets(line, sizeof(line), in)) {
		if (!strncmp(line, name, len) && line[len] == ':')
			value = strtoull(line + len + 1, NULL, 10);
	}
	if (in)
		fclose(in);
	return value;
}

/* What the kernel says that a map takes, bytes. */
static uint64_t map_bytes(const struct bpf_map *map)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/self/fdinfo/%d", bpf_map__fd(map));
	return proc_number(file, "memlock");
}

static json_t *memory_measure(const struct agent *a)
{
	struct moqstat_bpf *object = probes_object(a->probes);
	json_t *maps = json_object();
	uint64_t kernel = 0, user = proc_number("/proc/self/status", "VmHWM") * 1024;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->obj)
	{
		json_object_set_new(maps, bpf_map__name(map), json_integer(map_bytes(map)));
		kernel += map_bytes(map);
	}
	return json_pack("{sIsIsfso}", "kernel_bytes", (json_int_t)kernel, "user_bytes",
			 (json_int_t)user, "bytes_a_broadcast",
			 (double)(kernel + user) / a->broadcasts, "maps", maps);
}

/* ---- one number of broadcasts ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median and quartiles. */
static json_t *summary(double *values, unsigned int len)
{
	qsort(values, len, sizeof(*values), compare);
	return json_pack("{sfsfsf}", "median", values[len / 2], "low", values[len / 4], "high",
			 values[len - 1 - len / 4]);
}

static double tick_ms(const struct stats_tick *tick, int stage, bool cpu)
{
	double ns = 0;
	int i;

	for (i = 0; i < STATS_STAGE_MAX; i++) {
		if (stage < 0 || stage == i)
			ns += cpu ? tick->costs[i].cpu : tick->costs[i].wall;
	}
	return ns / 1e6;
}

static json_t *share_summary(size_t share, unsigned int rounds)
{
	json_t *out =
		json_pack("{ssss}", "changed", shares[share].name, "how", shares[share].order);
	json_t *by_stage = json_object();
	double values[ROUNDS_MAX];
	unsigned int i;
	int stage;

	for (stage = -1; stage < STATS_STAGE_MAX; stage++) {
		json_t *both = json_object();

		for (i = 0; i < rounds; i++)
			values[i] = tick_ms(&samples[share][i], stage, false);
		json_object_set_new(both, "wall_ms", summary(values, rounds));
		for (i = 0; i < rounds; i++)
			values[i] = tick_ms(&samples[share][i], stage, true);
		json_object_set_new(both, "cpu_ms", summary(values, rounds));
		json_object_set_new(stage < 0 ? out : by_stage, stage < 0 ? "tick" : stages[stage],
				    both);
	}
	for (i = 0; i < rounds; i++)
		values[i] = tick_ms(&samples[share][i], -1, false) /
			    tick_ms(&samples[ALL][i], -1, false);
	json_object_set_new(out, "ratio", summary(values, rounds));
	json_object_set_new(out, "stages", by_stage);
	json_object_set_new(out, "bytes", json_integer(samples[share][rounds - 1].bytes));
	return out;
}

static json_t *size_measure(const struct options *o, uint32_t broadcasts)
{
	struct agent a = { 0 };
	json_t *rows = json_array(), *memory;
	unsigned int round;
	size_t share, turn;

	agent_start(&a, o, broadcasts);
	agent_order(&a, "open", broadcasts);
	agent_tick(&a);
	agent_tick(&a);
	for (round = 0; round < o->rounds; round++) {
		for (turn = 0; turn < SHARES; turn++) {
			share = (turn + round) % SHARES;
			agent_order(&a, shares[share].order, shares[share].part * broadcasts);
			samples[share][round] = agent_tick(&a);
			/* What the last one has left behind is not the next one's. */
			agent_tick(&a);
		}
	}
	memory = memory_measure(&a);
	agent_end(&a);
	for (share = 0; share < SHARES; share++)
		json_array_append_new(rows, share_summary(share, o->rounds));
	return json_pack("{sIsoso}", "broadcasts", (json_int_t)broadcasts, "memory", memory, "rows",
			 rows);
}

/* The same in a process of its own. */
static json_t *size_run(const struct options *o, uint32_t broadcasts)
{
	json_error_t error;
	json_t *result;
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		result = size_measure(o, broadcasts);
		_exit(json_dumpfd(result, fds[1], 0) ? 1 : 0);
	}
	close(fds[1]);
	result = json_loadfd(fds[0], 0, &error);
	close(fds[0]);
	if (waitpid(pid, &status, 0) < 0 || status || !result)
		die("%u broadcasts could not be measured", broadcasts);
	return result;
}

/* ---- the table ---- */

static double get(const json_t *json, const char *first, const char *second, const char *third)
{
	json = json_object_get(json, first);
	json = second ? json_object_get(json, second) : json;
	json = third ? json_object_get(json, third) : json;
	return json_number_value(json);
}

static void table_print(const json_t *result)
{
	const json_t *row, *memory = json_object_get(result, "memory");
	size_t i, stage;

	printf("\n%.0f broadcasts: %.1f MiB in maps, %.1f MiB of the process, %.0f bytes a broadcast\n"
	       "%-16s%9s%16s%8s%9s",
	       get(result, "broadcasts", NULL, NULL), get(memory, "kernel_bytes", NULL, NULL) / MIB,
	       get(memory, "user_bytes", NULL, NULL) / MIB,
	       get(memory, "bytes_a_broadcast", NULL, NULL), "changed", "tick ms", "quartiles",
	       "ratio", "cpu ms");
	for (stage = 0; stage < STATS_STAGE_MAX; stage++)
		printf("%9s", stages[stage]);
	printf("%10s\n", "written");
	json_array_foreach(json_object_get(result, "rows"), i, row)
	{
		const json_t *tick = json_object_get(row, "tick");

		printf("%-16s%9.2f  %6.2f..%6.2f%8.3f%9.2f",
		       json_string_value(json_object_get(row, "changed")),
		       get(tick, "wall_ms", "median", NULL), get(tick, "wall_ms", "low", NULL),
		       get(tick, "wall_ms", "high", NULL), get(row, "ratio", "median", NULL),
		       get(tick, "cpu_ms", "median", NULL));
		for (stage = 0; stage < STATS_STAGE_MAX; stage++)
			printf("%9.2f",
			       get(json_object_get(json_object_get(row, "stages"), stages[stage]),
				   "wall_ms", "median", NULL));
		printf("%10.0f\n", get(row, "bytes", NULL, NULL));
	}
}

static void usage(void)
{
	fputs("usage: tick [--sizes N,N,...] [--rounds N] [--statistics on|off] [--maps auto|each]\n"
	      "            [--hot auto|probe] [--pipe] [--json FILE]\n",
	      stderr);
	exit(2);
}

static struct options parse(int argc, char **argv)
{
	static const struct option longs[] = { { "sizes", required_argument, NULL, 's' },
					       { "rounds", required_argument, NULL, 'r' },
					       { "statistics", required_argument, NULL, 'o' },
					       { "maps", required_argument, NULL, 'm' },
					       { "hot", required_argument, NULL, 'h' },
					       { "pipe", no_argument, NULL, 'p' },
					       { "json", required_argument, NULL, 'j' },
					       { NULL, 0, NULL, 0 } };
	struct options o = {
		.sizes = { 1000, 10000, 100000 }, .sizes_len = 3, .rounds = 9, .statistics = "on"
	};
	char *at;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 's':
			o.sizes_len = 0;
			for (at = strtok(optarg, ","); at && o.sizes_len < SIZES_MAX;
			     at = strtok(NULL, ","))
				o.sizes[o.sizes_len++] = strtoul(at, NULL, 10);
			break;
		case 'r':
			o.rounds = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			o.statistics = optarg;
			break;
		case 'm':
			o.maps = !strcmp(optarg, "each") ? PERCPU_EACH : PERCPU_AUTO;
			break;
		case 'h':
			o.hot = !strcmp(optarg, "probe") ? PROBES_HOT_PROBE : PROBES_HOT_AUTO;
			break;
		case 'p':
			o.pipe = true;
			break;
		case 'j':
			o.json = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || !o.rounds || o.rounds > ROUNDS_MAX)
		usage();
	return o;
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	json_t *results = json_array();
	size_t i;

	printf("One tick, milliseconds; statistics of the relay %s, %u rounds, %d CPUs, output to %s\n",
	       o.statistics, o.rounds, libbpf_num_possible_cpus(), o.pipe ? "a pipe" : "/dev/null");
	for (i = 0; i < o.sizes_len; i++) {
		json_t *result = size_run(&o, o.sizes[i]);

		table_print(result);
		json_array_append_new(results, result);
	}
	if (o.json && json_dump_file(results, o.json, JSON_INDENT(1)))
		die("%s: cannot be written", o.json);
	json_decref(results);
	return 0;
}
