/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - a relay whose tiers are labels and whose statistics are off: whose it is that is
 * counted is told by the scope at hand, or by what was learnt of one.
 */
#include "scene.h"

/* Scopes, and contexts of sessions with their labels. */
#define SCOPE	 0x7f0000200000ULL
#define TEXT	 0x7f0000300000ULL
#define SESSION	 0x7f0000400000ULL
#define LABEL	 0x30
#define ACCOUNT	 0x7f0000500000ULL
#define GUARD	 0x7f0000600000ULL
#define LEVEL	 0x7ffc00001000ULL
#define PATH_AT	 0x10
#define UNCALLED 0x7ffc00002000ULL

/* Counted are: subscriptions at AT_TRACK and AT_TRACK_CLOSE, groups that come in at AT_OPEN, groups
 * that are called for at AT_CLOSE, bytes at AT_BYTES. Scope in r13, guard in r12, side in r10. */
static void site_is(__u32 cookie, __u8 field, bool opens, __u16 handles)
{
	struct moqstat_site *site = scene_site(cookie);

	site->field = field;
	site->role = MOQSTAT_ROLE_MAX;
	site->opens = opens;
	site->handles = handles;
	site->tier = scene_imm(0);
	site->n = field == MOQSTAT_BYTES ? scene_reg(MOQSTAT_RCX, 8) : scene_imm(1);
	site->side = scene_reg(MOQSTAT_R10, 1);
	site->skip = (struct moqstat_operand){};
	if (handles & (MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_VIEWER))
		site->skip = scene_mem(MOQSTAT_R13, 0, 8);
	site->path = scene_reg(MOQSTAT_R13, 8);
	site->path.disp = PATH_AT;
}

static int setup(void **state)
{
	static const __u32 scoped[] = { AT_PLACE, AT_CALL };
	__u32 i;

	scene_setup(state);
	labelled = 1;
	paths_shared = 1;
	label_of_session = LABEL;
	statistics_off = 1;
	scene_statistics_off();
	site_is(AT_TRACK, MOQSTAT_SUBSCRIPTIONS, true, MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_VIEWER);
	site_is(AT_TRACK_CLOSE, MOQSTAT_SUBSCRIPTIONS_CLOSED, false,
		MOQSTAT_HANDLE_GUARD | MOQSTAT_HANDLE_VIEWER);
	site_is(AT_OPEN, MOQSTAT_GROUPS, false, MOQSTAT_HANDLE_PATH | MOQSTAT_HANDLE_ACCOUNT);
	site_is(AT_CLOSE, MOQSTAT_GROUPS, false, MOQSTAT_HANDLE_CALL);
	site_is(AT_BYTES, MOQSTAT_BYTES, false, MOQSTAT_HANDLE_ACCOUNT);
	for (i = 0; i < sizeof(scoped) / sizeof(scoped[0]); i++) {
		struct moqstat_site *site = scene_site(scoped[i]);

		site->skip = scene_mem(MOQSTAT_R13, 0, 8);
		site->path = scene_reg(MOQSTAT_R13, 8);
		site->path.disp = PATH_AT;
	}
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PATH;
	scene_site(AT_TABLE)->guard = scene_reg(MOQSTAT_R12, 8);
	return 0;
}

#define off_test(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)

/* The context of a session, numbered from 1 on; 0: there is none. */
static __u64 context(__u32 number, const char *label)
{
	__u64 at = number ? SESSION + number * 0x1000ULL : 0, text = at + 0x800;
	__u64 words[3] = { 0, text, strlen(label) };

	if (!at)
		return 0;
	host_memory_put(at + LABEL, words, sizeof(words));
	if (*label)
		host_memory_put(text, label, strlen(label));
	return at;
}

/* A scope of a session, of a path whose text is the `text`-th. */
static void scope_of(__u64 at, const char *path, __u32 text)
{
	__u64 arc = TEXT + text * 0x10000ULL;
	__u64 words[5] = { at, 0, arc, strlen(path) + 3, 3 };

	host_memory_put(SCOPE, words, sizeof(words));
	if (*path)
		host_memory_put(arc + 16 + 3, path, strlen(path));
	scene_set(MOQSTAT_R13, SCOPE);
}

static void fire(__u32 cookie, enum moqstat_role side)
{
	scene_set(MOQSTAT_R10, side);
	scene_bump(cookie, 0);
}

static void subscribe(__u32 number, const char *path, __u32 text)
{
	scope_of(context(number, ""), path, text);
	fire(AT_TRACK, MOQSTAT_PUBLISHER);
}

static void unsubscribe(__u32 number, const char *path, __u32 text)
{
	scope_of(context(number, ""), path, text);
	scene_set(MOQSTAT_R12, GUARD);
	fire(AT_TRACK_CLOSE, MOQSTAT_PUBLISHER);
}

/* Each is opened under its path, once more for what is counted with it. */
static void viewers(void **state)
{
	(void)state;
	subscribe(1, "a", 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_opens("a"), 2);
	/* The same session, by the same text and by another. */
	subscribe(1, "a", 1);
	subscribe(1, "a", 2);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 3);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 1);
	subscribe(2, "a", 3);
	subscribe(1, "b", 4);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 2);
	assert_int_equal(scene_counted("b", MOQSTAT_BROADCASTS), 1);
	assert_int_equal(scene_opens("a"), 6);
	unsubscribe(1, "a", 2);
	unsubscribe(1, "a", 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 2);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS_CLOSED), 0);
	unsubscribe(1, "a", 1);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS_CLOSED), 1);
	unsubscribe(2, "a", 3);
	unsubscribe(1, "b", 4);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS_CLOSED), 2);
	assert_int_equal(scene_counted("b", MOQSTAT_SUBSCRIPTIONS_CLOSED), 1);
	assert_int_equal(scene_counted("b", MOQSTAT_BROADCASTS_CLOSED), 1);
	/* Nothing is left of them. */
	assert_int_equal(host_map_len("guards"), 0);
	scene_assert_lost(0, 0);
	/* One that wasn't seen to begin. */
	unsubscribe(2, "a", 3);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS_CLOSED), 4);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* Of the other side nobody watches, and the guard has a place, from where its track is published.
 */
static void subscribers(void **state)
{
	(void)state;
	scope_of(context(1, ""), "a", 1);
	scene_place(AT_PLACE, GUARD);
	fire(AT_TRACK, MOQSTAT_SUBSCRIBER);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 0);
	assert_int_equal(scene_opens("a"), 1);
	scope_of(context(2, ""), "b", 2);
	scene_set(MOQSTAT_R12, GUARD);
	fire(AT_TRACK_CLOSE, MOQSTAT_SUBSCRIBER);
	assert_int_equal(host_map_len("guards"), 0);
	scene_assert_lost(0, 0);
}

static void nobodys(void **state)
{
	(void)state;
	subscribe(0, "a", 1);
	scope_of(0, "a", 1);
	scene_place(AT_PLACE, GUARD);
	unsubscribe(0, "a", 1);
	unsubscribe(0, "a", 1);
	fire(AT_OPEN, MOQSTAT_SUBSCRIBER);
	scope_of(0, "a", 1);
	scene_set(MOQSTAT_R12, LEVEL);
	scene_fire(AT_CALL);
	fire(AT_CLOSE, MOQSTAT_PUBLISHER);
	assert_int_equal(host_map_len("broadcasts"), 0);
	assert_int_equal(host_map_len("opened") + host_map_len("closed"), 0);
	assert_int_equal(scene_hits(AT_TRACK) + scene_hits(AT_TRACK_CLOSE), 0);
	scene_assert_lost(0, 0);
	/* There is no scope at all. */
	scene_set(MOQSTAT_R13, 0);
	scene_place(AT_PLACE, GUARD);
	assert_false(scene_guard_known(GUARD, MOQSTAT_GUARD_PLACE));
}

static void group(__u64 account, __u32 number, const char *path)
{
	scope_of(context(number, ""), path, 1);
	scene_set(MOQSTAT_R12, account);
	fire(AT_OPEN, MOQSTAT_SUBSCRIBER);
}

static void bytes(__u64 account, __u64 n, enum moqstat_role side)
{
	scene_set(MOQSTAT_R12, account);
	scene_set(MOQSTAT_RCX, n);
	fire(AT_BYTES, side);
}

static void accounts(void **state)
{
	struct moqstat_id a, b;

	(void)state;
	bytes(ACCOUNT, 5, MOQSTAT_SUBSCRIBER);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	subscribe(1, "a", 1);
	subscribe(1, "b", 2);
	a = scene_id("a", 0);
	b = scene_id("b", 0);
	group(ACCOUNT, 1, "a");
	bytes(ACCOUNT, 5, MOQSTAT_SUBSCRIBER);
	bytes(ACCOUNT, 7, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_GROUPS), 1);
	assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_BYTES), 5);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BYTES), 7);
	/* Given out anew. */
	group(ACCOUNT, 1, "b");
	bytes(ACCOUNT, 9, MOQSTAT_SUBSCRIBER);
	assert_int_equal(scene_count(&b, MOQSTAT_TIER_MAX, MOQSTAT_BYTES), 9);
	/* To nobody. */
	group(ACCOUNT, 0, "b");
	bytes(ACCOUNT, 11, MOQSTAT_SUBSCRIBER);
	assert_int_equal(scene_count(&b, MOQSTAT_TIER_MAX, MOQSTAT_BYTES), 9);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* Of a path of which nothing is open that isn't counted to what it was; but it is learnt.
	 */
	group(ACCOUNT + 8, 1, "c");
	bytes(ACCOUNT + 8, 1, MOQSTAT_SUBSCRIBER);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 3);
	subscribe(1, "c", 3);
	bytes(ACCOUNT + 8, 2, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_counted("c", MOQSTAT_BYTES), 2);
	/* What has no room is summed up. */
	overflowed = 1;
	group(ACCOUNT + 16, 1, "d");
	bytes(ACCOUNT + 16, 3, MOQSTAT_PUBLISHER);
	a = scene_overflow(0);
	assert_int_equal(scene_count(&a, 0, MOQSTAT_BYTES), 3);
	/* One that isn't to be read. */
	scene_site(AT_BYTES)->guard = scene_mem(MOQSTAT_R12, 0, 8);
	bytes(ACCOUNT, 3, MOQSTAT_SUBSCRIBER);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
}

static void a_path_too_long(void **state)
{
	char path[MOQSTAT_PATH_MAX + 2];
	struct moqstat_id over;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	group(ACCOUNT, 1, path);
	bytes(ACCOUNT, 4, MOQSTAT_PUBLISHER);
	over = scene_overflow(0);
	assert_int_equal(scene_count(&over, 0, MOQSTAT_BYTES), 4);
	/* Of such only the texts tell which is which. */
	subscribe(1, path, 1);
	subscribe(1, path, 1);
	subscribe(1, path, 2);
	assert_int_equal(scene_count(&over, 0, MOQSTAT_SUBSCRIPTIONS), 3);
	assert_int_equal(scene_count(&over, 0, MOQSTAT_BROADCASTS), 2);
}

static void called(__u64 level, __u32 number)
{
	scope_of(context(number, ""), "a", 1);
	scene_set(MOQSTAT_R12, level);
	scene_fire(AT_CALL);
}

static void returned(__u64 level)
{
	scene_set(MOQSTAT_R12, level);
	fire(AT_CLOSE, MOQSTAT_PUBLISHER);
}

static void calls(void **state)
{
	(void)state;
	subscribe(1, "a", 1);
	called(LEVEL, 1);
	returned(LEVEL);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 1);
	/* One of nobody's within it counts nothing, and leaves it. */
	called(LEVEL, 1);
	called(LEVEL - 0x400, 0);
	returned(LEVEL - 0x400);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 1);
	returned(LEVEL);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 2);
	/* One of nobody's in its place is another one. */
	called(LEVEL, 0);
	returned(LEVEL);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 2);
	/* So is another thread's. */
	called(LEVEL, 1);
	scene_thread(SCENE_TGID, SCENE_OTHER);
	returned(LEVEL);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 2);
	scene_thread(SCENE_TGID, SCENE_THREAD);
	returned(LEVEL);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 3);
	scene_assert_lost(0, 0);
	/* With statistics on it is of no use. */
	statistics_off = 0;
	called(UNCALLED, 1);
	statistics_off = 1;
	returned(UNCALLED);
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 3);
}

/* What a table has under a key is told by that, and by whose the table is. */
static void tables(void **state)
{
	struct moqstat_operand key = scene_reg(MOQSTAT_R13, 8);

	(void)state;
	key.disp = PATH_AT;
	scene_site(AT_PEEK_KEY)->path = key;
	site_is(AT_CLOSE, MOQSTAT_ANNOUNCED_CLOSED, false, MOQSTAT_HANDLE_PENDING);
	subscribe(1, "a", 1);
	scene_set(MOQSTAT_R12, context(1, ""));
	scene_fire(AT_TABLE);
	scope_of(context(1, ""), "a", 1);
	scene_fire(AT_PEEK_KEY);
	fire(AT_CLOSE, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_counted("a", MOQSTAT_ANNOUNCED_CLOSED), 1);
	assert_int_equal(scene_opens("a"), 2);
	/* Nobody's. */
	scene_set(MOQSTAT_R12, 0);
	scene_fire(AT_TABLE);
	scene_fire(AT_PEEK_KEY);
	fire(AT_CLOSE, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_counted("a", MOQSTAT_ANNOUNCED_CLOSED), 1);
	assert_int_equal(host_map_len("closed"), 1);
	scene_assert_lost(0, 0);
	/* No such path. */
	scene_set(MOQSTAT_R12, context(1, ""));
	scene_fire(AT_TABLE);
	scope_of(context(1, ""), "b", 2);
	scene_fire(AT_PEEK_KEY);
	fire(AT_CLOSE, MOQSTAT_PUBLISHER);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* The tier is the session's; but not that of what is sent. */
/* ---- groups that are handed out ---- */

#define CURSOR 0x7f0000700000ULL
#define HANDED 0x8

/* What reads a group that was handed out with a word, in rdx; AT_OPEN hands out, AT_BYTES reads. */
static void cursor(__u64 kind, __u64 word)
{
	__u64 words[2] = { kind, word };

	host_memory_put(CURSOR, words, sizeof(words));
	scene_set(MOQSTAT_RDX, CURSOR);
}

static void hand(__u64 kind, __u64 word, __u32 number, const char *path)
{
	scope_of(context(number, ""), path, 1);
	cursor(kind, word);
	fire(AT_OPEN, MOQSTAT_PUBLISHER);
}

static void reads(__u64 kind, __u64 word, __u64 n)
{
	cursor(kind, word);
	bytes(0, n, MOQSTAT_PUBLISHER);
}

static void cursors(void **state)
{
	(void)state;
	scene_site(AT_OPEN)->handles |= MOQSTAT_HANDLE_CURSOR;
	scene_site(AT_BYTES)->handles |= MOQSTAT_HANDLE_CURSOR;
	scene_site(AT_OPEN)->tier = scene_site(AT_BYTES)->tier = scene_mem(MOQSTAT_RDX, 0, 8);
	scene_site(AT_OPEN)->guard = scene_site(AT_BYTES)->guard =
		scene_mem(MOQSTAT_RDX, HANDED, 8);
	subscribe(1, "a", 1);
	/* First what is read by another, for nobody; then that, which counts. */
	hand(0, ACCOUNT, 0, "a");
	hand(MOQSTAT_CURSOR_SPLICED, ACCOUNT, 1, "a");
	assert_int_equal(scene_counted("a", MOQSTAT_GROUPS), 1);
	reads(1, ACCOUNT, 5);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 0);
	reads(MOQSTAT_CURSOR_SPLICED, ACCOUNT, 5);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 5);
	/* One that reads nothing else, whatever its kind is by then. */
	hand(0, ACCOUNT + 8, 1, "a");
	reads(1, ACCOUNT + 8, 7);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 12);
	reads(MOQSTAT_CURSOR_SPLICED, ACCOUNT + 8, 7);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 12);
	/* To nobody, and unknown. */
	hand(0, ACCOUNT, 0, "a");
	reads(0, ACCOUNT, 9);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 12);
	scene_assert_lost(0, 0);
	reads(0, ACCOUNT + 16, 9);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
	/* Their tier is known, whatever others there are. */
	labels_used = 1;
	reads(0, ACCOUNT + 8, 3);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 15);
}

static void frames_of_cursors(void **state)
{
	(void)state;
	scene_site(AT_BYTES)->handles |= MOQSTAT_HANDLE_OPTION;
	scene_site(AT_BYTES)->tier = scene_mem(MOQSTAT_RDX, 0, 1);
	scene_site(AT_BYTES)->guard = scene_mem(MOQSTAT_RDX, HANDED, 8);
	subscribe(1, "a", 1);
	group(ACCOUNT, 1, "a");
	reads(1, ACCOUNT, 5);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 5);
	scene_assert_lost(0, 0);
	reads(MOQSTAT_OPTION_NONE, ACCOUNT, 5);
	assert_int_equal(scene_counted("a", MOQSTAT_BYTES), 5);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 1);
}

/* ---- announcements that are told by a word ---- */

/* They begin at AT_TRACK, and end at AT_TRACK_CLOSE and AT_CLOSE, the word being in r12. */
static void announces(__u16 handles)
{
	site_is(AT_TRACK, MOQSTAT_ANNOUNCED, true, MOQSTAT_HANDLE_PATH | handles);
	site_is(AT_TRACK_CLOSE, MOQSTAT_ANNOUNCED_CLOSED, false, handles);
	site_is(AT_CLOSE, MOQSTAT_ANNOUNCED_BYTES, false, handles);
	scene_site(AT_TRACK)->guard = scene_reg(MOQSTAT_R12, 8);
	scene_site(AT_TRACK_CLOSE)->guard = scene_reg(MOQSTAT_R12, 8);
	scene_site(AT_CLOSE)->guard = scene_reg(MOQSTAT_R12, 8);
}

static void begin(__u64 word, __u32 number, const char *path)
{
	scope_of(context(number, ""), path, 1);
	scene_set(MOQSTAT_R12, word);
	fire(AT_TRACK, MOQSTAT_SUBSCRIBER);
}

static void end(__u64 word, __u32 number, bool bytes_first)
{
	scene_set(MOQSTAT_R12, context(number, ""));
	scene_fire(AT_TABLE);
	scene_set(MOQSTAT_R12, word);
	fire(bytes_first ? AT_CLOSE : AT_TRACK_CLOSE, MOQSTAT_SUBSCRIBER);
	fire(bytes_first ? AT_TRACK_CLOSE : AT_CLOSE, MOQSTAT_SUBSCRIBER);
}

static void by_word(__u16 handles)
{
	struct moqstat_id a;
	unsigned int i;

	announces(handles);
	for (i = 0; i < 2; i++) {
		begin(GUARD, 1, "a");
		a = scene_id("a", 0);
		end(GUARD, 1, i);
		assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_ANNOUNCED), i + 1);
		assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_ANNOUNCED_CLOSED),
				 i + 1);
		assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_ANNOUNCED_BYTES), i + 1);
		/* What is added for its length is noted as one more. */
		assert_int_equal(scene_opens("a"), 2 * (i + 1));
		assert_int_equal(host_map_len("guards"), 0);
	}
	scene_assert_lost(0, 0);
	/* One that wasn't seen to begin; one of an empty list, or without a text. */
	end(GUARD, 1, false);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 2);
	begin(8, 1, "a");
	assert_int_equal(host_map_len("guards"), 0);
	end(8, 1, false);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
}

static void words(void **state)
{
	(void)state;
	by_word(MOQSTAT_HANDLE_OWNER);
	/* A word that is another's by now. */
	begin(GUARD, 1, "b");
	begin(GUARD, 1, "c");
	end(GUARD, 1, false);
	assert_int_equal(scene_opens("c"), 2);
	assert_int_equal(host_map_len("guards"), 0);
}

static void keys(void **state)
{
	struct moqstat_id a;

	(void)state;
	by_word(MOQSTAT_HANDLE_OWNER | MOQSTAT_HANDLE_KEY);
	/* In two tables of one session, and in one of another. */
	begin(GUARD, 1, "a");
	begin(GUARD, 1, "a");
	begin(GUARD, 2, "a");
	a = scene_id("a", 0);
	end(GUARD, 1, false);
	end(GUARD, 2, true);
	end(GUARD, 1, true);
	assert_int_equal(scene_count(&a, MOQSTAT_TIER_MAX, MOQSTAT_ANNOUNCED_CLOSED), 5);
	assert_int_equal(host_map_len("guards"), 0);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
	/* Nobody's table. */
	end(GUARD, 0, false);
	scene_assert_lost(MOQSTAT_LOST_GUARD_UNKNOWN, 4);
}

static void tiers(void **state)
{
	struct moqstat_id plain, other;

	(void)state;
	subscribe(1, "a", 1);
	plain = scene_id("a", 0);
	scope_of(context(2, "x"), "a", 1);
	fire(AT_TRACK, MOQSTAT_PUBLISHER);
	other = scene_id("a", 0);
	assert_int_not_equal(plain.hash, other.hash);
	assert_int_equal(scene_count(&plain, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&other, 0, MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_count(&other, 0, MOQSTAT_BROADCASTS), 1);
	scope_of(context(2, "x"), "a", 1);
	scene_set(MOQSTAT_R12, ACCOUNT);
	fire(AT_OPEN, MOQSTAT_SUBSCRIBER);
	bytes(ACCOUNT, 5, MOQSTAT_SUBSCRIBER);
	bytes(ACCOUNT, 7, MOQSTAT_PUBLISHER);
	assert_int_equal(scene_count(&other, MOQSTAT_TIER_MAX, MOQSTAT_BYTES), 5);
	assert_int_equal(scene_count(&other, 0, MOQSTAT_BYTES), 0);
	assert_int_equal(scene_count(&plain, 0, MOQSTAT_BYTES), 0);
	scene_assert_lost(0, 0);
	/* One whose label can't be read isn't counted in another tier's row. */
	scope_of(SESSION + 0x9000, "a", 1);
	fire(AT_TRACK, MOQSTAT_PUBLISHER);
	scene_assert_lost(MOQSTAT_LOST_PATH_FAULT, 1);
	assert_int_equal(scene_count(&plain, 0, MOQSTAT_SUBSCRIPTIONS), 1);
}

/* Nothing of this is done where nothing tells, or where statistics may be on. */
static void passed_by(void **state)
{
	(void)state;
	statistics_off = 0;
	subscribe(1, "a", 1);
	statistics_off = 1;
	scene_site(AT_TRACK)->handles = 0;
	subscribe(1, "a", 1);
	assert_int_equal(host_map_len("broadcasts"), 0);
	assert_int_equal(scene_hits(AT_TRACK), 0);
	scene_assert_lost(0, 0);
}

/* No room for guards is told, and nobody watches then. */
static void guards_full(void **state)
{
	(void)state;
	host_map_fail("guards", 1, -7);
	subscribe(1, "a", 1);
	assert_int_equal(scene_counted("a", MOQSTAT_SUBSCRIPTIONS), 1);
	assert_int_equal(scene_counted("a", MOQSTAT_BROADCASTS), 0);
	scene_assert_lost(MOQSTAT_LOST_GUARDS_FULL, 1);
}

/* Sessions: counted where they begin, by the root named there, and told by their place then. */
static void sessions(void **state)
{
	struct moqstat_id root;

	(void)state;
	scene_site(AT_SESSION)->tier = scene_reg(MOQSTAT_R8, 8);
	scene_site(AT_SESSION)->n = scene_reg(MOQSTAT_RCX, 8);
	scene_site(AT_SESSION)->when = MOQSTAT_WHEN_ZERO;
	scene_site(AT_PLACE)->handles = MOQSTAT_HANDLE_PENDING;
	scene_site(AT_PLACE)->skip = (struct moqstat_operand){};
	scene_site(AT_SESSION_CLOSE)->guard = scene_reg(MOQSTAT_R12, 8);
	host_memory_put(TEXT, "acme", 4);
	scene_set(MOQSTAT_RSI, TEXT);
	scene_set(MOQSTAT_RCX, 4);
	scene_set(MOQSTAT_R8, context(1, "") + LABEL);
	statistics_off = 0;
	scene_zero_flag(false);
	scene_fire(AT_SESSION);
	assert_int_equal(statistics_off, 0);
	scene_zero_flag(true);
	scene_fire(AT_SESSION);
	assert_int_equal(statistics_off, 1);
	scene_bump(AT_SESSION_OPEN, 0);
	scene_place(AT_PLACE, SESSION);
	root = scene_id("acme", MOQSTAT_SLOT_SESSION);
	assert_int_equal(scene_count(&root, MOQSTAT_SLOT_SESSION, MOQSTAT_SESSIONS), 1);
	assert_true(scene_guard_known(SESSION, MOQSTAT_GUARD_PLACE));
	scene_guard_bump(AT_SESSION_CLOSE, SESSION);
	assert_int_equal(scene_count(&root, MOQSTAT_SLOT_SESSION, MOQSTAT_SESSIONS_CLOSED), 1);
	assert_false(scene_guard_known(SESSION, MOQSTAT_GUARD_PLACE));
	scene_assert_lost(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		off_test(viewers),	   off_test(subscribers),
		off_test(nobodys),	   off_test(accounts),
		off_test(cursors),	   off_test(frames_of_cursors),
		off_test(words),	   off_test(keys),
		off_test(calls),	   off_test(tables),
		off_test(a_path_too_long), off_test(tiers),
		off_test(passed_by),	   off_test(guards_full),
		off_test(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
