/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "alloc_fail.h"
#include "delta.h"
#include "rows.h"

static int build(const char *before, const char *now, struct frame_buf *buf)
{
	return delta_build(before, strlen(before), now, strlen(now), buf);
}

static void expect(const char *before, const char *now, const char *delta)
{
	struct frame_buf buf = { 0 };

	assert_int_equal(build(before, now, &buf), 0);
	assert_string_equal(buf.data, delta);
	assert_int_equal(buf.len, strlen(delta));
	frame_buf_deinit(&buf);
}

static void says_what_is_new_other_and_gone(void **state)
{
	(void)state;
	expect("{}", "{}", "{\"set\":{},\"gone\":[]}");
	expect("{}", "{\"a\":{\"n\":1}}", "{\"set\":{\"a\":{\"n\":1}},\"gone\":[]}");
	expect("{\"a\":{\"n\":1}}", "{}", "{\"set\":{},\"gone\":[\"a\"]}");
	expect("{\"a\":{\"n\":1}}", "{\"a\":{\"n\":1}}", "{\"set\":{},\"gone\":[]}");
	expect("{\"a\":{\"n\":1}}", "{\"a\":{\"n\":2}}", "{\"set\":{\"a\":{\"n\":2}},\"gone\":[]}");
	expect("{\"a\":{\"n\":1}}", "{\"a\":{\"n\":12}}",
	       "{\"set\":{\"a\":{\"n\":12}},\"gone\":[]}");
	expect("{\"a\":{\"n\":1},\"b\":{\"n\":1},\"d\":{\"n\":1}}",
	       "{\"b\":{\"n\":1},\"c\":{\"n\":1},\"d\":{\"n\":3},\"e\":{\"n\":1}}",
	       "{\"set\":{\"c\":{\"n\":1},\"d\":{\"n\":3},\"e\":{\"n\":1}},\"gone\":[\"a\"]}");
}

/* Frames are in the order of the bytes, not of their escapes. */
static void keys_are_ordered_as_they_mean(void **state)
{
	static const char *const ordered[] = {
		"\"\"",	    "\"\\u0001\"", "\"\\b\"",	  "\"\\t\"", "\"\\n\"",
		"\"\\f\"",  "\"\\r\"",	   "\"\\u001f\"", "\" \"",   "\"!\"",
		"\"\\\"\"", "\"\\\"a\"",   "\"#\"",	  "\"[\"",   "\"\\\\\"",
		"\"]\"",    "\"a\"",	   "\"ab\"",	  "\"b\"",   "\"\xc3\xa9\""
	};
	size_t i, j, n = sizeof(ordered) / sizeof(ordered[0]);

	(void)state;
	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			struct row a = { .key = ordered[i], .key_len = strlen(ordered[i]) };
			struct row b = { .key = ordered[j], .key_len = strlen(ordered[j]) };
			int order = rows_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	expect("{\"\\u0001\":{\"n\":1},\"\\\"}{\":{\"n\":1},\"#\":{\"n\":1}}",
	       "{\"\\u0001\":{\"n\":2},\"\\\"}{\":{\"n\":1}}",
	       "{\"set\":{\"\\u0001\":{\"n\":2}},\"gone\":[\"#\"]}");
}

/* As frame_quote() makes them. */
static void keys_are_read_back(void **state)
{
	char text[2] = "", *json, back[16];
	size_t len;
	int c;

	(void)state;
	for (c = 0; c < 128; c++) {
		text[0] = (char)c;
		assert_int_equal(frame_quote(text, 1, &json, &len), 0);
		assert_int_equal(rows_unquote(json, len, back), 1);
		assert_int_equal(back[0], c);
		free(json);
	}
	assert_int_equal(rows_unquote("\"\"", 2, back), 0);
	assert_int_equal(rows_unquote("\"a\\\"\xc3\xa9\"", 7, back), 4);
	assert_memory_equal(back, "a\"\xc3\xa9", 4);
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char *const bad[] = {
		"",	    "{",	   "x",		  "{}x",
		"{\"",	    "{\"a",	   "{\"a\"",	  "{\"a\":",
		"{\"a\":{", "{\"a\":{}",   "{\"a\":{},",  "{\"a\":{}\"b\":{}}",
		"{\"a\\",   "{\"a\\\"",	   "{,\"a\":{}}", "{\"a\":1}",
		"[]",	    "{\"a\":{},}",
	};
	struct frame_buf buf = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *exact = malloc(strlen(bad[i]) + 1); /* so that a sanitizer sees the end */
		size_t len = strlen(bad[i]);

		memcpy(exact, bad[i], len + 1);
		assert_int_equal(delta_build(exact, len, "{}", 2, &buf), -EBADMSG);
		assert_int_equal(delta_build("{}", 2, exact, len, &buf), -EBADMSG);
		free(exact);
	}
	frame_buf_deinit(&buf);
}

static json_t *apply(json_t *frame, const char *delta)
{
	json_t *d = json_loads(delta, JSON_REJECT_DUPLICATES, NULL), *key;
	size_t i;

	assert_non_null(d);
	assert_int_equal(json_object_update(frame, json_object_get(d, "set")), 0);
	json_array_foreach(json_object_get(d, "gone"), i, key)
		assert_int_equal(json_object_del(frame, json_string_value(key)), 0);
	json_decref(d);
	return frame;
}

/* A frame of some of the rows that there may be. */
static void random_frame(unsigned int *seed, char *out, size_t size)
{
	static const char *const keys[] = { "\\u0001", "\\\"", "a",	  "a/b",
					    "b\\\\c",  "b}",   "\xc3\xa9" };
	size_t i, at = 0;
	bool first = true;

	at += snprintf(out + at, size - at, "{");
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (rand_r(seed) % 3 == 0)
			continue;
		at += snprintf(out + at, size - at, "%s\"%s\":{\"bytes\":%d,\"frames\":%d}",
			       first ? "" : ",", keys[i], rand_r(seed) % 3,
			       rand_r(seed) % 2 * 1000);
		first = false;
	}
	snprintf(out + at, size - at, "}");
}

static void applied_they_make_the_frame(void **state)
{
	char before[1024], now[1024];
	struct frame_buf buf = { 0 };
	unsigned int seed = 7, turn;
	json_t *one, *other;

	(void)state;
	random_frame(&seed, before, sizeof(before));
	one = json_loads(before, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(one);
	for (turn = 0; turn < 2000; turn++) {
		random_frame(&seed, now, sizeof(now));
		assert_int_equal(build(before, now, &buf), 0);
		one = apply(one, buf.data);
		other = json_loads(now, JSON_REJECT_DUPLICATES, NULL);
		assert_true(json_equal(one, other));
		json_decref(other);
		memcpy(before, now, sizeof(before));
	}
	json_decref(one);
	frame_buf_deinit(&buf);
}

static void short_memory_is_told(void **state)
{
	struct frame_buf buf = { 0 };

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(build("{}", "{}", &buf), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_null(buf.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_new_other_and_gone),
		cmocka_unit_test(keys_are_ordered_as_they_mean),
		cmocka_unit_test(keys_are_read_back),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(applied_they_make_the_frame),
		cmocka_unit_test(short_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
