/* SPDX-License-Identifier: MIT */
/*
 * test_entry.c - which broadcast an entry pointer stands for: what a thread has named, and until
 * when; pointers that are given out again; whether a branch leads to a bump at all.
 */
#include "scene.h"

#define E 0x7f0000001000ULL
#define F 0x7f0000002000ULL

static void as_loaded(void **state)
{
	(void)state;
	host_reset();
	assert_int_equal(incarnations, MOQSTAT_UNCOUNTED);
	assert_int_equal(attached, 0);
	assert_int_equal(overflowed, 0);
	assert_int_equal(names_used[0] + names_used[1], 0);
	assert_int_equal(statistics_off, 0);
	assert_int_equal(statistics_shared, 0);
	assert_int_equal(by_guard, 0);
}

static void an_entry_and_its_name(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	scene_new(E, "demo/a");
	id = scene_entry_id(E);
	scene_assert_id(id, scene_id("demo/a", 0));
	assert_int_equal(id.tgid, SCENE_TGID);
	/* The first numbers are those of what has no name. */
	assert_int_equal(id.incarnation, MOQSTAT_UNCOUNTED + 1);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->entry, E);
	assert_int_equal(name->slot, 0);
	assert_int_equal(name->fresh, 1);
	assert_int_equal(names_used[0], 1);
	assert_int_equal(names_used[1], 0);
	scene_bump(AT_OPEN, E);
	scene_bump(AT_CLOSE, E);
	scene_bump(AT_TRACK, E);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_hits(AT_ENTRY), 1);
	assert_int_equal(scene_hits(AT_ENTRY_NEW), 1);
	assert_int_equal(scene_hits(AT_OPEN), 1);
	assert_int_equal(statistics_shared, SCENE_SHARED);
	assert_int_equal(statistics_off, 0);
	scene_assert_lost(0, 0);
}

/* Before all probes are there, something may have been missed on it. */
static void fresh_with_all_probes(void **state)
{
	const struct moqstat_name *name;
	struct moqstat_id id;

	(void)state;
	attached = 0;
	scene_new(E, "early");
	attached = 1;
	id = scene_id("early", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->fresh, 0);
	/* Nor is what was there before, whenever it is learnt. */
	scene_name("old");
	scene_bump(AT_OPEN, F);
	id = scene_id("old", 0);
	name = host_map_get("broadcasts", &id, 0);
	assert_int_equal(name->fresh, 0);
	assert_int_equal(name->entry, F);
	assert_int_equal(scene_counted("old", MOQSTAT_BROADCASTS), 1);
}

/* A pointer made before the probes came is learnt where something opens on it, from the name of
 * this thread, which serves once. */
static void a_name_serves_once(void **state)
{
	(void)state;
	scene_name("old");
	scene_bump(AT_CLOSE, E);
	scene_bump(AT_BYTES, E);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	assert_int_equal(host_map_len("opened") + host_map_len("closed"), 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 2);
	scene_bump(AT_OPEN, E);
	assert_int_equal(scene_counted("old", MOQSTAT_BROADCASTS), 1);
	scene_bump(AT_OPEN, F);
	assert_int_equal(scene_entry_id(F).tgid, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 3);
	assert_int_equal(scene_hits(AT_OPEN), 2);
	assert_int_equal(scene_hits(AT_CLOSE), 1);
	assert_int_equal(host_map_len("broadcasts"), 1);
}

/* An entry that is known keeps its name, and uses up what the thread has named. */
static void a_known_entry_uses_the_name(void **state)
{
	(void)state;
	scene_new(E, "a");
	scene_bump(AT_OPEN, E);
	scene_name("b");
	scene_bump(AT_OPEN, E);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 2);
	scene_bump(AT_OPEN, F);
	assert_int_equal(scene_entry_id(F).tgid, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	/* What closes doesn't. */
	scene_name("c");
	scene_bump(AT_CLOSE, E);
	scene_bump(AT_OPEN, F);
	assert_int_equal(scene_counted("c", MOQSTAT_BROADCASTS), 1);
}

/* Each thread has a name of its own; the newest counts. */
static void names_of_threads(void **state)
{
	(void)state;
	scene_name("mine");
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_bump(AT_OPEN, E);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	scene_name("theirs, before");
	scene_name("theirs");
	scene_thread(SCENE_TGID, SCENE_THREAD);
	scene_bump(AT_OPEN, E);
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_bump(AT_OPEN, F);
	assert_int_equal(scene_counted("mine", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_counted("theirs", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(host_map_len("broadcasts"), 2);
	assert_int_equal(host_map_len("pending"), 2);
}

/* More threads than names are remembered of: the oldest one is forgotten, and what it makes is
 * counted as what can't be named, not under the name of what was there before. */
static void a_name_forgotten(void **state)
{
	(void)state;
	host_map_limit("pending", 2);
	scene_new(E, "before");
	scene_name("forgotten");
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_name("b");
	scene_thread(SCENE_TGID, SCENE_OTHER + 1);
	scene_name("c");
	scene_assert_lost(0, 0);
	scene_thread(SCENE_TGID, SCENE_THREAD);
	scene_set(MOQSTAT_RBX, E);
	scene_fire(AT_ENTRY_NEW);
	assert_int_equal(scene_entry_id(E).hash, 0);
	assert_int_equal(scene_entry_id(E).incarnation, MOQSTAT_UNATTRIBUTED);
	scene_assert_lost(MOQSTAT_LOST_PENDING_FULL, 1);
	assert_int_equal(scene_id("forgotten", 0).hash, 0);
	assert_int_equal(scene_hits(AT_ENTRY_NEW), 2);
}

static void no_room_for_a_name(void **state)
{
	(void)state;
	host_map_fail("pending", 1, -12);
	scene_name("a");
	scene_assert_lost(MOQSTAT_LOST_PENDING_FULL, 1);
	scene_set(MOQSTAT_RBX, E);
	scene_fire(AT_ENTRY_NEW);
	scene_assert_lost(MOQSTAT_LOST_PENDING_FULL, 2);
	scene_new(E, "b");
	scene_assert_id(scene_entry_id(E), scene_id("b", 0));
}

/* The allocator gives the address of what has gone to another path. */
static void an_address_given_to_another(void **state)
{
	struct moqstat_id a, b;

	(void)state;
	scene_new(E, "a");
	scene_bump(AT_OPEN, E);
	scene_bump(AT_CLOSE, E);
	a = scene_entry_id(E);
	scene_new(E, "b");
	scene_bump(AT_OPEN, E);
	b = scene_entry_id(E);
	assert_int_not_equal(a.hash, b.hash);
	assert_int_equal(b.incarnation, a.incarnation + 1);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS_CLOSED), 0);
	/* The one that is over keeps its name and counts until the user side has shown them. */
	assert_int_equal(host_map_len("broadcasts"), 2);
	assert_int_equal(names_used[0], 2);
	scene_assert_lost(0, 0);
}

/* Or to the same path, which begins anew. */
static void an_address_given_to_the_same(void **state)
{
	struct moqstat_id a, b;

	(void)state;
	scene_new(E, "a");
	scene_bump(AT_OPEN, E);
	a = scene_entry_id(E);
	scene_new(E, "a");
	scene_bump(AT_OPEN, E);
	scene_bump(AT_OPEN, E);
	b = scene_entry_id(E);
	assert_int_equal(a.hash, b.hash);
	assert_true(b.incarnation > a.incarnation);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS), 2);
	/* Two of a path at once, as between its collection and its end. */
	scene_new(F, "a");
	scene_bump(AT_CLOSE, E);
	scene_bump(AT_OPEN, F);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_BROADCASTS_CLOSED), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 1);
	scene_assert_lost(0, 0);
}

/* Paths under the prefix have no entry, and then no branch leads on. */
static void no_entry(void **state)
{
	(void)state;
	scene_site(AT_OPEN)->when = MOQSTAT_WHEN_NONZERO;
	scene_name(".stats/node/x");
	scene_zero_flag(true);
	scene_bump(AT_OPEN, 0);
	scene_assert_lost(0, 0);
	assert_int_equal(scene_hits(AT_OPEN), 0);
	/* If one does, something isn't as it was understood. */
	scene_zero_flag(false);
	scene_bump(AT_OPEN, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_NULL, 1);
	assert_int_equal(scene_hits(AT_OPEN), 0);
	assert_int_equal(host_map_len("opened"), 0);
}

static void branches(void **state)
{
	static const struct {
		__u8 when;
		bool zero, leads;
	} cases[] = {
		{ MOQSTAT_WHEN_ALWAYS, false, true },  { MOQSTAT_WHEN_ALWAYS, true, true },
		{ MOQSTAT_WHEN_NONZERO, false, true }, { MOQSTAT_WHEN_NONZERO, true, false },
		{ MOQSTAT_WHEN_ZERO, false, false },   { MOQSTAT_WHEN_ZERO, true, true },
	};
	__u32 i, bumps = 0, made = 0;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scene_site(AT_OPEN)->when = cases[i].when;
		scene_site(AT_ENTRY_NEW)->when = cases[i].when;
		scene_zero_flag(cases[i].zero);
		scene_new(E + 8 * i, "a");
		made += cases[i].leads;
		assert_int_equal(!scene_entry_id(E + 8 * i).tgid, !cases[i].leads);
		assert_int_equal(host_map_len("broadcasts"), made);
		scene_site(AT_ENTRY_NEW)->when = MOQSTAT_WHEN_ALWAYS;
		scene_new(E, "b");
		bumps = cases[i].leads;
		scene_bump(AT_OPEN, E);
		assert_int_equal(scene_counted("b", MOQSTAT_BROADCASTS), bumps);
		host_map_limit("broadcasts", 8);
		made = 0;
	}
	assert_int_equal(scene_hits(AT_OPEN), 4);
	assert_int_equal(scene_hits(AT_ENTRY_NEW), 4 + 6);
	scene_assert_lost(0, 0);
}

/* The allocation has happened, but where to isn't known: what it was tied to may be another's now.
 */
static void an_allocation_that_faults(void **state)
{
	(void)state;
	scene_site(AT_ENTRY_NEW)->entry = scene_mem(MOQSTAT_RBX, 0, 8);
	scene_new(E, "a");
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
	assert_int_equal(host_map_len("entries"), 0);
	/* It is learnt where something opens on it. */
	scene_bump(AT_OPEN, E);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 1);
}

/* Other processes run the same file, and fire the same probes. */
static void other_processes(void **state)
{
	__u32 cookie;

	(void)state;
	statistics_off = 1;
	for (cookie = 1; cookie < SCENE_SITES; cookie++) {
		scene_thread(SCENE_TGID, SCENE_THREAD);
		if (cookie == AT_OPEN)
			statistics_off = 0;
		scene_thread(SCENE_TGID + 1, SCENE_TGID);
		host.touched = 0;
		scene_set(MOQSTAT_RBX, E);
		scene_fire(cookie);
		assert_int_equal(host.touched, 0);
	}
}

/* A cookie that no site has. */
static void an_unknown_cookie(void **state)
{
	(void)state;
	scene_new(E, "a");
	host.cookie = MOQSTAT_SITES_MAX;
	host.touched = 0;
	assert_int_equal(bump(&(struct pt_regs){ .bx = E }), 0);
	assert_int_equal(session_bump(&(struct pt_regs){ .bx = E }), 0);
	assert_int_equal(entry(&(struct pt_regs){ .si = E }), 0);
	assert_int_equal(session(&(struct pt_regs){ .si = E }), 0);
	assert_int_equal(allocated(&(struct pt_regs){ .bx = E }), 0);
	assert_int_equal(host.touched, 5);
	by_guard = 1;
	assert_int_equal(place(&(struct pt_regs){ .r12 = E }), 0);
	assert_int_equal(session_place(&(struct pt_regs){ .r12 = E }), 0);
	assert_int_equal(peek(&(struct pt_regs){ .r13 = E }), 0);
	assert_int_equal(table(&(struct pt_regs){ .r12 = E }), 0);
	assert_int_equal(insert(&(struct pt_regs){ .r12 = E }), 0);
	assert_int_equal(take(&(struct pt_regs){ .r12 = E }), 0);
	assert_int_equal(host.touched, 11);
	assert_int_equal(host_map_len("opened"), 0);
	scene_assert_lost(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(as_loaded),
		scene_test(an_entry_and_its_name),
		scene_test(fresh_with_all_probes),
		scene_test(a_name_serves_once),
		scene_test(a_known_entry_uses_the_name),
		scene_test(names_of_threads),
		scene_test(a_name_forgotten),
		scene_test(no_room_for_a_name),
		scene_test(an_address_given_to_another),
		scene_test(an_address_given_to_the_same),
		scene_test(no_entry),
		scene_test(branches),
		scene_test(an_allocation_that_faults),
		scene_test(other_processes),
		scene_test(an_unknown_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
