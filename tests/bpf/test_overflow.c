/* SPDX-License-Identifier: MIT */
/*
 * test_overflow.c - what has no room, or no readable name: where it is counted instead, and that
 * each loss is told with its reason.
 */
#include "scene.h"

#define E(n)	      (0x7f0000001000ULL + 0x100 * (n))
#define SESSION_SLOT  MOQSTAT_SLOT_SESSION
#define INTERNAL_SLOT (MOQSTAT_SLOT_SESSION + 1)

static void scene_new_session(__u64 at, const char *root, __u64 tier)
{
	scene_session(root, tier);
	scene_set(MOQSTAT_RBX, at);
	scene_fire(AT_SESSION_NEW);
	scene_set(MOQSTAT_R8, 0);
}

static __u64 overflow_count(__u32 slot, __u32 field)
{
	struct moqstat_id id = scene_overflow(slot < SESSION_SLOT ? 0 : slot);

	return scene_count(&id, slot, field);
}

/* All that is beyond what there may be is one broadcast, and counted as such. */
static void more_broadcasts_than_names(void **state)
{
	static const char *const paths[] = { "a", "b", "c", "d" };
	struct moqstat_id a;
	__u32 i;

	(void)state;
	names_max = 2;
	for (i = 0; i < 4; i++) {
		scene_new(E(i), paths[i]);
		scene_bump(AT_OPEN, E(i));
	}
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
	assert_int_equal(names_used[0], 2);
	assert_int_equal(host_map_len("broadcasts"), 2);
	a = scene_id("a", 0);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS), 1);
	scene_assert_id(scene_entry_id(E(2)), scene_overflow(0));
	assert_int_equal(overflow_count(0, MOQSTAT_BROADCASTS), 2);
	scene_bump(AT_CLOSE, E(3));
	assert_int_equal(overflow_count(0, MOQSTAT_BROADCASTS_CLOSED), 1);
	/* Once there is room again, what begins has a name; what had none stays where it is. */
	host_map_delete("broadcasts", &a);
	names_used[0]--;
	scene_new(E(0), "e");
	scene_assert_id(scene_entry_id(E(0)), scene_id("e", 0));
	scene_bump(AT_CLOSE, E(2));
	assert_int_equal(overflow_count(0, MOQSTAT_BROADCASTS_CLOSED), 2);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
}

/* Roots have their own room, and their own overflow by tier. */
static void more_roots_than_names(void **state)
{
	struct moqstat_id a;

	(void)state;
	names_max = 1;
	scene_new(E(0), "a");
	scene_new_session(E(1), "a", MOQSTAT_EXTERNAL);
	scene_assert_lost(0, 0);
	assert_int_equal(names_used[1], 1);
	scene_new_session(E(2), "b", MOQSTAT_EXTERNAL);
	scene_new_session(E(3), "b", MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
	assert_int_equal(names_used[0], 1);
	assert_int_equal(names_used[1], 1);
	scene_assert_id(scene_entry_id(E(2)), scene_overflow(SESSION_SLOT));
	scene_assert_id(scene_entry_id(E(3)), scene_overflow(INTERNAL_SLOT));
	scene_bump(AT_SESSION_OPEN, E(1));
	scene_bump(AT_SESSION_OPEN, E(2));
	scene_bump(AT_SESSION_OPEN, E(3));
	scene_bump(AT_SESSION_OPEN, E(3));
	scene_bump(AT_SESSION_CLOSE, E(3));
	a = scene_entry_id(E(1));
	assert_int_equal(scene_count(&a, SESSION_SLOT, MOQSTAT_SESSIONS), 1);
	assert_int_equal(overflow_count(SESSION_SLOT, MOQSTAT_SESSIONS), 1);
	assert_int_equal(overflow_count(INTERNAL_SLOT, MOQSTAT_SESSIONS), 2);
	assert_int_equal(overflow_count(INTERNAL_SLOT, MOQSTAT_SESSIONS_CLOSED), 1);
}

/* The map of names may be full before there are as many as there may be. */
static void a_full_map_of_names(void **state)
{
	(void)state;
	host_map_limit("broadcasts", 1);
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 1);
	assert_int_equal(names_used[0], 1);
	scene_assert_id(scene_entry_id(E(1)), scene_overflow(0));
	host_map_fail("roots", 1, -12);
	scene_new_session(E(2), "a", MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
	assert_int_equal(names_used[1], 0);
	scene_assert_id(scene_entry_id(E(2)), scene_overflow(INTERNAL_SLOT));
}

/* A path that can't be told is in the overflow as well, and takes no name's room. */
static void paths_that_cant_be_told(void **state)
{
	static char text[MOQSTAT_PATH_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	scene_new(E(0), text);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 1);
	scene_assert_id(scene_entry_id(E(0)), scene_overflow(0));
	scene_bump(AT_OPEN, E(0));
	assert_int_equal(overflow_count(0, MOQSTAT_BROADCASTS), 1);
	scene_new_session(E(1), text, MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 2);
	scene_assert_id(scene_entry_id(E(1)), scene_overflow(INTERNAL_SLOT));
	/* Nor does an incarnation number go to it. */
	text[3] = 0;
	scene_new(E(0), text);
	assert_int_equal(scene_entry_id(E(0)).incarnation, MOQSTAT_UNCOUNTED + 1);
	assert_int_equal(names_used[0], 1);
	assert_int_equal(names_used[1], 0);
}

/* A name by which nothing can be counted takes no room either. */
static void no_room_for_an_entry(void **state)
{
	(void)state;
	host_map_limit("entries", 1);
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	scene_assert_lost(MOQSTAT_LOST_ENTRIES_FULL, 1);
	scene_assert_id(scene_entry_id(E(0)), scene_id("a", 0));
	assert_int_equal(scene_entry_id(E(1)).tgid, 0);
	assert_int_equal(host_map_len("broadcasts"), 1);
	assert_int_equal(names_used[0], 1);
	/* What is there already can be another's. */
	scene_new(E(0), "c");
	scene_assert_id(scene_entry_id(E(0)), scene_id("c", 0));
	scene_assert_lost(MOQSTAT_LOST_ENTRIES_FULL, 1);
	scene_new_session(E(1), "root", MOQSTAT_EXTERNAL);
	scene_assert_lost(MOQSTAT_LOST_ENTRIES_FULL, 2);
	assert_int_equal(host_map_len("roots"), 0);
	assert_int_equal(names_used[0], 2);
	assert_int_equal(names_used[1], 0);
	/* The overflow is no name, and takes none away. */
	names_max = 2;
	scene_new(E(1), "d");
	assert_int_equal(names_used[0], 2);
	assert_int_equal(host_map_len("broadcasts"), 2);
}

/* Counters that found no room are missing, each add told, until there is some. */
static void no_room_for_counters(void **state)
{
	struct moqstat_slot_key key = {};
	struct moqstat_id a, b;

	(void)state;
	host_map_limit("opened", 1);
	host_map_limit("closed", 1);
	scene_new(E(0), "a");
	scene_new(E(1), "b");
	scene_bump(AT_OPEN, E(0));
	scene_bump(AT_OPEN, E(1));
	scene_bump(AT_TRACK, E(1));
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 2);
	scene_bump(AT_CLOSE, E(1));
	scene_bump(AT_CLOSE, E(0));
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 3);
	a = scene_entry_id(E(0));
	b = scene_entry_id(E(1));
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS_CLOSED), 1);
	key.id = a;
	host_map_delete("opened", &key);
	scene_bump(AT_OPEN, E(1));
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS), 1);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 3);
}

/* Another thread, on this CPU or another one, puts the same counters there first. */
static __u32 other_cpu;

static void another_opens(const char *map, bool updates)
{
	if (!updates || strcmp(map, "opened"))
		return;
	host.meanwhile = NULL;
	host.cpu = other_cpu;
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_bump(AT_OPEN, E(0));
}

static void another_closes(const char *map, bool updates)
{
	if (!updates || strcmp(map, "closed"))
		return;
	host.meanwhile = NULL;
	host.cpu = other_cpu;
	scene_bump(AT_CLOSE, E(0));
}

static void counters_from_two_threads(void **state)
{
	struct moqstat_id a;

	(void)state;
	for (other_cpu = 0; other_cpu < 2; other_cpu++) {
		scene_new(E(0), "a");
		a = scene_entry_id(E(0));
		host.meanwhile = another_opens;
		scene_bump(AT_OPEN, E(0));
		assert_null(host.meanwhile);
		assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS), 2);
		host.meanwhile = another_closes;
		scene_bump(AT_CLOSE, E(0));
		assert_null(host.meanwhile);
		assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS_CLOSED), 2);
	}
	scene_assert_lost(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(more_broadcasts_than_names), scene_test(more_roots_than_names),
		scene_test(a_full_map_of_names),	scene_test(paths_that_cant_be_told),
		scene_test(no_room_for_an_entry),	scene_test(no_room_for_counters),
		scene_test(counters_from_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
