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

/* Ten, 80 bytes: announced_bytes is the third. */
static void ten_counters(void **state)
{
	static const enum moqstat_field memory[] = {
		MOQSTAT_ANNOUNCED,
		MOQSTAT_ANNOUNCED_CLOSED,
		MOQSTAT_ANNOUNCED_BYTES,
		MOQSTAT_SUBSCRIPTIONS,
		MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_BROADCASTS,
		MOQSTAT_BROADCASTS_CLOSED,
		MOQSTAT_BYTES,
		MOQSTAT_FRAMES,
		MOQSTAT_GROUPS,
	};
	static const char *const names[] = { "moq-net 0.1.14", "moq-net 0.1.17" };
	enum moqstat_field field;
	enum moqstat_role role;
	int64_t offset, of_role;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		const struct layout *l = layout_find(names[i]);

		assert_int_equal(layout_entry_size(l), 0x150);
		for (offset = 0; offset < 0x170; offset++) {
			of_role = (offset - 0x10) % 160;
			if (offset < 0x10 || offset >= 0x150 || offset % 8 || of_role >= 80) {
				assert_int_equal(layout_counter(l, offset, &role, &field), -ENOENT);
				continue;
			}
			assert_int_equal(layout_counter(l, offset, &role, &field), 0);
			assert_int_equal(role,
					 offset < 0xb0 ? MOQSTAT_PUBLISHER : MOQSTAT_SUBSCRIBER);
			assert_int_equal(field, memory[of_role / 8]);
		}
	}
}

/* The three words of a path, and where its text is. */
static void texts_of_paths(void **state)
{
	static const struct {
		const char *layout;
		uint64_t words[3];
		bool good;
		uint64_t at, len;
	} cases[] = {
		/* Owned, borrowed, empty: capacity, address, length. */
		{ "moq-net 0.1.14", { 8, 0x1000, 5 }, true, 0x1000, 5 },
		{ "moq-net 0.1.14", { 1ull << 63, 0x1000, 5 }, true, 0x1000, 5 },
		{ "moq-net 0.1.14", { 0, 1, 0 }, true, 1, 0 },
		{ "moq-net 0.1.14", { 2, 0x1000, 5 }, true, 0x1000, 5 },
		/* Shared: the Arc, the length there, from where on. */
		{ "moq-net 0.1.17", { 0x2000, 9, 0 }, true, 0x2010, 9 },
		{ "moq-net 0.1.17", { 0x2000, 9, 5 }, true, 0x2015, 4 },
		{ "moq-net 0.1.17", { 0x2000, 9, 9 }, true, 0x2019, 0 },
		{ "moq-net 0.1.17", { 0x2000, 9, 10 }, false, 0, 0 },
		{ "moq-net 0.1.17", { 0x2000, 9, UINT64_MAX }, false, 0, 0 },
		/* Borrowed: 0, address, length, which may be more than the address. */
		{ "moq-net 0.1.17", { 0, 0x1000, 5 }, true, 0x1000, 5 },
		{ "moq-net 0.1.17", { 0, 1, 0 }, true, 1, 0 },
		{ "moq-net 0.1.17", { 0, 4, 5 }, true, 4, 5 },
	};
	uint64_t at, len;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at = len = 0;
		assert_int_equal(
			layout_text(layout_find(cases[i].layout), cases[i].words, &at, &len),
			cases[i].good);
		assert_int_equal(at, cases[i].at);
		assert_int_equal(len, cases[i].len);
	}
}

static void some_layouts_have_the_same_tables(void **state)
{
	char relays[128];

	(void)state;
	assert_true(layout_tables_differ(layout_find("moq-net 0.1.8")));
	assert_true(layout_tables_differ(layout_find("moq-net 0.1.13")));
	assert_false(layout_tables_differ(layout_find("moq-net 0.1.14")));
	assert_false(layout_tables_differ(layout_find("moq-net 0.1.17")));
	layout_relays(relays, sizeof(relays));
	assert_non_null(strstr(relays, "moq-relay 0.12.5, moq-relay 0.13.0, "));
	/* It ends where there is no more room. */
	layout_relays(relays, 20);
	assert_string_equal(relays, "moq-relay 0.12.5, m");
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

/* From the release on that made tiers labels (docs/relay-0.14.md). */
static void later_relays_have_compressed_tracks(void **state)
{
	size_t i, len;
	const struct layout *all = layout_all(&len);

	(void)state;
	for (i = 0; i < len; i++)
		assert_int_equal(all[i].frame->compressed, layout_has_labels(&all[i]));
}

static void an_entry_has_304_bytes(void **state)
{
	(void)state;
	assert_int_equal(layout_entry_size(layout_find("moq-net 0.1.8")), 0x130);
}

/* Where tiers are labels: the counters of one broadcast and tier. */
static void an_entry_of_one_tier(void **state)
{
	static const enum moqstat_field order[] = {
		MOQSTAT_ANNOUNCED,
		MOQSTAT_ANNOUNCED_CLOSED,
		MOQSTAT_ANNOUNCED_BYTES,
		MOQSTAT_SUBSCRIPTIONS,
		MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_FETCHES,
		MOQSTAT_BROADCASTS,
		MOQSTAT_BROADCASTS_CLOSED,
		MOQSTAT_BYTES,
		MOQSTAT_FRAMES,
		MOQSTAT_GROUPS,
		MOQSTAT_DATAGRAMS,
	};
	const struct layout *l = layout_find("moq-net 0.2.13");
	enum moqstat_role role;
	enum moqstat_field field;
	int64_t i;

	(void)state;
	assert_int_equal(layout_entry_size(l), 0xd0);
	for (i = 0; i < 24; i++) {
		assert_int_equal(layout_counter(l, 0x10 + 8 * i, &role, &field), 0);
		assert_int_equal(role, i / 12);
		assert_int_equal(field, order[i % 12]);
	}
	assert_int_equal(layout_counter(l, 8, &role, &field), -ENOENT);
	assert_int_equal(layout_counter(l, 0xd0, &role, &field), -ENOENT);
	assert_non_null(l->scope);
	/* The handle in a session's context is as others are. */
	assert_int_equal(l->scope->shared_of_session,
			 l->scope->handle_of_session + l->shared_of_stats);
	assert_int_equal(l->scope->label_of_session,
			 l->scope->handle_of_session + l->tier_of_handle);
	for (i = 0; i < LAYOUT_SCOPE_ROOTS; i++)
		assert_non_null(l->scope->functions[i]);
	for (i = 0; i < LAYOUT_FUNCTION_MAX; i++)
		assert_non_null(l->functions[i]);
}

/* What was given up on comes first there, and isn't counted. */
static void an_entry_with_what_is_stale(void **state)
{
	static const enum moqstat_field order[] = {
		MOQSTAT_ANNOUNCED,
		MOQSTAT_ANNOUNCED_CLOSED,
		MOQSTAT_ANNOUNCED_BYTES,
		MOQSTAT_SUBSCRIPTIONS,
		MOQSTAT_SUBSCRIPTIONS_CLOSED,
		MOQSTAT_FETCHES,
		MOQSTAT_BROADCASTS,
		MOQSTAT_BROADCASTS_CLOSED,
		MOQSTAT_BYTES,
		MOQSTAT_FRAMES,
		MOQSTAT_GROUPS,
		MOQSTAT_DATAGRAMS,
	};
	const struct layout *l = layout_find("moq-net 0.3.18");
	enum moqstat_role role;
	enum moqstat_field field;
	int64_t i;

	(void)state;
	assert_int_equal(layout_entry_size(l), 0x110);
	for (i = 0; i < 32; i++) {
		int err = layout_counter(l, 0x10 + 8 * i, &role, &field);

		assert_int_equal(err, i % 16 < 4 ? -ENOENT : 0);
		if (err)
			continue;
		assert_int_equal(role, i / 16);
		assert_int_equal(field, order[i % 16 - 4]);
	}
	assert_true(l->scope->resolves);
	assert_true(l->frame->stays);
}

/* What can't be counted on yet is nothing that one is told to run. */
static void all_that_are_known_are_told(void **state)
{
	char text[256];

	(void)state;
	layout_relays(text, sizeof(text));
	assert_string_equal(text, "moq-relay 0.12.5, moq-relay 0.13.0, moq-relay 0.13.3, "
				  "moq-relay 0.13.5, moq-relay 0.14.12, moq-relay 0.17.10");
}

static void layouts_are_found_by_name(void **state)
{
	const struct layout *all;
	size_t i, k, n, len;

	(void)state;
	all = layout_all(&len);
	assert_true(len > 0);
	for (i = 0; i < len; i++) {
		assert_ptr_equal(layout_find(all[i].name), &all[i]);
		/* As many counters as frames hold, none twice. */
		for (k = 0, n = 0; k < all[i].stride / 8; k++)
			n += all[i].memory[k] < MOQSTAT_FIELD_MAX;
		assert_int_equal(n, all[i].frame->fields_len);
	}
	assert_null(layout_find("moq-net 0.1.9"));
	assert_null(layout_find(""));
}

/* They are told by their stride, and mustn't be taken for one that is known; but for those that
 * are told by more than that before. */
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
			assert_true(all[k].scope || later[i].stride != all[k].stride);
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
		cmocka_unit_test(ten_counters),
		cmocka_unit_test(texts_of_paths),
		cmocka_unit_test(some_layouts_have_the_same_tables),
		cmocka_unit_test(far_offsets_are_none),
		cmocka_unit_test(later_relays_have_compressed_tracks),
		cmocka_unit_test(an_entry_has_304_bytes),
		cmocka_unit_test(an_entry_of_one_tier),
		cmocka_unit_test(an_entry_with_what_is_stale),
		cmocka_unit_test(all_that_are_known_are_told),
		cmocka_unit_test(layouts_are_found_by_name),
		cmocka_unit_test(later_ones_have_strides_of_their_own),
		cmocka_unit_test(names_are_those_of_the_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
