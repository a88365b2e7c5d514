/* SPDX-License-Identifier: MIT */
/*
 * test_incarnation.c - the list of incarnations: found by number, ended by newer ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "incarnation.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static int setup(void **state)
{
	*state = test_calloc(1, sizeof(struct incarnations));
	return 0;
}

static int teardown(void **state)
{
	incarnations_deinit(*state);
	test_free(*state);
	return 0;
}

static struct moqstat_name name_of(const char *path, uint64_t entry)
{
	struct moqstat_name name = { .entry = entry, .len = strlen(path), .fresh = 1 };

	memcpy(name.path, path, name.len);
	return name;
}

static int add(struct incarnations *s, uint32_t number, uint64_t hash, uint64_t entry)
{
	const struct moqstat_id id = { .hash = hash, .tgid = 7, .incarnation = number };
	const struct moqstat_name name = name_of("a", entry);

	return incarnations_add(s, &id, &name, NULL);
}

/* The numbers in the order of the list, those superseded in brackets. */
static void assert_list(const struct incarnations *s, const char *expected)
{
	char text[256] = "";
	size_t i, len = 0;

	for (i = 0; i < s->len; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					s->list[i]->superseded ? "%s(%u)" : "%s%u", i ? " " : "",
					s->list[i]->id.incarnation);
	assert_string_equal(text, expected);
}

static void nothing_is_found_in_nothing(void **state)
{
	struct incarnations *s = *state;

	assert_null(incarnations_find(s, 0));
	incarnations_settle(s);
	incarnations_compact(s);
	assert_null(incarnations_find(s, 0));
	assert_false(s->superseding);
}

static void what_was_added_is_found(void **state)
{
	const struct moqstat_id id = { .hash = 0x123456789, .tgid = 42, .incarnation = 9 };
	struct moqstat_name name = name_of("room/\xc3\xa4", 0xfeedbeef);
	struct incarnations *s = *state;
	struct incarnation *in;

	name.slot = MOQSTAT_SLOT_SESSION + MOQSTAT_INTERNAL;
	name.fresh = 0;
	name.label = 5;
	assert_int_equal(incarnations_add(s, &id, &name, NULL), 0);
	memset(name.path, 'x', sizeof(name.path)); /* a copy is kept */
	incarnations_settle(s);
	in = incarnations_find(s, 9);
	assert_non_null(in);
	assert_memory_equal(&in->id, &id, sizeof(id));
	assert_int_equal(in->entry, 0xfeedbeef);
	assert_int_equal(in->slot, MOQSTAT_SLOT_SESSION + MOQSTAT_INTERNAL);
	assert_int_equal(in->label, 5);
	assert_int_equal(in->len, 7);
	assert_string_equal(in->path, "room/\xc3\xa4");
	assert_true(in->held);
	assert_false(in->based);
	assert_false(in->hidden || in->superseded || in->retired);
	assert_int_equal(in->counts[0][0] | in->base[0][0], 0);
	assert_null(incarnations_find(s, 8));
	assert_null(incarnations_find(s, 10));
}

static void fresh_ones_begin_from_zero(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 1, 5, 0x10), 0);
	assert_true(s->list[0]->based);
}

/* More than the first room, in no order, with numbers that a signed comparison would misplace. */
static void order_is_by_number(void **state)
{
	struct incarnations *s = *state;
	size_t i;

	for (i = 0; i < 1000; i++) {
		/* Each number once: 7919 and 1000 have no common factor. */
		uint32_t n = (uint32_t)(i * 7919 % 1000) * 4294967;

		assert_int_equal(add(s, n, 1 + n, 0x1000 + 16 * (uint64_t)n), 0);
	}
	incarnations_settle(s);
	assert_int_equal(s->len, 1000);
	assert_false(s->superseding);
	for (i = 0; i < 1000; i++) {
		const struct incarnation *in = incarnations_find(s, (uint32_t)i * 4294967);

		assert_ptr_equal(in, s->list[i]);
		assert_int_equal(in->entry, 0x1000 + 16 * i * 4294967);
		assert_false(in->superseded);
	}
	assert_null(incarnations_find(s, 1));
	assert_null(incarnations_find(s, UINT32_MAX));
}

static void the_same_path_supersedes(void **state)
{
	struct incarnations *s = *state;

	/* The newest is neither the first nor the last that was added. */
	assert_int_equal(add(s, 4, 50, 0x40), 0);
	assert_int_equal(add(s, 9, 50, 0x90), 0);
	assert_int_equal(add(s, 6, 50, 0x60), 0);
	assert_int_equal(add(s, 5, 51, 0x50), 0);
	incarnations_settle(s);
	assert_list(s, "(4) 5 (6) 9");
	assert_true(s->superseding);
}

static void the_same_address_supersedes(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 9, 90, 0x40), 0);
	assert_int_equal(add(s, 4, 40, 0x40), 0);
	assert_int_equal(add(s, 6, 60, 0x40), 0);
	assert_int_equal(add(s, 5, 50, 0x50), 0);
	incarnations_settle(s);
	assert_list(s, "(4) 5 (6) 9");
	assert_true(s->superseding);
}

static void the_flag_tells_of_new_ones_only(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 1, 50, 0x10), 0);
	incarnations_settle(s);
	assert_false(s->superseding);
	assert_int_equal(add(s, 2, 50, 0x20), 0);
	assert_false(s->superseding);
	incarnations_settle(s);
	assert_true(s->superseding);
	/* It stays until the caller clears it, and comes again only with the next one. */
	incarnations_settle(s);
	assert_true(s->superseding);
	s->superseding = false;
	incarnations_settle(s);
	assert_false(s->superseding);
	assert_list(s, "(1) 2");
	assert_int_equal(add(s, 3, 30, 0x20), 0);
	incarnations_settle(s);
	assert_true(s->superseding);
	assert_list(s, "(1) (2) 3");
}

/* Overflow is three: of broadcasts and of the roots of each tier. None of them ends another, and
 * that their address is none at all doesn't either. */
static void overflow_is_not_superseded(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 0, 0, 0), 0);
	assert_int_equal(add(s, MOQSTAT_SLOT_SESSION, 0, 0), 0);
	assert_int_equal(add(s, MOQSTAT_SLOT_SESSION + 1, 0, 0), 0);
	assert_int_equal(add(s, 20, 7, 0x10), 0);
	incarnations_settle(s);
	assert_list(s, "0 4 5 20");
	assert_false(s->superseding);
}

static void what_is_no_text_is_hidden(void **state)
{
	static const struct {
		const char *path;
		bool hidden;
	} cases[] = {
		{ "", false },	  { "plain", false }, { "\xf0\x9f\x98\x80", false },
		{ "\xff", true }, { "a\xc3", true },  { "\xed\xa0\x80", true },
	};
	struct incarnations *s = *state;
	struct moqstat_name name;
	uint32_t i;

	for (i = 0; i < LEN(cases); i++) {
		const struct moqstat_id id = { .hash = 1 + i, .incarnation = i };

		name = name_of(cases[i].path, 0x10 * (1 + i));
		assert_int_equal(incarnations_add(s, &id, &name, NULL), 0);
		assert_int_equal(s->list[i]->hidden, cases[i].hidden);
	}
}

static void longest_path_is_kept_whole(void **state)
{
	const struct moqstat_id id = { .hash = 1, .incarnation = 1 };
	struct moqstat_name name = { .entry = 0x10, .len = MOQSTAT_PATH_MAX };
	struct incarnations *s = *state;

	memset(name.path, 'p', sizeof(name.path));
	assert_int_equal(incarnations_add(s, &id, &name, NULL), 0);
	assert_int_equal(s->list[0]->len, MOQSTAT_PATH_MAX);
	assert_int_equal(strlen(s->list[0]->path), MOQSTAT_PATH_MAX);
}

static void compacting_forgets_the_retired(void **state)
{
	struct incarnations *s = *state;
	uint32_t i;

	for (i = 0; i < 6; i++)
		assert_int_equal(add(s, i, 1 + i, 0x10 + i), 0);
	incarnations_settle(s);
	incarnations_compact(s);
	assert_list(s, "0 1 2 3 4 5");
	incarnations_retire(s, incarnations_find(s, 0));
	incarnations_retire(s, incarnations_find(s, 2));
	incarnations_retire(s, incarnations_find(s, 3));
	incarnations_retire(s, incarnations_find(s, 5));
	incarnations_compact(s);
	assert_list(s, "1 4");
	assert_null(incarnations_find(s, 2));
	assert_string_equal(incarnations_find(s, 4)->path, "a");
	/* Its path may now come back. */
	assert_int_equal(add(s, 7, 3, 0x12), 0);
	incarnations_settle(s);
	assert_list(s, "1 4 7");
	for (i = 0; i < s->len; i++)
		incarnations_retire(s, s->list[i]);
	incarnations_compact(s);
	assert_int_equal(s->len, 0);
}

/* What couldn't be taken in leaves the list as it was, and can be tried again. */
static void short_memory_changes_nothing(void **state)
{
	struct incarnations *s = *state;
	size_t i, n, failed = 0;

	assert_true(alloc_fail_works());
	for (i = 0; i < 70; i++) {
		/* Itself for each; two arrays and three tables at first, and when they have to
		 * grow. What has grown stays so, so that not each of them fails. */
		for (n = 1;; n++) {
			int err;

			alloc_fail_arm(n);
			err = add(s, 100 - (uint32_t)i, 1 + i, 0x10 + i);
			if (!alloc_fail_disarm()) {
				assert_int_equal(err, 0);
				break;
			}
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(s->len, i);
			failed++;
		}
	}
	assert_int_equal(failed, 70 + 6);
	assert_int_equal(add(s, 1, 1, 0x1), 0);
	alloc_fail_arm(1);
	incarnations_settle(s);
	assert_false(alloc_fail_disarm());
	assert_true(s->superseding);
	assert_int_equal(s->len, 71);
	assert_non_null(incarnations_find(s, 100));
}

static bool is_seven(const void *arg, const struct incarnation *in)
{
	assert_string_equal(arg, "arg");
	return in->number == 7;
}

/* What was touched stays for two turns, and what is watched as long as it is. */
static void touched_ones_calm_down(void **state)
{
	struct incarnations *s = *state;
	const char *arg = "arg";
	uint32_t i;

	for (i = 5; i < 9; i++)
		assert_int_equal(add(s, i, i, 0x10 * i), 0);
	assert_int_equal(s->touched_len, 4);
	incarnations_calm(s, is_seven, arg);
	assert_int_equal(s->touched_len, 4);
	incarnations_touch(s, incarnations_find(s, 8));
	incarnations_touch(s, incarnations_find(s, 8));
	assert_int_equal(s->touched_len, 4);
	incarnations_calm(s, is_seven, arg);
	assert_int_equal(s->touched_len, 2);
	assert_int_equal(s->touched[0]->number + s->touched[1]->number, 7 + 8);
	incarnations_calm(s, is_seven, arg);
	assert_int_equal(s->touched_len, 1);
	incarnations_calm(s, is_seven, arg);
	assert_int_equal(s->touched[0]->number, 7);
	/* One that is forgotten is no longer among them, nor is what it made way for. */
	assert_int_equal(add(s, 9, 7, 0x70), 0);
	incarnations_settle(s);
	assert_int_equal(s->touched_len, 2);
	incarnations_retire(s, incarnations_find(s, 7));
	incarnations_retire(s, incarnations_find(s, 5));
	incarnations_compact(s);
	assert_list(s, "6 8 9");
	assert_int_equal(s->touched_len, 1);
	assert_ptr_equal(s->touched[0], incarnations_find(s, 9));
	assert_null(incarnations_find(s, 9)->older_path);
	assert_null(incarnations_find(s, 9)->older_entry);
}

/* Many lives under few paths and addresses, in any order, compared with what the rule says. */
static void chains_hold(void **state)
{
	struct incarnations *s = *state;
	uint32_t number[400], i, j, n;

	for (i = 0; i < 400; i++) {
		n = 10 + i * 163 % 400;
		number[i] = n;
		assert_int_equal(add(s, n, 1 + n % 7, 0x10 + n % 11), 0);
		if (i % 3)
			incarnations_settle(s);
		if (i % 50 == 49) {
			incarnations_retire(s, incarnations_find(s, number[i - 20]));
			number[i - 20] = 0;
			incarnations_compact(s);
		}
	}
	incarnations_settle(s);
	assert_int_equal(s->len, 400 - 8);
	for (i = 0; i < 400; i++) {
		bool ended = false;

		for (j = 0; j < 400; j++)
			ended |= number[j] > number[i] && (number[j] % 7 == number[i] % 7 ||
							   number[j] % 11 == number[i] % 11);
		if (number[i] && ended)
			assert_true(incarnations_find(s, number[i])->superseded);
	}
	for (i = 1; i < s->len; i++)
		assert_true(s->list[i - 1]->number < s->list[i]->number);
	/* All of them can be taken out again, whatever the order. */
	for (i = 0; i < 400; i++) {
		if (number[i])
			incarnations_retire(s, incarnations_find(s, number[i]));
		if (i % 60 == 0)
			incarnations_compact(s);
	}
	incarnations_compact(s);
	assert_int_equal(s->len + s->touched_len, 0);
	assert_int_equal(s->numbers.len + s->paths.len + s->addresses.len, 0);
}

/* Where there are no entries, the newer one of a path goes on what the older one began, unless
 * that had ended. */
static void guarded_ones_go_on(void **state)
{
	struct incarnations *s = *state;
	struct incarnation *older;

	assert_int_equal(add(s, 20, 50, 0), 0);
	assert_int_equal(add(s, 21, 51, 0), 0);
	incarnations_settle(s);
	assert_true(incarnations_find(s, 20)->guarded);
	assert_int_equal(incarnations_find(s, 20)->shown, 20);
	assert_int_equal(add(s, 24, 50, 0), 0);
	incarnations_settle(s);
	assert_list(s, "20 21 24");
	assert_false(s->superseding);
	assert_int_equal(incarnations_find(s, 24)->shown, 20);
	/* And so on, as the first of them. */
	assert_int_equal(add(s, 25, 50, 0), 0);
	incarnations_settle(s);
	assert_int_equal(incarnations_find(s, 25)->shown, 20);
	incarnations_find(s, 25)->ended = true;
	assert_int_equal(add(s, 26, 50, 0), 0);
	incarnations_settle(s);
	assert_int_equal(incarnations_find(s, 26)->shown, 26);
	assert_int_equal(incarnations_find(s, 21)->shown, 21);
	/* What has ended keeps the number that it was shown under. */
	assert_int_equal(incarnations_find(s, 25)->shown, 20);
	older = incarnations_find(s, 20);
	older->ended = true;
	incarnations_settle(s);
	assert_int_equal(incarnations_find(s, 24)->shown, 20);
}

/* Guards have no address that another could come to. */
static void guarded_ones_have_no_address(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 20, 50, 0), 0);
	assert_int_equal(add(s, 21, 51, 0), 0);
	assert_int_equal(add(s, 22, 52, 0x10), 0);
	incarnations_settle(s);
	assert_list(s, "20 21 22");
	assert_false(incarnations_find(s, 22)->guarded);
	/* An entry ends whatever had its path. */
	assert_int_equal(add(s, 23, 50, 0x20), 0);
	incarnations_settle(s);
	assert_list(s, "(20) 21 22 23");
	assert_true(s->superseding);
}

static void overflow_is_not_guarded(void **state)
{
	struct incarnations *s = *state;

	assert_int_equal(add(s, 0, 0, 0), 0);
	assert_int_equal(add(s, MOQSTAT_UNATTRIBUTED, 0, 0), 0);
	incarnations_settle(s);
	assert_false(incarnations_find(s, 0)->guarded);
	assert_false(incarnations_find(s, MOQSTAT_UNATTRIBUTED)->guarded);
	assert_int_equal(incarnations_find(s, MOQSTAT_UNATTRIBUTED)->shown, MOQSTAT_UNATTRIBUTED);
}

static void what_is_open_is_counted(void **state)
{
	static const uint8_t opens[] = { MOQSTAT_ANNOUNCED, MOQSTAT_BROADCASTS,
					 MOQSTAT_SUBSCRIPTIONS };
	const struct moqstat_id id = { .hash = 50, .tgid = 7, .incarnation = 20 };
	const struct moqstat_name name = name_of("abcde", 0);
	struct incarnations *s = *state;
	struct incarnation *in;
	unsigned int slot, i;

	assert_int_equal(incarnations_add(s, &id, &name, NULL), 0);
	in = s->list[0];
	assert_false(incarnation_open(in));
	assert_int_equal(incarnation_opens(in), 0);
	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++) {
		for (i = 0; i < LEN(opens); i++) {
			in->counts[slot][opens[i]] = 7;
			in->counts[slot][opens[i] + 1] = 6;
			assert_true(incarnation_open(in));
			in->counts[slot][opens[i] + 1] = 7;
			assert_false(incarnation_open(in));
			assert_int_equal(incarnation_opens(in), 7 * (3 * slot + i + 1));
			/* More closed than opened is not open. */
			in->counts[slot][opens[i] + 1] = 8;
			assert_false(incarnation_open(in));
		}
		/* Traffic opens nothing. */
		in->counts[slot][MOQSTAT_BYTES] = 1000;
		in->counts[slot][MOQSTAT_FRAMES] = 10;
		in->counts[slot][MOQSTAT_GROUPS] = 3;
		assert_false(incarnation_open(in));
	}
	assert_int_equal(incarnation_opens(in), 7 * 3 * MOQSTAT_SLOT_MAX);
	/* What is told by the length of the path is told as often: noted, but not open. */
	assert_int_equal(in->len, 5);
	for (slot = 0; slot < MOQSTAT_SLOT_MAX; slot++)
		in->counts[slot][MOQSTAT_ANNOUNCED_BYTES] = 3 * 5;
	assert_false(incarnation_open(in));
	assert_int_equal(incarnation_opens(in), (7 * 3 + 3) * MOQSTAT_SLOT_MAX);
	/* A fetch counts once, and nothing ends it. */
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		in->counts[slot][MOQSTAT_FETCHES] = 11;
	assert_false(incarnation_open(in));
	assert_int_equal(incarnation_opens(in),
			 (7 * 3 + 3) * MOQSTAT_SLOT_MAX + 11 * MOQSTAT_SLOT_SESSION);
	for (slot = 0; slot < MOQSTAT_SLOT_SESSION; slot++)
		in->counts[slot][MOQSTAT_FETCHES] = 0;
	/* What was open before is open, too, but was not opened since. */
	in->base[2][MOQSTAT_SUBSCRIPTIONS] = 3;
	in->base[2][MOQSTAT_SUBSCRIPTIONS_CLOSED] = 1;
	assert_true(incarnation_open(in));
	in->counts[2][MOQSTAT_SUBSCRIPTIONS_CLOSED] = 9;
	assert_false(incarnation_open(in));
	assert_int_equal(incarnation_opens(in), (7 * 3 + 3) * MOQSTAT_SLOT_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_found_in_nothing),
		TEST(what_was_added_is_found),
		TEST(fresh_ones_begin_from_zero),
		TEST(order_is_by_number),
		TEST(the_same_path_supersedes),
		TEST(the_same_address_supersedes),
		TEST(the_flag_tells_of_new_ones_only),
		TEST(overflow_is_not_superseded),
		TEST(what_is_no_text_is_hidden),
		TEST(longest_path_is_kept_whole),
		TEST(compacting_forgets_the_retired),
		TEST(short_memory_changes_nothing),
		TEST(touched_ones_calm_down),
		TEST(chains_hold),
		TEST(guarded_ones_go_on),
		TEST(guarded_ones_have_no_address),
		TEST(overflow_is_not_guarded),
		TEST(what_is_open_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
