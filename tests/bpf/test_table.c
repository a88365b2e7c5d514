/* SPDX-License-Identifier: MIT */
/*
 * test_table.c - guards that are kept in tables, or told by a path that is let go in front of
 * them, where the relay's statistics are off.
 */
#include "scene.h"

#define T      0x7f0000050000ULL
#define U      0x7f0000060000ULL
#define FIRST  0x7f0000005000ULL
#define SECOND 0x7f0000006000ULL
#define KEY    0x7f0000200000ULL

/* A table lies in r12 where it is meant, its key in r13; `take` puts a guard to rbx and r9. */
static int setup(void **state)
{
	scene_setup(state);
	scene_statistics_off();
	scene_site(AT_CLOSE)->handles = MOQSTAT_HANDLE_GUARD;
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PEEK;
	return 0;
}

#define table_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

static __u64 closed_by_peek(const char *text)
{
	return scene_counted(text, MOQSTAT_SUBSCRIPTIONS_CLOSED);
}

/* Something opens on a path, and its guard goes into a table, under a key relative to it. */
static void open_in(__u64 at, const char *key, const char *path)
{
	scene_name(path);
	scene_set(MOQSTAT_RBX, 0);
	scene_fire(AT_OPEN);
	scene_set(MOQSTAT_R13, scene_path(KEY, key));
	scene_set(MOQSTAT_R12, at);
	scene_fire(AT_INSERT);
}

static void take_from(__u64 at, const char *key, __u64 first, __u64 second)
{
	scene_set(MOQSTAT_R13, scene_path(KEY, key));
	scene_set(MOQSTAT_R12, at);
	scene_set(MOQSTAT_RBX, first);
	scene_set(MOQSTAT_R9, second);
	scene_fire(AT_TAKE);
}

static void drop_table(__u64 at)
{
	scene_set(MOQSTAT_R12, at);
	scene_fire(AT_TABLE);
}

/* A path is let go: any, or a key of a table that is. */
static void peek_at(__u32 cookie, const char *path)
{
	scene_set(MOQSTAT_R13, scene_path(KEY, path));
	scene_fire(cookie);
}

static void assert_closes_at(__u64 guard, const char *path)
{
	__u64 before = scene_counted(path, MOQSTAT_BROADCASTS_CLOSED);

	scene_guard_bump(AT_CLOSE, guard);
	assert_int_equal(scene_counted(path, MOQSTAT_BROADCASTS_CLOSED), before + 1);
}

static void taken_into_either_place(void **state)
{
	(void)state;
	open_in(T, "a", "demo/a");
	open_in(T, "b", "demo/b");
	assert_int_equal(host_map_len("guards"), 2);
	assert_int_equal(scene_hits(AT_INSERT), 2);
	/* Wherever it is closed, it is in neither place from then on. */
	take_from(T, "a", FIRST, SECOND);
	assert_int_equal(host_map_len("guards"), 3);
	assert_closes_at(FIRST, "demo/a");
	assert_int_equal(host_map_len("guards"), 1);
	take_from(T, "b", FIRST, SECOND);
	assert_closes_at(SECOND, "demo/b");
	assert_int_equal(host_map_len("guards"), 0);
	assert_int_equal(scene_hits(AT_TAKE), 2);
	scene_assert_lost(0, 0);
	scene_guard_bump(AT_CLOSE, FIRST);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* What is in no table is taken nowhere. */
	take_from(T, "a", FIRST, SECOND);
	assert_int_equal(host_map_len("guards"), 0);
}

static void taken_into_one_place(void **state)
{
	(void)state;
	open_in(T, "a", "demo/a");
	take_from(T, "a", FIRST, 0);
	assert_int_equal(host_map_len("guards"), 1);
	assert_closes_at(FIRST, "demo/a");
	open_in(T, "a", "demo/a");
	take_from(T, "a", 0, SECOND);
	assert_int_equal(host_map_len("guards"), 1);
	assert_closes_at(SECOND, "demo/a");
	open_in(T, "a", "demo/a");
	take_from(T, "a", 0, 0);
	assert_int_equal(host_map_len("guards"), 0);
	scene_assert_lost(0, 0);
}

/* What is counted on a guard, but doesn't close it, leaves it in both places. */
static void counted_in_a_place(void **state)
{
	(void)state;
	open_in(T, "a", "demo/a");
	take_from(T, "a", FIRST, SECOND);
	scene_set(MOQSTAT_RCX, 5);
	scene_guard_bump(AT_BYTES, FIRST);
	scene_guard_bump(AT_BYTES, SECOND);
	assert_int_equal(scene_counted("demo/a", MOQSTAT_BYTES), 10);
	assert_int_equal(host_map_len("guards"), 2);
}

/* Keys are relative: one of another table is another guard's. A longer one isn't the same. */
static void tables_and_keys(void **state)
{
	(void)state;
	open_in(T, "a", "one/a");
	open_in(U, "a", "two/a");
	take_from(U, "aa", FIRST, SECOND);
	assert_int_equal(host_map_len("guards"), 2);
	take_from(U, "a", FIRST, SECOND);
	assert_closes_at(FIRST, "two/a");
	take_from(T, "a", FIRST, SECOND);
	assert_closes_at(SECOND, "one/a");
	scene_assert_lost(0, 0);
	/* A table is no guard's place, though it be at its address. */
	open_in(FIRST, "a", "one/a");
	scene_guard_bump(AT_CLOSE, FIRST);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* A name that was used for the path isn't left over from the key. */
static void the_key_is_not_a_name(void **state)
{
	(void)state;
	open_in(T, "a", "demo/a");
	scene_set(MOQSTAT_RBX, 0);
	scene_fire(AT_OPEN);
	assert_int_equal(scene_id("a", 0).hash, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	take_from(T, "a", FIRST, 0);
	scene_fire(AT_OPEN);
	assert_int_equal(scene_id("a", 0).hash, 0);
}

static void what_isnt_put_in(void **state)
{
	static char text[MOQSTAT_PATH_MAX + 2];

	(void)state;
	statistics_off = 1;
	memset(text, 'x', sizeof(text) - 1);
	/* Nothing named; something named that hasn't begun; a key that can't be told. */
	scene_set(MOQSTAT_R13, scene_path(KEY, "a"));
	scene_set(MOQSTAT_R12, T);
	scene_fire(AT_INSERT);
	scene_name("demo/a");
	scene_set(MOQSTAT_R13, scene_path(KEY, "a"));
	scene_fire(AT_INSERT);
	open_in(T, text, "demo/a");
	scene_site(AT_INSERT)->path = scene_mem(MOQSTAT_R13, 0x10000, 8);
	open_in(T, "a", "demo/a");
	scene_site(AT_INSERT)->path = scene_reg(MOQSTAT_R13, 8);
	scene_site(AT_INSERT)->guard = scene_mem(MOQSTAT_R12, 0, 8);
	open_in(T, "a", "demo/a");
	assert_int_equal(host_map_len("guards"), 0);
	assert_int_equal(scene_hits(AT_INSERT), 5);
	/* Nor taken out. */
	scene_site(AT_INSERT)->guard = scene_reg(MOQSTAT_R12, 8);
	open_in(T, "a", "demo/a");
	take_from(T, text, FIRST, SECOND);
	scene_site(AT_TAKE)->path = scene_mem(MOQSTAT_R13, 0x10000, 8);
	take_from(T, "a", FIRST, SECOND);
	scene_site(AT_TAKE)->path = scene_reg(MOQSTAT_R13, 8);
	scene_site(AT_TAKE)->guard = scene_mem(MOQSTAT_R12, 0, 8);
	take_from(T, "a", FIRST, SECOND);
	assert_int_equal(host_map_len("guards"), 1);
	scene_assert_lost(0, 0);
	host_map_fail("pending", 1, -12);
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_site(AT_TAKE)->guard = scene_reg(MOQSTAT_R12, 8);
	take_from(T, "a", FIRST, SECOND);
	assert_int_equal(host_map_len("guards"), 1);
}

/* What opened on a path that has no room is the overflow's, in the table as well. */
static void overflow_in_a_table(void **state)
{
	struct moqstat_id overflow = scene_overflow(0);

	(void)state;
	host_map_limit("paths", 1);
	open_in(T, "a", "demo/a");
	open_in(T, "b", "demo/b");
	assert_int_equal(host_map_len("guards"), 2);
	take_from(T, "b", FIRST, 0);
	scene_guard_bump(AT_CLOSE, FIRST);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_BROADCASTS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 1);
}

static void no_room_in_a_table(void **state)
{
	(void)state;
	host_map_limit("guards", 1);
	open_in(T, "a", "demo/a");
	open_in(T, "b", "demo/b");
	scene_assert_lost(MOQSTAT_LOST_GUARDS_FULL, 1);
	/* What is taken needs the room of two, and has one. */
	take_from(T, "a", FIRST, SECOND);
	scene_assert_lost(MOQSTAT_LOST_GUARDS_FULL, 2);
	assert_closes_at(FIRST, "demo/a");
}

static void a_table_let_go(void **state)
{
	(void)state;
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PEEK | MOQSTAT_HANDLE_KEY;
	open_in(T, "a", "demo/a");
	open_in(T, "b", "demo/b");
	open_in(U, "a", "other/a");
	drop_table(T);
	assert_int_equal(scene_hits(AT_TABLE), 1);
	peek_at(AT_PEEK_KEY, "b");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("demo/a"), 1);
	assert_int_equal(closed_by_peek("demo/b"), 1);
	assert_int_equal(closed_by_peek("other/a"), 0);
	assert_int_equal(host_map_len("guards"), 1);
	assert_int_equal(scene_hits(AT_PEEK_KEY), 2);
	scene_assert_lost(0, 0);
	/* A key that can't be told is none. */
	scene_site(AT_PEEK_KEY)->path = scene_mem(MOQSTAT_R13, 0x10000, 8);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_site(AT_PEEK_KEY)->path = scene_reg(MOQSTAT_R13, 8);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* Each is there once. */
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	drop_table(U);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("other/a"), 1);
}

static void a_peek_serves_once(void **state)
{
	(void)state;
	open_in(T, "a", "a");
	open_in(T, "b", "b");
	peek_at(AT_PEEK, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 1);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* The last one counts, also where it tells nothing. */
	peek_at(AT_PEEK, "a");
	peek_at(AT_PEEK, "b");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("b"), 1);
	peek_at(AT_PEEK, "a");
	peek_at(AT_PEEK, "unknown");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	peek_at(AT_PEEK, "a");
	scene_site(AT_PEEK)->path = scene_mem(MOQSTAT_R13, 0x10000, 8);
	scene_fire(AT_PEEK);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 3);
	assert_int_equal(closed_by_peek("a"), 1);
	assert_int_equal(scene_hits(AT_PEEK), 7);
	/* It leaves no name behind. */
	scene_site(AT_PEEK)->path = scene_reg(MOQSTAT_R13, 8);
	peek_at(AT_PEEK, "a");
	scene_bump(AT_OPEN, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
}

/* What is kept in tables is told by their keys, nothing else is. */
static void keys_and_other_paths(void **state)
{
	(void)state;
	open_in(T, "a", "a");
	drop_table(T);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	scene_site(AT_TRACK_CLOSE)->handles |= MOQSTAT_HANDLE_KEY;
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 1);
	peek_at(AT_PEEK, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PEEK;
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 2);
	/* Without the handle it isn't looked at. */
	peek_at(AT_PEEK, "a");
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_GUARD;
	scene_guard_bump(AT_TRACK_CLOSE, FIRST);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 3);
}

/* A guard that its place tells leaves nothing for whatever is let go next. */
static void a_peek_forgotten(void **state)
{
	(void)state;
	open_in(T, "a", "a");
	open_in(T, "b", "b");
	take_from(T, "b", FIRST, 0);
	scene_site(AT_CLOSE)->handles = MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_PEEK;
	peek_at(AT_PEEK, "a");
	assert_closes_at(FIRST, "b");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* Where the guard isn't one that a peek might be for, it stays. */
	open_in(T, "b", "b");
	take_from(T, "b", FIRST, 0);
	scene_site(AT_CLOSE)->handles = MOQSTAT_HANDLE_GUARD;
	peek_at(AT_PEEK, "a");
	assert_closes_at(FIRST, "b");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 1);
}

static void peeks_of_threads(void **state)
{
	(void)state;
	open_in(T, "a", "a");
	peek_at(AT_PEEK, "a");
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	assert_int_equal(host_map_len("peeks"), 1);
	/* So with the table that is let go. */
	scene_site(AT_TRACK_CLOSE)->handles |= MOQSTAT_HANDLE_KEY;
	drop_table(U);
	scene_thread(SCENE_TGID, SCENE_THREAD);
	drop_table(T);
	scene_thread(SCENE_TGID, SCENE_OTHER);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	scene_thread(SCENE_TGID, SCENE_THREAD);
	peek_at(AT_PEEK_KEY, "a");
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(closed_by_peek("a"), 1);
	assert_int_equal(host_map_len("peeks"), 2);
}

/* A peek without room is none, and is missed only by what it was for. */
static void no_room_for_a_peek(void **state)
{
	(void)state;
	open_in(T, "a", "a");
	host_map_fail("peeks", 2, -12);
	peek_at(AT_PEEK, "a");
	drop_table(T);
	scene_assert_lost(0, 0);
	assert_int_equal(host_map_len("peeks"), 0);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* What the overflow holds is let go as the overflow's. */
static void a_peek_at_the_overflow(void **state)
{
	static char text[MOQSTAT_PATH_MAX + 2];
	struct moqstat_id overflow = scene_overflow(0);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	scene_name(text);
	scene_bump(AT_OPEN, 0);
	peek_at(AT_PEEK, text);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 1);
	/* Once. */
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		table_test(taken_into_either_place), table_test(taken_into_one_place),
		table_test(counted_in_a_place),	     table_test(tables_and_keys),
		table_test(the_key_is_not_a_name),   table_test(what_isnt_put_in),
		table_test(overflow_in_a_table),     table_test(no_room_in_a_table),
		table_test(a_table_let_go),	     table_test(a_peek_serves_once),
		table_test(keys_and_other_paths),    table_test(a_peek_forgotten),
		table_test(peeks_of_threads),	     table_test(no_room_for_a_peek),
		table_test(a_peek_at_the_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
