// SPDX-License-Identifier: MIT
/*
 * hit - what one hit of a probe costs, at the instruction that moqstat probes and at others.
 *
 * The programs take turns within each round, so that whatever else the machine does falls on all of
 * them alike; a ratio is the median of the ratios within a round. Before anything is measured, each
 * program must have run exactly as often as the fixture passed its site.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <jansson.h>

#include "../tests/fixture/process.h"
#include "../tests/fixture/symbols.h"
#include "../user/uprobe.h"
#include "hit.h"

#define PROOF_HITS  1009
#define ROUNDS_MAX  1000
#define BARE_FACTOR 50 /* the bare loop is that much faster, and needs as many turns more */

static const struct {
	const char *name, *what;
	enum hit_site site;
} shapes[HIT_SHAPES] = {
	[HIT_FRAMES] = { "frames", "je, the relay's statistics on: frames", HIT_SITE_FRAMES },
	[HIT_BYTES_ADD] = { "bytes", "je, statistics on: bytes", HIT_SITE_BYTES },
	[HIT_GROUPS] = { "groups", "je, statistics on: groups", HIT_SITE_GROUPS },
	[HIT_OFF_FRAMES] = { "off-frames", "je, statistics off, so by guard: frames",
			     HIT_SITE_FRAMES },
	[HIT_OFF_BYTES] = { "off-bytes", "je, statistics off: bytes", HIT_SITE_BYTES },
	[HIT_OFF_GROUPS] = { "off-groups", "je, statistics off: groups", HIT_SITE_GROUPS },
	[HIT_PUSH] = { "push", "a function that begins with push, which is emulated",
		       HIT_SITE_PUSH },
	[HIT_TEST] = { "test", "a function that begins with test, which is single-stepped",
		       HIT_SITE_TEST },
	[HIT_MOV] = { "mov", "a function that begins with mov, which is single-stepped",
		      HIT_SITE_MOV },
};

static const struct {
	const char *name, *what;
} rows[HIT_ROWS] = {
	[HIT_NONE] = { "none", "no probe, the bare loop" },
	[HIT_EMPTY] = { "empty", "an empty program" },
	[HIT_SLOT] = { "slot", "one slot of a per-CPU array" },
	[HIT_OURS] = { "moqstat", "moqstat's program" },
	[HIT_COUNT] = { "count", "bpftrace @[arg0] = count()" },
	[HIT_SUM] = { "sum", "bpftrace @[arg0] = sum(arg1)" },
};

static const char *const symbols[HIT_SITES] = {
	[HIT_SITE_FRAMES] = "fixture_publisher_frames_je",
	[HIT_SITE_BYTES] = "fixture_publisher_bytes_je",
	[HIT_SITE_GROUPS] = "fixture_publisher_groups_je",
	[HIT_SITE_PUSH] = "hit_push",
	[HIT_SITE_TEST] = "hit_test",
	[HIT_SITE_MOV] = "hit_mov",
};

struct options {
	const char *fixture;
	const char *json;
	const char *cpu;
	unsigned int rounds;
	uint64_t hits;
};

struct summary {
	double median, low, high, empty, peer; /* ns; low and high are the quartiles; ratios */
};

struct bench {
	struct options options;
	struct fixture_process process;
	struct hit_target target;
	uint64_t offsets[HIT_SITES];
	struct hit_program programs[HIT_ROWS];
	struct hit_bpftrace *bpftrace; /* NULL: there is none */
	double samples[HIT_SHAPES][HIT_ROWS][ROUNDS_MAX];
	struct summary summaries[HIT_SHAPES][HIT_ROWS];
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list args;

	fputs("bench/hit: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* ---- the fixture ---- */

static void fixture_start(struct bench *b)
{
	char *argv[] = { (char *)b->options.fixture, (char *)b->options.cpu, NULL };
	struct fixture_symbol sites[HIT_SITES];
	int err;

	for (size_t i = 0; i < HIT_SITES; i++)
		sites[i].name = symbols[i];
	if (fixture_symbols(b->options.fixture, sites, HIT_SITES))
		exit(1);
	for (size_t i = 0; i < HIT_SITES; i++)
		b->offsets[i] = sites[i].offset;
	err = fixture_process_start(&b->process, argv);
	if (err)
		die("%s: %s", b->options.fixture, strerror(-err));
	b->target.pid = b->process.pid;
	if (fscanf(b->process.from, "%" SCNu64 "%" SCNu64, &b->target.entry,
		   &b->target.guard_off) != 2)
		die("%s: did not start", b->options.fixture);
}

/* Nanoseconds that `count` passes took, noted as the row's. */
static uint64_t fixture_run(struct bench *b, size_t shape, size_t row, uint64_t count)
{
	size_t copy = row < HIT_COUNT ? 0 : row - HIT_COUNT + 1;
	uint64_t ns;

	b->programs[row].passes[shape] += count;
	if (fprintf(b->process.to, "%zu %zu %" PRIu64 "\n", shape, copy, count) < 0 ||
	    fflush(b->process.to) || fscanf(b->process.from, "%" SCNu64, &ns) != 1)
		die("the fixture ended");
	return ns;
}

static bool applies(const struct bench *b, size_t shape, size_t row)
{
	return row < HIT_COUNT || (b->bpftrace && shape >= HIT_FUNCTIONS);
}

/* ---- attaching ---- */

/* A link, or -1 for the rows without a program of ours. */
static int attach(const struct bench *b, size_t row)
{
	uint64_t cookies[HIT_SITES];
	int link;

	if (b->programs[row].fd < 0)
		return -1;
	for (size_t i = 0; i < HIT_SITES; i++)
		cookies[i] = i;
	link = uprobe_link_multi(b->programs[row].fd, b->options.fixture, b->offsets, cookies,
				 HIT_SITES);
	if (link < 0)
		die("attaching to %s: %s%s", b->options.fixture, strerror(-link),
		    link == -EINVAL ? " (uprobe_multi needs Linux 6.6)" : "");
	return link;
}

static uint64_t runs(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		die("how often a program ran: %s", strerror(errno));
	return info.run_cnt;
}

/* A probe that doesn't fire costs nothing: show that this one does. */
static void prove(struct bench *b, size_t row)
{
	struct hit_program *program = &b->programs[row];
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	int link = attach(b, row);
	uint64_t before, count;

	if (stats < 0)
		die("run statistics: %s", strerror(-stats));
	for (size_t s = 0; s < HIT_SHAPES; s++) {
		hit_program_shape((enum hit_row)row, program, (enum hit_shape)s);
		before = runs(program->fd);
		fixture_run(b, s, row, PROOF_HITS);
		count = runs(program->fd) - before;
		if (count != PROOF_HITS)
			die("%s ran %" PRIu64 " times in %d passes of %s", rows[row].what, count,
			    PROOF_HITS, shapes[s].what);
	}
	close(link);
	close(stats);
}

static void load(struct bench *b)
{
	for (size_t row = 0; row < HIT_ROWS; row++)
		b->programs[row].fd = -1;
	for (size_t row = HIT_EMPTY; row < HIT_COUNT; row++) {
		int err = hit_program_load((enum hit_row)row, &b->target, &b->programs[row]);

		if (err)
			die("loading %s: %s", rows[row].what, strerror(-err));
		prove(b, row);
	}
}

static void peer_start(struct bench *b)
{
	int err = hit_bpftrace_create(b->options.fixture, &b->bpftrace);

	if (err)
		fputs("bpftrace isn't there (Debian package bpftrace): its rows are left out\n",
		      stderr);
}

/* ---- measuring ---- */

static void measure_row(struct bench *b, unsigned int round, size_t row)
{
	uint64_t hits = b->options.hits * (row == HIT_NONE ? BARE_FACTOR : 1);
	int link = attach(b, row);

	for (size_t s = 0; s < HIT_SHAPES; s++) {
		if (!applies(b, s, row))
			continue;
		if (link >= 0)
			hit_program_shape((enum hit_row)row, &b->programs[row], (enum hit_shape)s);
		fixture_run(b, s, row, hits / 20); /* warm up */
		b->samples[s][row][round] = (double)fixture_run(b, s, row, hits) / (double)hits;
	}
	if (link >= 0)
		close(link);
}

static void measure(struct bench *b)
{
	unsigned int rounds = b->options.rounds;

	for (unsigned int round = 0; round < rounds; round++) {
		for (size_t row = 0; row < HIT_ROWS; row++)
			measure_row(b, round, row);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rround %u of %u%s", round + 1, rounds,
				round + 1 == rounds ? "\r\033[K" : "");
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static double quantile(double *values, unsigned int len, double q)
{
	qsort(values, len, sizeof(*values), by_value);
	return values[(unsigned int)(q * (len - 1) + 0.5)];
}

/* The median of a row's ratio to another within a round. */
static double ratio(const struct bench *b, size_t shape, size_t row, size_t to)
{
	double ratios[ROUNDS_MAX];

	for (unsigned int r = 0; r < b->options.rounds; r++)
		ratios[r] = b->samples[shape][row][r] / b->samples[shape][to][r];
	return quantile(ratios, b->options.rounds, 0.5);
}

static void summarize(struct bench *b)
{
	unsigned int rounds = b->options.rounds;

	for (size_t s = 0; s < HIT_SHAPES; s++) {
		/* The ratios first: afterwards the samples are no longer in the order of rounds. */
		for (size_t row = 0; row < HIT_ROWS; row++) {
			struct summary *sum = &b->summaries[s][row];

			if (applies(b, s, row))
				sum->empty = ratio(b, s, row, HIT_EMPTY);
			if (applies(b, s, row) && applies(b, s, HIT_SUM))
				sum->peer = ratio(b, s, row, HIT_SUM);
		}
		for (size_t row = 0; row < HIT_ROWS; row++) {
			struct summary *sum = &b->summaries[s][row];

			sum->median = quantile(b->samples[s][row], rounds, 0.5);
			sum->low = quantile(b->samples[s][row], rounds, 0.25);
			sum->high = quantile(b->samples[s][row], rounds, 0.75);
		}
	}
}

/* ---- output ---- */

static void print_table(const struct bench *b)
{
	for (size_t s = 0; s < HIT_SHAPES; s++) {
		printf("%s\n  %-8s %10s %19s %8s %6s\n", shapes[s].what, "", "ns a hit",
		       "middle half", "x empty", applies(b, s, HIT_SUM) ? "x sum" : "");
		for (size_t row = 0; row < HIT_ROWS; row++) {
			const struct summary *sum = &b->summaries[s][row];

			if (!applies(b, s, row))
				continue;
			printf("  %-8s %10.1f %9.1f-%-9.1f %8.2f", rows[row].name, sum->median,
			       sum->low, sum->high, sum->empty);
			if (applies(b, s, HIT_SUM))
				printf(" %6.2f", sum->peer);
			else
				printf(" %6s", "");
			printf("   %s\n", rows[row].what);
		}
	}
}

static json_t *json_of(const struct bench *b, size_t shape)
{
	json_t *json = json_object();

	for (size_t row = 0; row < HIT_ROWS; row++) {
		const struct summary *sum = &b->summaries[shape][row];

		if (!applies(b, shape, row))
			continue;
		json_object_set_new(json, rows[row].name,
				    json_pack("{s:f, s:f, s:f, s:f}", "ns", sum->median, "low",
					      sum->low, "high", sum->high, "x_empty", sum->empty));
		if (applies(b, shape, HIT_SUM))
			json_object_set_new(json_object_get(json, rows[row].name), "x_sum",
					    json_real(sum->peer));
	}
	return json;
}

static void write_json(const struct bench *b)
{
	json_t *root = json_pack("{s:i, s:I}", "rounds", (int)b->options.rounds, "hits",
				 (json_int_t)b->options.hits);

	for (size_t s = 0; s < HIT_SHAPES; s++)
		json_object_set_new(root, shapes[s].name, json_of(b, s));
	if (b->options.json && !strcmp(b->options.json, "-")) {
		json_dumpf(root, stdout, JSON_REAL_PRECISION(6));
		putchar('\n');
	} else if (json_dump_file(root, b->options.json, JSON_INDENT(2) | JSON_REAL_PRECISION(6))) {
		die("%s: could not be written", b->options.json);
	}
	json_decref(root);
}

/* ---- main ---- */

static void usage(FILE *to)
{
	fputs("usage: hit --fixture FILE [--rounds N] [--hits N] [--cpu N] [--json FILE]\n"
	      "Measures a probe's hit: ns of processor time, medians over the rounds. --json - writes\n"
	      "to standard output. Needs root.\n",
	      to);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "fixture", required_argument, NULL, 'f' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "hits", required_argument, NULL, 'n' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->fixture = optarg;
			break;
		case 'r':
			options->rounds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			options->hits = strtoull(optarg, NULL, 10);
			break;
		case 'c':
			options->cpu = optarg;
			break;
		case 'j':
			options->json = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (!options->fixture || !options->hits || !options->rounds ||
	    options->rounds > ROUNDS_MAX) {
		usage(stderr);
		exit(2);
	}
}

static void stop(struct bench *b)
{
	/* bpftrace first: what it has counted is known once it ends. */
	if (!hit_bpftrace_destroy(b->bpftrace, &b->programs[HIT_COUNT], &b->programs[HIT_SUM]))
		die("bpftrace did not count what passed");
	fixture_process_end(&b->process);
	for (size_t row = HIT_EMPTY; row < HIT_COUNT; row++) {
		if (!hit_program_counted((enum hit_row)row, &b->programs[row]))
			die("%s did not count what passed", rows[row].what);
		hit_program_unload((enum hit_row)row, &b->programs[row]);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench = { .options = { .rounds = 21, .hits = 20000, .cpu = "0" } };

	parse(argc, argv, &bench.options);
	fixture_start(&bench);
	load(&bench);
	peer_start(&bench);
	measure(&bench);
	/* Whether bpftrace is there is asked for below. */
	summarize(&bench);
	print_table(&bench);
	if (bench.options.json)
		write_json(&bench);
	stop(&bench);
	return 0;
}
