/* SPDX-License-Identifier: MIT */
/*
 * test_session.c - sessions of a root: by the pointer to its counters, or by the place that the
 * session's guard gets where the relay's statistics are off.
 */
#include "scene.h"

#define E	 0x7f0000001000ULL
#define G	 0x7f0000005000ULL
#define H	 0x7f0000006000ULL
#define ROOT	 0x7f0000200000ULL
#define EXTERNAL MOQSTAT_SLOT_SESSION
#define INTERNAL (MOQSTAT_SLOT_SESSION + 1)

static void new_session(__u64 at, const char *root, __u64 tier)
{
	scene_session(root, tier);
	scene_set(MOQSTAT_RBX, at);
	scene_fire(AT_SESSION_NEW);
}

/* StatsHandle::session is about to be called, its result to be put at `guard`. */
static void place_session(__u64 guard, const char *root, __u64 tier)
{
	scene_set(MOQSTAT_R13, scene_path(ROOT, root));
	scene_set(MOQSTAT_R8, tier);
	scene_place(AT_SESSION_PLACE, guard);
}

static __u64 sessions(const char *root, __u32 slot, __u32 field)
{
	struct moqstat_id id = scene_id(root, slot);

	assert_int_not_equal(id.hash, 0);
	return scene_count(&id, slot, field);
}

static void by_entry(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	attached = 0;
	new_session(E, "root", MOQSTAT_INTERNAL);
	scene_bump(AT_SESSION_OPEN, E);
	scene_bump(AT_SESSION_OPEN, E);
	scene_bump(AT_SESSION_CLOSE, E);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS), 2);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS_CLOSED), 1);
	id = scene_entry_id(E);
	name = host_map_get("roots", &id, 0);
	assert_int_equal(name->entry, E);
	assert_int_equal(name->fresh, 0);
	assert_int_equal(host_map_len("opened"), 1);
	assert_int_equal(host_map_len("broadcasts"), 0);
	assert_int_equal(scene_hits(AT_SESSION), 1);
	assert_int_equal(scene_hits(AT_SESSION_OPEN), 2);
	assert_int_equal(scene_hits(AT_SESSION_CLOSE), 1);
	assert_int_equal(statistics_shared, SCENE_SHARED);
	assert_int_equal(host_map_len("guards"), 0);
	scene_assert_lost(0, 0);
}

/* One that was there before is learnt where a session of it begins. */
static void by_entry_of_before(void **state)
{
	(void)state;
	scene_session("root", MOQSTAT_EXTERNAL);
	scene_bump(AT_SESSION_CLOSE, E);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	assert_int_equal(scene_hits(AT_SESSION_CLOSE), 1);
	scene_bump(AT_SESSION_OPEN, E);
	assert_int_equal(sessions("root", EXTERNAL, MOQSTAT_SESSIONS), 1);
	scene_site(AT_SESSION_CLOSE)->when = MOQSTAT_WHEN_NONZERO;
	scene_zero_flag(true);
	scene_bump(AT_SESSION_CLOSE, E);
	assert_int_equal(sessions("root", EXTERNAL, MOQSTAT_SESSIONS_CLOSED), 0);
	assert_int_equal(scene_hits(AT_SESSION_CLOSE), 1);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
}

/* Nobody knows the tier: then what the thread named before is not what is made here. */
static void a_tier_that_cant_be_told(void **state)
{
	__u64 tiers[] = { MOQSTAT_TIER_MAX, 255 };
	__u32 i;

	(void)state;
	scene_session("root", MOQSTAT_TIER_MAX);
	assert_int_equal(host_map_len("pending"), 0);
	for (i = 0; i < 2; i++) {
		scene_name("before");
		new_session(E, "root", tiers[i]);
		assert_int_equal(scene_entry_id(E).tgid, 0);
		assert_int_equal(host_map_len("roots") + host_map_len("broadcasts"), 0);
	}
	i = MOQSTAT_LOST_PENDING_FULL;
	assert_int_equal(*(__u64 *)host_map_get("lost", &i, 0), 2);
	*(__u64 *)host_map_get("lost", &i, 0) = 0;
	scene_assert_lost(MOQSTAT_LOST_OPERAND_RANGE, 3);

	i = MOQSTAT_LOST_OPERAND_RANGE;
	*(__u64 *)host_map_get("lost", &i, 0) = 0;
	scene_site(AT_SESSION)->tier = scene_mem(MOQSTAT_R8, 0, 1);
	scene_name("before");
	scene_session("root", 0);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
	scene_bump(AT_SESSION_OPEN, E);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	assert_int_equal(host_map_len("roots") + host_map_len("broadcasts"), 0);
}

static void a_root_that_cant_be_told(void **state)
{
	struct moqstat_id overflow = scene_overflow(INTERNAL);

	(void)state;
	scene_name("before");
	scene_site(AT_SESSION)->entry = scene_mem(MOQSTAT_RSI, 0x100000, 8);
	new_session(E, "root", MOQSTAT_INTERNAL);
	scene_assert_id(scene_entry_id(E), overflow);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 1);
	scene_bump(AT_SESSION_OPEN, E);
	assert_int_equal(scene_count(&overflow, INTERNAL, MOQSTAT_SESSIONS), 1);
}

/* Its name is gone, so nobody knows the tier: the loss is told. */
static void a_root_without_a_name(void **state)
{
	struct moqstat_id id;

	(void)state;
	new_session(E, "root", MOQSTAT_EXTERNAL);
	id = scene_entry_id(E);
	host_map_delete("roots", &id);
	scene_bump(AT_SESSION_CLOSE, E);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	assert_int_equal(host_map_len("closed"), 0);
}

/* With statistics, sessions are counted at their entries, and no place is noted. */
static void places_are_for_statistics_off(void **state)
{
	(void)state;
	place_session(G, "root", MOQSTAT_EXTERNAL);
	assert_int_equal(scene_hits(AT_SESSION_PLACE), 0);
	assert_int_equal(host_map_len("guards") + host_map_len("roots"), 0);
	assert_int_equal(host_map_len("pending"), 0);
	assert_int_equal(statistics_off, 0);
	/* Not known whether they are off: so they are on, as before; and off, once that was seen.
	 */
	scene_site(AT_SESSION_PLACE)->side = scene_mem(MOQSTAT_R9, 0, 8);
	place_session(G, "root", MOQSTAT_EXTERNAL);
	assert_int_equal(statistics_off, 0);
	assert_int_equal(host_map_len("guards"), 0);
	statistics_off = 1;
	place_session(G, "root", MOQSTAT_EXTERNAL);
	assert_int_equal(sessions("root", EXTERNAL, MOQSTAT_SESSIONS), 1);
	scene_assert_lost(0, 0);
}

static void by_place(void **state)
{
	struct moqstat_path_key key = { .tgid = SCENE_TGID, .len = 4 };
	const struct moqstat_path *path;
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	scene_statistics_off();
	place_session(G, "root", MOQSTAT_INTERNAL);
	assert_int_equal(statistics_off, 1);
	assert_int_equal(statistics_shared, 0);
	place_session(H, "root", MOQSTAT_INTERNAL);
	assert_int_equal(scene_hits(AT_SESSION_PLACE), 2);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS), 2);
	id = scene_id("root", INTERNAL);
	key.hash = id.hash;
	path = host_map_get("root_paths", &key, 0);
	assert_non_null(path);
	assert_int_equal((__u32)path->state, id.incarnation);
	assert_int_equal(path->state / MOQSTAT_PATH_OPENED, 2);
	name = host_map_get("roots", &id, 0);
	assert_int_equal(name->entry, 0);
	assert_int_equal(name->fresh, 1);

	/* What begins in StatsHandle::session itself is the same one. */
	scene_session("root", MOQSTAT_INTERNAL);
	scene_bump(AT_SESSION_OPEN, 0);
	assert_int_equal(scene_hits(AT_SESSION_OPEN), 0);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS), 2);

	scene_guard_bump(AT_SESSION_CLOSE, G);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS_CLOSED), 1);
	assert_false(scene_guard_known(G, MOQSTAT_GUARD_PLACE));
	assert_true(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
	scene_assert_lost(0, 0);
	/* A place is let go once; whose it is then isn't known, nor its tier. */
	scene_guard_bump(AT_SESSION_CLOSE, G);
	assert_int_equal(sessions("root", INTERNAL, MOQSTAT_SESSIONS_CLOSED), 1);
	assert_int_equal(scene_hits(AT_SESSION_CLOSE), 2);
	assert_int_equal(host_map_len("closed"), 1);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* What this thread has named is the session's only until it has its place. */
static void a_place_uses_the_name(void **state)
{
	(void)state;
	scene_statistics_off();
	place_session(G, "root", MOQSTAT_INTERNAL);
	scene_bump(AT_OPEN, 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* Memory is given out anew only once what was there has been let go: its close was missed. */
static void a_place_given_again(void **state)
{
	(void)state;
	scene_statistics_off();
	place_session(G, "a", MOQSTAT_EXTERNAL);
	place_session(G, "b", MOQSTAT_EXTERNAL);
	scene_assert_lost(MOQSTAT_LOST_SESSION_REUSED, 1);
	scene_guard_bump(AT_SESSION_CLOSE, G);
	assert_int_equal(sessions("a", EXTERNAL, MOQSTAT_SESSIONS_CLOSED), 0);
	assert_int_equal(sessions("b", EXTERNAL, MOQSTAT_SESSIONS_CLOSED), 1);
	place_session(G, "b", MOQSTAT_EXTERNAL);
	scene_assert_lost(MOQSTAT_LOST_SESSION_REUSED, 1);
}

static void a_place_without_room(void **state)
{
	(void)state;
	host_map_limit("guards", 1);
	scene_statistics_off();
	place_session(G, "a", MOQSTAT_EXTERNAL);
	place_session(H, "b", MOQSTAT_EXTERNAL);
	scene_assert_lost(MOQSTAT_LOST_GUARDS_FULL, 1);
	assert_int_equal(sessions("b", EXTERNAL, MOQSTAT_SESSIONS), 1);
	assert_false(scene_guard_known(H, MOQSTAT_GUARD_PLACE));
}

static void a_place_that_cant_be_told(void **state)
{
	struct moqstat_operand fault = scene_mem(MOQSTAT_RAX, 0, 8);
	struct moqstat_site *site = scene_site(AT_SESSION_PLACE);
	struct moqstat_site good = *site;

	(void)state;
	scene_statistics_off();
	site->path = fault;
	place_session(G, "a", MOQSTAT_EXTERNAL);
	*site = good;
	site->tier = fault;
	place_session(G, "a", MOQSTAT_EXTERNAL);
	*site = good;
	site->guard = fault;
	place_session(G, "a", MOQSTAT_EXTERNAL);
	*site = good;
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 3);
	assert_int_equal(host_map_len("opened") + host_map_len("guards"), 0);
	assert_int_equal(scene_hits(AT_SESSION_PLACE), 3);
}

static void a_place_of_no_tier(void **state)
{
	(void)state;
	scene_statistics_off();
	place_session(G, "a", MOQSTAT_TIER_MAX);
	place_session(G, "a", -1ULL);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_RANGE, 2);
	assert_int_equal(host_map_len("opened") + host_map_len("guards"), 0);
}

/* Roots beyond what there is room for: each tier has an overflow of its own. */
static void more_roots_than_room(void **state)
{
	struct moqstat_id overflow = scene_overflow(INTERNAL);

	(void)state;
	host_map_limit("root_paths", 1);
	scene_statistics_off();
	place_session(G, "a", MOQSTAT_INTERNAL);
	place_session(H, "b", MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 1);
	assert_int_equal(overflowed, 1);
	/* What was named in vain is taken back. */
	assert_int_equal(host_map_len("roots"), 1);
	scene_guard_bump(AT_SESSION_CLOSE, H);
	assert_int_equal(scene_count(&overflow, INTERNAL, MOQSTAT_SESSIONS), 1);
	assert_int_equal(scene_count(&overflow, INTERNAL, MOQSTAT_SESSIONS_CLOSED), 1);
	assert_int_equal(sessions("a", INTERNAL, MOQSTAT_SESSIONS), 1);
	scene_assert_lost(MOQSTAT_LOST_BROADCASTS_FULL, 1);
	overflow = scene_overflow(EXTERNAL);
	place_session(H, "b", MOQSTAT_EXTERNAL);
	assert_int_equal(host_map_len("roots"), 1);
	assert_int_equal(scene_count(&overflow, EXTERNAL, MOQSTAT_SESSIONS), 1);
}

/* Of what isn't counted nothing is noted, so that the root can be over. */
static void a_session_that_isnt_counted(void **state)
{
	struct moqstat_path_key key = { .tgid = SCENE_TGID, .len = 1 };
	const struct moqstat_path *path;

	(void)state;
	scene_statistics_off();
	host_map_fail("opened", 1, -7);
	place_session(G, "a", MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_COUNTERS_FULL, 1);
	assert_int_equal(sessions("a", INTERNAL, MOQSTAT_SESSIONS), 0);
	key.hash = scene_id("a", INTERNAL).hash;
	path = host_map_get("root_paths", &key, 0);
	assert_int_equal(path->state / MOQSTAT_PATH_OPENED, 0);
	place_session(H, "a", MOQSTAT_INTERNAL);
	assert_int_equal(path->state / MOQSTAT_PATH_OPENED, 1);
}

/* Two threads make the first of a root at once: it begins once. */
static void another_begins(const char *map, bool updates)
{
	if (!updates || strcmp(map, "root_paths"))
		return;
	host.meanwhile = NULL;
	scene_thread(SCENE_TGID, SCENE_OTHER);
	place_session(H, "a", MOQSTAT_INTERNAL);
}

static void two_begin_at_once(void **state)
{
	(void)state;
	scene_statistics_off();
	host.meanwhile = another_begins;
	place_session(G, "a", MOQSTAT_INTERNAL);
	assert_null(host.meanwhile);
	assert_int_equal(host_map_len("roots"), 1);
	assert_int_equal(sessions("a", INTERNAL, MOQSTAT_SESSIONS), 2);
	scene_assert_lost(0, 0);
}

static void no_room_for_a_name(void **state)
{
	(void)state;
	scene_statistics_off();
	host_map_fail("pending", 1, -12);
	place_session(G, "a", MOQSTAT_INTERNAL);
	scene_assert_lost(MOQSTAT_LOST_PENDING_FULL, 1);
	assert_int_equal(host_map_len("opened") + host_map_len("guards"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(by_entry),
		scene_test(by_entry_of_before),
		scene_test(a_tier_that_cant_be_told),
		scene_test(a_root_that_cant_be_told),
		scene_test(a_root_without_a_name),
		scene_test(places_are_for_statistics_off),
		scene_test(by_place),
		scene_test(a_place_uses_the_name),
		scene_test(a_place_given_again),
		scene_test(a_place_without_room),
		scene_test(a_place_that_cant_be_told),
		scene_test(a_place_of_no_tier),
		scene_test(more_roots_than_room),
		scene_test(a_session_that_isnt_counted),
		scene_test(two_begin_at_once),
		scene_test(no_room_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
