/* SPDX-License-Identifier: MIT */
/*
 * test_announced.c - what the later releases have besides: announced_bytes, which no guard goes
 * with; paths that are told where the entry is kept; bumps that another one's branch skips; and
 * paths that share their text.
 */
#include "scene.h"

#define E		0x7f0000001000ULL
#define OTHER_E		0x7f0000002000ULL
#define G		0x7f0000005000ULL
#define LIVE		0x7f0000200000ULL
#define ARC		0x7f0000400000ULL

#define ANNOUNCED_BYTES AT_BYTES /* of the publisher: the site of bytes is made that */

static int setup(void **state)
{
	scene_setup(state);
	scene_site(ANNOUNCED_BYTES)->field = MOQSTAT_ANNOUNCED_BYTES;
	scene_site(ANNOUNCED_BYTES)->handles = MOQSTAT_HANDLE_PENDING;
	return 0;
}

static int setup_off(void **state)
{
	setup(state);
	scene_statistics_off();
	return 0;
}

#define on_test(f)  cmocka_unit_test_setup_teardown(f, setup, scene_teardown)
#define off_test(f) cmocka_unit_test_setup_teardown(f, setup_off, scene_teardown)

static void announced(__u64 len, __u64 entry)
{
	scene_set(MOQSTAT_RCX, len);
	scene_bump(ANNOUNCED_BYTES, entry);
}

/* What the user side asks for once a path has been read: with that many openings it may go. */
static int forgotten(const char *text, __u32 opens)
{
	struct moqstat_id id = scene_id(text, 0);
	struct moqstat_path_key key = { .hash = id.hash, .tgid = SCENE_TGID, .len = strlen(text) };
	struct moqstat_forget what = { .map = MOQSTAT_FORGET_PATH,
				       .expected = opens * MOQSTAT_PATH_OPENED + id.incarnation };

	memcpy(what.key, &key, sizeof(key));
	return forget((__u64 *)&what);
}

/* Nothing has announced it, and yet it is a broadcast: as the relay counts what it filters. */
static void a_name_without_a_guard(void **state)
{
	(void)state;
	scene_name("a/b");
	announced(3, 0);
	assert_int_equal(scene_counted("a/b", MOQSTAT_ANNOUNCED_BYTES), 3);
	announced(3, 0);
	assert_int_equal(scene_counted("a/b", MOQSTAT_ANNOUNCED_BYTES), 6);
	assert_int_equal(scene_counted("a/b", MOQSTAT_ANNOUNCED), 0);
	assert_int_equal(host_map_len("broadcasts"), 1);
	scene_assert_lost(0, 0);
}

/* Its incarnation ends with what the user side has read of it, not before. */
static void it_is_held_until_it_is_read(void **state)
{
	struct moqstat_id old;

	(void)state;
	scene_name("a/b");
	announced(3, 0);
	announced(3, 0);
	assert_int_equal(scene_opens("a/b"), 2);
	assert_int_not_equal(forgotten("a/b", 0), MOQSTAT_FORGOT);
	assert_int_not_equal(forgotten("a/b", 1), MOQSTAT_FORGOT);
	announced(3, 0);
	assert_int_not_equal(forgotten("a/b", 2), MOQSTAT_FORGOT);
	old = scene_id("a/b", 0);
	assert_int_equal(forgotten("a/b", 3), MOQSTAT_FORGOT);
	/* Then it begins anew. */
	announced(3, 0);
	assert_int_equal(scene_id("a/b", 0).incarnation, old.incarnation + 1);
	assert_int_equal(scene_count(&old, 0, MOQSTAT_ANNOUNCED_BYTES), 9);
	assert_int_equal(scene_counted("a/b", MOQSTAT_ANNOUNCED_BYTES), 3);
	scene_assert_lost(0, 0);
}

/* What was not counted is not noted, nor is what adds nothing: it can't be told from that. */
static void what_adds_nothing_is_not_noted(void **state)
{
	(void)state;
	scene_name("");
	announced(0, 0);
	assert_int_equal(scene_opens(""), 0);
	assert_int_equal(scene_counted("", MOQSTAT_ANNOUNCED_BYTES), 0);
	scene_bump(AT_TRACK, 0);
	announced(0, 0);
	assert_int_equal(scene_opens(""), 1);
	assert_int_equal(forgotten("", 1), MOQSTAT_FORGOT);
	scene_name("a");
	host_map_fail("opened", 1, -7);
	announced(1, 0);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 1);
	assert_int_equal(scene_opens("a"), 0);
}

/* By the path that is kept with the entry: whatever was named since. */
static void by_a_kept_path(void **state)
{
	(void)state;
	scene_site(ANNOUNCED_BYTES)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, "kept"));
	scene_name("other");
	announced(4, 0);
	assert_int_equal(scene_counted("kept", MOQSTAT_ANNOUNCED_BYTES), 4);
	assert_int_equal(scene_opens("kept"), 1);
	assert_int_equal(scene_id("other", 0).hash, 0);
	assert_int_not_equal(forgotten("kept", 0), MOQSTAT_FORGOT);
	/* A path that can't be read is nobody's, and begins nothing. */
	scene_set(MOQSTAT_R13, 0);
	announced(4, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	assert_int_equal(host_map_len("broadcasts"), 1);
}

/* What begins by it is what the thread has named when its guard gets a place. */
static void a_place_after_a_kept_path(void **state)
{
	(void)state;
	scene_site(AT_TRACK)->handles = MOQSTAT_HANDLE_PATH;
	scene_set(MOQSTAT_R13, scene_path(LIVE, "kept"));
	scene_name("other");
	scene_bump(AT_TRACK, 0);
	scene_place(AT_PLACE, G);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	assert_int_equal(scene_counted("kept", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_counted("kept", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_id("other", 0).hash, 0);
	/* A live path where something closes is no name for what comes. */
	scene_site(AT_TRACK_CLOSE)->handles = MOQSTAT_HANDLE_PATH;
	scene_name("other");
	scene_bump(AT_TRACK, 0);
	scene_guard_bump(AT_TRACK_CLOSE, G);
	scene_place(AT_PLACE, G);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
}

/* With entries, those are what counts; and what they are called is not learnt there. */
static void entries_are_not_named_by_a_kept_path(void **state)
{
	(void)state;
	scene_new(E, "a");
	announced(1, E);
	assert_int_equal(scene_counted("a", MOQSTAT_ANNOUNCED_BYTES), 1);
	/* The thread has named another, and this one wasn't seen before. */
	scene_name("b");
	scene_site(AT_TRACK)->handles = MOQSTAT_HANDLE_PATH;
	scene_bump(AT_TRACK, OTHER_E);
	assert_int_equal(scene_entry_id(OTHER_E).hash, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	*(__u64 *)host_map_get("lost", &(__u32){ MOQSTAT_LOST_ENTRY_UNKNOWN }, 0) = 0;
	scene_site(AT_TRACK)->handles = MOQSTAT_HANDLE_PENDING;
	scene_bump(AT_TRACK, OTHER_E);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_not_equal(scene_entry_id(OTHER_E).hash, 0);
	scene_assert_lost(0, 0);
}

/* A site that stands in for one that its branch skips: only where there is no entry does it. */
static void sites_that_stand_in(void **state)
{
	(void)state;
	scene_new(E, "a");
	scene_site(AT_TRACK)->when = MOQSTAT_WHEN_NEVER;
	scene_bump(AT_TRACK, E);
	scene_zero_flag(true);
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 0);
	assert_int_equal(scene_hits(AT_TRACK), 0);
	scene_assert_lost(0, 0);
	scene_statistics_off();
	scene_name("b");
	scene_bump(AT_TRACK, 0);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_opens("b"), 1);
	scene_assert_lost(0, 0);
}

/* ---- texts that paths share ---- */

static void named_words(__u64 first, __u64 second, __u64 third)
{
	__u64 words[3] = { first, second, third };

	host_memory_put(LIVE, words, sizeof(words));
	scene_set(MOQSTAT_RSI, LIVE);
	scene_fire(AT_ENTRY);
	scene_bump(AT_TRACK, 0);
}

static void texts_are_shared(void **state)
{
	(void)state;
	paths_shared = 1;
	/* Two counts of references, then the text. */
	host_memory_put(ARC, "0123456701234567root/demo/cam", 29);
	named_words(ARC, 13, 0);
	assert_int_equal(scene_counted("root/demo/cam", MOQSTAT_SUBSCRIPTIONS), 1);
	named_words(ARC, 13, 5);
	assert_int_equal(scene_counted("demo/cam", MOQSTAT_SUBSCRIPTIONS), 1);
	named_words(ARC, 9, 5);
	assert_int_equal(scene_counted("demo", MOQSTAT_SUBSCRIPTIONS), 1);
	named_words(ARC, 13, 13);
	assert_int_equal(scene_counted("", MOQSTAT_SUBSCRIPTIONS), 1);
	/* Borrowed: address and length. */
	named_words(0, ARC + 16, 4);
	assert_int_equal(scene_counted("root", MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_lost(0, 0);
	named_words(ARC, MOQSTAT_PATH_MAX + 6, 5);
	scene_assert_lost(MOQSTAT_LOST_PATH_TOO_LONG, 1);
	*(__u64 *)host_map_get("lost", &(__u32){ MOQSTAT_LOST_PATH_TOO_LONG }, 0) = 0;
	/* It begins beyond its end, or ends one byte beyond what can be read; no Arc. */
	named_words(ARC, 13, 14);
	named_words(ARC, 13, -1ULL);
	named_words(ARC, 14, 5);
	named_words(ARC + 0x100000, 4, 0);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 4);
	assert_int_equal(host_map_len("broadcasts"), 5);
}

/* Where they are not, the same words are a capacity, an address and a length. */
static void texts_are_not_shared(void **state)
{
	(void)state;
	host_memory_put(ARC, "0123456701234567root/demo/cam", 29);
	named_words(ARC, ARC + 21, 4);
	assert_int_equal(scene_counted("demo", MOQSTAT_SUBSCRIPTIONS), 1);
	named_words(ARC, 13, 5);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		off_test(a_name_without_a_guard),
		off_test(it_is_held_until_it_is_read),
		off_test(what_adds_nothing_is_not_noted),
		off_test(by_a_kept_path),
		off_test(a_place_after_a_kept_path),
		on_test(entries_are_not_named_by_a_kept_path),
		on_test(sites_that_stand_in),
		off_test(texts_are_shared),
		off_test(texts_are_not_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
