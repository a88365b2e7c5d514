/* SPDX-License-Identifier: MIT */
/*
 * test_guard.c - whose guard a bump is made on, where there is no entry: the path pending, the
 * place of the guard, its owner, a path that is live.
 */
#include "scene.h"

#define G    0x7f0000005000ULL
#define H    0x7f0000006000ULL
#define LIVE 0x7f0000200000ULL

static int setup(void **state)
{
	scene_setup(state);
	scene_statistics_off();
	return 0;
}

#define guard_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

static void pending_names_what_opens(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	scene_name("a");
	assert_int_equal(statistics_off, 1);
	assert_int_equal(host_map_len("broadcasts"), 0);
	/* One name serves all that opens by it. */
	scene_bump(AT_OPEN, 0);
	scene_bump(AT_TRACK, 0);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(scene_opens("a"), 3);
	id = scene_id("a", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->fresh, 1);
	assert_int_equal(name->entry, 0);
	assert_int_equal(id.incarnation, MOQSTAT_UNCOUNTED + 1);
	assert_int_equal(host_map_len("broadcasts"), 1);
	assert_int_equal(names_used[0], 0);
	assert_int_equal(host_map_len("entries"), 0);
	scene_name("b");
	scene_bump(AT_OPEN, 0);
	assert_int_equal(scene_counted("b", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_id("b", 0).incarnation, id.incarnation + 1);
	scene_assert_lost(0, 0);
	/* Of another thread's nothing is known. */
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_bump(AT_OPEN, 0);
	id = scene_unattributed();
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BROADCASTS), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	assert_int_equal(scene_hits(AT_OPEN), 3);
}

static void a_place(void **state)
{
	struct moqstat_id nobody = scene_unattributed();

	(void)state;
	scene_open_track(G, "a");
	scene_open_track(H, "b");
	scene_set(MOQSTAT_RCX, 100);
	scene_guard_bump(AT_BYTES, G);
	scene_guard_bump(AT_BYTES, G);
	scene_guard_bump(AT_BYTES, H);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 200);
	assert_int_equal(scene_counted("b", MOQSTAT_BYTES), 100);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS_CLOSED), 0);
	assert_int_equal(scene_hits(AT_PLACE), 2);
	scene_assert_lost(0, 0);
	/* A place is nobody's once its guard is closed. */
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	scene_guard_bump(AT_BYTES, G);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_BYTES), 100);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	/* No guard is at 0. */
	scene_place(AT_PLACE, 0);
	scene_guard_bump(AT_BYTES, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 3);
}

/* Whether its opening was seen isn't known of what is first seen where it gets its place. */
static void fresh_where_it_opens(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	scene_name("a");
	scene_place(AT_PLACE, G);
	id = scene_id("a", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->fresh, 0);
	assert_int_equal(scene_opens("a"), 0);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	attached = 0;
	scene_name("b");
	scene_bump(AT_OPEN, 0);
	id = scene_id("b", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->fresh, 0);
	scene_assert_lost(0, 0);
}

/* A guard that was never seen to close, and another one in its place. */
static void a_place_given_again(void **state)
{
	(void)state;
	scene_open_track(G, "a");
	scene_open_track(G, "b");
	scene_assert_lost(MOQSTAT_LOST_GUARD_REUSED, 1);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 0);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	/* The same path makes no difference; a close does. */
	scene_open_track(G, "b");
	scene_assert_lost(MOQSTAT_LOST_GUARD_REUSED, 1);
	scene_open_track(G, "b");
	scene_assert_lost(MOQSTAT_LOST_GUARD_REUSED, 2);
}

/* Who gets the place isn't known: whoever had it doesn't have it any more. */
static void a_place_of_nobody(void **state)
{
	(void)state;
	scene_open_track(G, "a");
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	scene_assert_lost(MOQSTAT_LOST_GUARD_REUSED, 1);
	/* The same where a path that is live tells, and doesn't. */
	scene_thread(SCENE_TGID, SCENE_THREAD);
	scene_open_track(G, "a");
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, LIVE);
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	scene_open_track(G, "a");
	scene_site(AT_PLACE)->path = scene_mem(MOQSTAT_R13, 0, 8);
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	/* A failed allocation is no place; one that can't be read neither. */
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PENDING;
	scene_open_track(G, "a");
	scene_site(AT_PLACE)->when = MOQSTAT_WHEN_NONZERO;
	scene_zero_flag(true);
	scene_open_track(H, "a");
	scene_zero_flag(false);
	assert_false(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
	scene_site(AT_PLACE)->guard = scene_mem(MOQSTAT_R12, 0, 8);
	scene_open_track(H, "a");
	assert_int_equal(host_map_len("guards"), 1);
}

static void a_place_by_a_live_path(void **state)
{
	(void)state;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, "a"));
	scene_place(AT_PLACE, G);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	/* A path that hasn't begun doesn't begin by being looked at. */
	scene_path(LIVE, "other");
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	assert_int_equal(host_map_len("broadcasts"), 1);
	/* What was looked at isn't named. */
	scene_bump(AT_OPEN, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

static void no_room_for_a_place(void **state)
{
	(void)state;
	host_map_limit("guards", 1);
	scene_open_track(G, "a");
	scene_open_track(H, "a");
	scene_assert_lost(MOQSTAT_LOST_GUARDS_FULL, 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 2);
	assert_true(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	assert_false(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
}

/* A guard that moves is told by the word in front of it. */
static void an_owner(void **state)
{
	__u64 owner = 0x7f0000abcd00ULL, other = 0x7f0000abce00ULL;
	struct moqstat_id nobody = scene_unattributed();

	(void)state;
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_OWNER;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	scene_place(AT_OWNER, owner);
	assert_true(scene_guard_known(owner, MOQSTAT_GUARD_OWNER));
	assert_false(scene_guard_known(owner, MOQSTAT_GUARD_PLACE));
	/* Another owner's, or one that can't be read. */
	host_memory_put(G - 8, &other, 8);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_guard_bump(AT_TRACK_CLOSE, H);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 2);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	/* Whatever is known by its own address. */
	scene_open_track(G, "b");
	host_memory_put(G - 8, &owner, 8);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_false(scene_guard_known(owner, MOQSTAT_GUARD_OWNER));
	assert_true(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_GUARD;
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	/* An owner may keep another guard while it has one: that isn't an end unseen. */
	scene_name("a");
	scene_place(AT_OWNER, owner);
	scene_place(AT_OWNER, owner);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	/* Only where the owner is what tells it. */
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 3);
	/* Its address is no guard's. */
	scene_guard_bump(AT_TRACK_CLOSE, owner);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
	assert_true(scene_guard_known(owner, MOQSTAT_GUARD_OWNER));
}

/* The ways are tried one after the other; the first that tells is taken. */
static void handles_in_their_order(void **state)
{
	__u64 owner = 0x7f0000abcd00ULL;
	struct moqstat_id nobody = scene_unattributed();

	(void)state;
	scene_site(AT_TRACK_CLOSE)->handles =
		MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_OWNER | MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, "by path"));
	host_memory_put(G - 8, &owner, 8);
	scene_open_track(G, "by place");
	scene_name("by owner");
	scene_bump(AT_TRACK, 0);
	scene_place(AT_OWNER, owner);
	scene_name("by path");
	scene_bump(AT_TRACK, 0);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("by place", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("by owner", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_guard_bump(AT_TRACK_CLOSE, 0);
	assert_int_equal(scene_counted("by path", MOQSTAT_SUBSCRIPTIONS_CLOSED), 2);
	scene_assert_lost(0, 0);
	/* A guard whose address can't be read is none; the path tells. */
	scene_open_track(G, "by place");
	scene_site(AT_TRACK_CLOSE)->guard = scene_mem(MOQSTAT_R12, 0, 8);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("by path", MOQSTAT_SUBSCRIPTIONS_CLOSED), 3);
	scene_site(AT_TRACK_CLOSE)->path = scene_mem(MOQSTAT_R13, 0x10000, 8);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	/* What opens is told by what is pending, or not at all. */
	scene_site(AT_TRACK)->handles |= MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_GUARD;
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
}

/* Only a panic comes by: told as nobody's. */
static void an_odd_site(void **state)
{
	struct moqstat_id nobody = scene_unattributed();

	(void)state;
	scene_open_track(G, "a");
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_ODD;
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	assert_true(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
}

/* Where there is no entry, a byte may tell that no bump would be made either; the flags don't. */
static void what_would_be_skipped(void **state)
{
	(void)state;
	scene_site(AT_TRACK)->skip = scene_reg(MOQSTAT_R14, 1);
	scene_site(AT_TRACK)->when = MOQSTAT_WHEN_NONZERO;
	scene_zero_flag(true);
	scene_name("a");
	scene_set(MOQSTAT_R14, 0x101);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_hits(AT_TRACK), 0);
	assert_int_equal(host_map_len("opened"), 0);
	scene_set(MOQSTAT_R14, 0x100);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_hits(AT_TRACK), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_lost(0, 0);
	/* What can't be read is told; as a rule it would be made. */
	scene_site(AT_TRACK)->skip = scene_mem(MOQSTAT_R14, 0, 1);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 2);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
}

/* Entries that aren't to be relied on: with them the flags say whether it counts. */
static void by_guard_where_there_are_entries(void **state)
{
	(void)state;
	scene_set(MOQSTAT_R9, SCENE_SHARED);
	by_guard = 1;
	scene_site(AT_TRACK)->when = MOQSTAT_WHEN_NONZERO;
	scene_site(AT_TRACK)->skip = scene_imm(1);
	scene_new(G, "a");
	assert_int_equal(statistics_off, 0);
	assert_int_equal(scene_hits(AT_ENTRY_NEW), 0);
	assert_int_equal(host_map_len("entries") + host_map_len("broadcasts"), 0);
	scene_zero_flag(true);
	scene_bump(AT_TRACK, G);
	assert_int_equal(scene_hits(AT_TRACK), 0);
	scene_zero_flag(false);
	scene_bump(AT_TRACK, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	scene_place(AT_PLACE, H);
	assert_true(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
	scene_assert_lost(0, 0);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_NULL, 1);
}

/* Entries that are: nothing is known, or learnt, of guards. */
static void by_entry_no_guards(void **state)
{
	__u32 cookie;

	(void)state;
	scene_set(MOQSTAT_R9, SCENE_SHARED);
	scene_new(G, "a");
	for (cookie = AT_PLACE; cookie <= AT_TAKE; cookie++)
		scene_fire(cookie);
	for (cookie = AT_PLACE; cookie <= AT_TAKE; cookie++)
		assert_int_equal(scene_hits(cookie), 0);
	assert_int_equal(host_map_len("guards") + host_map_len("peeks"), 0);
	scene_bump(AT_TRACK, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(host_map_len("paths"), 0);
}

/* An entry pointer, once it is known that there are none, is one all the same. */
static void an_entry_where_there_are_none(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	scene_name("a");
	scene_new(G, "a");
	scene_bump(AT_TRACK, G);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_id(scene_entry_id(G), scene_id("a", 0));
	/* It is no other path's. */
	scene_name("b");
	scene_bump(AT_TRACK, 0);
	id = scene_id("b", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->entry, 0);
}

/* What the statistics are can't be read: it stays as it was. */
static void statistics_that_fault(void **state)
{
	(void)state;
	scene_site(AT_ENTRY)->side = scene_mem(MOQSTAT_R9, 0, 8);
	scene_name("a");
	assert_int_equal(statistics_off, 0);
	assert_int_equal(statistics_shared, 0);
	assert_int_equal(host_map_len("pending"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(pending_names_what_opens), guard_test(a_place),
		guard_test(fresh_where_it_opens),     guard_test(a_place_given_again),
		guard_test(a_place_of_nobody),	      guard_test(a_place_by_a_live_path),
		guard_test(no_room_for_a_place),      guard_test(an_owner),
		guard_test(handles_in_their_order),   guard_test(an_odd_site),
		guard_test(what_would_be_skipped),    guard_test(by_guard_where_there_are_entries),
		guard_test(by_entry_no_guards),	      guard_test(an_entry_where_there_are_none),
		guard_test(statistics_that_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
