/* SPDX-License-Identifier: MIT */
/*
 * test_census_name.c - what tasks hold, made up: whose each guard is, and when that can't be told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "census_name.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TASKS_MAX  8

/* Everyday abbreviations: an event of a task, with its text. */
#define TEXT(s)		    { (char *)(s), sizeof(s) - 1 }
#define STRING(a, t, s)	    { .kind = WALK_STRING, .at = a, .table = t, .text = TEXT(s) }
#define TOUCH(v)	    { .kind = WALK_TOUCH, .value = v }
#define SUBSCRIBED(r, v, s) { .kind = WALK_SUBSCRIPTION, .role = r, .value = v, .text = TEXT(s) }
#define ROOT(k, s)	    { .kind = k, .text = TEXT(s) }

#define PUB		    MOQSTAT_PUBLISHER
#define SUB		    MOQSTAT_SUBSCRIBER

static struct walk_task tasks[TASKS_MAX];
static size_t tasks_len;

static void task(const struct walk_event *list, size_t len)
{
	assert_true(tasks_len < TASKS_MAX);
	tasks[tasks_len++] =
		(struct walk_task){ .list = (struct walk_event *)(uintptr_t)list, .len = len };
}

#define TASK(...)                                                        \
	do {                                                             \
		static const struct walk_event list[] = { __VA_ARGS__ }; \
		task(list, LEN(list));                                   \
	} while (0)

static int begin(void **state)
{
	(void)state;
	tasks_len = 0;
	return 0;
}

/* The one item there is. */
static struct census_item only(struct census *c)
{
	assert_int_equal(census_name(tasks, tasks_len, c), 0);
	assert_int_equal(c->len, 1);
	return c->items[0];
}

static void expect_path(const struct census_item *item, const char *path)
{
	assert_int_equal(item->len, strlen(path));
	assert_memory_equal(item->path, path, item->len);
}

/* How many of a kind there are, and how many couldn't be told. */
static void expect(size_t items, enum census_kind kind, size_t untold)
{
	struct census c = { 0 };
	size_t i, n = 0;

	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	for (i = 0; i < c.len; i++)
		n += c.items[i].kind == kind;
	assert_int_equal(n, items);
	assert_int_equal(c.untold[kind], untold);
	census_deinit(&c);
}

static void announce_by_its_key(void **state)
{
	struct census c = { 0 };
	struct census_item item;

	(void)state;
	TASK(STRING(0xf00, 0x50, "other/bucket"), { .kind = WALK_TRACK, .role = SUB, .at = 0xf18 },
	     STRING(0x1000, 0x50, "acme/a"), STRING(0x1040, 0x50, "not the key"),
	     { .kind = WALK_ANNOUNCE,
	       .role = PUB,
	       .tier = 1,
	       .at = 0x1018,
	       .owner = 7,
	       .table = 0x50,
	       .value = 9 });
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	assert_int_equal(c.len, 1);
	item = c.items[0];
	expect_path(&item, "acme/a");
	assert_int_equal(item.kind, CENSUS_ANNOUNCE);
	assert_int_equal(item.role, PUB);
	assert_int_equal(item.tier, 1);
	assert_int_equal(item.guard, 0x1018);
	assert_int_equal(item.owner, 7);
	assert_int_equal(item.entry, 9);
	assert_int_equal(item.table, 0x50);
	assert_int_equal(c.untold[CENSUS_TRACK], 1);
	census_deinit(&c);
}

static void announce_without_a_key(void **state)
{
	(void)state;
	/* Not of this table, too far away, behind the guard, of the guard before, in no table. */
	TASK(STRING(0x1000, 0x60, "a"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x1018, .table = 0x50 });
	TASK(STRING(0x1000, 0x50, "a"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x9018, .table = 0x50 });
	TASK(STRING(0x1020, 0x50, "a"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x1018, .table = 0x50 });
	TASK(STRING(0x1000, 0x50, "a"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x1018, .table = 0x50 },
	     { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x1040, .table = 0x50 });
	TASK(STRING(0x1000, 0, "a"), { .kind = WALK_ANNOUNCE, .role = PUB, .at = 0x1018 });
	expect(1, CENSUS_ANNOUNCE, 5);
}

static void announce_of_the_drafts_is_joined(void **state)
{
	struct census c = { 0 };

	(void)state;
	TASK(ROOT(WALK_CONSUMER_ROOT, "acme"), ROOT(WALK_PRODUCER_ROOT, ""),
	     { .kind = WALK_CONSUMER_ROOT, .arcs = 1, .text = TEXT("shared, of another") },
	     STRING(0x1000, 0x50, "b"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .ietf = true, .at = 0x1018, .table = 0x50 },
	     STRING(0x2000, 0x60, "c/d"),
	     { .kind = WALK_ANNOUNCE, .role = SUB, .ietf = true, .at = 0x2018, .table = 0x60 },
	     STRING(0x1020, 0x50, ""),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .ietf = true, .at = 0x1038, .table = 0x50 });
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	assert_int_equal(c.len, 3);
	expect_path(&c.items[0], "acme");
	expect_path(&c.items[1], "acme/b");
	assert_int_equal(c.items[1].key_len, 1);
	expect_path(&c.items[2], "c/d");
	census_deinit(&c);
}

static void root_must_be_known(void **state)
{
	(void)state;
	TASK(STRING(0x1000, 0x50, "b"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .ietf = true, .at = 0x1018, .table = 0x50 });
	TASK(ROOT(WALK_CONSUMER_ROOT, "x"), ROOT(WALK_CONSUMER_ROOT, "y"),
	     STRING(0x1000, 0x50, "b"),
	     { .kind = WALK_ANNOUNCE, .role = PUB, .ietf = true, .at = 0x1018, .table = 0x50 });
	expect(0, CENSUS_ANNOUNCE, 2);
}

static void track_of_its_own_task(void **state)
{
	struct census c = { 0 };
	struct census_item item;

	(void)state;
	TASK({ .kind = WALK_ARC, .at = 0x1000 },
	     { .kind = WALK_TRACK, .role = PUB, .arcs = 1, .at = 0x1010 });
	TASK(SUBSCRIBED(PUB, 0x77, "a/b"), { .kind = WALK_ARC, .at = 0x2000 },
	     { .kind = WALK_TRACK, .role = PUB, .arcs = 1, .at = 0x2010 });
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	assert_int_equal(c.len, 2);
	item = c.items[0];
	assert_int_equal(item.kind, CENSUS_TRACK);
	expect_path(&item, "a/b");
	assert_true(item.shared);
	assert_int_equal(c.items[1].kind, CENSUS_BROADCAST);
	assert_int_equal(c.items[1].guard, 0x77);
	assert_int_equal(c.untold[CENSUS_TRACK], 1);
	census_deinit(&c);
}

static void track_not_in_an_arc(void **state)
{
	struct census c = { 0 };
	size_t i;

	(void)state;
	TASK(SUBSCRIBED(PUB, 0x77, "a"), { .kind = WALK_TRACK, .role = PUB, .at = 0x2010 });
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	for (i = 0; i < c.len; i++)
		assert_false(c.items[i].shared);
	assert_int_equal(c.len, 2);
	census_deinit(&c);
}

/* A task that comes to a shared table first isn't the one whose guards are in it. */
static void track_in_a_shared_table(void **state)
{
	struct census c = { 0 };

	(void)state;
	TASK(SUBSCRIBED(SUB, 0x77, "wrong"), { .kind = WALK_ARC, .at = 0x5000 },
	     { .kind = WALK_ARC, .arcs = 1, .at = 0x1000, .table = 0x50 },
	     { .kind = WALK_TRACK, .role = SUB, .arcs = 2, .at = 0x1010, .table = 0x50 },
	     { .kind = WALK_TOUCH, .arcs = 1, .value = 0xbeef, .table = 0x50 },
	     { .kind = WALK_ARC, .arcs = 1, .at = 0x2000, .table = 0x50 },
	     { .kind = WALK_TRACK, .role = SUB, .arcs = 2, .at = 0x2010, .table = 0x50 });
	TASK(SUBSCRIBED(SUB, 0x77, "by its Arc"), { .kind = WALK_ARC, .at = 0x1000 });
	TASK(SUBSCRIBED(SUB, 0x77, "by its track"), TOUCH(0xbeef));
	TASK(SUBSCRIBED(PUB, 0x78, "the other side"), TOUCH(0xbeef));
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	assert_int_equal(c.untold[CENSUS_TRACK], 0);
	assert_int_equal(c.len, 6);
	expect_path(&c.items[0], "by its Arc");
	expect_path(&c.items[1], "by its track");
	assert_int_equal(c.items[1].kind, CENSUS_TRACK);
	assert_int_equal(c.items[2].kind, CENSUS_BROADCAST);
	census_deinit(&c);
}

static void track_of_several_paths_is_not_told(void **state)
{
	(void)state;
	TASK(SUBSCRIBED(PUB, 1, "a"), SUBSCRIBED(PUB, 1, "b"),
	     { .kind = WALK_TRACK, .role = PUB, .at = 0x2010 });
	TASK({ .kind = WALK_ARC, .at = 0x5000 },
	     { .kind = WALK_ARC, .arcs = 1, .at = 0x1000, .table = 0x50 },
	     { .kind = WALK_TRACK, .role = SUB, .arcs = 2, .at = 0x1010, .table = 0x50 });
	TASK(SUBSCRIBED(SUB, 2, "a"), { .kind = WALK_ARC, .at = 0x1000 });
	TASK(SUBSCRIBED(SUB, 3, "b"), { .kind = WALK_ARC, .at = 0x1000 });
	expect(0, CENSUS_TRACK, 2);
}

/* Not yet confirmed: named by the broadcast that it asks, which a session has announced. */
static void track_that_waits(void **state)
{
	struct census c = { 0 };

	(void)state;
	TASK(ROOT(WALK_PRODUCER_ROOT, "r"), STRING(0x1000, 0x50, "lite"),
	     { .kind = WALK_TOUCH, .at = 0x1030, .value = 0xb1, .table = 0x50 });
	TASK(ROOT(WALK_PRODUCER_ROOT, ""),
	     { .kind = WALK_STRING,
	       .arcs = 1,
	       .ietf = true,
	       .at = 0x2000,
	       .table = 0x60,
	       .text = TEXT("ietf") },
	     { .kind = WALK_TOUCH,
	       .arcs = 1,
	       .ietf = true,
	       .at = 0x2030,
	       .value = 0xb2,
	       .table = 0x60 },
	     { .kind = WALK_ANNOUNCE,
	       .role = SUB,
	       .arcs = 1,
	       .ietf = true,
	       .at = 0x2040,
	       .table = 0x60 });
	TASK(TOUCH(0xb1), { .kind = WALK_TRACK, .role = SUB, .at = 0x3010 });
	TASK(TOUCH(0xb2), { .kind = WALK_TRACK, .role = SUB, .at = 0x4010 });
	TASK(TOUCH(0xb1), TOUCH(0xb2), { .kind = WALK_TRACK, .role = SUB, .at = 0x5010 });
	TASK(TOUCH(0xb3), { .kind = WALK_TRACK, .role = SUB, .at = 0x6010 });
	assert_int_equal(census_name(tasks, tasks_len, &c), 0);
	assert_int_equal(c.len, 3);
	expect_path(&c.items[1], "ietf");
	assert_int_equal(c.items[1].guard, 0x4010);
	expect_path(&c.items[2], "r/lite");
	assert_int_equal(c.items[2].guard, 0x3010);
	assert_int_equal(c.untold[CENSUS_TRACK], 2);
	census_deinit(&c);
}

/* Tables that hold something else: tracks by number, streams of the publisher's side. */
static void other_tables_name_nothing(void **state)
{
	(void)state;
	TASK(ROOT(WALK_PRODUCER_ROOT, ""), STRING(0x1000, 0x50, "track name"),
	     { .kind = WALK_TOUCH, .at = 0x1030, .value = 0xb1, .table = 0x50 },
	     { .kind = WALK_ARC, .at = 0x9000, .table = 0x50 });
	TASK(ROOT(WALK_PRODUCER_ROOT, ""),
	     { .kind = WALK_STRING, .ietf = true, .at = 0x2000, .table = 0x60, .text = TEXT("p") },
	     { .kind = WALK_TOUCH, .ietf = true, .at = 0x2030, .value = 0xb1, .table = 0x60 },
	     { .kind = WALK_ANNOUNCE, .role = PUB, .ietf = true, .at = 0x2040, .table = 0x60 });
	TASK(ROOT(WALK_PRODUCER_ROOT, ""),
	     { .kind = WALK_STRING, .arcs = 1, .at = 0x3000, .table = 0x70, .text = TEXT("s") },
	     { .kind = WALK_TOUCH, .arcs = 1, .at = 0x3030, .value = 0xb1, .table = 0x70 });
	TASK(TOUCH(0xb1), { .kind = WALK_TRACK, .role = SUB, .at = 0x3010 });
	expect(0, CENSUS_TRACK, 1);
}

static void broadcast_counts_once_a_session(void **state)
{
	(void)state;
	TASK(SUBSCRIBED(PUB, 0x77, "a"));
	TASK(SUBSCRIBED(PUB, 0x77, "a"));
	TASK(SUBSCRIBED(PUB, 0x77, "b"));
	TASK(SUBSCRIBED(PUB, 0x78, "a"));
	TASK(SUBSCRIBED(SUB, 0x79, "a"));
	TASK({ .kind = WALK_SUBSCRIPTION, .role = 9, .text = TEXT("a") });
	expect(4, CENSUS_BROADCAST, 1);
}

static void session_has_a_root(void **state)
{
	struct census c = { 0 };
	struct census_item item;

	(void)state;
	TASK({ .kind = WALK_SESSION, .tier = 1, .at = 0x10, .text = TEXT("acme") },
	     { .kind = WALK_SESSION, .tier = MOQSTAT_TIER_MAX, .at = 0x20 });
	item = only(&c);
	expect_path(&item, "acme");
	assert_int_equal(item.kind, CENSUS_SESSION);
	assert_int_equal(item.role, MOQSTAT_ROLE_MAX);
	assert_int_equal(item.tier, 1);
	assert_int_equal(item.guard, 0x10);
	assert_int_equal(c.untold[CENSUS_SESSION], 1);
	census_deinit(&c);
}

static void memory_that_is_short(void **state)
{
	size_t n;

	(void)state;
	if (!alloc_fail_works())
		skip();
	track_that_waits(state);
	tasks_len = 0;
	TASK(ROOT(WALK_PRODUCER_ROOT, "r"), STRING(0x1000, 0x50, "a"),
	     { .kind = WALK_TOUCH, .at = 0x1030, .value = 0xb1, .table = 0x50 },
	     STRING(0x2000, 0x60, "a"),
	     { .kind = WALK_ANNOUNCE, .role = SUB, .at = 0x2018, .table = 0x60 },
	     { .kind = WALK_SESSION, .text = TEXT("r") });
	TASK(TOUCH(0xb1), SUBSCRIBED(SUB, 1, "r/a"),
	     { .kind = WALK_TRACK, .role = SUB, .at = 0x3010 });
	for (n = 1;; n++) {
		struct census c = { 0 };
		int err;

		alloc_fail_arm(n);
		err = census_name(tasks, tasks_len, &c);
		census_deinit(&c);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -12);
	}
	assert_true(n > 8);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test_setup(announce_by_its_key, begin),
		cmocka_unit_test_setup(announce_without_a_key, begin),
		cmocka_unit_test_setup(announce_of_the_drafts_is_joined, begin),
		cmocka_unit_test_setup(root_must_be_known, begin),
		cmocka_unit_test_setup(track_of_its_own_task, begin),
		cmocka_unit_test_setup(track_not_in_an_arc, begin),
		cmocka_unit_test_setup(track_in_a_shared_table, begin),
		cmocka_unit_test_setup(track_of_several_paths_is_not_told, begin),
		cmocka_unit_test_setup(track_that_waits, begin),
		cmocka_unit_test_setup(other_tables_name_nothing, begin),
		cmocka_unit_test_setup(broadcast_counts_once_a_session, begin),
		cmocka_unit_test_setup(session_has_a_root, begin),
		cmocka_unit_test_setup(memory_that_is_short, begin),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
