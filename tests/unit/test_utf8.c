/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "utf8.h"

struct text {
	const char *bytes;
	size_t len;
};

#define TEXT(s) { s, sizeof(s) - 1 }

static void accepts_what_rust_accepts(void **state)
{
	/* The first and the last of each length, and the edges of the surrogates. */
	static const struct text texts[] = {
		TEXT(""),
		TEXT("\0"),
		TEXT("\x7f"),
		TEXT("\xc2\x80"),
		TEXT("\xdf\xbf"),
		TEXT("\xe0\xa0\x80"),
		TEXT("\xed\x9f\xbf"),
		TEXT("\xee\x80\x80"),
		TEXT("\xef\xbf\xbf"),
		TEXT("\xf0\x90\x80\x80"),
		TEXT("\xf4\x8f\xbf\xbf"),
		TEXT("a\xe2\x82\xac"
		     "b"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(utf8_valid(texts[i].bytes, texts[i].len));
}

static void refuses_what_rust_refuses(void **state)
{
	static const struct text texts[] = {
		TEXT("\x80"),
		TEXT("\xbf"),
		TEXT("\xc0\x80"),
		TEXT("\xc1\xbf"),
		TEXT("\xe0\x9f\xbf"),
		TEXT("\xed\xa0\x80"),
		TEXT("\xed\xbf\xbf"),
		TEXT("\xf0\x8f\xbf\xbf"),
		TEXT("\xf4\x90\x80\x80"),
		TEXT("\xf5\x80\x80\x80"),
		TEXT("\xff"),
		TEXT("\xc2"),
		TEXT("\xe2\x82"),
		TEXT("\xf0\x9f\x98"),
		TEXT("\xc2"
		     "a"),
		TEXT("\xe2\x82"
		     "a"),
		TEXT("ok\xc2\x80\x80"),
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(utf8_valid(texts[i].bytes, texts[i].len));
}

static void any_name_becomes_a_string(void **state)
{
	static const char *const names[][2] = {
		{ "", "" },
		{ "/usr/bin/\xc3\xa9", "/usr/bin/\xc3\xa9" },
		{ "\xff/\xe2\x82", "\xef\xbf\xbd/\xef\xbf\xbd\xef\xbf\xbd" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *json = utf8_json(names[i][0]);

		assert_string_equal(json_string_value(json), names[i][1]);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_rust_accepts),
		cmocka_unit_test(refuses_what_rust_refuses),
		cmocka_unit_test(any_name_becomes_a_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
