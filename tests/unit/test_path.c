/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "path.h"

static void normalize_trims_and_collapses(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "/", "" },
		{ "///", "" },
		{ "foo", "foo" },
		{ "/foo/bar/", "foo/bar" },
		{ "foo//bar", "foo/bar" },
		{ "//foo///bar//baz//", "foo/bar/baz" },
		{ "a/b/c", "a/b/c" },
		{ "/a//b/c", "a/b/c" },
		{ "a/./..", "a/./.." },
		{ "\xc3\xa4//\xf0\x9f\x98\x80/", "\xc3\xa4/\xf0\x9f\x98\x80" },
	};
	char out[64], in_place[64];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = path_normalize(cases[i][0], strlen(cases[i][0]), out);
		assert_int_equal(len, strlen(cases[i][1]));
		assert_memory_equal(out, cases[i][1], len);

		strcpy(in_place, cases[i][0]);
		len = path_normalize(in_place, strlen(in_place), in_place);
		assert_int_equal(len, strlen(cases[i][1]));
		assert_memory_equal(in_place, cases[i][1], len);
	}
}

static void normalize_knows_only_its_length(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(path_normalize("a/b/c", 2, out), 1);
	assert_memory_equal(out, "a", 1);
	assert_int_equal(path_normalize("a\0/b", 4, out), 4);
	assert_memory_equal(out, "a\0/b", 4);
}

static bool under(const char *path, const char *prefix)
{
	return path_has_prefix(path, strlen(path), prefix, strlen(prefix));
}

static void prefix_goes_by_whole_segments(void **state)
{
	(void)state;
	assert_true(under(".stats", ".stats"));
	assert_true(under(".stats/node/sjc", ".stats"));
	assert_true(under("a/b/c", "a/b"));
	assert_false(under(".statsx", ".stats"));
	assert_false(under(".statsx/node", ".stats"));
	assert_false(under(".stat", ".stats"));
	assert_false(under("a/.stats", ".stats"));
	assert_false(under("a/bc", "a/b"));
	assert_false(under("", ".stats"));
}

static void everything_is_under_the_empty_prefix(void **state)
{
	(void)state;
	assert_true(under("", ""));
	assert_true(under("a", ""));
}

static void assert_advertised(const char *prefix, const char *node, const char *expected)
{
	char *path;

	assert_int_equal(path_advertised(prefix, node, &path), 0);
	assert_string_equal(path, expected);
	free(path);
}

static void advertised_is_normalised(void **state)
{
	(void)state;
	assert_advertised(".stats", "/sjc//1/", ".stats/node/sjc/1");
	assert_advertised(".stats", "///", ".stats/node");
	assert_advertised(".stats", "", ".stats/node");
	assert_advertised(".stats", NULL, ".stats/node");
	assert_advertised("/a//b/", "n", "a/b/node/n");
	assert_advertised("", "n", "node/n");
	assert_advertised("", NULL, "node");
}

static void groups_are_named_before_the_node(void **state)
{
	char *path;
	size_t len;

	(void)state;
	assert_int_equal(path_advertised_group(".stats", "a/b", 3, "/n//1", &path, &len), 0);
	assert_string_equal(path, ".stats/a/b/node/n/1");
	assert_int_equal(len, strlen(path));
	free(path);
	assert_int_equal(path_advertised_group("", "a\0b", 3, NULL, &path, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(path, "a\0b/node", 9);
	free(path);
}

static void assert_head(const char *path, unsigned int segments, const char *expected)
{
	assert_int_equal(path_head(path, strlen(path), segments), strlen(expected));
}

/* group_key_takes_leading_segments */
static void heads_have_so_many_segments(void **state)
{
	(void)state;
	assert_head("a/b/c", 0, "");
	assert_head("a/b/c", 1, "a");
	assert_head("a/b/c", 2, "a/b");
	assert_head("a/b/c", 3, "a/b/c");
	assert_head("a/b/c", 4, "a/b/c");
	assert_head("abc", 1, "abc");
	assert_head("", 1, "");
	assert_head("", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normalize_trims_and_collapses),
		cmocka_unit_test(normalize_knows_only_its_length),
		cmocka_unit_test(prefix_goes_by_whole_segments),
		cmocka_unit_test(everything_is_under_the_empty_prefix),
		cmocka_unit_test(advertised_is_normalised),
		cmocka_unit_test(groups_are_named_before_the_node),
		cmocka_unit_test(heads_have_so_many_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
