/* SPDX-License-Identifier: MIT */
/*
 * test_marker.c - which files may be a relay's.
 */
#include <errno.h>
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

#include "marker.h"
#include "recording.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CHUNK	   (1 << 20)

/* Made whole in setup(), or this program would be taken for a relay. */

static char mark[] = "MOQ.STATS_ENABLED";

static int setup(void **state)
{
	char *file = test_malloc(64);

	mark[3] = '_';
	*state = file;
	return recording_temp(file, 64);
}

static int teardown(void **state)
{
	unlink(*state);
	test_free(*state);
	return 0;
}

/* A file of `size` bytes that begins with `head` and has `text` at `at`. */
static void write_file(const char *file, const char *head, const char *text, size_t at, size_t size)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), size), 0);
	fputs(head, f);
	fseek(f, at, SEEK_SET);
	fputs(text, f);
	fclose(f);
}

static void assert_marker(const char *file, bool expected)
{
	bool relay = !expected;

	assert_int_equal(marker_check(file, &relay), 0);
	assert_int_equal(relay, expected);
}

/* Wherever it lies: at the ends, across the seams of what is read at once. */
static void the_mark_is_found(void **state)
{
	const size_t len = strlen(mark);
	const size_t places[] = { 4,	     64,    CHUNK - len, CHUNK - len + 1, CHUNK - 10,
				  CHUNK - 1, CHUNK, CHUNK + 1,	 2 * CHUNK - 9,	  3 * CHUNK - len };
	size_t i;

	for (i = 0; i < LEN(places); i++) {
		write_file(*state, "\177ELF", mark, places[i], 3 * CHUNK);
		assert_marker(*state, true);
	}
}

static void others_are_strangers(void **state)
{
	write_file(*state, "", "", 0, 0);
	assert_marker(*state, false);
	write_file(*state, "\177EL", "", 0, 3);
	assert_marker(*state, false);
	write_file(*state, "\177ELF", "", 0, 4);
	assert_marker(*state, false);
	write_file(*state, "#!/bin/sh\n", mark, 100, CHUNK);
	assert_marker(*state, false);
	write_file(*state, "\177ELF", "MOQ_STATS_ENABLE", CHUNK - 5, 2 * CHUNK);
	assert_marker(*state, false);
	write_file(*state, "\177ELF", "MOQ_STATS", 2 * CHUNK - 9, 2 * CHUNK);
	assert_marker(*state, false);
	/* This very program, and with it moqstat. */
	assert_marker("/proc/self/exe", false);
}

static void what_cannot_be_read_is_told(void **state)
{
	bool relay = true;

	assert_int_equal(marker_check("/nonexistent", &relay), -ENOENT);
	assert_int_equal(marker_check("/tmp", &relay), -EISDIR);
	unlink(*state);
	assert_int_equal(mkfifo(*state, 0600), 0);
	assert_in_range(-marker_check(*state, &relay), 0, 200); /* in any case it returns */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_mark_is_found),
		TEST(others_are_strangers),
		TEST(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
