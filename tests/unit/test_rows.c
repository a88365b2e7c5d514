/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "rows.h"

static const char *const fields[] = { "one", NULL, "two", "three" };

static void keys_are_read_back(void **state)
{
	static const char text[] = "a\"\\/\b\f\n\r\t\x01\x1f\xc3\xa9 \xf0\x9f\x8e\xa5\0z";
	struct row row = { 0 };
	char out[256], *json;

	(void)state;
	assert_int_equal(frame_quote(text, sizeof(text) - 1, &json, &row.key_len), 0);
	row.key = json;
	assert_int_equal(rows_unquote(row.key, row.key_len, out), sizeof(text) - 1);
	assert_memory_equal(out, text, sizeof(text) - 1);
	free(json);
}

static int parse(const char *value, uint64_t *counts, unsigned int *seen)
{
	size_t len = strlen(value);
	char *exact = malloc(len); /* so that a sanitizer sees the end */
	struct row row = { .value = exact, .value_len = len };
	int err;

	memcpy(exact, value, len);
	err = rows_counts(&row, fields, 4, counts, seen);
	free(exact);
	return err;
}

static void numbers_are_read_by_name(void **state)
{
	uint64_t counts[4] = { 7, 7, 7, 7 };
	unsigned int seen = 0;

	(void)state;
	assert_int_equal(
		parse("{\"three\":3,\"more\":9,\"one\":18446744073709551615}", counts, &seen), 0);
	assert_true(counts[0] == UINT64_MAX && counts[1] == 7 && counts[2] == 7 && counts[3] == 3);
	assert_int_equal(seen, 1 << 0 | 1 << 3);
	assert_int_equal(parse("{}", counts, &seen), 0);
	/* Of what is in an object of its own nothing is known. */
	seen = 0;
	assert_int_equal(parse("{\"more\":{\"one\":2,\"two\":2},\"two\":5}", counts, &seen), 0);
	assert_true(counts[0] == UINT64_MAX && counts[2] == 5);
	assert_int_equal(seen, 1 << 2);
}

static void what_is_no_row_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"one\":18446744073709551616}",
		"{\"one\":99999999999999999999}",
		"{\"one\":-1}",
		"{\"one\":1.5}",
		"{\"one\":}",
		"{\"one\"}",
		"{\"one}",
		"{one:1}",
		"{\"one\":1,}",
		"{,\"one\":1}",
		"{\"one\":1\"two\":2}",
		"{\"one\":\"1\"}",
		"{\"one\":01}",
		"{\"\":1}",
		"{\"mo\rre\":1}",
		"{\"\\u006f\":1}",
		"{ }",
		"{\"}",
		"{\"\"}",
		"{\"one\":{\"two\":1}}",
		"{\"more\":{\"two\":1}",
		"{\"more\":{\"two\":1}1}",
	};
	uint64_t counts[4] = { 0 };
	unsigned int seen = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], counts, &seen), -EBADMSG);
}

/* Whatever the next row is compared with, what is read is the same. */
static void the_quick_way_reads_the_same(void **state)
{
	static const char *const frames[] = {
		"{}",
		"{\"a\":{\"n\":1}}",
		"{\"a\":{\"n\":1},\"b\":{}}",
		"{\"b\":{}}",
		"{\"a\":{\"n\":1}",
		"{\"a\":{\"n\":1}x",
		"{\"a\":{\"n\":1},",
		"{\"a\":{\"n\":1}}x",
		",\"a\":{\"n\":1}}",
		"{\"a\":{\"n\":12}}",
		"{\"a\":{\"n\":1}\"b\":{}}",
	};
	struct row like[] = { { "\"a\":{\"n\":1}", 3, NULL, 7 }, { "\"b\":{}", 3, NULL, 2 } };
	struct rows slow, quick;
	struct row one, other;
	size_t i, j, seen = 0;
	int a, b;

	(void)state;
	for (i = 0; i < 2 * sizeof(frames) / sizeof(frames[0]); i++) {
		const char *frame = frames[i / 2];
		size_t len = strlen(frame);
		char *exact = malloc(len);

		memcpy(exact, frame, len);
		slow = quick = rows_begin(exact, len);
		do {
			j = i % 2;
			like[j].value = like[j].key + 4;
			a = rows_next(&slow, &one);
			b = rows_next_like(&quick, &like[j], &other);
			seen += b == 2;
			assert_int_equal(b == 2 ? 1 : b, a);
			if (a <= 0)
				continue;
			assert_ptr_equal(one.key, other.key);
			assert_int_equal(one.key_len, other.key_len);
			assert_ptr_equal(one.value, other.value);
			assert_int_equal(one.value_len, other.value_len);
		} while (a > 0);
		free(exact);
	}
	assert_int_equal(seen, 9);
	quick = rows_begin("{}", 2);
	assert_int_equal(rows_next_like(&quick, NULL, &other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_quick_way_reads_the_same),
		cmocka_unit_test(keys_are_read_back),
		cmocka_unit_test(numbers_are_read_by_name),
		cmocka_unit_test(what_is_no_row_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
