/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "outlet.h"

static int fds[2];
static struct outlet outlet;

static int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	outlet_init(&outlet, -1);
	if (pipe2(fds, O_NONBLOCK))
		return -1;
	outlet_init(&outlet, fds[1]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	outlet_deinit(&outlet);
	outlet_deinit(NULL);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* A line of so many bytes that begins with its number. */
static char *line(size_t n, size_t len)
{
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[snprintf(text, len, "%08zu", n)] = ' ';
	text[len - 1] = '\n';
	text[len] = '\0';
	return text;
}

static void expect(FILE *in, size_t n, size_t len)
{
	char *text = line(n, len), *got = malloc(len + 1);

	assert_int_equal(fread(got, 1, len, in), len);
	assert_memory_equal(got, text, len);
	free(got);
	free(text);
}

/* The reader takes nothing for a while: nothing waits for it, and nothing is lost. */
static void what_is_not_taken_is_kept(void **state)
{
	const size_t len = 30001;
	FILE *in = fdopen(dup(fds[0]), "r");
	size_t n, read = 0;

	(void)state;
	for (n = 0; n < 100; n++) {
		char *text = line(n, len);

		assert_int_equal(outlet_write(&outlet, text, len, false), 0);
		free(text);
		if (n % 3 == 0 && n > 9)
			expect(in, read++, len);
	}
	assert_true(outlet_waits(&outlet));
	while (read < n) {
		assert_int_equal(outlet_flush(&outlet), 0);
		expect(in, read++, len);
	}
	assert_false(outlet_waits(&outlet));
	assert_int_equal(outlet.dropped, 0);
	fclose(in);
}

/* Beyond the bound lines are dropped whole, and what comes after is in order. (Each write is
 * offered all of its line, and memcheck looks at all that is offered: so no long ones.) */
static void what_is_too_much_is_dropped_whole(void **state)
{
	const size_t len = 1 << 19;
	char *text = line(7, len), *tail = line(8, 100);
	FILE *in = fdopen(dup(fds[0]), "r");
	size_t n, kept = 0;

	(void)state;
	for (n = 0; n < OUTLET_BYTES_MAX / len + 40; n++) {
		assert_int_equal(outlet_write(&outlet, text, len, false), 0);
		kept = n + 1 - outlet.dropped;
	}
	assert_true(outlet.dropped > 0 && kept >= OUTLET_BYTES_MAX / len - 1);
	for (n = 0; n < kept; n++) {
		size_t at = 0;

		while (at < len) {
			char got[65536];
			size_t some = len - at < sizeof(got) ? len - at : sizeof(got);
			ssize_t taken;

			assert_int_equal(outlet_flush(&outlet), 0);
			taken = read(fds[0], got, some);
			assert_true(taken > 0);
			assert_memory_equal(got, text + at, taken);
			at += taken;
		}
	}
	assert_int_equal(outlet.bytes, 0);
	assert_int_equal(outlet_write(&outlet, tail, 100, false), 0);
	expect(in, 8, 100);
	assert_false(outlet_waits(&outlet));
	free(text);
	free(tail);
	fclose(in);
}

/* There is room left for what must get through, but not without end. */
static void what_must_get_through_does(void **state)
{
	const size_t len = 32 << 20, some = 1 << 20;
	char *text = line(7, len), *must = line(8, some);
	size_t n;
	uint64_t dropped;

	(void)state;
	for (n = 0; n < 12; n++)
		assert_int_equal(outlet_write(&outlet, text, len, false), 0);
	dropped = outlet.dropped;
	assert_true(dropped > 0);
	for (n = 0; outlet.bytes + some <= OUTLET_BYTES_MAX + OUTLET_BYTES_MORE; n++)
		assert_int_equal(outlet_write(&outlet, must, some, true), 0);
	assert_true(n >= OUTLET_BYTES_MORE / some);
	assert_int_equal(outlet.dropped, dropped);
	assert_int_equal(outlet_write(&outlet, must, some, true), -ENOBUFS);
	assert_int_equal(outlet.dropped, dropped + 1);
	free(text);
	free(must);
}

static void an_absent_reader_is_told(void **state)
{
	(void)state;
	close(fds[0]);
	fds[0] = dup(fds[1]);
	assert_int_equal(outlet_write(&outlet, "a\n", 2, false), -EPIPE);
	assert_int_equal(outlet_write(&outlet, "a\n", 2, false), -EPIPE);
}

static void short_memory_drops_a_line(void **state)
{
	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(outlet_write(&outlet, "a\n", 2, false), 0);
	assert_true(alloc_fail_disarm());
	assert_int_equal(outlet.dropped, 1);
	alloc_fail_arm(1);
	assert_int_equal(outlet_write(&outlet, "a\n", 2, true), -ENOBUFS);
	assert_true(alloc_fail_disarm());
	assert_int_equal(outlet_write(&outlet, "b\n", 2, false), 0);
	assert_false(outlet_waits(&outlet));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_taken_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(what_is_too_much_is_dropped_whole, begin, end),
		cmocka_unit_test_setup_teardown(what_must_get_through_does, begin, end),
		cmocka_unit_test_setup_teardown(an_absent_reader_is_told, begin, end),
		cmocka_unit_test_setup_teardown(short_memory_drops_a_line, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
