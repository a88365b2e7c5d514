/* SPDX-License-Identifier: MIT */
/*
 * test_flow.c - the hot path counts what the general way counts, wherever what it reads lies and
 * whatever is wrong with it.
 */
#include <errno.h>

#include "scene.h"

#define E     0x7f0000001000ULL
#define GUARD 0x7f0000010000ULL
#define N     0x7f0000020000ULL

static const struct moqstat_id by_entry = { .hash = 77, .tgid = SCENE_TGID, .incarnation = 1000 };
static const struct moqstat_id of_guard = { .hash = 88, .tgid = SCENE_TGID, .incarnation = 1001 };

/* What a hit finds. */
struct hit {
	const char *name;
	__u64 entry;
	__u64 guard;
	__u64 n;
	__u64 n_at;  /* 0: nothing can be read there */
	int tier;    /* -1: it can't be read */
	__u8 n_kind; /* enum moqstat_operand_kind */
	bool zero;   /* the zero flag */
	bool off;    /* the statistics */
	bool by_guard;
	bool unknown; /* neither the entry nor the guard is known */
	bool full;    /* no room for counters */
};

#define MEM MOQSTAT_OPERAND_MEM
#define REG MOQSTAT_OPERAND_REG
#define IMM MOQSTAT_OPERAND_IMM

static const struct hit hits_to_compare[] = {
	{ "by entry", E, GUARD, 1201, N, 0, MEM, false, false, false, false, false },
	{ "internal", E, GUARD, 1201, N, 1, MEM, false, false, false, false, false },
	{ "one", E, GUARD, 0, 0, 1, IMM, false, false, false, false, false },
	{ "in a register", E, GUARD, 1201, 0, 0, REG, false, false, false, false, false },
	{ "nothing added", E, GUARD, 0, N, 0, MEM, false, false, false, false, false },
	{ "the branch passes", E, GUARD, 1201, N, 0, MEM, true, false, false, false, false },
	{ "null, statistics on", 0, GUARD, 1201, N, 0, MEM, false, false, false, false, false },
	{ "null, it passes", 0, GUARD, 1201, N, 0, MEM, true, false, false, false, false },
	{ "unknown entry", E, GUARD, 1201, N, 0, MEM, false, false, false, true, false },
	{ "tier out of range", E, GUARD, 1201, N, 2, MEM, false, false, false, false, false },
	{ "tier unreadable", E, GUARD, 1201, N, -1, MEM, false, false, false, false, false },
	{ "n unreadable", E, GUARD, 1201, 0, 0, MEM, false, false, false, false, false },
	{ "no room", E, GUARD, 1201, N, 0, MEM, false, false, false, false, true },
	{ "by guard", 0, GUARD, 1201, N, 0, MEM, true, true, false, false, false },
	{ "by guard, internal", 0, GUARD, 0, 0, 1, IMM, true, true, false, false, false },
	{ "unknown guard", 0, GUARD, 1201, N, 0, MEM, true, true, false, true, false },
	{ "its tier out of range", 0, GUARD, 1201, N, 255, MEM, true, true, false, false, false },
	{ "its tier unreadable", 0, GUARD, 1201, N, -1, MEM, true, true, false, false, false },
	{ "n of it unreadable", 0, GUARD, 1201, 0, 0, MEM, true, true, false, false, false },
	{ "no room for it", 0, GUARD, 1201, N, 0, MEM, true, true, false, false, true },
	{ "an entry after all", E, GUARD, 1201, N, 0, MEM, false, true, false, false, false },
	{ "asked to go by guard", E, GUARD, 1201, N, 1, MEM, false, false, true, false, false },
	{ "asked to, null", 0, GUARD, 1201, N, 1, MEM, false, false, true, false, false },
	{ "asked to, unknown", E, GUARD, 1201, N, 1, MEM, false, false, true, true, false },
};

/* Everything that programs leave behind. */
struct outcome {
	__u64 by_entry[4], of_guard[4], overflow, unattributed, hits, lost[MOQSTAT_LOST_MAX];
	__u64 told; /* records for the next reading */
	struct moqstat_slot_key last;
};

/* Let there be counters of all four slots, so that a hit that goes to a wrong one finds it. */
static void warm_up(void)
{
	struct moqstat_site *site = scene_site(AT_BYTES);
	__u32 i;

	site->plain = 0;
	site->n = scene_imm(1);
	scene_set(MOQSTAT_R12, GUARD);
	for (i = 0; i < 8; i++) {
		site->role = i / 2 % 2;
		site->tier = scene_imm(i % 2);
		statistics_off = i >= 4;
		scene_bump(AT_BYTES, i < 4 ? E : 0);
	}
	site->role = MOQSTAT_PUBLISHER;
}

static void know(const struct hit *hit)
{
	struct moqstat_entry_key entry = { .entry = E, .tgid = SCENE_TGID };
	struct moqstat_guard_key key = { .address = GUARD, .tgid = SCENE_TGID };
	struct moqstat_guard guard = { .id = of_guard };
	__u8 tier = (__u8)hit->tier;

	host_map_set("entries", &entry, &by_entry);
	host_map_set("guards", &key, &guard);
	if (!hit->full)
		warm_up();
	if (hit->unknown) {
		host_map_delete("entries", &entry);
		host_map_delete("guards", &key);
	}
	if (hit->tier >= 0)
		host_memory_put(GUARD + 8, &tier, 1);
	if (hit->n_at)
		host_memory_put(hit->n_at, &hit->n, 8);
	if (hit->full)
		host_map_fail("opened", 1, -E2BIG);
	statistics_off = hit->off;
	by_guard = hit->by_guard;
}

static void prepare(const struct hit *hit, bool plain)
{
	struct moqstat_site *site = scene_site(AT_BYTES);

	know(hit);
	site->plain = plain;
	site->when = MOQSTAT_WHEN_NONZERO;
	site->tier = scene_mem(MOQSTAT_R12, 8, 1);
	site->n = hit->n_kind == MEM   ? scene_mem(MOQSTAT_RSP, 0, 8)
		  : hit->n_kind == REG ? scene_reg(MOQSTAT_RCX, 8)
				       : scene_imm(1);
	scene_set(MOQSTAT_RBX, hit->entry);
	scene_set(MOQSTAT_R12, hit->guard);
	scene_set(MOQSTAT_RSP, N);
	scene_set(MOQSTAT_RCX, hit->n);
	scene_zero_flag(hit->zero);
}

/* Several hits: what the first one leaves must be right for the next. */
static struct outcome run(const struct hit *hit, bool plain)
{
	const struct moqstat_id overflow = scene_overflow(0), none = scene_unattributed();
	struct outcome o = {};
	__u32 i, cpu;

	scene_setup(NULL);
	prepare(hit, plain);
	reading_next++;
	host.told = 0;
	memset(&host.last, 0, sizeof(host.last));
	for (i = 0; i < 5; i++) {
		host.cpu = i % 2;
		scene_fire(AT_BYTES);
	}
	o.told = host.told;
	o.last = host.last;
	for (i = 0; i < 4; i++) {
		o.by_entry[i] = scene_count(&by_entry, i, MOQSTAT_BYTES);
		o.of_guard[i] = scene_count(&of_guard, i, MOQSTAT_BYTES);
	}
	o.overflow = scene_count(&overflow, 0, MOQSTAT_BYTES);
	o.unattributed = scene_count(&none, hit->tier == 1, MOQSTAT_BYTES);
	o.hits = scene_hits(AT_BYTES);
	for (i = 0; i < MOQSTAT_LOST_MAX; i++) {
		for (cpu = 0; cpu < HOST_CPUS; cpu++)
			o.lost[i] += *(__u64 *)host_map_get("lost", &i, cpu);
	}
	scene_teardown(NULL);
	return o;
}

static void same_as_the_general_way(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hits_to_compare) / sizeof(hits_to_compare[0]); i++) {
		const struct hit *hit = &hits_to_compare[i];
		struct outcome general = run(hit, false), plain = run(hit, true);

		if (memcmp(&general, &plain, sizeof(general)))
			fail_msg("%s: the hot path counts differently", hit->name);
	}
}

/* That they are the same would also be so if neither counted anything. */
static void counts(void **state)
{
	struct outcome o = run(&hits_to_compare[1], true);

	(void)state;
	assert_int_equal(o.by_entry[1], 1 + 5 * 1201);
	assert_int_equal(o.by_entry[0], 1);
	assert_int_equal(o.hits, 8 + 5);
	/* Once on each CPU. */
	assert_int_equal(o.told, 2);
	assert_int_equal(o.last.id.incarnation, by_entry.incarnation);
	assert_int_equal(o.last.slot, 1);
	o = run(&hits_to_compare[13], true);
	assert_int_equal(o.of_guard[0], 1 + 5 * 1201);
	assert_int_equal(o.of_guard[1], 1);
	assert_int_equal(o.hits, 8 + 5);
	assert_int_equal(o.told, 2);
	assert_int_equal(o.last.id.incarnation, of_guard.incarnation);
}

/* A guard's tier is read once; the next guard in its place has one of its own. */
static void tier_of_the_next_guard(void **state)
{
	const __u8 internal = 1;
	struct moqstat_id id;

	(void)state;
	scene_statistics_off();
	prepare(&hits_to_compare[13], true);
	scene_open_track(GUARD, "a");
	id = scene_id("a", 0);
	scene_zero_flag(true);
	scene_guard_bump(AT_BYTES, GUARD);
	scene_guard_bump(AT_BYTES, GUARD);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BYTES), 2 * 1201);
	host_memory_put(GUARD + 8, &internal, 1);
	scene_zero_flag(false);
	scene_guard_bump(AT_TRACK_CLOSE, GUARD);
	scene_open_track(GUARD, "a");
	scene_zero_flag(true);
	scene_set(MOQSTAT_RCX, 0);
	scene_guard_bump(AT_BYTES, GUARD);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BYTES), 2 * 1201);
	assert_int_equal(scene_count(&id, 1, MOQSTAT_BYTES), 1201);
}

/* An entry in the overflow that has a number of its own counts in the overflow's row. */
static void numbered_in_the_overflow(void **state)
{
	const struct moqstat_id id = { .tgid = SCENE_TGID, .incarnation = MOQSTAT_LIFE | 1 };
	const struct moqstat_entry_key key = { .entry = E, .tgid = SCENE_TGID };
	const struct moqstat_id overflow = scene_overflow(0);

	(void)state;
	readable = 1;
	prepare(&hits_to_compare[1], true);
	host_map_set("entries", &key, &id);
	scene_fire(AT_BYTES);
	assert_int_equal(scene_count(&overflow, 1, MOQSTAT_BYTES), 1201);
	assert_int_equal(scene_count(&id, 1, MOQSTAT_BYTES), 0);
}

/* Once payload is read from the relay, no bump of it counts here. */
static void nothing_while_it_is_read(void **state)
{
	(void)state;
	prepare(&hits_to_compare[1], true);
	reading = 1;
	scene_fire(AT_BYTES);
	assert_int_equal(scene_count(&by_entry, 1, MOQSTAT_BYTES), 1);
	assert_int_equal(scene_hits(AT_BYTES), 8);
	reading = 0;
	scene_fire(AT_BYTES);
	assert_int_equal(scene_count(&by_entry, 1, MOQSTAT_BYTES), 1 + 1201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_general_way), cmocka_unit_test(counts),
		scene_test(tier_of_the_next_guard),	   scene_test(numbered_in_the_overflow),
		scene_test(nothing_while_it_is_read),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
