/* SPDX-License-Identifier: MIT */
/*
 * test_template.c - what is put into names, and which braces are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "template.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void values_are_put_in(void **state)
{
	static const struct template_values values = { .pid = 4711, .host = "h", .unit = "u@1" };
	static const char *const cases[][2] = {
		{ "", "" },
		{ "n1", "n1" },
		{ "{pid}", "4711" },
		{ "{host}/{unit}-{pid}", "h/u@1-4711" },
		{ "{pid}{pid}", "47114711" },
		{ "a{host}b", "ahb" },
		{ "\xc3\xa4/{host}", "\xc3\xa4/h" },
	};
	char *out;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		assert_int_equal(template_check(cases[i][0]), 0);
		assert_int_equal(template_expand(cases[i][0], &values, &out), 0);
		assert_string_equal(out, cases[i][1]);
		free(out);
	}
	assert_true(template_holds("a{pid}", "{pid}"));
	assert_false(template_holds("a{pi}", "{pid}"));
}

/* What is put in is not looked at again. */
static void values_with_braces_stay(void **state)
{
	static const struct template_values values = { .host = "{pid}", .unit = "" };
	char *out;

	(void)state;
	assert_int_equal(template_expand("{host}{unit}", &values, &out), 0);
	assert_string_equal(out, "{pid}");
	free(out);
}

static void other_braces_are_refused(void **state)
{
	static const char *const cases[] = {
		"{",	  "}",	    "{}",     "{pid",	"pid}",	   "{PID}",
		"{ pid}", "{{pid}", "{pid}}", "{name}", "a{pid}{", "{hostname}",
	};
	static const struct template_values values = { .host = "", .unit = "" };
	char *out = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < LEN(cases); i++) {
		assert_int_equal(template_check(cases[i]), -EINVAL);
		assert_int_equal(template_expand(cases[i], &values, &out), -EINVAL);
		assert_null(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_put_in),
		cmocka_unit_test(values_with_braces_stay),
		cmocka_unit_test(other_braces_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
