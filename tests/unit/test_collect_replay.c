/* SPDX-License-Identifier: MIT */
/*
 * test_collect_replay.c - what is no recording is refused, with the line and the reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect.h"
#include "recording.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	char file[64];
	char said[1024]; /* what was logged */
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	return recording_temp(f->file, sizeof(f->file));
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	test_free(f);
	return 0;
}

#define LINE "{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n"
#define WITH_BROADCAST(b) \
	"{\"v\":1,\"time_ms\":1,\"broadcasts\":[" b "],\"sessions\":[],\"lost\":{}}\n"
#define WITH_SESSION(s) \
	"{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[" s "],\"lost\":{}}\n"
#define WITH_COUNTS(c) \
	WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":0,\"held\":true,\"counts\":" c "}")

struct bad {
	const char *text;
	const char *said; /* part of the message */
};

static const struct bad bad_lines[] = {
	{ "\n", "not JSON" },
	{ "hello\n", "not JSON" },
	{ "\xff\xfe\n", "not JSON" },
	{ "{\"v\":1,\"v\":1}\n", "not JSON" },
	{ LINE "x", "" }, /* two lines: the second is bad */
	{ "[]\n", "no version" },
	{ "{}\n", "no version" },
	{ "{\"v\":\"1\"}\n", "no version" },
	{ "{\"v\":2}\n", "version 2, only 1" },
	{ "{\"v\":1}\n", "time_ms" },
	{ "{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":{},\"x\":0}\n",
	  "left" },
	{ "{\"v\":1,\"time_ms\":-1,\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n", "time_ms" },
	{ "{\"v\":1,\"time_ms\":1.5,\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n", "time_ms" },
	{ "{\"v\":1,\"time_ms\":\"\",\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n", "time_ms" },
	{ "{\"v\":1,\"time_ms\":1,\"broadcasts\":{},\"sessions\":[],\"lost\":{}}\n", "array" },
	{ "{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":1,\"lost\":{}}\n", "array" },
	{ "{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":[]}\n", "lost" },
	{ "{\"v\":1,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":{\"x\":1}}\n",
	  "no counter is called \"x\"" },
	{ WITH_BROADCAST("7"), "broadcasts[0]" },
	{ WITH_BROADCAST("{}"), "path" },
	{ "{\"v\":1,\"schema\":\"0.11\",\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],"
	  "\"lost\":{}}\n",
	  "none that is known" },
	{ "{\"v\":1,\"schema\":13,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n",
	  "none that is known" },
	{ "{\"v\":1,\"schema\":null,\"time_ms\":1,\"broadcasts\":[],\"sessions\":[],\"lost\":{}}\n",
	  "none that is known" },
	{ WITH_BROADCAST("{\"path\":7,\"incarnation\":0,\"held\":true,\"counts\":{}}"),
	  "broadcasts[0]" },
	{ WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":-1,\"held\":true,\"counts\":{}}"),
	  "incarnation" },
	{ WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":4294967296,\"held\":true,\"counts\":{}}"),
	  "incarnation" },
	{ WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":0,\"held\":1,\"counts\":{}}"),
	  "true or false" },
	{ WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":0,\"held\":true}"), "counts" },
	{ WITH_BROADCAST("{\"path\":\"a\",\"incarnation\":0,\"held\":true,\"fresh\":1,"
			 "\"counts\":{}}"),
	  "neither true nor false" },
	{ WITH_SESSION("{\"root\":\"\",\"tier\":\"internal\",\"incarnation\":0,\"held\":true,"
		       "\"whole\":null,\"counts\":{}}"),
	  "neither true nor false" },
	{ WITH_BROADCAST(
		  "{\"path\":\"\xed\xa0\x80\",\"incarnation\":0,\"held\":true,\"counts\":{}}"),
	  "not JSON" },
	{ WITH_COUNTS("[]"), "counts are not an object" },
	{ WITH_COUNTS("{\"viewer\":{}}"), "\"viewer\" is not a role" },
	{ WITH_COUNTS("{\"publisher\":7}"), "role" },
	{ WITH_COUNTS("{\"publisher\":{\"public\":{}}}"), "no tier is called \"public\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":7}}"), "counts are not an object" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bits\":7}}}"), "\"bits\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":-7}}}"), "\"bytes\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":true}}}"), "\"bytes\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":\"18446744073709551616\"}}}"),
	  "\"bytes\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":\"7x\"}}}"), "\"bytes\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":\"1\\u0000\"}}}"), "\"bytes\"" },
	{ WITH_COUNTS("{\"publisher\":{\"external\":{\"bytes\":9223372036854775808}}}"),
	  "not JSON" },
	{ WITH_SESSION("{\"root\":\"\",\"tier\":\"mesh\",\"incarnation\":0,\"held\":true,"
		       "\"counts\":{}}"),
	  "no tier is called \"mesh\"" },
	{ WITH_SESSION("{\"root\":\"\",\"incarnation\":0,\"held\":true,\"counts\":{}}"), "tier" },
	{ WITH_SESSION("{\"root\":\"\",\"tier\":\"internal\",\"incarnation\":0,\"held\":true,"
		       "\"counts\":{\"bytes\":1}}"),
	  "sessions[0]: no counter is called \"bytes\"" },
	{ WITH_COUNTS("{\"\x1b[31m\":{}}"), "not JSON" },
	{ WITH_COUNTS("{\"\\u001b[31m\":{}}"), "\"?[31m\"" }, /* no colours on the terminal */
};

static void foreign_lines_are_refused(void **state)
{
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	char expected[128];
	size_t i;

	for (i = 0; i < LEN(bad_lines); i++) {
		recording_write(f->file, bad_lines[i].text, strlen(bad_lines[i].text));
		assert_int_equal(collect_replay_create(f->file, &c), 0);
		snprintf(expected, sizeof(expected), "moqstat: error: %s: line 1: ", f->file);
		if (bad_lines[i].said[0] == '\0') {
			assert_int_equal(collect_read(c, &batch), 0);
			collect_batch_deinit(&batch);
			snprintf(expected, sizeof(expected), "%s: line 2: cut short", f->file);
		}
		assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -EBADMSG);
		if (!strstr(f->said, expected) || !strstr(f->said, bad_lines[i].said))
			fail_msg("case %zu: expected \"%s\", \"%s\"; said: %s", i, expected,
				 bad_lines[i].said, f->said);
		/* One line, said once, and the end. */
		assert_ptr_equal(strchr(f->said, '\n'), f->said + strlen(f->said) - 1);
		assert_null(batch.broadcasts);
		assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -EBADMSG);
		assert_string_equal(f->said, "");
		collect_batch_deinit(&batch);
		collect_destroy(c);
	}
}

static void recording_cut_anywhere(void **state)
{
	static const char line[] = WITH_COUNTS("{\"publisher\":{\"external\":{\"announced\":1}}}");
	struct fixture *f = *state;
	char text[2 * sizeof(line)];
	struct collect_batch batch;
	struct collect *c;
	size_t len = sizeof(line) - 1, cut;

	memcpy(text, line, len);
	memcpy(text + len, line, len);
	for (cut = 0; cut <= len; cut++) {
		recording_write(f->file, text, len + cut);
		assert_int_equal(collect_replay_create(f->file, &c), 0);
		assert_int_equal(collect_read(c, &batch), 0);
		assert_int_equal(batch.broadcasts[0].counts[0][0][0], 1);
		collect_batch_deinit(&batch);
		if (cut == 0) {
			assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)),
					 -ENODATA);
		} else if (cut >= len - 1) { /* only its newline is missing */
			assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), 0);
		} else {
			assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)),
					 -EBADMSG);
			assert_non_null(strstr(f->said, "line 2: cut short"));
		}
		collect_batch_deinit(&batch);
		collect_destroy(c);
	}
}

/* Of one release, from the first line to the last. */
static void one_schema_for_all_lines(void **state)
{
	static const char old[] = WITH_COUNTS("{\"publisher\":{\"external\":{\"announced\":1}}}");
	static const char new[] =
		"{\"v\":1,\"schema\":\"0.13\",\"time_ms\":1,\"broadcasts\":[{\"path\":\"a\","
		"\"incarnation\":0,\"held\":true,\"counts\":{\"publisher\":{\"external\":"
		"{\"announced_bytes\":7}}}}],\"sessions\":[],\"lost\":{}}\n";
	static const char named[] = "{\"v\":1,\"schema\":\"0.12\",\"time_ms\":1,\"broadcasts\":[],"
				    "\"sessions\":[],\"lost\":{}}\n";
	static const struct {
		const char *lines[2];
		const struct frame_schema *schema;
		int err;
	} cases[] = {
		{ { old, old }, &frame_schema_broadcast_0_12, 0 },
		{ { old, named }, &frame_schema_broadcast_0_12, 0 },
		{ { new, new }, &frame_schema_broadcast_0_13, 0 },
		{ { old, new }, &frame_schema_broadcast_0_12, -EBADMSG },
		{ { new, old }, &frame_schema_broadcast_0_13, -EBADMSG },
	};
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	char text[1024];
	size_t i;

	for (i = 0; i < LEN(cases); i++) {
		snprintf(text, sizeof(text), "%s%s", cases[i].lines[0], cases[i].lines[1]);
		recording_write(f->file, text, strlen(text));
		assert_int_equal(collect_replay_create(f->file, &c), 0);
		assert_int_equal(collect_read(c, &batch), 0);
		assert_ptr_equal(batch.schema, cases[i].schema);
		assert_int_equal(batch.broadcasts[0].counts[0][0][MOQSTAT_ANNOUNCED_BYTES],
				 cases[i].lines[0] == new ? 7 : 0);
		collect_batch_deinit(&batch);
		assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), cases[i].err);
		if (cases[i].err)
			assert_non_null(
				strstr(f->said, "line 2: \"schema\" is another than before"));
		collect_batch_deinit(&batch);
		collect_destroy(c);
	}
}

static void names_that_are_too_long_are_refused(void **state)
{
	static const char format[] =
		WITH_BROADCAST("{\"path\":\"%.*s\",\"incarnation\":0,\"held\":true,\"counts\":{}}");
	char path[MOQSTAT_PATH_MAX + 1], text[MOQSTAT_PATH_MAX + 256];
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;
	int len;

	memset(path, 'p', sizeof(path));
	for (len = MOQSTAT_PATH_MAX; len <= MOQSTAT_PATH_MAX + 1; len++) {
		snprintf(text, sizeof(text), format, len, path);
		recording_write(f->file, text, strlen(text));
		assert_int_equal(collect_replay_create(f->file, &c), 0);
		assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)),
				 len > MOQSTAT_PATH_MAX ? -EBADMSG : 0);
		collect_batch_deinit(&batch);
		collect_destroy(c);
	}
	assert_non_null(strstr(f->said, "longer than 1024"));
}

/* /dev/zero is a line without an end. */
static void endless_line_is_refused(void **state)
{
	struct fixture *f = *state;
	struct collect_batch batch;
	struct collect *c;

	assert_int_equal(collect_replay_create("/dev/zero", &c), 0);
	assert_int_equal(recording_read(c, &batch, f->said, sizeof(f->said)), -EBADMSG);
	assert_non_null(strstr(f->said, "/dev/zero: line 1: longer than 67108864 bytes"));
	collect_destroy(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(foreign_lines_are_refused), TEST(recording_cut_anywhere),
		TEST(one_schema_for_all_lines),	 TEST(names_that_are_too_long_are_refused),
		TEST(endless_line_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
