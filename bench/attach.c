// SPDX-License-Identifier: MIT
/*
 * attach - what it takes to start and to stop beside a relay: to find the sites in its executable,
 * from its code or from the cache, to load the programs, to attach all probes and to take them away
 * again.
 *
 * All steps take turns within each round, and so does reading the executable once, which a ratio
 * is to. Nothing is cold but the cache of sites: the executable is in memory, as a running one is.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "../user/closer.h"
#include "../user/probes.h"
#include "../user/programs.h"
#include "../user/relay.h"
#include "moqstat.skel.h"

#define ROUNDS_MAX 1000

enum step {
	READ = 0,
	SCAN,
	CACHE,
	LOAD,
	ATTACH,
	DETACH,
	STEPS
};

static const struct {
	const char *name, *what;
	double goal; /* seconds; 0: none */
} steps[STEPS] = {
	[READ] = { "read", "reading the executable once", 0 },
	[SCAN] = { "scan", "finding its sites, from its code", 2 },
	[CACHE] = { "cache", "finding its sites, from the cache", 0.05 },
	[LOAD] = { "load", "loading the programs", 0 },
	[ATTACH] = { "attach", "loading them and attaching all probes", 0.3 },
	[DETACH] = { "detach", "taking all away", 0.1 },
};

struct arguments {
	pid_t pid;
	const char *json;
	unsigned int rounds;
};

static double samples[STEPS][ROUNDS_MAX];
static size_t probed;

static void die(const char *what, int err)
{
	fprintf(stderr, "bench/attach: %s: %s\n", what, strerror(-err));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_once(const char *path)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : 1;

	while (len > 0)
		len = read(fd, buf, sizeof(buf));
	if (len < 0)
		die(path, -errno);
	close(fd);
}

static void find(const struct target *target, bool cache, struct sites *sites)
{
	int err = relay_find_sites(target->exe, cache, sites);

	if (err)
		die("its sites", err);
	if (sites->cached != cache)
		die("the cache of sites", -ENOENT);
}

static void measure_find(const struct target *target, unsigned int round)
{
	struct sites sites;
	double begin = now();

	read_once(target->exe);
	samples[READ][round] = now() - begin;
	begin = now();
	find(target, false, &sites);
	samples[SCAN][round] = now() - begin;
	sites_deinit(&sites);
	begin = now();
	find(target, true, &sites);
	samples[CACHE][round] = now() - begin;
	sites_deinit(&sites);
}

static void measure_probes(const struct target *target, const struct sites *sites,
			   unsigned int round)
{
	struct programs_options load = { .pid = target->pid,
					 .max_broadcasts = MOQSTAT_BROADCASTS_DEFAULT,
					 .multi = true };
	struct probes_options options = { .kind = PROBES_UPROBE_MULTI,
					  .max_broadcasts = MOQSTAT_BROADCASTS_DEFAULT };
	struct moqstat_bpf *object;
	struct probes *probes;
	double begin = now();
	int err = programs_load(&load, &object);

	if (err)
		die("loading", err);
	samples[LOAD][round] = now() - begin;
	moqstat_bpf__destroy(object);
	err = closer_create(&options.closer);
	if (err)
		die("memory", err);
	begin = now();
	err = probes_create(target, sites, &options, &probes);
	if (err)
		die("attaching", err);
	samples[ATTACH][round] = now() - begin;
	probed = probes_sites(probes);
	begin = now();
	probes_destroy(probes);
	closer_destroy(options.closer);
	samples[DETACH][round] = now() - begin;
}

/* ---- output ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *values, unsigned int len, double q)
{
	qsort(values, len, sizeof(*values), by_value);
	return values[(unsigned int)(q * (len - 1) + 0.5)];
}

/* The median of the ratios within a round. Samples must still be in the order of rounds. */
static double ratio(enum step step, unsigned int rounds)
{
	double ratios[ROUNDS_MAX];

	for (unsigned int r = 0; r < rounds; r++)
		ratios[r] = samples[step][r] / samples[READ][r];
	return quantile(ratios, rounds, 0.5);
}

static json_t *report(unsigned int rounds)
{
	json_t *json = json_pack("{s:i, s:I}", "rounds", (int)rounds, "sites", (json_int_t)probed);
	double ratios[STEPS];

	for (int s = 0; s < STEPS; s++)
		ratios[s] = ratio((enum step)s, rounds);
	printf("%zu probes, %u rounds\n  %-8s %10s %19s %8s %8s\n", probed, rounds, "", "ms",
	       "middle half", "x read", "goal ms");
	for (int s = 0; s < STEPS; s++) {
		double median = 1e3 * quantile(samples[s], rounds, 0.5);
		double low = 1e3 * quantile(samples[s], rounds, 0.25);
		double high = 1e3 * quantile(samples[s], rounds, 0.75);

		printf("  %-8s %10.1f %9.1f-%-9.1f %8.2f ", steps[s].name, median, low, high,
		       ratios[s]);
		if (steps[s].goal > 0)
			printf("%8.0f", 1e3 * steps[s].goal);
		else
			printf("%8s", "");
		printf("   %s\n", steps[s].what);
		json_object_set_new(json, steps[s].name,
				    json_pack("{s:f, s:f, s:f, s:f}", "ms", median, "low", low,
					      "high", high, "x_read", ratios[s]));
	}
	return json;
}

/* ---- main ---- */

static void usage(FILE *to)
{
	fputs("usage: attach --pid PID [--rounds N] [--json FILE]\n"
	      "Measures finding the sites of a relay that runs, and attaching to it: wall time,\n"
	      "medians over the rounds. Needs root.\n",
	      to);
}

static void parse(int argc, char **argv, struct arguments *options)
{
	static const struct option known[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'p')
			options->pid = atoi(optarg);
		else if (option == 'r')
			options->rounds = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'j')
			options->json = optarg;
		else
			usage(option == 'h' ? stdout : stderr);
		if (option == 'h' || option == '?')
			exit(option == 'h' ? 0 : 2);
	}
	if (options->pid <= 0 || !options->rounds || options->rounds > ROUNDS_MAX) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct arguments options = { .rounds = 11 };
	struct target target;
	struct sites sites;
	json_t *json;

	parse(argc, argv, &options);
	if (target_init(options.pid, &target) || relay_find_sites(target.exe, true, &sites))
		return 1;
	for (unsigned int round = 0; round < options.rounds; round++) {
		measure_find(&target, round);
		measure_probes(&target, &sites, round);
	}
	json = report(options.rounds);
	if (options.json && json_dump_file(json, options.json, JSON_INDENT(2)))
		die(options.json, -EIO);
	json_decref(json);
	sites_deinit(&sites);
	target_deinit(&target);
	return 0;
}
