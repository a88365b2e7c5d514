/* SPDX-License-Identifier: MIT */
/*
 * test_snapshot_life.c - lives of a path: which incarnation is shown when, when it is retired, and
 * what happens at the edges. test_snapshot.c has the relay's own list.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "life.h"
#include "snapshot.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Tracks by their place in tracks_two. */
enum {
	PUB_EXT = 0,
	SUB_EXT,
	PUB_INT,
	SUB_INT,
	SESSIONS_EXT,
	SESSIONS_INT
};

struct fixture {
	struct snapshot *snapshot;
	struct snapshot_tick tick;
	char text[1024];
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	*state = f;
	return snapshot_create("/.stats/", &f->snapshot);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snapshot_destroy(f->snapshot);
	test_free(f);
	return 0;
}

static int update(struct fixture *f, struct collect_broadcast *b, size_t n)
{
	const struct collect_batch batch = { .broadcasts = b, .broadcasts_len = n };

	return snapshot_update(f->snapshot, &batch, &f->tick);
}

static int update_sessions(struct fixture *f, struct collect_session *s, size_t n)
{
	const struct collect_batch batch = { .sessions = s, .sessions_len = n };

	return snapshot_update(f->snapshot, &batch, &f->tick);
}

/* Rows as `"path":open/closed`, the first two counts of each. */
static void assert_rows(struct fixture *f, size_t track, const char *expected)
{
	const struct frame_row *row;
	size_t i, len = 0;

	f->text[0] = '\0';
	for (i = 0; i < f->tick.rows_len[track]; i++) {
		row = &f->tick.rows[track][i];
		len += (size_t)snprintf(f->text + len, sizeof(f->text) - len, "%s%.*s:%d/%d",
					i > 0 ? " " : "", (int)row->key_len, row->key,
					(int)row->counts[0], (int)row->counts[1]);
	}
	assert_string_equal(f->text, expected);
}

/* Indices of what is to be retired. */
static void assert_retired(struct fixture *f, enum track_kind kind, const char *expected)
{
	size_t i, len = 0;

	f->text[0] = '\0';
	for (i = 0; i < f->tick.retire_len[kind]; i++)
		len += (size_t)snprintf(f->text + len, sizeof(f->text) - len, "%s%zu",
					i > 0 ? " " : "", f->tick.retire[kind][i]);
	assert_string_equal(f->text, expected);
}

/* One tick over broadcasts: what publisher.json shows, and what is retired. */
#define TICK(f, batch, rows, retired)                              \
	do {                                                       \
		assert_int_equal(update(f, batch, LEN(batch)), 0); \
		assert_rows(f, PUB_EXT, rows);                     \
		assert_retired(f, TRACK_BROADCASTS, retired);      \
	} while (0)

static void final_counts_go_out_before_the_next_life(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast first[] = { life("a", 0, true, 5, 3) };
	struct collect_broadcast both[] = { life("a", 0, false, 5, 5), life("a", 1, true, 2, 1) };
	struct collect_broadcast second[] = { life("a", 1, true, 2, 2) };

	TICK(f, first, "\"a\":5/3", "");
	TICK(f, both, "\"a\":5/5", "");
	TICK(f, both, "\"a\":2/1", "0");
	TICK(f, second, "\"a\":2/2", "");
	TICK(f, second, "", "");
}

static void next_life_shows_at_once_where_nothing_is_owed(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast unused[] = { life("a", 0, false, 0, 0), life("a", 1, true, 2, 1) };
	struct collect_broadcast closed[] = { life("b", 3, true, 7, 7) };
	struct collect_broadcast again[] = { life("b", 3, false, 7, 7), life("b", 4, true, 1, 0) };

	TICK(f, unused, "\"a\":2/1", "0");
	TICK(f, closed, "\"b\":7/7", "");
	TICK(f, again, "\"b\":1/0", "0");
}

static void several_lives_within_a_tick_are_shown_in_turn(void **state)
{
	struct fixture *f = *state;
	/* Not in order: a backend that walks a hash map has none. */
	struct collect_broadcast all[] = { life("a", 2, false, 7, 7), life("a", 0, false, 3, 3),
					   life("a", 1, false, 5, 5) };
	struct collect_broadcast two[] = { all[0], all[2] };
	struct collect_broadcast one[] = { all[0] };

	TICK(f, all, "\"a\":3/3", "");
	TICK(f, all, "\"a\":5/5", "1");
	TICK(f, two, "\"a\":7/7", "1");
	TICK(f, one, "", "0");
	assert_int_equal(update(f, NULL, 0), 0);
	assert_rows(f, PUB_EXT, "");
}

/* A further update is worth while only where it would show more. */
static void waiting_lives_are_told(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 3, 3), life("a", 1, false, 5, 5),
					 life("a", 2, true, 7, 6), life("b", 3, true, 1, 0) };
	struct collect_session s[] = { session("r", MOQSTAT_EXTERNAL, 0, false, 2, 2),
				       session("r", MOQSTAT_EXTERNAL, 1, true, 1, 0) };

	TICK(f, b, "\"a\":3/3 \"b\":1/0", ""); /* behind one that is held: in vain */
	assert_int_equal(f->tick.waiting, 0);
	b[0] = life("a", 0, false, 4, 4);
	TICK(f, b, "\"a\":4/4 \"b\":1/0", "");
	assert_int_equal(f->tick.waiting, 2);
	TICK(f, b, "\"a\":5/5 \"b\":1/0", "0");
	assert_int_equal(f->tick.waiting, 1);
	assert_int_equal(update_sessions(f, s, LEN(s)), 0);
	assert_int_equal(f->tick.waiting, 1);
	assert_int_equal(update_sessions(f, s, LEN(s)), 0);
	assert_int_equal(f->tick.waiting, 0);
}

static void next_life_begins_from_never_shown(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast first[] = { life("a", 0, false, 3, 3) };
	struct collect_broadcast second[] = { life("a", 1, false, 3, 3) };

	TICK(f, first, "\"a\":3/3", "");
	/* The same counts, but of another life. */
	TICK(f, second, "\"a\":3/3", "");
	TICK(f, second, "", "0");
}

/* A backend that has forgotten a path may number its lives anew. */
static void numbers_may_begin_again(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast late[] = { life("a", 5, false, 3, 3) };
	struct collect_broadcast early[] = { life("a", 0, false, 3, 3) };

	TICK(f, late, "\"a\":3/3", "");
	TICK(f, early, "\"a\":3/3", "");
	TICK(f, early, "", "0");
	TICK(f, early, "\"a\":3/3", "");
}

static void held_but_idle_stays(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast unused[] = { life("a", 0, true, 0, 0) };
	struct collect_broadcast closed[] = { life("a", 0, true, 3, 3) };
	struct collect_broadcast ended[] = { life("a", 0, false, 3, 3) };
	int i;

	for (i = 0; i < 5; i++)
		TICK(f, unused, "", "");
	TICK(f, closed, "\"a\":3/3", "");
	for (i = 0; i < 5; i++)
		TICK(f, closed, "", "");
	TICK(f, ended, "", "0");
}

static void live_is_shown_every_tick(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast live[] = { life("a", 0, true, 3, 2) };
	int i;

	for (i = 0; i < 5; i++)
		TICK(f, live, "\"a\":3/2", "");
}

/* A close that was missed must not make a row immortal. */
/* In later releases a row in which anything was ever counted stays as long as its path has an
 * entry, but not one in which nothing was, nor that of a root without sessions. */
static void rows_that_stay(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 5, 5), life("b", 1, true, 0, 0) };
	struct collect_session root = {
		.root = "r", .root_len = 1, .held = true, .counts = { 2, 2 }
	};
	const struct collect_batch batch = { .broadcasts = b,
					     .broadcasts_len = LEN(b),
					     .sessions = &root,
					     .sessions_len = 1,
					     .schema = &frame_schema_broadcast_0_17 };
	int i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(snapshot_update(f->snapshot, &batch, &f->tick), 0);
		assert_rows(f, PUB_EXT, "\"a\":5/5");
		assert_rows(f, SUB_EXT, "");
		assert_rows(f, SESSIONS_EXT, i ? "" : "\"r\":2/2");
		assert_retired(f, TRACK_BROADCASTS, "");
	}
	/* The last counts are shown if they are new, and then it goes. */
	b[0] = life("a", 0, false, 6, 6);
	assert_int_equal(snapshot_update(f->snapshot, &batch, &f->tick), 0);
	assert_rows(f, PUB_EXT, "\"a\":6/6");
	assert_int_equal(snapshot_update(f->snapshot, &batch, &f->tick), 0);
	assert_rows(f, PUB_EXT, "");
	assert_retired(f, TRACK_BROADCASTS, "0");
}

static void not_held_is_not_live(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast live[] = { life("a", 0, true, 3, 1) };
	struct collect_broadcast ended[] = { life("a", 0, false, 3, 2) };

	TICK(f, live, "\"a\":3/1", "");
	TICK(f, ended, "\"a\":3/2", "");
	TICK(f, ended, "", "0");
}

/* Nor may it bring along a row that has nothing new, when another of its rows has. */
static void not_held_shows_only_what_is_new(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 3, 1) };

	TICK(f, b, "\"a\":3/1", "");
	b[0].held = false;
	b[0].counts[MOQSTAT_SUBSCRIBER][MOQSTAT_EXTERNAL][MOQSTAT_BYTES] = 23;
	TICK(f, b, "", "");
	assert_rows(f, SUB_EXT, "\"a\":0/0");
	TICK(f, b, "", "0");
}

static void never_used_is_retired_at_once(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("b", 0, false, 1, 1), life("a", 0, false, 0, 0) };

	TICK(f, b, "\"b\":1/1", "1");
}

static void missing_from_the_batch_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 3, 3) };
	struct collect_broadcast other[] = { life("b", 0, true, 1, 0) };

	TICK(f, b, "\"a\":3/3", "");
	TICK(f, b, "", "");
	TICK(f, other, "\"b\":1/0", "");
	TICK(f, b, "\"a\":3/3", "");
}

static void slots_are_shown_each_for_itself(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 1, 0) };
	uint64_t *ingress = b[0].counts[MOQSTAT_SUBSCRIBER][MOQSTAT_INTERNAL];

	ingress[MOQSTAT_BYTES] = 23;
	TICK(f, b, "\"a\":1/0", "");
	assert_rows(f, SUB_INT, "\"a\":0/0");
	assert_rows(f, SUB_EXT, "");
	assert_rows(f, PUB_INT, "");
	/* Only one of them is live. */
	TICK(f, b, "\"a\":1/0", "");
	assert_rows(f, SUB_INT, "");
	ingress[MOQSTAT_GROUPS] = 7;
	TICK(f, b, "\"a\":1/0", "");
	assert_rows(f, SUB_INT, "\"a\":0/0");
	assert_int_equal(f->tick.rows[SUB_INT][0].counts[MOQSTAT_BYTES], 23);
	assert_int_equal(f->tick.rows[SUB_INT][0].counts[MOQSTAT_GROUPS], 7);
}

static void every_pair_makes_a_row_live(void **state)
{
	static const unsigned int opens[] = { MOQSTAT_ANNOUNCED, MOQSTAT_BROADCASTS,
					      MOQSTAT_SUBSCRIPTIONS };
	struct fixture *f = *state;
	struct collect_broadcast b[1];
	uint64_t *counts = b[0].counts[MOQSTAT_SUBSCRIBER][MOQSTAT_EXTERNAL];
	size_t i;

	for (i = 0; i < LEN(opens); i++) {
		b[0] = life("a", (uint32_t)i, true, 0, 0);
		counts[opens[i]] = 1;
		TICK(f, b, "", "");
		TICK(f, b, "", "");
		assert_int_equal(f->tick.rows_len[SUB_EXT], 1);
		counts[opens[i] + 1] = 1;
		TICK(f, b, "", "");
		assert_int_equal(f->tick.rows_len[SUB_EXT], 1);
		TICK(f, b, "", "");
		assert_int_equal(f->tick.rows_len[SUB_EXT], 0);
	}
}

static void closes_without_opens_are_held_back(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 1, 4), life("b", 0, true, 0, 7) };
	struct collect_broadcast ended[] = { life("b", 0, false, 0, 7) };

	TICK(f, b, "\"a\":1/1", "");
	assert_int_equal(f->tick.held_back, 3 + 7);
	/* As of now, not once more each tick. */
	TICK(f, b, "", "");
	assert_int_equal(f->tick.held_back, 3 + 7);
	b[0] = life("a", 0, true, 6, 4);
	TICK(f, b, "\"a\":6/4", "");
	assert_int_equal(f->tick.held_back, 7);
	assert_int_equal(f->tick.held_back_retired, 0);
	/* What was never made up for is kept in mind. */
	TICK(f, ended, "", "0");
	assert_int_equal(f->tick.held_back, 0);
	assert_int_equal(f->tick.held_back_retired, 7);
	assert_int_equal(update(f, NULL, 0), 0);
	assert_int_equal(f->tick.held_back_retired, 7);
}

static void held_back_counts_lives_that_wait(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, false, 2, 2), life("a", 1, true, 0, 5) };

	TICK(f, b, "\"a\":2/2", "");
	assert_int_equal(f->tick.held_back, 5);
}

static void prefix_leaves_out_broadcasts_only(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = {
		life(".stats", 0, true, 1, 0),	  life(".stats/node/n1", 0, false, 1, 9),
		life(".statsx", 0, true, 1, 0),	  life("a/.stats", 0, true, 1, 0),
		life(".stats/b", 0, false, 1, 0), life(".stat", 0, true, 1, 0),
	};
	struct collect_session s[] = { session(".stats/x", MOQSTAT_EXTERNAL, 0, true, 1, 0) };

	/* Those that nothing holds go, or the backend would keep them for ever. */
	TICK(f, b, "\".stat\":1/0 \".statsx\":1/0 \"a/.stats\":1/0", "1 4");
	assert_int_equal(f->tick.held_back, 0);
	assert_int_equal(update_sessions(f, s, LEN(s)), 0);
	assert_rows(f, SESSIONS_EXT, "\".stats/x\":1/0");
}

static void empty_prefix_leaves_out_all_broadcasts(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 1, 0), life("", 0, false, 1, 0) };

	snapshot_destroy(f->snapshot);
	assert_int_equal(snapshot_create("//", &f->snapshot), 0);
	TICK(f, b, "", "1");
}

/* As bytes, not as a locale, not as signed characters and not as UTF-16 would have it. */
static void rows_are_sorted_by_bytes(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = {
		life("\xf0\x9f\x98\x80", 0, true, 1, 0), /* emoji */
		life("a/b", 0, true, 1, 0),
		life("\xef\xbf\xbd", 0, true, 1, 0), /* U+FFFD */
		life("b", 0, true, 1, 0),
		life("", 0, true, 1, 0),
		life("a-b", 0, true, 1, 0),
		life("\xc3\xa4", 0, true, 1, 0),
		life("a", 0, true, 1, 0),
		life("Z", 0, true, 1, 0),
		life("\x7f", 0, true, 1, 0),
		life("a10", 0, true, 1, 0),
		life("a9", 0, true, 1, 0),
	};

	TICK(f, b,
	     "\"\":1/0 \"Z\":1/0 \"a\":1/0 \"a-b\":1/0 \"a/b\":1/0 \"a10\":1/0 \"a9\":1/0 "
	     "\"b\":1/0 \"\x7f\":1/0 \"\xc3\xa4\":1/0 \"\xef\xbf\xbd\":1/0 "
	     "\"\xf0\x9f\x98\x80\":1/0",
	     "");
}

/* __overflow__ of the agent's own, and a broadcast that somebody called so. */
static void one_incarnation_listed_twice_adds_up(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("o", 0, false, 3, 1), life("n", 0, true, 1, 0),
					 life("o", 0, true, 7, 5) };

	TICK(f, b, "\"n\":1/0 \"o\":10/6", "");
	b[2] = life("o", 0, false, 7, 7);
	TICK(f, b, "\"n\":1/0 \"o\":10/8", "");
	assert_int_equal(update(f, b, LEN(b)), 0);
	assert_rows(f, PUB_EXT, "\"n\":1/0");
	assert_int_equal(f->tick.retire_len[TRACK_BROADCASTS], 2);
}

static void sessions_follow_the_same_rules(void **state)
{
	struct fixture *f = *state;
	struct collect_session s[] = {
		session("r", MOQSTAT_INTERNAL, 0, true, 3, 1),
		session("r", MOQSTAT_EXTERNAL, 1, true, 2, 1),
		session("", MOQSTAT_EXTERNAL, 0, true, 1, 5),
		session("r", MOQSTAT_EXTERNAL, 0, false, 7, 7),
		session("q", MOQSTAT_INTERNAL, 0, false, 0, 0),
	};

	assert_int_equal(update_sessions(f, s, LEN(s)), 0);
	assert_rows(f, SESSIONS_EXT, "\"\":1/1 \"r\":7/7");
	assert_rows(f, SESSIONS_INT, "\"r\":3/1");
	assert_retired(f, TRACK_SESSIONS, "4");
	assert_int_equal(f->tick.held_back, 4);
	assert_int_equal(update_sessions(f, s, LEN(s)), 0);
	assert_rows(f, SESSIONS_EXT, "\"r\":2/1");
	assert_rows(f, SESSIONS_INT, "\"r\":3/1");
	assert_retired(f, TRACK_SESSIONS, "3 4");
}

static void rollback_shows_the_tick_again(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast live[] = { life("a", 0, true, 1, 0) };
	struct collect_broadcast ended[] = { life("a", 0, false, 1, 3), life("b", 0, false, 1, 1) };

	snapshot_rollback(f->snapshot); /* of nothing */
	TICK(f, live, "\"a\":1/0", "");
	TICK(f, ended, "\"a\":1/1 \"b\":1/1", "");
	snapshot_rollback(f->snapshot);
	snapshot_rollback(f->snapshot); /* once only */
	TICK(f, ended, "\"a\":1/1 \"b\":1/1", "");
	TICK(f, ended, "", "0 1");
	assert_int_equal(f->tick.held_back_retired, 2);
	snapshot_rollback(f->snapshot);
	TICK(f, ended, "", "0 1");
	assert_int_equal(f->tick.held_back_retired, 2);
}

static void bad_batch_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct collect_broadcast b[] = { life("a", 0, true, 1, 1) };
	struct collect_broadcast not_text[] = { life("a", 0, true, 2, 2),
						life("\xff", 0, true, 1, 0) };
	struct collect_session s[] = { session("r", MOQSTAT_TIER_MAX, 0, true, 1, 0) };

	TICK(f, b, "\"a\":1/1", "");
	assert_int_equal(update(f, not_text, LEN(not_text)), -EILSEQ);
	assert_rows(f, PUB_EXT, "\"a\":1/1"); /* told by the tick before, and still valid */
	assert_int_equal(update_sessions(f, s, LEN(s)), -EINVAL);
	TICK(f, b, "", "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(final_counts_go_out_before_the_next_life),
		TEST(next_life_shows_at_once_where_nothing_is_owed),
		TEST(several_lives_within_a_tick_are_shown_in_turn),
		TEST(waiting_lives_are_told),
		TEST(next_life_begins_from_never_shown),
		TEST(numbers_may_begin_again),
		TEST(held_but_idle_stays),
		TEST(live_is_shown_every_tick),
		TEST(rows_that_stay),
		TEST(not_held_is_not_live),
		TEST(not_held_shows_only_what_is_new),
		TEST(never_used_is_retired_at_once),
		TEST(missing_from_the_batch_is_forgotten),
		TEST(slots_are_shown_each_for_itself),
		TEST(every_pair_makes_a_row_live),
		TEST(closes_without_opens_are_held_back),
		TEST(held_back_counts_lives_that_wait),
		TEST(prefix_leaves_out_broadcasts_only),
		TEST(empty_prefix_leaves_out_all_broadcasts),
		TEST(rows_are_sorted_by_bytes),
		TEST(one_incarnation_listed_twice_adds_up),
		TEST(sessions_follow_the_same_rules),
		TEST(rollback_shows_the_tick_again),
		TEST(bad_batch_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
