/* SPDX-License-Identifier: MIT */
/*
 * test_label.c - a relay whose tiers are labels: what a thread has named is of one, entries get
 * their names where Session::scope gives them out, and the side of a bump is a bit.
 */
#include "scene.h"

#include "user_hash.h"

#define E     0x7f0000001000ULL
#define F     0x7f0000002000ULL
#define PATH  0x7f0000200000ULL
#define LABEL 0x7f0000210000ULL
#define ARC   0x7f0000220000ULL
#define ROOT  MOQSTAT_SLOT_SESSION

/* The label's address is in r8, the side of a bump in r10. */
static int setup(void **state)
{
	static const __u32 bumps[] = { AT_OPEN, AT_CLOSE, AT_TRACK, AT_TRACK_CLOSE, AT_BYTES };
	__u32 i;

	scene_setup(state);
	labelled = 1;
	paths_shared = 1;
	scene_site(AT_ENTRY)->tier = scene_reg(MOQSTAT_R8, 8);
	scene_site(AT_SESSION)->tier = scene_reg(MOQSTAT_R8, 8);
	for (i = 0; i < sizeof(bumps) / sizeof(bumps[0]); i++) {
		struct moqstat_site *site = scene_site(bumps[i]);

		site->role = MOQSTAT_ROLE_MAX;
		site->opens = 0;
		site->handles = 0;
		site->tier = scene_imm(0);
		site->side = scene_reg(MOQSTAT_R10, 8);
	}
	return 0;
}

#define label_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

/* Three words at `at` of a text that is the end of a longer one, as paths are within their origin;
 * one without any is {0, 1, 0}. */
static __u64 shared(__u64 at, __u64 arc, const char *text)
{
	__u64 words[3] = { arc, strlen(text) + 3, 3 };

	if (!*text) {
		words[0] = 0;
		words[1] = 1;
		words[2] = 0;
	}
	host_memory_put(at, words, sizeof(words));
	if (*text)
		host_memory_put(arc + 16 + 3, text, strlen(text));
	return at;
}

/* Session::scope begins. */
static void name(const char *path, const char *label)
{
	scene_set(MOQSTAT_RSI, shared(PATH, ARC, path));
	scene_set(MOQSTAT_R8, shared(LABEL, ARC + 0x1000, label));
	scene_fire(AT_ENTRY);
}

/* It has an entry, which it has made, or which was there. */
static void given(__u64 at, bool made)
{
	scene_set(MOQSTAT_RBX, at);
	if (made)
		scene_fire(AT_ENTRY_NEW);
	scene_fire(AT_SCOPE);
}

static struct moqstat_id made(__u64 at, const char *path, const char *label)
{
	name(path, label);
	given(at, true);
	return scene_entry_id(at);
}

static struct moqstat_id session_made(__u64 at, const char *root, const char *label)
{
	scene_set(MOQSTAT_RSI, shared(PATH, ARC, root));
	scene_set(MOQSTAT_R8, shared(LABEL, ARC + 0x1000, label));
	scene_fire(AT_SESSION);
	scene_set(MOQSTAT_RBX, at);
	scene_fire(AT_SESSION_NEW);
	return scene_entry_id(at);
}

static void bumped(__u32 cookie, __u64 at, __u64 side)
{
	scene_set(MOQSTAT_R10, side);
	scene_bump(cookie, at);
}

/* The number of a label; 0 if it has none. */
static __u32 number(const char *label)
{
	struct moqstat_label key = { .len = strlen(label) };
	const __u32 *n;

	memcpy(key.text, label, key.len);
	n = host_map_get("labels", &key, 0);
	return n ? *n : 0;
}

static void assert_name(struct moqstat_id id, const char *path, __u32 label)
{
	const struct moqstat_short *found =
		host_map_get(scene_id(path, ROOT).hash ? "roots" : "broadcasts", &id, 0);

	assert_non_null(found);
	assert_int_equal(found->label, label);
	assert_int_equal(found->len, strlen(path));
	assert_memory_equal(found->path, path, found->len);
	assert_int_equal(id.hash,
			 user_hash(key_low, key_high, found->slot, label, path, strlen(path)));
}

static void the_default_tier(void **state)
{
	struct moqstat_id id;

	(void)state;
	id = made(E, "demo/a", "");
	assert_name(id, "demo/a", 0);
	assert_int_equal(id.hash, user_hash(key_low, key_high, 0, 0, "demo/a", 6));
	assert_int_equal(host_map_len("labels"), 0);
	assert_int_equal(labels_used, 0);
	assert_int_equal(statistics_shared, SCENE_SHARED);
	bumped(AT_OPEN, E, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_BROADCASTS), 1);
	scene_assert_lost(0, 0);
}

/* Numbers are given in the order in which labels are seen. */
static void numbers(void **state)
{
	(void)state;
	assert_name(made(E, "a", "region/sjc"), "a", 1);
	assert_name(made(F, "b", "x"), "b", 2);
	assert_name(made(E, "c", "region/sjc"), "c", 1);
	assert_name(made(E, "d", ""), "d", 0);
	assert_name(made(E, "e", "region/sj"), "e", 3);
	assert_int_equal(number("region/sjc"), 1);
	assert_int_equal(number("x"), 2);
	assert_int_equal(number("region/sj"), 3);
	assert_int_equal(host_map_len("labels"), 3);
	assert_int_equal(labels_used, 3);
	scene_assert_lost(0, 0);
}

static void two_labels_of_a_path(void **state)
{
	struct moqstat_id a, b;

	(void)state;
	a = made(E, "demo", "");
	b = made(F, "demo", "x");
	assert_int_not_equal(a.hash, b.hash);
	bumped(AT_TRACK, E, MOQSTAT_PUBLISHER);
	bumped(AT_TRACK, F, MOQSTAT_PUBLISHER);
	bumped(AT_TRACK, F, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(host_map_len("broadcasts"), 2);
	scene_assert_lost(0, 0);
}

static void a_borrowed_label(void **state)
{
	__u64 words[3] = { 0, ARC + 0x2000, 3 };

	(void)state;
	host_memory_put(LABEL, words, sizeof(words));
	host_memory_put(ARC + 0x2000, "abc", 3);
	scene_set(MOQSTAT_RSI, shared(PATH, ARC, "demo"));
	scene_set(MOQSTAT_R8, LABEL);
	scene_fire(AT_ENTRY);
	given(E, true);
	assert_name(scene_entry_id(E), "demo", number("abc"));
	assert_int_equal(number("abc"), 1);
}

/* What was there before the probes gets its name where it is given out; then it isn't fresh. */
static void an_entry_of_before(void **state)
{
	const struct moqstat_short *found;
	struct moqstat_id id;

	(void)state;
	bumped(AT_TRACK_CLOSE, E, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 1);
	name("old", "x");
	given(E, false);
	id = scene_entry_id(E);
	assert_name(id, "old", 1);
	found = host_map_get("broadcasts", &id, 0);
	assert_int_equal(found->fresh, 0);
	assert_int_equal(found->entry, E);
	bumped(AT_TRACK, E, 0);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	/* That used the name up. */
	scene_set(MOQSTAT_RBX, F);
	scene_fire(AT_SCOPE);
	assert_int_equal(scene_entry_id(F).tgid, 0);
	assert_int_equal(scene_hits(AT_SCOPE), 2);
	/* Bumps use none. */
	name("new", "");
	bumped(AT_TRACK, F, 0);
	assert_int_equal(scene_entry_id(F).tgid, 0);
	scene_assert_lost(MOQSTAT_LOST_ENTRY_UNKNOWN, 2);
}

/* Nor is a name used for another one where there was no entry. */
static void no_entry(void **state)
{
	(void)state;
	name(".stats/node", "");
	given(0, false);
	given(E, false);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	name("a", "");
	scene_site(AT_SCOPE)->entry = scene_mem(MOQSTAT_RBX, 0, 8);
	given(E, false);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
	scene_site(AT_SCOPE)->entry = scene_reg(MOQSTAT_RBX, 8);
	given(E, false);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	assert_int_equal(host_map_len("broadcasts"), 0);
	assert_int_equal(names_used[0], 0);
	/* Only where the branch leads to it. */
	scene_site(AT_SCOPE)->when = MOQSTAT_WHEN_ZERO;
	name("a", "");
	scene_zero_flag(false);
	given(E, false);
	assert_int_equal(scene_entry_id(E).tgid, 0);
	scene_zero_flag(true);
	given(E, false);
	assert_name(scene_entry_id(E), "a", 0);
	assert_int_equal(scene_hits(AT_SCOPE), 5);
}

static void a_known_entry_goes_on(void **state)
{
	struct moqstat_id id = made(E, "a", "x");

	(void)state;
	name("a", "x");
	given(E, false);
	scene_assert_id(scene_entry_id(E), id);
	assert_int_equal(host_map_len("broadcasts"), 1);
	assert_int_equal(names_used[0], 1);
}

/* The relay's collection has freed it, and it is given to another path, or to the same. */
static void an_address_given_again(void **state)
{
	struct moqstat_id a, b, c;

	(void)state;
	a = made(E, "a", "x");
	bumped(AT_TRACK, E, 0);
	b = made(E, "a", "y");
	bumped(AT_TRACK, E, 0);
	bumped(AT_TRACK, E, 0);
	c = made(E, "a", "y");
	assert_int_not_equal(a.hash, b.hash);
	assert_int_equal(b.hash, c.hash);
	assert_true(c.incarnation > b.incarnation && b.incarnation > a.incarnation);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&b, 0, MOQSTAT_SUBSCRIPTIONS), 2);
	assert_int_equal(scene_count(&c, 0, MOQSTAT_SUBSCRIPTIONS), 0);
	scene_assert_lost(0, 0);
}

/* Of a tier without a number nothing is counted, and that is said once an entry; not by each bump
 * of it, nor in the rows of other tiers. */
static void assert_uncounted(const char *label)
{
	struct moqstat_id id = made(E, "a", label);
	__u64 hits = scene_hits(AT_TRACK);

	assert_int_equal(id.hash, 0);
	assert_int_equal(id.incarnation, MOQSTAT_UNCOUNTED);
	scene_assert_lost(MOQSTAT_LOST_TIERS_FULL, 1);
	name("a", label);
	given(E, false);
	bumped(AT_TRACK, E, 0);
	bumped(AT_BYTES, E, 1);
	bumped(AT_TRACK_CLOSE, E, 0);
	assert_int_equal(scene_hits(AT_TRACK), hits + 1);
	assert_int_equal(host_map_len("opened") + host_map_len("closed"), 0);
	scene_assert_lost(MOQSTAT_LOST_TIERS_FULL, 1);
	/* One of before, too. */
	name("b", label);
	given(F, false);
	assert_int_equal(scene_entry_id(F).incarnation, MOQSTAT_UNCOUNTED);
	bumped(AT_TRACK, F, 0);
	session_made(F, "root", label);
	scene_bump(AT_SESSION_OPEN, F);
	scene_bump(AT_SESSION_CLOSE, F);
	assert_int_equal(host_map_len("opened") + host_map_len("closed"), 0);
	scene_assert_lost(MOQSTAT_LOST_TIERS_FULL, 3);
	assert_int_equal(host_map_len("roots"), 0);
	/* Its memory may become another one's. */
	id = made(E, "a", "");
	assert_name(id, "a", 0);
	bumped(AT_TRACK, E, 0);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	scene_assert_lost(MOQSTAT_LOST_TIERS_FULL, 3);
}

static void a_label_too_long(void **state)
{
	char label[MOQSTAT_LABEL_MAX + 2];

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	assert_uncounted(label);
	assert_int_equal(labels_used, 0);
	label[MOQSTAT_LABEL_MAX] = '\0';
	assert_name(made(E, "c", label), "c", 1);
}

static void too_many_labels(void **state)
{
	char label[] = "a";
	__u32 i;

	(void)state;
	for (i = 1; i < MOQSTAT_LABELS_MAX; i++, label[0]++)
		assert_name(made(E + i, label, label), label, i);
	scene_assert_lost(0, 0);
	host_map_limit("entries", 64);
	assert_uncounted(label);
	/* Those that there are go on, and no number is drawn in vain for ever. */
	assert_name(made(E, "c", "c"), "c", 3);
	assert_int_equal(labels_used, MOQSTAT_LABELS_MAX - 1);
	assert_int_equal(host_map_len("labels"), MOQSTAT_LABELS_MAX - 1);
}

/* Another thread comes upon the same new label, between our looking and our giving it a number. */
static void another_numbers(const char *map, bool updates)
{
	if (strcmp(map, "labels") || !updates)
		return;
	host.meanwhile = NULL;
	scene_thread(SCENE_TGID, SCENE_OTHER);
	scene_set(MOQSTAT_RSI, shared(PATH + 0x40, ARC + 0x2000, "b"));
	scene_set(MOQSTAT_R8, shared(LABEL + 0x40, ARC + 0x3000, "x"));
	scene_fire(AT_ENTRY);
	given(F, true);
	scene_thread(SCENE_TGID, SCENE_THREAD);
}

static void a_label_numbered_twice(void **state)
{
	(void)state;
	host.meanwhile = another_numbers;
	name("a", "x");
	assert_null(host.meanwhile);
	given(E, true);
	assert_int_equal(number("x"), 2);
	assert_name(scene_entry_id(E), "a", 2);
	assert_name(scene_entry_id(F), "b", 2);
	/* The other number is nobody's. */
	assert_name(made(E, "c", "y"), "c", 3);
	assert_int_equal(host_map_len("labels"), 2);
	scene_assert_lost(0, 0);
}

/* It gets the last number just before we look for one. */
static void another_gets_the_last(const char *map, bool updates)
{
	static bool looked;
	__u32 last = MOQSTAT_LABELS_MAX - 1;

	if (strcmp(map, "labels"))
		return;
	assert_false(updates);
	if (looked) {
		host.meanwhile = NULL;
		host_map_set("labels", &(struct moqstat_label){ .len = 1, .text = "x" }, &last);
	}
	looked = true;
}

static void the_last_number(void **state)
{
	(void)state;
	labels_used = MOQSTAT_LABELS_MAX - 1;
	host.meanwhile = another_gets_the_last;
	assert_name(made(E, "a", "x"), "a", MOQSTAT_LABELS_MAX - 1);
	assert_null(host.meanwhile);
	scene_assert_lost(0, 0);
}

/* Where the tables are may be seen where nothing is named: what has been is as it was. */
static void only_the_statistics(void **state)
{
	struct moqstat_site *site = scene_site(AT_ENTRY), before = *site;

	(void)state;
	name("a", "x");
	statistics_shared = 0;
	*site = (struct moqstat_site){ .event = MOQSTAT_EVENT_ENTRY, .side = before.side };
	scene_fire(AT_ENTRY);
	assert_int_equal(statistics_shared, SCENE_SHARED);
	given(E, true);
	assert_name(scene_entry_id(E), "a", 1);
	scene_assert_lost(0, 0);
}

/* What has no entry isn't counted, or the relay's statistics are off: nothing tells whose it is. */
static void nothing_without_an_entry(void **state)
{
	static const __u32 bumps[] = { AT_OPEN, AT_CLOSE, AT_TRACK, AT_TRACK_CLOSE, AT_BYTES };
	struct moqstat_id id = made(E, "a", "x"), none = { .tgid = id.tgid };
	__u32 i;

	(void)state;
	none.incarnation = MOQSTAT_UNATTRIBUTED;
	for (i = 0; i < 2 * sizeof(bumps) / sizeof(bumps[0]); i++) {
		statistics_off = i % 2;
		name("b", "x");
		bumped(bumps[i / 2], 0, 1);
	}
	for (i = 0; i < MOQSTAT_FIELD_MAX; i++) {
		assert_int_equal(scene_count(&none, MOQSTAT_TIER_MAX, i), 0);
		assert_int_equal(scene_count(&id, MOQSTAT_TIER_MAX, i), 0);
	}
	scene_assert_lost(0, 0);
	/* The entry's own are, all the same. */
	bumped(AT_TRACK, E, 1);
	assert_int_equal(scene_count(&id, MOQSTAT_TIER_MAX, MOQSTAT_SUBSCRIPTIONS), 1);
}

static void the_side_is_a_bit(void **state)
{
	struct moqstat_id id = made(E, "a", "x");

	(void)state;
	bumped(AT_TRACK, E, 0xabcdef00);
	bumped(AT_TRACK, E, 0xabcdef01);
	bumped(AT_TRACK, E, 3);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&id, MOQSTAT_TIER_MAX, MOQSTAT_SUBSCRIPTIONS), 2);
	scene_assert_lost(0, 0);
	/* Not where tiers are numbers. */
	labelled = 0;
	bumped(AT_TRACK, E, 3);
	scene_assert_lost(MOQSTAT_LOST_OPERAND_RANGE, 1);
	assert_int_equal(scene_count(&id, MOQSTAT_TIER_MAX, MOQSTAT_SUBSCRIPTIONS), 2);
}

static void later_fields(void **state)
{
	struct moqstat_id id = made(E, "a", "");

	(void)state;
	scene_site(AT_TRACK)->field = MOQSTAT_FETCHES;
	scene_site(AT_BYTES)->field = MOQSTAT_DATAGRAMS;
	scene_set(MOQSTAT_RCX, 7);
	bumped(AT_TRACK, E, 0);
	bumped(AT_BYTES, E, 1);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_FETCHES), 1);
	assert_int_equal(scene_count(&id, MOQSTAT_TIER_MAX, MOQSTAT_DATAGRAMS), 7);
	assert_int_equal(scene_count(&id, 0, MOQSTAT_ANNOUNCED_BYTES), 0);
	scene_assert_lost(0, 0);
}

/* Of which tier it is can't be told: what begins then has no row of its own; one that has no entry
 * is no loss. */
static void a_label_that_cant_be_read(void **state)
{
	struct moqstat_id overflow = scene_overflow(0);
	__u64 words[3] = { ARC, 2, 3 };
	__u32 i;

	(void)state;
	for (i = 0; i < 3; i++) {
		shared(LABEL, ARC + 0x1000, "x");
		if (i == 0)
			host_memory_drop(LABEL + 16, 8);
		if (i == 1)
			host_memory_drop(ARC + 0x1000 + 16 + 3, 1);
		if (i == 2)
			host_memory_put(LABEL, words, sizeof(words));
		scene_set(MOQSTAT_RSI, shared(PATH, ARC, "a"));
		scene_set(MOQSTAT_R8, LABEL);
		scene_fire(AT_ENTRY);
		given(0, false);
		scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, i);
		scene_fire(AT_ENTRY);
		given(E, true);
		scene_assert_id(scene_entry_id(E), overflow);
		scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, i + 1);
	}
	bumped(AT_TRACK, E, 0);
	assert_int_equal(scene_count(&overflow, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(host_map_len("labels"), 0);
}

static void an_operand_that_cant_be_read(void **state)
{
	struct moqstat_id overflow = scene_overflow(ROOT);

	(void)state;
	scene_site(AT_ENTRY)->tier = scene_mem(MOQSTAT_RDX, 0, 8);
	scene_site(AT_SESSION)->tier = scene_mem(MOQSTAT_RDX, 0, 8);
	made(E, "a", "x");
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 1);
	scene_assert_id(scene_entry_id(E), scene_overflow(0));
	session_made(F, "root", "x");
	scene_assert_lost(MOQSTAT_LOST_OPERAND_FAULT, 2);
	scene_assert_id(scene_entry_id(F), overflow);
	scene_bump(AT_SESSION_OPEN, F);
	assert_int_equal(scene_count(&overflow, ROOT, MOQSTAT_SESSIONS), 1);
}

static void sessions(void **state)
{
	struct moqstat_id a, b;

	(void)state;
	a = session_made(E, "", "x");
	assert_name(a, "", 1);
	scene_bump(AT_SESSION_OPEN, E);
	b = session_made(F, "", "");
	assert_name(b, "", 0);
	assert_int_not_equal(a.hash, b.hash);
	scene_bump(AT_SESSION_OPEN, F);
	scene_bump(AT_SESSION_OPEN, F);
	scene_bump(AT_SESSION_CLOSE, F);
	assert_int_equal(scene_count(&a, ROOT, MOQSTAT_SESSIONS), 1);
	assert_int_equal(scene_count(&b, ROOT, MOQSTAT_SESSIONS), 2);
	assert_int_equal(scene_count(&b, ROOT, MOQSTAT_SESSIONS_CLOSED), 1);
	assert_int_equal(host_map_len("roots"), 2);
	assert_int_equal(names_used[1], 2);
	/* One of before is told where a session begins on it. */
	host_map_delete("entries", &(struct moqstat_entry_key){ .entry = E, .tgid = SCENE_TGID });
	scene_set(MOQSTAT_RSI, shared(PATH, ARC, "root"));
	scene_set(MOQSTAT_R8, shared(LABEL, ARC + 0x1000, "x"));
	scene_fire(AT_SESSION);
	scene_bump(AT_SESSION_OPEN, E);
	assert_name(scene_entry_id(E), "root", 1);
	scene_assert_lost(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		label_test(the_default_tier),
		label_test(numbers),
		label_test(two_labels_of_a_path),
		label_test(a_borrowed_label),
		label_test(an_entry_of_before),
		label_test(no_entry),
		label_test(a_known_entry_goes_on),
		label_test(an_address_given_again),
		label_test(a_label_too_long),
		label_test(too_many_labels),
		label_test(a_label_numbered_twice),
		label_test(the_last_number),
		label_test(only_the_statistics),
		label_test(the_side_is_a_bit),
		label_test(nothing_without_an_entry),
		label_test(later_fields),
		label_test(a_label_that_cant_be_read),
		label_test(an_operand_that_cant_be_read),
		label_test(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
