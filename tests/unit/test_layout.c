/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layout.h"

/* Measured on moq-relay 0.12.5: an entry's Arc header, then for each role the counters of the
 * external tier and those of the internal one, 72 bytes each. */
static const struct {
	int64_t offset;
	enum moqstat_role role;
	enum moqstat_field field;
} counters[] = {
	{ 0x10, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED },
	{ 0x18, MOQSTAT_PUBLISHER, MOQSTAT_ANNOUNCED_CLOSED },
	{ 0x20, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS },
	{ 0x28, MOQSTAT_PUBLISHER, MOQSTAT_SUBSCRIPTIONS_CLOSED },
	{ 0x30, MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS },
	{ 0x38, MOQSTAT_PUBLISHER, MOQSTAT_BROADCASTS_CLOSED },
	{ 0x40, MOQSTAT_PUBLISHER, MOQSTAT_BYTES },
	{ 0x48, MOQSTAT_PUBLISHER, MOQSTAT_FRAMES },
	{ 0x50, MOQSTAT_PUBLISHER, MOQSTAT_GROUPS },
	{ 0xa0, MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED },
	{ 0xa8, MOQSTAT_SUBSCRIBER, MOQSTAT_ANNOUNCED_CLOSED },
	{ 0xb0, MOQSTAT_SUBSCRIBER, MOQSTAT_SUBSCRIPTIONS },
	{ 0xb8, MOQSTAT_SUBSCRIBER, MOQSTAT_SUBSCRIPTIONS_CLOSED },
	{ 0xc0, MOQSTAT_SUBSCRIBER, MOQSTAT_BROADCASTS },
	{ 0xc8, MOQSTAT_SUBSCRIBER, MOQSTAT_BROADCASTS_CLOSED },
	{ 0xd0, MOQSTAT_SUBSCRIBER, MOQSTAT_BYTES },
	{ 0xd8, MOQSTAT_SUBSCRIBER, MOQSTAT_FRAMES },
	{ 0xe0, MOQSTAT_SUBSCRIBER, MOQSTAT_GROUPS },
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

static void every_offset_is_one_counter_or_none(void **state)
{
	const struct layout *l = layout_find("moq-net 0.1.8");
	size_t next = 0;
	int64_t offset;

	(void)state;
	assert_non_null(l);
	for (offset = -16; offset <= 400; offset++) {
		enum moqstat_role role = MOQSTAT_ROLE_MAX;
		enum moqstat_field field = MOQSTAT_FIELD_MAX;
		int rc = layout_counter(l, offset, &role, &field);

		if (next < COUNTERS && offset == counters[next].offset) {
			assert_int_equal(rc, 0);
			assert_int_equal(role, counters[next].role);
			assert_int_equal(field, counters[next].field);
			next++;
		} else {
			assert_int_equal(rc, -ENOENT);
			assert_int_equal(role, MOQSTAT_ROLE_MAX);
			assert_int_equal(field, MOQSTAT_FIELD_MAX);
		}
	}
	assert_int_equal(next, COUNTERS);
}

static void far_offsets_are_none(void **state)
{
	static const int64_t far[] = { INT64_MIN, INT64_MIN + 16, INT64_MIN + 24,
				       INT64_MAX, INT32_MIN,	  (1LL << 32) + 0x10 };
	const struct layout *l = layout_find("moq-net 0.1.8");
	enum moqstat_field field;
	enum moqstat_role role;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		assert_int_equal(layout_counter(l, far[i], &role, &field), -ENOENT);
}

static void an_entry_has_304_bytes(void **state)
{
	(void)state;
	assert_int_equal(layout_entry_size(layout_find("moq-net 0.1.8")), 0x130);
}

static void layouts_are_found_by_name(void **state)
{
	const struct layout *all;
	size_t i, len;

	(void)state;
	all = layout_all(&len);
	assert_true(len > 0);
	for (i = 0; i < len; i++) {
		assert_ptr_equal(layout_find(all[i].name), &all[i]);
		/* As many counters as frames hold, none twice. */
		assert_int_equal(all[i].stride, 8 * all[i].frame->fields_len);
	}
	assert_null(layout_find("moq-net 0.1.9"));
	assert_null(layout_find(""));
}

/* They are told by their stride, and mustn't be taken for one that is known. */
static void later_ones_have_strides_of_their_own(void **state)
{
	const struct layout_later *later;
	const struct layout *all;
	size_t i, k, len, later_len;

	(void)state;
	all = layout_all(&len);
	later = layout_later_all(&later_len);
	assert_int_equal(later_len, 2);
	for (i = 0; i < later_len; i++) {
		for (k = 0; k < len; k++)
			assert_int_not_equal(later[i].stride, all[k].stride);
		for (k = 0; k < i; k++)
			assert_int_not_equal(later[i].stride, later[k].stride);
		assert_int_equal(later[i].stride % 8, 0);
		assert_non_null(later[i].functions[0]);
		for (k = 0; later[i].functions[k]; k++)
			;
		assert_in_range(k, 1, 32);
	}
}

static void names_are_those_of_the_frames(void **state)
{
	const struct frame_schema *frame = layout_find("moq-net 0.1.8")->frame;
	size_t i;

	(void)state;
	for (i = 0; i < frame->fields_len; i++)
		assert_string_equal(layout_field_name(frame->fields[i].field),
				    frame->fields[i].name);
	assert_string_equal(layout_field_name(MOQSTAT_ANNOUNCED_BYTES), "announced_bytes");
	assert_string_equal(layout_field_name(MOQSTAT_FIELD_MAX), "?");
	assert_string_equal(layout_role_name(MOQSTAT_PUBLISHER), "publisher");
	assert_string_equal(layout_role_name(MOQSTAT_SUBSCRIBER), "subscriber");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_offset_is_one_counter_or_none),
		cmocka_unit_test(far_offsets_are_none),
		cmocka_unit_test(an_entry_has_304_bytes),
		cmocka_unit_test(layouts_are_found_by_name),
		cmocka_unit_test(later_ones_have_strides_of_their_own),
		cmocka_unit_test(names_are_those_of_the_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
