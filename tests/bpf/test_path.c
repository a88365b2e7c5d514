/* SPDX-License-Identifier: MIT */
/*
 * test_path.c - how the programs read a path that the relay, or whoever has broken it, points at:
 * its bounds, its hash, and what becomes of a path that can't be read.
 */
#include "scene.h"

#include "user_hash.h"

#define E    0x7f0000001000ULL
#define PATH 0x7f0000200000ULL
#define TEXT 0x7f0000300000ULL
#define MAX  MOQSTAT_PATH_MAX

static __u8 text[MAX + 1];

static int setup(void **state)
{
	__u32 i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = i * 7 + (i >> 8) + 1;
	return scene_setup(state);
}

#define path_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

/* Stats::entry with the path at `at`, and an entry made for it. */
static struct moqstat_id named(__u64 at)
{
	scene_set(MOQSTAT_RSI, at);
	scene_fire(AT_ENTRY);
	scene_set(MOQSTAT_RBX, E);
	scene_fire(AT_ENTRY_NEW);
	return scene_entry_id(E);
}

static struct moqstat_id named_words(__u64 capacity, __u64 pointer, __u64 len)
{
	__u64 words[3] = { capacity, pointer, len };

	host_memory_put(PATH, words, sizeof(words));
	return named(PATH);
}

/* It is known by the hash that the user side makes, and by its text. */
static void assert_named(struct moqstat_id id, const __u8 *path, __u32 len)
{
	const struct moqstat_short *front = host_map_get("broadcasts", &id, 0);
	const struct moqstat_name *whole = host_map_get("long_names", &id, 0);

	assert_int_equal(id.hash, user_hash(key_low, key_high, 0, 0, path, len));
	assert_int_equal(id.tgid, SCENE_TGID);
	assert_non_null(front);
	assert_int_equal(front->len, len);
	assert_int_equal(front->slot, 0);
	assert_int_equal(front->entry, E);
	/* The whole of it is elsewhere if, and only if, it is longer. */
	assert_memory_equal(front->path, path, len < MOQSTAT_SHORT_MAX ? len : MOQSTAT_SHORT_MAX);
	assert_int_equal(!whole, len <= MOQSTAT_SHORT_MAX);
	if (whole)
		assert_memory_equal(whole->path, path, len);
}

static void assert_nameless(struct moqstat_id id, __u32 reason)
{
	scene_assert_id(id, scene_overflow(0));
	scene_assert_lost(reason, 1);
	*(__u64 *)host_map_get("lost", &reason, host.cpu) = 0;
}

/* Nothing of a longer path that the thread has named before may be in the hash of a shorter one. */
static void every_length(void **state)
{
	__u32 len;

	(void)state;
	host_map_limit("broadcasts", 2 * MAX + 8);
	host_map_limit("long_names", 2 * MAX + 8);
	names_max = 2 * MAX + 8;
	for (len = 0; len <= MAX; len++) {
		named(scene_path_bytes(PATH, text + 1, MAX));
		assert_named(named(scene_path_bytes(PATH, text, len)), text, len);
	}
	scene_assert_lost(0, 0);
}

static void lengths_beyond(void **state)
{
	__u64 words[] = {
		MAX + 1, MAX + 8, 1ULL << 32, (1ULL << 32) + 4, 1ULL << 63, -1ULL, -8ULL
	};
	size_t i;

	(void)state;
	host_memory_put(TEXT, text, sizeof(text));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_nameless(named_words(MAX, TEXT, words[i]), MOQSTAT_LOST_PATH_TOO_LONG);
	assert_named(named_words(MAX, TEXT, MAX), text, MAX);
}

/* The capacity says nothing: what is behind it counts. */
static void any_capacity(void **state)
{
	__u64 words[] = { 0, 1, 3, 1ULL << 63, (1ULL << 63) + 1, -1ULL };
	size_t i;

	(void)state;
	host_memory_put(TEXT, text, sizeof(text));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_named(named_words(words[i], TEXT, 3), text, 3);
	scene_assert_lost(0, 0);
}

static void any_pointer(void **state)
{
	__u64 words[] = { 0, 1, TEXT - 1, 0xffff888000000000ULL, 1ULL << 63, -1ULL, -4ULL };
	size_t i;

	(void)state;
	host_memory_put(TEXT, text, sizeof(text));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_nameless(named_words(8, words[i], 4), MOQSTAT_LOST_PATH_FAULT);
	/* An empty path points nowhere, as Rust has it. */
	assert_named(named_words(0, 1, 0), text, 0);
	assert_nameless(named_words(0, 0xffff888000000000ULL, 0), MOQSTAT_LOST_PATH_FAULT);
}

/* A path that isn't all there, wherever it ends. */
static void a_fault_in_the_middle(void **state)
{
	__u32 at;

	(void)state;
	for (at = 0; at < MAX; at += at < 20 ? 1 : 251) {
		host_memory_put(TEXT, text, sizeof(text));
		host_memory_drop(TEXT + at, 1);
		assert_nameless(named_words(MAX, TEXT, MAX), MOQSTAT_LOST_PATH_FAULT);
		assert_named(named_words(MAX, TEXT, at), text, at);
	}
	/* The object itself, each of its words. */
	for (at = 0; at < 24; at += 5) {
		named_words(8, TEXT, 0);
		host_memory_drop(PATH + at, 1);
		assert_nameless(named(PATH), MOQSTAT_LOST_PATH_FAULT);
	}
	host_memory_put(PATH, text, 24);
	assert_nameless(named(0), MOQSTAT_LOST_PATH_FAULT);
	assert_nameless(named(-8ULL), MOQSTAT_LOST_PATH_FAULT);
	assert_nameless(named(-1ULL), MOQSTAT_LOST_PATH_FAULT);
	assert_nameless(named(0xffff888000000000ULL), MOQSTAT_LOST_PATH_FAULT);
}

/* A loss is of the one path, not of the next. */
static void a_fault_is_not_remembered(void **state)
{
	(void)state;
	assert_nameless(named(0), MOQSTAT_LOST_PATH_FAULT);
	assert_named(named(scene_path_bytes(PATH, text, 10)), text, 10);
	scene_assert_lost(0, 0);
}

/* Without its address there is no path; what the thread named before isn't meant either. */
static void an_argument_that_faults(void **state)
{
	static const __u8 kinds[] = { MOQSTAT_OPERAND_MEM, MOQSTAT_OPERAND_DEREF,
				      MOQSTAT_OPERAND_POINT };
	struct moqstat_operand good = scene_site(AT_ENTRY)->entry;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds); i++) {
		scene_site(AT_ENTRY)->entry = good;
		scene_name("before");
		scene_site(AT_ENTRY)->entry = scene_mem(MOQSTAT_RSI, 0, 8);
		scene_site(AT_ENTRY)->entry.kind = kinds[i];
		assert_nameless(named(0), MOQSTAT_LOST_PATH_FAULT);
		assert_int_equal(scene_id("before", 0).hash, 0);
	}
}

/* The same path under another key, as a root, as a root of the other tier: all differ. */
static void keys_and_slots(void **state)
{
	struct moqstat_id id, other;

	(void)state;
	id = named(scene_path(PATH, "demo"));
	key_low++;
	other = named(PATH);
	assert_int_not_equal(id.hash, other.hash);
	assert_named(other, (const __u8 *)"demo", 4);
	key_high++;
	assert_int_not_equal(named(PATH).hash, other.hash);
	other = named(PATH);
	assert_named(other, (const __u8 *)"demo", 4);

	scene_session("demo", MOQSTAT_EXTERNAL);
	scene_fire(AT_SESSION_NEW);
	id = scene_id("demo", MOQSTAT_SLOT_SESSION);
	assert_int_equal(id.hash, user_hash(key_low, key_high, MOQSTAT_SLOT_SESSION, 0, "demo", 4));
	scene_session("demo", MOQSTAT_INTERNAL);
	scene_fire(AT_SESSION_NEW);
	other = scene_id("demo", MOQSTAT_SLOT_SESSION + 1);
	assert_int_equal(other.hash,
			 user_hash(key_low, key_high, MOQSTAT_SLOT_SESSION + 1, 0, "demo", 4));
	assert_int_not_equal(id.hash, other.hash);
	assert_int_equal(host_map_len("roots"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		path_test(every_length),
		path_test(lengths_beyond),
		path_test(any_capacity),
		path_test(any_pointer),
		path_test(a_fault_in_the_middle),
		path_test(a_fault_is_not_remembered),
		path_test(an_argument_that_faults),
		path_test(keys_and_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
