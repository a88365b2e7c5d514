/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "track.h"

static void assert_last(const struct track *t, const char *expected, uint64_t next_sequence)
{
	assert_int_equal(t->last_len, strlen(expected));
	assert_memory_equal(t->last, expected, t->last_len);
	assert_int_equal(t->next_sequence, next_sequence);
}

static void writes_only_what_differs(void **state)
{
	struct track t;

	(void)state;
	track_init(&t, "publisher.json");
	assert_string_equal(t.name, "publisher.json");
	assert_int_equal(t.next_sequence, 0);
	assert_int_equal(track_write(&t, "{}", 2), 1);
	assert_last(&t, "{}", 1);
	assert_int_equal(track_write(&t, "{}", 2), 0);
	assert_last(&t, "{}", 1);
	assert_int_equal(track_write(&t, "{\"a\":1}", 7), 1);
	assert_last(&t, "{\"a\":1}", 2);
	assert_int_equal(track_write(&t, "{\"a\":2}", 7), 1);
	assert_int_equal(track_write(&t, "{\"a\":2}", 7), 0);
	assert_int_equal(track_write(&t, "{}", 2), 1);
	assert_last(&t, "{}", 4);
	track_deinit(&t);
	track_deinit(&t);
	track_deinit(NULL);
}

/* A frame that begins like the last one is not the last one. */
static void compares_the_length_too(void **state)
{
	struct track t;

	(void)state;
	track_init(&t, "t");
	assert_int_equal(track_write(&t, "ab", 2), 1);
	assert_int_equal(track_write(&t, "abc", 3), 1);
	assert_int_equal(track_write(&t, "ab", 2), 1);
	assert_int_equal(track_write(&t, "", 0), 1);
	assert_int_equal(track_write(&t, "", 0), 0);
	assert_int_equal(t.next_sequence, 4);
	track_deinit(&t);
}

static void keeps_its_own_copy(void **state)
{
	char frame[] = "{\"a\":1}";
	struct track t;

	(void)state;
	track_init(&t, "t");
	assert_int_equal(track_write(&t, frame, 7), 1);
	frame[5] = '2';
	assert_int_equal(track_write(&t, frame, 7), 1);
	track_deinit(&t);
}

static void short_memory_changes_nothing(void **state)
{
	struct track t;

	(void)state;
	assert_true(alloc_fail_works());
	track_init(&t, "t");
	alloc_fail_arm(1);
	assert_int_equal(track_write(&t, "{}", 2), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_null(t.last);
	assert_int_equal(t.next_sequence, 0);

	assert_int_equal(track_write(&t, "{}", 2), 1);
	alloc_fail_arm(1);
	assert_int_equal(track_write(&t, "{\"a\":1}", 7), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_last(&t, "{}", 1);
	track_deinit(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_only_what_differs),
		cmocka_unit_test(compares_the_length_too),
		cmocka_unit_test(keeps_its_own_copy),
		cmocka_unit_test(short_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
