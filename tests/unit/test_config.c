/* SPDX-License-Identifier: MIT */
/*
 * test_config.c - settings from the environment and a file: what they come to, what counts more,
 * and what is refused with which words.
 */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "elf_image.h"
#include "options.h"
#include "recording.h"
#include "settings.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* What is taken together. Each ends with NULL. */
struct given {
	const char *words[8];
	const char *env[6];
	const char *text; /* of the file */
};

struct room {
	char file[64];
	char said[2048];
	struct options o;
};

static int setup(void **state)
{
	struct room *r = calloc(1, sizeof(*r));

	*state = r;
	return !r || recording_temp(r->file, sizeof(r->file));
}

static int teardown(void **state)
{
	struct room *r = *state;

	unlink(r->file);
	free(r);
	return 0;
}

/* `len` bytes of text; the file is named in the environment. */
static int take_bytes(struct room *r, const struct given *g, size_t len)
{
	/* Options point to them, and so they stay as a program's own do. */
	static char words[10][128] = { "moqstat" }, variables[8][128];
	char *argv[10] = { words[0] }, *env[8];
	struct image_catch c;
	int argc = 1, n = 0, rc;

	recording_write(r->file, g->text ? g->text : "", len);
	for (; g->words[argc - 1]; argc++) {
		snprintf(words[argc], sizeof(words[0]), "%s", g->words[argc - 1]);
		argv[argc] = words[argc];
	}
	for (; g->env[n]; n++) {
		snprintf(variables[n], sizeof(variables[0]), "%s", g->env[n]);
		env[n] = variables[n];
	}
	snprintf(variables[n], sizeof(variables[0]), CONFIG_VARIABLE "=%s", r->file);
	env[n] = variables[n];
	env[n + 1] = NULL;
	memset(&r->o, 0, sizeof(r->o));
	optind = 0;
	getopt(1, argv, "");
	c = image_catch();
	rc = options_parse(argc, argv, env, &r->o);
	image_caught(c, r->said, sizeof(r->said));
	return rc;
}

static int take(struct room *r, const struct given *g)
{
	return take_bytes(r, g, g->text ? strlen(g->text) : 0);
}

static void good(struct room *r, const struct given *g)
{
	if (take(r, g))
		fail_msg("refused: %s", r->said);
	assert_string_equal(r->said, "");
}

static void a_file_says_what_the_command_line_would(void **state)
{
	struct room *r = *state;

	good(r, &(struct given){ { "run" },
				 { NULL },
				 "# a comment\n\n  interval = 2.5\n\tnode=a = b \r\n"
				 "exe =  /usr/bin/moq relay \nmax-broadcasts = 77\nexplain = yes\n"
				 "best-effort = no\nprobes = perf_event\nlisten = 127.0.0.1:9\n"
				 "metrics-max=5" });
	assert_int_equal(r->o.interval_ms, 2500);
	assert_string_equal(r->o.node, "a = b");
	assert_string_equal(r->o.exe, "/usr/bin/moq relay");
	assert_int_equal(r->o.max_broadcasts, 77);
	assert_true(r->o.explain);
	assert_false(r->o.best_effort);
	assert_int_equal(r->o.probes, PROBES_PERF_EVENT);
	assert_string_equal(r->o.listen, "127.0.0.1:9");
	assert_int_equal(r->o.metrics_max, 5);
	/* Who serves frames has no need of them on a terminal, wherever that was said. */
	assert_int_equal(r->o.output, OPTIONS_OUTPUT_NONE);
	assert_string_equal(r->o.prefix, ".stats");
	options_deinit(&r->o);
}

static void the_environment_counts_more_and_the_command_line_most(void **state)
{
	struct room *r = *state;

	good(r, &(struct given){ { "run", "--interval", "3" },
				 { "HOME=/", "MOQSTAT_INTERVAL=2", "MOQSTAT_MAX_BROADCASTS=5",
				   "MOQSTAT_ALL=yes", "MOQSTAT_TOKEN=secret", NULL },
				 "interval = 1.5\nmax-broadcasts = 6\nnode = n\nbudget = 0.5\n" });
	assert_int_equal(r->o.interval_ms, 3000);
	assert_int_equal(r->o.budget, 500);
	assert_int_equal(r->o.max_broadcasts, 5);
	assert_string_equal(r->o.node, "n");
	assert_true(r->o.all);
	options_deinit(&r->o);
	good(r, &(struct given){ { "run", "--all" },
				 { "MOQSTAT_EXPLAIN=no", NULL },
				 "explain = yes\noutput = jsonl\nlisten = 1\n" });
	assert_false(r->o.explain);
	assert_int_equal(r->o.output, OPTIONS_OUTPUT_JSONL);
	options_deinit(&r->o);
}

/* What to watch is one thing, however many ways there are to say it. */
static void one_target_takes_the_place_of_another(void **state)
{
	struct room *r = *state;

	good(r,
	     &(struct given){ { "run", "--pid", "7" }, { "MOQSTAT_UNIT=u", NULL }, "all = yes\n" });
	assert_int_equal(r->o.pid, 7);
	assert_false(r->o.unit || r->o.all);
	options_deinit(&r->o);
	good(r, &(struct given){ { "run" }, { "MOQSTAT_UNIT=u", NULL }, "all = yes\n" });
	assert_string_equal(r->o.unit, "u");
	assert_false(r->o.all);
	options_deinit(&r->o);
	good(r, &(struct given){ { "run" }, { "MOQSTAT_ALL=no", NULL }, "exe = /f\n" });
	assert_string_equal(r->o.exe, "/f");
	options_deinit(&r->o);
	assert_int_equal(take(r, &(struct given){ { "run" }, { NULL }, "all = yes\nexe = /f\n" }),
			 -EINVAL);
	assert_non_null(strstr(r->said, "run: give one of --pid PID"));
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "interval = 0", ":1: interval = 0: give seconds from 0.01 to 3600" },
		{ "\n#\nintervall = 1",
		  ":3: intervall = 1: no such setting; the nearest is interval" },
		{ "max_broadcasts = 1", "the nearest is max-broadcasts" },
		{ "explain = true", ":1: explain = true: give yes or no" },
		{ "explain", ":1: explain: give name = value" },
		{ "= 5", ":1:  = 5: no such setting" },
		{ "pid = 5", ":1: pid = 5: only on the command line, as --pid" },
		{ "leave-out = a", "only on the command line" },
		{ "node = a\nnode = b", ":2: node = b: line 1 says so already" },
		{ "node = {x}", ":1: node = {x}: a brace that belongs to none" },
		{ "node = \xff", "--node: give a path in UTF-8" },
		{ "output = xml", ":1: output = xml: give jsonl or none" },
		{ "[section]", ":1: [section]: give name = value" },
	};
	struct room *r = *state;
	struct given g = { { "run", "--all" }, { NULL }, NULL };
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		g.text = cases[i].text;
		assert_int_equal(take(r, &g), -EINVAL);
		if (!strstr(r->said, cases[i].said))
			fail_msg("case %zu: expected \"%s\", said: %s", i, cases[i].said, r->said);
		assert_null(r->o.file);
	}
	/* All of it is told, not only the first. */
	g.text = "interval = x\nprobes = y\n";
	assert_int_equal(take(r, &g), -EINVAL);
	assert_non_null(strstr(r->said, ":1: "));
	assert_non_null(strstr(r->said, ":2: "));
}

static void the_environment_is_looked_through(void **state)
{
	static const struct {
		const char *entry, *said;
	} cases[] = {
		{ "MOQSTAT_INTERVAL=x", "environment: MOQSTAT_INTERVAL=x: give seconds" },
		{ "MOQSTAT_INTERVALS=1", "no such setting; the nearest is interval" },
		{ "MOQSTAT_PID=1", "only on the command line, as --pid" },
		{ "MOQSTAT_=1", "no such setting" },
	};
	struct room *r = *state;
	struct given g = { { "run", "--all" }, { NULL }, NULL };
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		g.env[0] = cases[i].entry;
		assert_int_equal(take(r, &g), -EINVAL);
		if (!strstr(r->said, cases[i].said))
			fail_msg("case %zu: expected \"%s\", said: %s", i, cases[i].said, r->said);
	}
	/* Other commands have nothing to do with it. */
	g = (struct given){ { "sites", "--pid", "1" }, { "MOQSTAT_NOTHING=1", NULL }, "junk" };
	good(r, &g);
}

static void a_file_that_is_none(void **state)
{
	struct room *r = *state;
	struct given g = { { "run", "--all" }, { NULL }, NULL };
	char *big = malloc(70000);

	assert_non_null(big);
	g.text = "node = a\0b";
	assert_int_equal(take_bytes(r, &g, 10), -EINVAL);
	assert_non_null(strstr(r->said, "there is a NUL byte in it"));
	memset(big, '\n', 70000);
	g.text = big;
	assert_int_equal(take_bytes(r, &g, 65536), 0);
	options_deinit(&r->o);
	assert_int_equal(take_bytes(r, &g, 65537), -EFBIG);
	assert_non_null(strstr(r->said, "more than 64 kB"));
	free(big);
	g = (struct given){ { "run", "--all", "--config", "/nowhere/moqstat.conf" },
			    { NULL },
			    NULL };
	assert_int_equal(take(r, &g), -ENOENT);
	assert_non_null(
		strstr(r->said, "/nowhere/moqstat.conf: can't read the configuration file"));
	g.words[3] = "/";
	assert_int_equal(take(r, &g), -EISDIR);
	/* --config counts more than the environment's. */
	g.words[3] = "/dev/null";
	g.text = "junk";
	good(r, &g);
	options_deinit(&r->o);
}

static void a_file_that_others_can_write_is_not_taken(void **state)
{
	struct room *r = *state;
	struct given g = { { "run", "--all" }, { NULL }, "node = n\n" };

	good(r, &g);
	options_deinit(&r->o);
	assert_int_equal(chmod(r->file, 0664), 0);
	assert_int_equal(take(r, &g), -EPERM);
	assert_non_null(strstr(r->said, "others can write it"));
	assert_int_equal(chmod(r->file, 0644), 0);
	good(r, &g);
	options_deinit(&r->o);
}

/* Each setting can be found, and says what the help and the completions need. */
static void the_table_is_whole(void **state)
{
	const struct setting *s;
	struct options o = { 0 };

	(void)state;
	for (s = settings; s < settings + settings_len; s++) {
		assert_ptr_equal(settings_find(s->name), s);
		assert_ptr_equal(settings_nearest(s->name), s);
		assert_true(s->commands);
		assert_true(s->help && *s->help);
		assert_true((s->kind == SETTING_FLAG) == !s->value);
		assert_true((s->kind == SETTING_WORD) == !!s->words[0]);
		if (s->kind == SETTING_NUMBER || s->kind == SETTING_SECONDS ||
		    s->kind == SETTING_PERCENT)
			assert_true(s->low < s->high);
		if (s->fallback)
			assert_int_equal(
				settings_take(s, s->fallback, OPTIONS_DEFAULT, s->name, &o), 0);
	}
	assert_null(settings_find("intervals"));
	assert_string_equal(settings_nearest("intervals")->name, "interval");
	assert_string_equal(settings_nearest("")->name, settings_nearest("")->name);
	assert_non_null(settings_nearest("a name that is much longer than any of those there are"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_says_what_the_command_line_would),
		cmocka_unit_test(the_environment_counts_more_and_the_command_line_most),
		cmocka_unit_test(one_target_takes_the_place_of_another),
		cmocka_unit_test(what_is_wrong_is_named_with_its_place),
		cmocka_unit_test(the_environment_is_looked_through),
		cmocka_unit_test(a_file_that_is_none),
		cmocka_unit_test(a_file_that_others_can_write_is_not_taken),
		cmocka_unit_test(the_table_is_whole),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
