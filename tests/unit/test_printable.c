/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "printable.h"
#include "units.h"

static void expect(const char *bytes, size_t len, size_t width, const char *shown, size_t columns)
{
	struct printable p = { 0 };

	printable_name(&p, bytes, len, width, false);
	assert_string_equal(p.data ? p.data : "", shown);
	assert_int_equal(p.width, columns);
	free(p.data);
}

static void whole(const char *bytes, const char *shown, size_t columns)
{
	expect(bytes, strlen(bytes), 1000, shown, columns);
}

static void what_is_fit_stays(void **state)
{
	(void)state;
	whole("", "", 0);
	whole("demo/bbb one", "demo/bbb one", 12);
	whole("caf\xc3\xa9", "caf\xc3\xa9", 4);
	whole("\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4); /* wide */
}

static void what_is_not_is_escaped(void **state)
{
	(void)state;
	whole("a\x1b[2J", "a\\u{1b}[2J", 10);
	whole("\r\n\t\x7f", "\\u{d}\\u{a}\\u{9}\\u{7f}", 21);
	whole("back\\slash", "back\\\\slash", 11);
	whole("\xc2\x9b", "\\u{9b}", 6);
	whole("e\xcc\x81", "e\\u{301}", 8);
	whole("\xe2\x80\xae", "\\u{202e}", 8);
	whole("\xe2\x80\x8b", "\\u{200b}", 8);
	whole("\xd7\x90", "\\u{5d0}", 7);
	whole("\xef\xb8\x8f", "\\u{fe0f}", 8);
	whole("\xff\xfe"
	      "a\xc3",
	      "\\xff\\xfea\\xc3", 13);
	whole("\xed\xa0\x80", "\\xed\\xa0\\x80", 12);
	whole("\xf4\x8f\xbf\xbf", "\\u{10ffff}", 10);
	expect("a\0b", 3, 100, "a\\u{0}b", 7);
}

/* Nothing that any three bytes make has a control character in it, or another width than said. */
static void no_bytes_come_through(void **state)
{
	struct printable p = { 0 };
	unsigned int n;
	size_t i;

	(void)state;
	for (n = 0; n < 1U << 24; n += 251) {
		const char bytes[3] = { (char)(n >> 16), (char)(n >> 8), (char)n };

		printable_clear(&p);
		printable_name(&p, bytes, 3, 9, false);
		assert_true(p.width <= 9);
		for (i = 0; i < p.len; i++)
			assert_false((unsigned char)p.data[i] < ' ' || p.data[i] == 0x7f);
	}
	free(p.data);
}

static void what_is_too_long_is_cut(void **state)
{
	struct printable p = { 0 };

	(void)state;
	expect("abcdef", 6, 6, "abcdef", 6);
	expect("abcdef", 6, 5, "abcd\xe2\x80\xa6", 5);
	expect("abcdef", 6, 1, "\xe2\x80\xa6", 1);
	expect("abcdef", 6, 0, "", 0);
	/* Neither a wide character nor an escape is cut in two. */
	expect("\xe6\x97\xa5\xe6\x9c\xac", 6, 3, "\xe6\x97\xa5\xe2\x80\xa6", 3);
	expect("a\x1b"
	       "bc",
	       4, 6, "a\xe2\x80\xa6", 2);
	printable_put(&p, "abc");
	printable_name(&p, "\xe6\x97\xa5x", 4, 10, false);
	printable_cut(&p, 4);
	assert_string_equal(p.data, "abc");
	printable_pad(&p, 6);
	assert_string_equal(p.data, "abc   ");
	printable_clear(&p);
	printable_name(&p, "a b", 3, 10, true);
	assert_string_equal(p.data, "a\\u{20}b");
	free(p.data);
}

static void only_ascii_where_there_is_no_more(void **state)
{
	(void)state;
	setlocale(LC_CTYPE, "C");
	whole("caf\xc3\xa9", "caf\\u{e9}", 9);
	expect("abcdef", 6, 4, "abc~", 4);
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void numbers_are_short(void **state)
{
	char text[UNITS_SIZE];

	(void)state;
	assert_string_equal(units_bytes(0, text), "0 B");
	assert_string_equal(units_bytes(999.4, text), "999 B");
	assert_string_equal(units_bytes(999.6, text), "1.00 kB");
	assert_string_equal(units_bytes(23456789, text), "23.5 MB");
	assert_string_equal(units_bytes(1.8e19, text), "18.0 EB");
	assert_string_equal(units_rate(0, text), "0");
	assert_string_equal(units_rate(.01, text), "<0.1");
	assert_string_equal(units_rate(7.46, text), "7.5");
	assert_string_equal(units_rate(1234.4, text), "1234");
	assert_string_equal(units_count(9999999, text), "9999999");
	assert_string_equal(units_count(12345678, text), "12.3M");
	assert_string_equal(units_digits(0, text), "0");
	assert_string_equal(units_digits(1234567, text), "1,234,567");
	assert_string_equal(units_digits(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_fit_stays),
		cmocka_unit_test(what_is_not_is_escaped),
		cmocka_unit_test(no_bytes_come_through),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(only_ascii_where_there_is_no_more),
		cmocka_unit_test(numbers_are_short),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
