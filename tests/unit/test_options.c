/* SPDX-License-Identifier: MIT */
/*
 * test_options.c - command lines: what is accepted, and what is refused with which words.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_image.h"
#include "options.h"
#include "settings.h"
#include "recording.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define ARGS_MAX   12

/* No file, unless a test names one. */
static char *const environment[] = { "PATH=/bin", "MOQSTAT_CONFIG=/dev/null", NULL };

/* Parse "moqstat" and the words, which end with NULL; what is logged goes to said[size]. */
static int parse(const char *const *words, struct options *out, char *said, size_t size)
{
	char copies[ARGS_MAX][128] = { "moqstat" }, *argv[ARGS_MAX + 1] = { copies[0] };
	struct image_catch c;
	int argc = 1, rc;

	for (; words[argc - 1]; argc++) {
		assert_true(argc < ARGS_MAX);
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc - 1]);
		argv[argc] = copies[argc];
	}
	/* getopt() remembers the last command line, unless told to forget it. */
	optind = 0;
	getopt(1, argv, "");
	c = image_catch();
	rc = options_parse(argc, argv, environment, out);
	if (!rc)
		options_deinit(out);
	image_caught(c, said, size);
	/* The strings point into what ends here. */
	out->leave_out = out->binary = out->replay = out->record = out->node = out->prefix = NULL;
	out->exe = out->unit = NULL;
	return rc;
}

#define PARSE(o, ...) parse((const char *const[]){ __VA_ARGS__, NULL }, o, said, sizeof(said))

static void good_command_lines(void **state)
{
	struct options o;
	char said[512];

	(void)state;
	assert_int_equal(PARSE(&o, "run", "--pid", "7"), 0);
	assert_int_equal(o.command, OPTIONS_RUN);
	assert_int_equal(o.pid, 7);
	assert_int_equal(o.interval_ms, 1000);
	assert_int_equal(o.max_broadcasts, 16384);
	assert_false(o.json || o.no_cache || o.verbose);
	assert_int_equal(PARSE(&o, "run", "--replay=f", "--interval", "2.5", "--max-broadcasts=1",
			       "--output", "jsonl", "--verbose"),
			 0);
	assert_int_equal(o.pid, 0);
	assert_int_equal(o.interval_ms, 2500);
	assert_int_equal(o.max_broadcasts, 1);
	assert_true(o.verbose);
	assert_int_equal(o.probes, PROBES_AUTO);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--probes", "perf_event"), 0);
	assert_int_equal(o.probes, PROBES_PERF_EVENT);
	assert_int_equal(o.maps, PERCPU_AUTO);
	assert_false(o.best_effort);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--maps", "each", "--best-effort"), 0);
	assert_int_equal(o.maps, PERCPU_EACH);
	assert_true(o.best_effort);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--probes", "uprobe_multi"), 0);
	assert_int_equal(o.probes, PROBES_UPROBE_MULTI);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--probes", "auto"), 0);
	assert_int_equal(o.probes, PROBES_AUTO);
	assert_int_equal(PARSE(&o, "run", "--all", "--node", "{host}/{unit}-{pid}"), 0);
	assert_true(o.all);
	assert_int_equal(o.pid, 0);
	assert_int_equal(PARSE(&o, "run", "--exe", "/usr/bin/moq-relay", "--record", "r.{pid}"), 0);
	assert_false(o.all);
	assert_int_equal(PARSE(&o, "run", "--unit", "moq-relay", "--node", "n"), 0);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--record", "r", "--node", "{pid}"), 0);
	assert_int_equal(o.identity, PROBES_IDENTITY_AUTO);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--identity", "guard"), 0);
	assert_int_equal(o.identity, PROBES_IDENTITY_GUARD);
	assert_false(o.no_unattributed);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--no-unattributed"), 0);
	assert_true(o.no_unattributed);
	assert_int_equal(o.hot, PROBES_HOT_AUTO);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--hot", "read"), 0);
	assert_int_equal(o.hot, PROBES_HOT_READ);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--hot", "probe"), 0);
	assert_int_equal(o.hot, PROBES_HOT_PROBE);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--identity=auto"), 0);
	assert_int_equal(o.identity, PROBES_IDENTITY_AUTO);
	assert_false(o.explain || o.leave_out);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--explain", "--leave-out", "a.b"), 0);
	assert_true(o.explain);
	assert_false(o.bpf_stats);
	assert_int_equal(PARSE(&o, "run", "--pid", "1"), 0);
	assert_int_equal(o.budget, 0);
	assert_int_equal(o.depth, 0);
	assert_false(settings_given(&o, "linger"));
	options_deinit(&o);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--depth", "2", "--linger", "0"), 0);
	assert_int_equal(o.depth, 2);
	assert_true(settings_given(&o, "linger"));
	options_deinit(&o);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--budget", "0.29", "--hit-cost", "900"),
			 0);
	assert_int_equal(o.budget, 290);
	assert_int_equal(o.hit_cost, 900);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--listen", "0", "--bpf-stats"), 0);
	assert_true(o.bpf_stats);
	assert_int_equal(PARSE(&o, "sites", "--binary", "f", "--json", "--no-cache"), 0);
	assert_int_equal(o.command, OPTIONS_SITES);
	assert_true(o.json && o.no_cache);
	assert_int_equal(PARSE(&o, "sites", "--pid", "4194304"), 0);
	assert_int_equal(PARSE(&o, "census", "--pid", "7", "--json"), 0);
	assert_int_equal(o.command, OPTIONS_CENSUS);
	assert_true(o.json && o.pid == 7);
	assert_int_equal(PARSE(&o, "--help"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(PARSE(&o, "help"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(PARSE(&o, "help", "--json"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(PARSE(&o, "-h"), 0);
	assert_int_equal(PARSE(&o, "run", "--pid", "1", "--help"), 0);
	assert_int_equal(o.command, OPTIONS_HELP);
	assert_int_equal(PARSE(&o, "--json", "--version"), 0);
	assert_int_equal(o.command, OPTIONS_VERSION);
	assert_int_equal(PARSE(&o, "-V"), 0);
	assert_int_equal(o.command, OPTIONS_VERSION);
	assert_string_equal(said, "");
}

static void strings_point_into_the_arguments(void **state)
{
	char *argv[] = { "moqstat", "run",   "--replay", "a", "--record", "b",
			 "--node",  "sjc/1", "--prefix", "x", NULL };
	struct options o;

	(void)state;
	optind = 0;
	getopt(1, argv, "");
	assert_int_equal(options_parse(LEN(argv) - 1, argv, environment, &o), 0);
	options_deinit(&o);
	assert_ptr_equal(o.replay, argv[3]);
	assert_ptr_equal(o.record, argv[5]);
	assert_ptr_equal(o.node, argv[7]);
	assert_ptr_equal(o.prefix, argv[9]);
	assert_null(o.binary);
	argv[2] = NULL;
	argv[1] = "help";
	assert_int_equal(options_parse(2, argv, environment, &o), 0);
	options_deinit(&o);
	assert_string_equal(o.prefix, ".stats");
	assert_null(o.node);
}

static void intervals_in_milliseconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = { { "0.01", 10 },	{ "1", 1000 },	{ "0.0505", 51 },   { "1e0", 1000 },
		      { "0.999", 999 }, { "0.1", 100 }, { "3600", 3600000 } };
	struct options o;
	char said[512];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		assert_int_equal(PARSE(&o, "run", "--pid", "1", "--interval", cases[i].text), 0);
		assert_int_equal(o.interval_ms, cases[i].ms);
	}
}

struct bad {
	const char *words[8];
	const char *said;
};

static const struct bad bad_lines[] = {
	{ { NULL }, "say what to do: run, sites, census" },
	{ { "--verbose" }, "say what to do: run, sites, census" },
	{ { "--pid", "7" }, "say what to do: run, sites, census" },
	{ { "--" }, "say what to do: run, sites, census" },
	{ { "walk" }, "walk: no such command" },
	{ { "" }, ": no such command" },
	{ { "runs", "--pid", "1" }, "runs: no such command" },
	{ { "-" }, "-: an argument too many" },
	{ { "run" },
	  "run: give one of --pid PID, --exe PATH, --unit NAME, --all and --replay FILE" },
	{ { "run", "--pid", "1", "--replay", "f" }, "run: give one of --pid PID" },
	{ { "run", "--pid", "1", "--all" }, "run: give one of --pid PID" },
	{ { "run", "--all", "--exe", "/f" }, "run: give one of --pid PID" },
	{ { "run", "--unit", "u", "--exe", "/f" }, "run: give one of --pid PID" },
	{ { "run", "--unit", "u", "--replay", "f" }, "run: give one of --pid PID" },
	{ { "run", "--all=1" }, "--all=1: takes no argument" },
	{ { "run", "--exe" }, "requires an argument" },
	{ { "run", "--all", "--json" }, "--json belongs to sites, census" },
	{ { "run", "--all", "--record", "f" }, "--record f: there may be several relays" },
	{ { "run", "--exe", "/f", "--record", "f{host}" }, "put {pid} into the name" },
	{ { "run", "--all", "--record", "f{pi}" }, "--record f{pi}: a brace that belongs to none" },
	{ { "run", "--all", "--node", "{name}" }, "--node {name}: a brace that belongs to none" },
	{ { "run", "--pid", "1", "--node", "a}" }, "--node a}: a brace that belongs to none" },
	{ { "run", "--replay", "f", "--node", "{pid}" }, "mean nothing with --replay" },
	{ { "run", "--replay", "f", "--record", "g{host}" }, "mean nothing with --replay" },
	{ { "sites", "--all", "--binary", "f" }, "sites: --all belongs to run" },
	{ { "sites", "--exe", "f" }, "sites: --exe belongs to run" },
	{ { "run", "--pid", "1", "extra" }, "extra: an argument too many" },
	{ { "run", "sites", "--pid", "1" }, "sites: an argument too many" },
	{ { "run", "--pid", "1", "--", "--help" }, "--help: an argument too many" },
	{ { "run", "--pid" }, "requires an argument" },
	{ { "run", "--replay" }, "requires an argument" },
	{ { "run", "--bogus" }, "--bogus: no such option; the nearest is --" },
	{ { "run", "--intervall=5" }, "--intervall=5: no such option; the nearest is --interval," },
	{ { "config" }, "config: give one of --check, --print and --list" },
	{ { "config", "--check", "--list" }, "config: give one of" },
	{ { "config", "--check", "--pid", "1" }, "--pid belongs to run, sites" },
	{ { "sites", "--pid", "1", "--config", "f" }, "--config belongs to run, serve" },
	{ { "run", "-x" }, "invalid option -- 'x'" },
	{ { "run", "--verbose=1" }, "--verbose" },
	{ { "help", "--bogus" }, "--bogus" },
	{ { "--bogus" }, "--bogus" },
	{ { "run", "--pid", "0" }, "--pid 0: give a whole number from 1 to 4194304" },
	{ { "run", "--pid", "-5" }, "--pid -5: give a whole number" },
	{ { "run", "--pid", "4194305" }, "--pid 4194305: give a whole number" },
	{ { "run", "--pid", "99999999999" }, "--pid 99999999999: give a whole number" },
	{ { "run", "--pid", "99999999999999999999" }, "give a whole number" },
	{ { "run", "--pid", "7x" }, "--pid 7x: give a whole number" },
	{ { "run", "--pid", "" }, "--pid : give a whole number" },
	{ { "run", "--pid", "1.0" }, "--pid 1.0: give a whole number" },
	{ { "run", "--pid", "moq-relay" }, "--pid moq-relay: give a whole number" },
	{ { "run", "--pid", "1", "--interval", "0" },
	  "--interval 0: give seconds from 0.01 to 3600" },
	{ { "run", "--pid", "1", "--interval", "-1" }, "--interval -1: give seconds" },
	{ { "run", "--pid", "1", "--interval", "nan" }, "--interval nan: give seconds" },
	{ { "run", "--pid", "1", "--interval", "inf" }, "--interval inf: give seconds" },
	{ { "run", "--pid", "1", "--interval", "-inf" }, "--interval -inf: give seconds" },
	{ { "run", "--pid", "1", "--interval", "1e9" }, "--interval 1e9: give seconds" },
	{ { "run", "--pid", "1", "--interval", "1e999" }, "--interval 1e999: give seconds" },
	{ { "run", "--pid", "1", "--interval", "1x" }, "--interval 1x: give seconds" },
	{ { "run", "--pid", "1", "--interval", "" }, "--interval : give seconds" },
	{ { "run", "--pid", "1", "--interval", "0.0099" }, "--interval 0.0099: give seconds" },
	{ { "run", "--pid", "1", "--interval", "3600.1" }, "--interval 3600.1: give seconds" },
	{ { "run", "--pid", "1", "--depth", "-1" },
	  "--depth -1: give a whole number from 0 to 1024" },
	{ { "run", "--pid", "1", "--linger", "0" }, "--linger belongs to --depth" },
	{ { "run", "--pid", "1", "--depth", "1", "--linger", "-1" },
	  "--linger -1: give seconds from 0 to" },
	{ { "verify", "--depth", "1" }, "--depth belongs to run" },
	{ { "run", "--pid", "1", "--budget", "0" },
	  "--budget 0: give a percentage from 0.01 to 100" },
	{ { "run", "--pid", "1", "--budget", "100.1" }, "--budget 100.1: give a percentage" },
	{ { "run", "--pid", "1", "--budget", "1%" }, "--budget 1%: give a percentage" },
	{ { "run", "--pid", "1", "--budget", "nan" }, "--budget nan: give a percentage" },
	{ { "sites", "--pid", "1", "--budget", "1" }, "--budget belongs to run" },
	{ { "run", "--pid", "1", "--max-broadcasts", "0" }, "--max-broadcasts 0: give a whole" },
	{ { "run", "--pid", "1", "--max-broadcasts", "1000001" }, "from 1 to 1000000" },
	{ { "run", "--pid", "1", "--output", "xml" }, "--output xml: give jsonl or none" },
	{ { "run", "--pid", "1", "--output", "none" }, "then nothing comes of it" },
	{ { "run", "--replay", "x", "--listen", "1" }, "moqstat serve --listen" },
	{ { "run", "--pid", "1", "--token-file", "x" }, "belong to --listen" },
	{ { "run", "--pid", "1", "--bpf-stats" }, "belong to --listen" },
	{ { "run", "--pid", "1", "--listen", "1", "--tls-key", "x" }, "belong together" },
	{ { "serve" }, "give --listen" },
	{ { "serve", "--listen", "1", "--pid", "1" }, "--pid belongs to run, sites" },
	{ { "run", "--pid", "1", "--probes", "perf" }, "--probes perf: give auto, uprobe_multi" },
	{ { "run", "--pid", "1", "--probes", "" }, "--probes : give auto, uprobe_multi" },
	{ { "run", "--pid", "1", "--maps", "all" }, "--maps all: give auto, batches" },
	{ { "run", "--pid", "1", "--identity", "entry" }, "--identity entry: give auto or guard" },
	{ { "run", "--pid", "1", "--hot", "cold" }, "--hot cold: give auto, probe or read" },
	{ { "run", "--pid", "1", "--identity", "" }, "--identity : give auto or guard" },
	{ { "run", "--pid", "1", "--prefix", "a\xff" }, "--prefix: give a path in UTF-8" },
	{ { "run", "--pid", "1", "--node", "\xc3" }, "--node: give a path in UTF-8" },
	{ { "run", "--pid", "1", "--binary", "f" }, "run: --binary belongs to sites" },
	{ { "run", "--pid", "1", "--json" }, "run: --json belongs to sites, census" },
	{ { "run", "--replay", "f", "--explain" }, "--explain and --leave-out belong to a live" },
	{ { "run", "--replay", "f", "--leave-out", "a" }, "--leave-out belong to a live run" },
	{ { "run", "--pid", "1", "--leave-out" }, "requires an argument" },
	{ { "run", "--pid", "1", "--explain=1" }, "--explain" },
	{ { "sites", "--pid", "1", "--explain" }, "sites: --explain belongs to run" },
	{ { "sites", "--pid", "1", "--leave-out", "a" }, "sites: --leave-out belongs to run" },
	{ { "sites" }, "sites: give either --pid PID or --binary FILE" },
	{ { "census" }, "census: give --pid PID" },
	{ { "census", "--json" }, "census: give --pid PID" },
	{ { "census", "--pid", "1", "--binary", "f" }, "--binary belongs to sites" },
	{ { "census", "--pid", "1", "--replay", "f" }, "--replay belongs to run" },
	{ { "census", "--pid", "1", "--record", "f" }, "--record belongs to run" },
	{ { "sites", "--pid", "1", "--binary", "f" }, "sites: give either --pid PID or --binary" },
	{ { "sites", "--pid", "1", "--replay", "f" }, "--replay belongs to run" },
	{ { "sites", "--pid", "1", "--record", "f" }, "--record belongs to run" },
	{ { "sites", "--replay", "f", "--record", "f", "--pid", "1" }, "--replay belongs to run" },
	{ { "run", "--replay", "f", "--record", "f" }, "--record f: the file that --replay reads" },
	{ { "run", "--replay", "f", "--plain" }, "--plain belongs to top" },
	{ { "serve", "--listen", "1", "--sort", "name" }, "--sort belongs to top" },
	{ { "top", "http://a", "b" }, "b: an argument too many" },
	{ { "top", "http://a", "--all" }, "top: give one of URL, --pid" },
	{ { "top", "--pid", "1", "--unit", "u" }, "top: give one of URL, --pid" },
	{ { "top", "--pid", "1", "--token-file", "f" }, "are for an agent's URL" },
	{ { "top", "--replay", "f" }, "--replay belongs to run" },
	{ { "top", "--sort", "root" }, "--sort root: no such column; there are name, viewers" },
	{ { "top", "--view", "x" }, "give broadcasts or sessions" },
	{ { "top", "--tier", "x" }, "give all, external or internal" },
	{ { "top", "--count", "1x" }, "give a whole number" },
};

static void bad_command_lines(void **state)
{
	struct options o, before;
	char said[512];
	size_t i;

	(void)state;
	for (i = 0; i < LEN(bad_lines); i++) {
		memset(&o, 0, sizeof(o));
		o.pid = 77;
		before = o;
		assert_int_equal(parse(bad_lines[i].words, &o, said, sizeof(said)), -EINVAL);
		if (!strstr(said, bad_lines[i].said) ||
		    strchr(said, '\n') != said + strlen(said) - 1)
			fail_msg("line %zu: expected \"%s\", said: %s", i, bad_lines[i].said, said);
		assert_memory_equal(&o, &before, sizeof(o));
	}
}

/* A recording that is written to the file it is read from would never end. */
static void a_recording_is_not_replayed_into_itself(void **state)
{
	char file[64], other[80], said[512];
	struct options o;

	(void)state;
	assert_int_equal(recording_temp(file, sizeof(file)), 0);
	snprintf(other, sizeof(other), "/tmp/.%s", file + strlen("/tmp"));
	assert_int_equal(PARSE(&o, "run", "--replay", file, "--record", other), -EINVAL);
	assert_non_null(strstr(said, "the file that --replay reads"));
	snprintf(other, sizeof(other), "%s.link", file);
	assert_int_equal(PARSE(&o, "run", "--replay", file, "--record", other), 0);
	assert_int_equal(symlink(file, other), 0);
	assert_int_equal(PARSE(&o, "run", "--replay", file, "--record", other), -EINVAL);
	assert_int_equal(PARSE(&o, "run", "--record", file, "--replay", other), -EINVAL);
	unlink(other);
	assert_int_equal(link(file, other), 0);
	assert_int_equal(PARSE(&o, "run", "--replay", file, "--record", other), -EINVAL);
	unlink(other);
	recording_write(other, "", 0); /* another file, though as empty */
	assert_int_equal(PARSE(&o, "run", "--replay", file, "--record", other), 0);
	unlink(other);
	unlink(file);
}

static void help_goes_to_standard_output(void **state)
{
	FILE *caught = tmpfile();
	int before = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY), rc, rc_full;
	char text[16384];
	size_t len;

	(void)state;
	fflush(stdout);
	dup2(fileno(caught), STDOUT_FILENO);
	rc = options_help();
	dup2(full, STDOUT_FILENO);
	rc_full = options_help();
	dup2(before, STDOUT_FILENO);
	close(before);
	close(full);
	rewind(caught);
	len = fread(text, 1, sizeof(text) - 1, caught);
	text[len] = '\0';
	fclose(caught);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(text, "usage: moqstat run --pid PID"));
	assert_non_null(strstr(text, "--max-broadcasts"));
	assert_int_equal(rc_full, -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_command_lines),
		cmocka_unit_test(strings_point_into_the_arguments),
		cmocka_unit_test(intervals_in_milliseconds),
		cmocka_unit_test(bad_command_lines),
		cmocka_unit_test(a_recording_is_not_replayed_into_itself),
		cmocka_unit_test(help_goes_to_standard_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
