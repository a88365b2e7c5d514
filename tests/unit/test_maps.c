/* SPDX-License-Identifier: MIT */
/*
 * test_maps.c - what /proc/PID/maps says, also where somebody chose a file's name to mislead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "maps.h"

/* The entries of a text, as "START-END FLAGS OFFSET PATH;". */
static void assert_maps(const char *text, const char *expected)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct maps_entry *e = test_malloc(sizeof(*e));
	char said[1024] = "";
	size_t len = 0;

	assert_non_null(file);
	while (maps_next(file, e))
		len += snprintf(said + len, sizeof(said) - len, "%lx-%lx %s %lx %.40s;",
				(unsigned long)e->start, (unsigned long)e->end, e->flags,
				(unsigned long)e->offset, e->path);
	fclose(file);
	test_free(e);
	assert_string_equal(said, expected);
}

static void as_the_kernel_writes_them(void **state)
{
	(void)state;
	assert_maps(
		"55d0c0000000-55d0c1000000 r-xp 00001000 08:01 1234      /usr/bin/a b (deleted)\n"
		"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n"
		"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0         [stack]",
		"55d0c0000000-55d0c1000000 r-xp 1000 /usr/bin/a b (deleted);"
		"7f0000000000-7f0000021000 rw-p 0 ;"
		"7ffc00000000-7ffc00021000 rw-p 0 [stack];");
}

static void what_is_none_is_passed_over(void **state)
{
	(void)state;
	assert_maps("\n"
		    "nonsense\n"
		    "2000-1000 rw-p 00000000 00:00 0 \n"
		    "1000-1000 rw-p 00000000 00:00 0 \n"
		    "1000-2000 rw 00000000 00:00 0 \n"
		    "1000-ffffffffff601000 rw-p 00000000 00:00 0 \n"
		    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n"
		    "1000-2000 rw-p 00000000 00:00 0 x\n",
		    "1000-2000 rw-p 0 x;");
}

/* Whatever the length of a name, what it goes on with is no mapping of its own. */
static void a_long_name_is_no_second_line(void **state)
{
	static const char front[] = "1000-2000 rw-p 00000000 08:01 7 /",
			  fake[] = "0-ffffffffffff00 rw-p 00000000 00:00 0 ";
	static const char named[] =
		"1000-2000 rw-p 0 /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;3000-4000 r--p 0 y;";
	static const char nameless[] = "1000-2000 rw-p 0 ;3000-4000 r--p 0 y;";
	char *text = test_calloc(1, 16384);
	size_t pad;

	(void)state;
	for (pad = 4000; pad < 9000; pad++) {
		strcpy(text, front);
		memset(text + strlen(front), 'x', pad);
		strcpy(text + strlen(front) + pad, fake);
		strcat(text, "\n3000-4000 r--p 00000000 08:01 7 y\n");
		/* All of it is the name, as far as there is room for one. */
		assert_maps(text, 1 + pad + strlen(fake) < PATH_MAX + 15 ? named : nameless);
	}
	test_free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_kernel_writes_them),
		cmocka_unit_test(what_is_none_is_passed_over),
		cmocka_unit_test(a_long_name_is_no_second_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
