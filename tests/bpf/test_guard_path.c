/* SPDX-License-Identifier: MIT */
/*
 * test_guard_path.c - which incarnation a path stands for, where there is no entry: paths that
 * can't be read, or have no room; that begin in two threads at once; that end while something
 * opens.
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

/* A path that can't be read now may be a known one: the close is nobody's, not the overflow's. */
static void a_live_path_that_faults(void **state)
{
	struct moqstat_id nobody = scene_unattributed(), overflow = scene_overflow(0);

	(void)state;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, LIVE);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 0);
	/* Nor is a guard that gets its place by it the overflow's. */
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PATH;
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	host_map_fail("pending", 1, -12);
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 2);
}

/* One that is too long is so wherever it is read: what opens and closes on it goes together. */
static void a_path_too_long(void **state)
{
	static char text[MOQSTAT_PATH_MAX + 2];
	struct moqstat_id overflow = scene_overflow(0);

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	scene_open_track(G, text);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 1);
	assert_int_equal(overflowed, 0);
	scene_guard_bump(AT_BYTES, G);
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, text));
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 1);
	assert_int_equal(host_map_len("broadcasts") + host_map_len("paths"), 0);
}

/* A path that could not be read where something opened may be read where it closes. */
static void an_opening_that_faults(void **state)
{
	struct moqstat_id overflow = scene_overflow(0);

	(void)state;
	scene_set(MOQSTAT_RSI, 0);
	scene_fire(AT_ENTRY);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 1);
	assert_int_equal(overflowed, 1);
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, "a"));
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 1);
}

static void more_paths_than_room(void **state)
{
	struct moqstat_id overflow = scene_overflow(0), nobody = scene_unattributed();

	(void)state;
	host_map_limit("paths", 1);
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PATH;
	scene_open_track(G, "a");
	scene_set(MOQSTAT_R13, scene_path(LIVE, "b"));
	/* Unknown, while all that has begun had room: it began before the probes came. */
	scene_guard_bump(AT_TRACK_CLOSE, H);
	assert_int_equal(scene_count(&nobody, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	*(__u64 *)host_map_get("lost", &(__u32){ MOQSTAT_LOST_GUARD_UNKNOWN }, 0) = 0;
	/* Where something only gets its place, nothing is lost. */
	scene_name("b");
	scene_place(AT_PLACE, H);
	assert_true(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
	assert_int_equal(overflowed, 0);
	scene_assert_lost(0, 0);
	scene_bump(AT_TRACK, 0);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
	assert_int_equal(overflowed, 1);
	/* What was named in vain is taken back. */
	assert_int_equal(host_map_len("broadcasts"), 1);
	scene_guard_bump(AT_TRACK_CLOSE, H);
	scene_guard_bump(AT_BYTES, H);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 2);
	/* So it is if it is the names that have no room. */
	host_map_limit("paths", 8);
	host_map_limit("broadcasts", 1);
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	scene_name("b");
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 3);
	assert_int_equal(host_map_len("paths"), 1);
}

/* Two threads open the first of a path at once: it begins once. */
static void another_begins(const char *map, bool updates)
{
	if (!updates || strcmp(map, "paths"))
		return;
	host.meanwhile = NULL;
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_name("a");
	scene_bump(AT_TRACK, 0);
}

static void two_begin_at_once(void **state)
{
	(void)state;
	scene_name("a");
	host.meanwhile = another_begins;
	scene_bump(AT_TRACK, 0);
	assert_null(host.meanwhile);
	assert_int_equal(host_map_len("broadcasts"), 1);
	assert_int_equal(host_map_len("paths"), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(scene_opens("a"), 2);
	scene_assert_lost(0, 0);
}

/* The user side ends a path, as all that was open on it is closed, just when another opens. */
static __u32 ends_at;

static void it_ends(const char *map, bool updates)
{
	struct moqstat_path_key key = { .hash = scene_id("a", 0).hash,
					.tgid = SCENE_TGID,
					.len = 1 };

	if (updates || strcmp(map, "paths") || --ends_at)
		return;
	host.meanwhile = NULL;
	host_map_delete("paths", &key);
}

static void it_ends_and_has_no_room(const char *map, bool updates)
{
	it_ends(map, updates);
	if (!host.meanwhile)
		host_map_fail("paths", 1, -7);
}

static void it_ends_and_begins(const char *map, bool updates)
{
	it_ends(map, updates);
	if (!host.meanwhile)
		another_begins("paths", true);
}

/* In front of the first look-up, or of the second. */
static void a_path_that_ends_meanwhile(void **state)
{
	struct moqstat_id old, new;
	__u32 at;

	(void)state;
	for (at = 1; at <= 2; at++) {
		scene_name("a");
		scene_bump(AT_TRACK, 0);
		old = scene_id("a", 0);
		ends_at = at;
		host.meanwhile = it_ends;
		scene_bump(AT_TRACK, 0);
		assert_null(host.meanwhile);
		new = scene_id("a", 0);
		assert_int_equal(new.incarnation, old.incarnation + 1);
		assert_int_equal(scene_opens("a"), 1);
		assert_int_equal(scene_count(&new, 0, MOQSTAT_SUBSCRIPTIONS), 1);
		assert_int_equal((__u32)scene_path_of("a")->state, new.incarnation);
	}
	scene_assert_lost(0, 0);
}

/* Another thread may have begun it anew already. */
static void a_path_that_ends_and_begins(void **state)
{
	struct moqstat_id old, new;

	(void)state;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	old = scene_id("a", 0);
	ends_at = 2;
	host.meanwhile = it_ends_and_begins;
	scene_bump(AT_TRACK, 0);
	assert_null(host.meanwhile);
	new = scene_id("a", 0);
	assert_int_equal(new.incarnation, old.incarnation + 1);
	assert_int_equal(scene_opens("a"), 2);
	assert_int_equal(scene_count(&old, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&new, 0, MOQSTAT_SUBSCRIPTIONS), 2);
	scene_assert_lost(0, 0);
}

/* What has ended counts no more: without room for another it is the overflow's. */
static void a_path_that_ends_and_has_no_room(void **state)
{
	struct moqstat_id old, overflow = scene_overflow(0);

	(void)state;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	old = scene_id("a", 0);
	ends_at = 2;
	host.meanwhile = it_ends_and_has_no_room;
	scene_bump(AT_TRACK, 0);
	assert_null(host.meanwhile);
	assert_int_equal(scene_count(&old, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(overflowed, 1);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 1);
}

/* A path is over when as much was counted as was noted: what isn't counted isn't noted. */
static void an_opening_that_isnt_counted(void **state)
{
	struct moqstat_site *site = scene_site(AT_TRACK);

	(void)state;
	scene_name("a");
	scene_bump(AT_TRACK, 0);
	site->tier = scene_mem(MOQSTAT_RAX, 0, 1);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
	assert_int_equal(scene_opens("a"), 1);
	*(__u64 *)host_map_get("lost", &(__u32){ MOQSTAT_LOST_OPERAND_FAULT }, 0) = 0;
	site->tier = scene_imm(MOQSTAT_TIER_MAX);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_RANGE, 1);
	assert_int_equal(scene_opens("a"), 1);
	*(__u64 *)host_map_get("lost", &(__u32){ MOQSTAT_LOST_OPERAND_RANGE }, 0) = 0;
	site->tier = scene_imm(MOQSTAT_INTERNAL);
	host_map_fail("opened", 1, -7);
	scene_bump(AT_TRACK, 0);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 1);
	assert_int_equal(scene_opens("a"), 1);
	/* It is in the overflow. */
	assert_int_equal(host_map_len("opened"), 2);
	/* A path that has begun with it is there, with nothing. */
	scene_name("b");
	host_map_fail("opened", 1, -7);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_opens("a"), 1);
	assert_int_equal(scene_opens("b"), 0);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_opens("b"), 1);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 2);
	/* What has no path had none noted. */
	scene_set(MOQSTAT_RSI, 0);
	scene_fire(AT_ENTRY);
	host_map_fail("opened", 1, -7);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_opens("a"), 1);
	assert_int_equal(scene_opens("b"), 1);
}

/* But only what opens, and where it was noted. */
static void a_close_that_isnt_counted(void **state)
{
	struct moqstat_path_key key = { .tgid = SCENE_TGID, .len = 1 };
	struct moqstat_path path = { .state = 5 * MOQSTAT_PATH_OPENED };

	(void)state;
	scene_open_track(G, "a");
	host_map_fail("closed", 1, -7);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 1);
	assert_int_equal(scene_opens("a"), 1);
	/* Nobody's, with another path pending. */
	scene_site(AT_TRACK)->handles = 0;
	host_map_fail("opened", 1, -7);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_opens("a"), 1);
	/* Or another of the path, which has begun meanwhile. */
	scene_site(AT_TRACK)->handles = MOQSTAT_HANDLE_PENDING;
	key.hash = scene_id("a", 0).hash;
	path.state += scene_id("a", 0).incarnation + 1;
	by_guard = 0;
	statistics_off = 0;
	scene_new(H, "a");
	host_map_set("paths", &key, &path);
	host_map_fail("opened", 1, -7);
	scene_bump(AT_TRACK, H);
	assert_int_equal(scene_opens("a"), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		guard_test(a_live_path_that_faults),
		guard_test(a_path_too_long),
		guard_test(an_opening_that_faults),
		guard_test(more_paths_than_room),
		guard_test(two_begin_at_once),
		guard_test(a_path_that_ends_meanwhile),
		guard_test(a_path_that_ends_and_begins),
		guard_test(a_path_that_ends_and_has_no_room),
		guard_test(an_opening_that_isnt_counted),
		guard_test(a_close_that_isnt_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
