/* SPDX-License-Identifier: MIT */
/*
 * test_reload.c - the settings again, under a run: what changes, what takes a restart, and what
 * changes nothing.
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
#include <unistd.h>

#include <cmocka.h>

#include "elf_image.h"
#include "options.h"
#include "recording.h"
#include "reload.h"

struct room {
	char file[64], variable[96];
	char *env[3];
	struct options first, o; /* as it began, which holds the texts; as it is */
	char said[2048];
};

/* A run of `moqstat run --pid 7 --node n`, with this in its file. */
static struct room *room_begin(const char *text)
{
	static char words[5][8] = { "moqstat", "run", "--pid", "7", "--node" }, node[] = "n";
	char *argv[] = { words[0], words[1], words[2], words[3], words[4], node, NULL };
	struct room *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	assert_int_equal(recording_temp(r->file, sizeof(r->file)), 0);
	snprintf(r->variable, sizeof(r->variable), "MOQSTAT_CONFIG=%s", r->file);
	r->env[0] = r->variable;
	recording_write(r->file, text, strlen(text));
	optind = 0;
	getopt(1, argv, "");
	assert_int_equal(options_parse(6, argv, r->env, &r->first), 0);
	r->o = r->first;
	return r;
}

static void room_end(struct room *r)
{
	options_deinit(&r->first);
	unlink(r->file);
	free(r);
}

/* The file has become this, NULL: another that isn't ours to write; what is said is in r->said. */
static int room_reload(struct room *r, const char *text)
{
	struct image_catch c;
	struct options now;
	int err;

	if (text)
		recording_write(r->file, text, strlen(text));
	c = image_catch();
	err = options_again(&r->o, r->env, &now);
	if (!err) {
		err = reload_apply(&now, &r->o);
		options_deinit(&now);
	}
	image_caught(c, r->said, sizeof(r->said));
	return err;
}

static void numbers_change(void **state)
{
	struct room *r = room_begin("interval = 2\n");

	(void)state;
	assert_int_equal(room_reload(r, "interval = 0.25\nmetrics-max = 7\n"), 0);
	assert_int_equal(r->o.interval_ms, 250);
	assert_int_equal(r->o.metrics_max, 7);
	assert_string_equal(r->said, "moqstat: interval = 0.25 from now on; it was 2\n"
				     "moqstat: metrics-max = 7 from now on; it was 1024\n");
	/* Left out, it is the default again. */
	assert_int_equal(room_reload(r, "metrics-max = 7\n"), 0);
	assert_int_equal(r->o.interval_ms, 1000);
	assert_string_equal(r->said, "moqstat: interval = 1 from now on; it was 0.25\n");
	assert_int_equal(room_reload(r, "metrics-max = 7\n"), 0);
	assert_string_equal(r->said, "moqstat: the settings are as they were\n");
	room_end(r);
}

static void others_take_a_restart(void **state)
{
	struct room *r = room_begin("prefix = .a\n");

	(void)state;
	assert_int_equal(room_reload(r, "prefix = .b\nmax-broadcasts = 99\nlisten = 9814\n"
					"interval = 3\n"),
			 0);
	assert_string_equal(
		r->said,
		"moqstat: warning: prefix = .b takes a restart: it stays .a\n"
		"moqstat: interval = 3 from now on; it was 1\n"
		"moqstat: warning: listen = 9814 takes a restart: it stays as it was, not given\n"
		"moqstat: warning: max-broadcasts = 99 takes a restart: it stays 16384\n");
	assert_string_equal(r->o.prefix, ".a");
	assert_int_equal(r->o.max_broadcasts, 16384);
	assert_null(r->o.listen);
	assert_int_equal(r->o.interval_ms, 3000);
	room_end(r);
}

static void the_command_line_counts_more(void **state)
{
	struct room *r = room_begin("");

	(void)state;
	assert_int_equal(room_reload(r, "node = other\nall = yes\n"), 0);
	assert_string_equal(r->said, "moqstat: the settings are as they were\n");
	assert_string_equal(r->o.node, "n");
	assert_int_equal(r->o.pid, 7);
	assert_false(r->o.all);
	room_end(r);
}

static void nonsense_changes_nothing(void **state)
{
	static const char *const texts[] = { "interval = 5\nintervall = 2\n", "interval = 0\n",
					     "interval = 5\noutput = none\n" };
	struct room *r = room_begin("interval = 2\n");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(room_reload(r, texts[i]), -EINVAL);
		assert_int_equal(r->o.interval_ms, 2000);
		assert_non_null(strstr(r->said, "error: "));
		assert_null(strstr(r->said, "from now on"));
	}
	unlink(r->file);
	assert_int_equal(room_reload(r, NULL), -ENOENT);
	assert_non_null(strstr(r->said, "can't read the configuration file"));
	assert_int_equal(r->o.interval_ms, 2000);
	room_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_change),
		cmocka_unit_test(others_take_a_restart),
		cmocka_unit_test(the_command_line_counts_more),
		cmocka_unit_test(nonsense_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
