/* SPDX-License-Identifier: MIT */
/*
 * test_compare.c - what two witnesses say of one relay: equal, different, or not to be compared.
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

#include "alloc_fail.h"
#include "compare.h"

enum {
	PUBLISHER = 0,
	SUBSCRIBER = 1,
	SESSIONS = 4
};

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define ROW(announced, closed, frames)                                   \
	"{\"announced\":" #announced ",\"announced_closed\":" #closed    \
	",\"broadcasts\":0,\"broadcasts_closed\":0,\"subscriptions\":0," \
	"\"subscriptions_closed\":0,\"bytes\":0,\"frames\":" #frames ",\"groups\":0}"
#define FRAME(rows) "{" rows "}"

static struct compare_text text(const char *json)
{
	return (struct compare_text){ json, strlen(json) };
}

/* The only difference there is. */
static void differs(const struct compare *c, const char *key, const char *field, uint64_t low,
		    uint64_t high, uint64_t other)
{
	assert_int_equal(compare_found(c), 1);
	assert_string_equal(c->list[0].key, key);
	if (!field) {
		assert_null(c->list[0].field);
		return;
	}
	assert_string_equal(c->list[0].field, field);
	assert_int_equal(c->list[0].low, low);
	assert_int_equal(c->list[0].high, high);
	assert_int_equal(c->list[0].other, other);
}

static void still_frames_are_equal_or_named(void **state)
{
	static const char a[] = FRAME("\"d/x\":" ROW(2, 1, 23) ",\"d/y\":" ROW(3, 3, 7));
	static const char b[] = FRAME("\"d/x\":" ROW(2, 1, 24) ",\"d/y\":" ROW(3, 3, 7));
	static const char c_[] = FRAME("\"d/y\":" ROW(3, 3, 7));
	static const char spaced[] = FRAME("\"d/\\u0079\":" ROW(3, 3, 7));
	struct compare c = { 0 };

	(void)state;
	assert_int_equal(compare_still(&c, PUBLISHER, text(a), text(a)), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_STILL].times, 1);
	assert_int_equal(c.of[COMPARE_STILL].numbers, 18);
	/* Empty frames are equal, but prove nothing. */
	assert_int_equal(compare_still(&c, PUBLISHER, text("{}"), text("{}")), 0);
	assert_int_equal(c.of[COMPARE_STILL].numbers, 18);
	assert_int_equal(compare_still(&c, PUBLISHER, text(a), text(b)), 0);
	differs(&c, "\"d/x\"", "frames", 23, 23, 24);
	/* The same again is no other difference. */
	assert_int_equal(compare_still(&c, PUBLISHER, text(a), text(b)), 0);
	assert_int_equal(compare_found(&c), 1);
	assert_int_equal(c.list[0].times, 2);
	compare_deinit(&c);
	assert_int_equal(compare_still(&c, PUBLISHER, text(a), text(c_)), 0);
	differs(&c, "\"d/x\"", NULL, 0, 0, 0);
	assert_int_equal(c.list[0].only, COMPARE_ONLY_OURS);
	compare_deinit(&c);
	assert_int_equal(compare_still(&c, PUBLISHER, text(c_), text(a)), 0);
	assert_int_equal(c.list[0].only, COMPARE_ONLY_THEIRS);
	compare_deinit(&c);
	/* One number under another spelling. */
	assert_int_equal(compare_still(&c, PUBLISHER, text(c_), text(spaced)), 0);
	assert_int_equal(compare_found(&c), 1);
	assert_null(c.list[0].key);
	compare_deinit(&c);
	assert_int_equal(compare_still(&c, PUBLISHER, text(a), text("<html>")), -EBADMSG);
	assert_int_equal(compare_found(&c), 0);
	compare_deinit(&c);
}

/* What a relay gave up on is in its frames, and zeros in ours: no difference, but of all else. */
static void what_is_not_counted_may_be_anything(void **state)
{
	static const char ours[] = "{\"a\":{\"frames\":7,\"stale\":{\"bytes\":0,\"frames\":0}},"
				   "\"b\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}";
	static const char theirs[] = "{\"a\":{\"frames\":7,\"stale\":{\"bytes\":6,\"frames\":2}},"
				     "\"b\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}";
	static const char *const others[] = {
		"{\"a\":{\"frames\":7,\"x\":1,\"stale\":{\"bytes\":6,\"frames\":2}},"
		"\"b\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}",
		"{\"a\":{\"frames\":7,\"stale\":{\"bytes\":6,\"frames\":2}},"
		"\"\\u0062\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}",
		"{\"a\":{\"frames\":8,\"stale\":{\"bytes\":6,\"frames\":2}},"
		"\"b\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}",
		"{\"a\":{\"frames\":7,\"stale\":{\"bytes\":6,\"frames\":2}}}",
		"{\"a\":{\"x\":1,\"frames\":7},"
		"\"b\":{\"frames\":1,\"stale\":{\"bytes\":0,\"frames\":0}}}",
	};
	struct compare c = { .uncounted = "stale" };
	size_t i;

	(void)state;
	assert_int_equal(compare_still(&c, PUBLISHER, text(ours), text(theirs)), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_STILL].times, 1);
	assert_int_equal(c.of[COMPARE_STILL].numbers, 2);
	for (i = 0; i < LEN(others); i++) {
		assert_int_equal(compare_still(&c, PUBLISHER, text(ours), text(others[i])), 0);
		assert_int_equal(compare_found(&c), 1);
		compare_deinit(&c);
		c.uncounted = "stale";
	}
	c.uncounted = NULL;
	assert_int_equal(compare_still(&c, PUBLISHER, text(ours), text(theirs)), 0);
	assert_string_equal(c.list[0].field, "bytes of the frame");
	compare_deinit(&c);
}

static void a_field_that_one_lacks(void **state)
{
	struct compare c = { 0 };

	(void)state;
	assert_int_equal(compare_still(&c, SESSIONS,
				       text("{\"\":{\"sessions\":3,\"sessions_closed\":0}}"),
				       text("{\"\":{\"sessions\":3}}")),
			 0);
	differs(&c, "\"\"", "sessions_closed", 0, 0, 0);
	compare_deinit(&c);
}

static int between(struct compare *c, const char *one, const char *two, const char *three,
		   const char *theirs)
{
	const struct compare_text ours[] = { text(one), text(two), text(three) };

	return compare_between(c, PUBLISHER, ours, 3, text(theirs));
}

static void between_two_of_ours(void **state)
{
	static const char one[] = FRAME("\"a\":" ROW(1, 0, 10)),
			  two[] = FRAME("\"a\":" ROW(1, 0, 20)),
			  three[] = FRAME("\"a\":" ROW(1, 0, 30)),
			  low[] = FRAME("\"a\":" ROW(1, 0, 9)),
			  high[] = FRAME("\"a\":" ROW(1, 0, 31)),
			  shut[] = FRAME("\"a\":" ROW(1, 1, 30)),
			  other[] = FRAME("\"a\":" ROW(1, 0, 20) ",\"b\":" ROW(1, 0, 0));
	struct compare c = { 0 };

	(void)state;
	assert_int_equal(between(&c, one, two, three, two), 0);
	assert_int_equal(between(&c, one, two, three, one), 0);
	assert_int_equal(between(&c, one, two, three, three), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_BETWEEN].numbers, 27);
	assert_int_equal(c.of[COMPARE_BETWEEN].exactly, 24);
	assert_int_equal(between(&c, one, two, three, low), 0);
	differs(&c, "\"a\"", "frames", 10, 30, 9);
	compare_deinit(&c);
	assert_int_equal(between(&c, one, two, three, high), 0);
	differs(&c, "\"a\"", "frames", 10, 30, 31);
	compare_deinit(&c);
	/* It was open all the time, so they must show it. */
	assert_int_equal(between(&c, one, two, three, "{}"), 0);
	differs(&c, "\"a\"", NULL, 0, 0, 0);
	compare_deinit(&c);
	/* And what is open by theirs we must have shown. */
	assert_int_equal(between(&c, one, two, three, other), 0);
	differs(&c, "\"b\"", NULL, 0, 0, 0);
	assert_int_equal(c.list[0].only, COMPARE_ONLY_THEIRS);
	compare_deinit(&c);
	/* Another life may have begun: no telling. */
	assert_int_equal(between(&c, one, shut, three, low), 0);
	assert_int_equal(between(&c, three, two, one, high), 0);
	assert_int_equal(between(&c, one, "{}", three, high), 0);
	assert_int_equal(between(&c, "{}", "{}", "{}", shut), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_BETWEEN].unstable, 4);
	assert_int_equal(c.of[COMPARE_BETWEEN].numbers, 0);
	assert_int_equal(between(&c, one, two, "{", two), -EBADMSG);
	compare_deinit(&c);
}

static void events_are_counted(void **state)
{
	struct compare c = { 0 };

	(void)state;
	assert_int_equal(compare_events(&c, PUBLISHER, text("{}"), text("{}")), 0);
	assert_int_equal(compare_events(&c, PUBLISHER, text(FRAME("\"a\":" ROW(5, 2, 0))),
					text(FRAME("\"a\":" ROW(6, 3, 9)))),
			 0);
	assert_int_equal(c.events, 2);
	/* A row that comes, or begins anew: what is open has been opened. */
	assert_int_equal(
		compare_events(&c, PUBLISHER, text("{}"), text(FRAME("\"a\":" ROW(6, 3, 9)))), 0);
	assert_int_equal(c.events, 5);
	assert_int_equal(compare_events(&c, PUBLISHER, text(FRAME("\"a\":" ROW(6, 6, 9))),
					text(FRAME("\"a\":" ROW(1, 0, 0)))),
			 0);
	assert_int_equal(c.events, 6);
	compare_deinit(&c);
}

/* ---- with a census -----------------------------------------------------------------------------
 */

static struct census_item item(enum census_kind kind, const char *path, enum moqstat_role role,
			       enum moqstat_tier tier)
{
	return (struct census_item){ .kind = kind,
				     .role = kind == CENSUS_SESSION ? MOQSTAT_ROLE_MAX : role,
				     .tier = tier,
				     .path = (char *)path,
				     .len = strlen(path) };
}

static int with_censuses(struct compare *c, const struct census *census, const char *before,
			 const char *after)
{
	struct compare_text a[TRACKS_OF_TWO], b[TRACKS_OF_TWO];
	struct compare_opens opens;
	unsigned int i;
	int err = compare_opens_init(census, ".stats", &opens);

	if (err)
		return err;
	for (i = 0; i < TRACKS_OF_TWO; i++)
		a[i] = b[i] = text("{}");
	a[PUBLISHER] = text(before);
	b[PUBLISHER] = text(after);
	err = compare_census(c, &opens, a, b);
	compare_opens_deinit(&opens);
	return err;
}

/* Twice the same. */
static int with_census(struct compare *c, const struct census *census, const char *before,
		       const char *after)
{
	const struct census both[] = { *census, *census };

	return with_censuses(c, both, before, after);
}

static void a_census_is_summed_up(void **state)
{
	char longer[MOQSTAT_PATH_MAX + 2];
	struct census_item items[] = {
		item(CENSUS_TRACK, "d/\"x", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
		item(CENSUS_ANNOUNCE, "d/\"x", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
		item(CENSUS_TRACK, "d/\"x", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
		item(CENSUS_TRACK, "d/\"x", MOQSTAT_PUBLISHER, MOQSTAT_INTERNAL),
		item(CENSUS_TRACK, ".stats/node/n", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
		item(CENSUS_TRACK, ".statsx", MOQSTAT_SUBSCRIBER, MOQSTAT_EXTERNAL),
		item(CENSUS_SESSION, ".stats", MOQSTAT_PUBLISHER, MOQSTAT_INTERNAL),
		item(CENSUS_TRACK, "", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
	};
	struct census census[] = { { .items = items, .len = 8, .untold = { 0, 1, 0, 0 } },
				   { .items = items, .len = 1 } };
	struct compare_opens o;

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	items[7].path = longer;
	items[7].len = strlen(longer);
	assert_int_equal(compare_opens_init(census, ".stats", &o), 0);
	assert_int_equal(o.len, 5);
	assert_int_equal(o.list[0].track, 0);
	assert_string_equal(o.list[0].key, "\"__overflow__\"");
	assert_string_equal(o.list[1].key, "\"d/\\\"x\"");
	assert_int_equal(o.list[1].n[0][CENSUS_TRACK], 2);
	assert_int_equal(o.list[1].n[1][CENSUS_TRACK], 1);
	assert_int_equal(o.list[1].n[0][CENSUS_ANNOUNCE], 1);
	assert_int_equal(o.list[2].track, 1);
	assert_string_equal(o.list[2].key, "\".statsx\"");
	assert_int_equal(o.list[3].track, 2);
	assert_int_equal(o.list[4].track, 5);
	assert_int_equal(o.list[4].n[0][CENSUS_SESSION], 1);
	assert_true(o.partly[CENSUS_TRACK]);
	assert_false(o.partly[CENSUS_ANNOUNCE]);
	compare_opens_deinit(&o);
}

static void a_census_between_two_ticks(void **state)
{
	static const char two[] = FRAME("\"a\":" ROW(3, 1, 0)),
			  three[] = FRAME("\"a\":" ROW(5, 2, 0)),
			  ended[] = FRAME("\"a\":" ROW(5, 5, 0));
	struct census_item items[8];
	struct census census = { .items = items };
	struct compare c = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		items[i] = item(CENSUS_ANNOUNCE, "a", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL);
	census.len = 2;
	assert_int_equal(with_census(&c, &census, two, two), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_CENSUS].numbers, 1);
	assert_int_equal(c.of[COMPARE_CENSUS].exactly, 1);
	/* 3 - 2 to 5 - 1 may be open. */
	for (census.len = 1; census.len <= 4; census.len++)
		assert_int_equal(with_census(&c, &census, two, three), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(with_census(&c, &census, two, three), 0);
	differs(&c, "\"a\"", "announced - announced_closed", 1, 4, 5);
	compare_deinit(&c);
	census.len = 0;
	assert_int_equal(with_census(&c, &census, two, three), 0);
	differs(&c, "\"a\"", "announced - announced_closed", 1, 4, 0);
	compare_deinit(&c);
	/* Unless it can't be told whose some are. */
	census.untold[CENSUS_ANNOUNCE] = 1;
	assert_int_equal(with_census(&c, &census, two, two), 0);
	assert_int_equal(compare_found(&c), 0);
	census.len = 3;
	assert_int_equal(with_census(&c, &census, two, two), 0);
	assert_int_equal(compare_found(&c), 1);
	compare_deinit(&c);
	census.untold[CENSUS_ANNOUNCE] = 0;
	/* Nothing was shown, before or after: so nothing was open. */
	assert_int_equal(with_census(&c, &census, "{}", "{}"), 0);
	differs(&c, "\"a\"", "announced - announced_closed", 0, 0, 3);
	compare_deinit(&c);
	assert_int_equal(with_census(&c, &census, ended, "{}"), 0);
	assert_int_equal(compare_found(&c), 1);
	compare_deinit(&c);
	/* It began meanwhile: as many as are shown, or fewer. */
	assert_int_equal(with_census(&c, &census, "{}", three), 0);
	assert_int_equal(with_census(&c, &census, ended, three), 0);
	assert_int_equal(compare_found(&c), 0);
	census.len = 6;
	assert_int_equal(with_census(&c, &census, "{}", three), 0);
	assert_int_equal(compare_found(&c), 1);
	compare_deinit(&c);
	/* It ended, and another life may have begun. */
	assert_int_equal(with_census(&c, &census, three, ended), 0);
	assert_int_equal(with_census(&c, &census, three, "{}"), 0);
	assert_int_equal(with_census(&c, &census, three, two), 0);
	assert_int_equal(compare_found(&c), 0);
	assert_int_equal(c.of[COMPARE_CENSUS].unstable, 9);
	compare_deinit(&c);
}

/* What only one of two censuses tells is no difference: it was on its way. */
static void two_censuses_differ_together(void **state)
{
	static const char two[] = FRAME("\"a\":" ROW(3, 1, 0));
	struct census_item items[4];
	struct census both[] = { { .items = items }, { .items = items } };
	static const struct {
		size_t one, other, found, told;
	} cases[] = { { 2, 2, 0, 0 }, { 1, 2, 0, 0 }, { 2, 3, 0, 0 }, { 1, 3, 0, 0 },
		      { 1, 0, 1, 1 }, { 3, 4, 1, 3 }, { 4, 3, 1, 3 } };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		items[i] = item(CENSUS_ANNOUNCE, "a", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct compare c = { 0 };

		both[0].len = cases[i].one;
		both[1].len = cases[i].other;
		assert_int_equal(with_censuses(&c, both, two, two), 0);
		assert_int_equal(compare_found(&c), cases[i].found);
		assert_int_equal(c.of[COMPARE_CENSUS].exactly, cases[i].one == cases[i].other);
		if (cases[i].found)
			assert_int_equal(c.list[0].other, cases[i].told);
		compare_deinit(&c);
	}
}

static void the_list_is_bounded(void **state)
{
	char frame[400], path[8];
	struct compare c = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < COMPARE_LIST_MAX + 7; i++) {
		snprintf(path, sizeof(path), "p%u", i);
		snprintf(frame, sizeof(frame), "{\"%s\":{\"announced\":1}}", path);
		assert_int_equal(compare_still(&c, SUBSCRIBER, text(frame), text("{}")), 0);
	}
	assert_int_equal(c.len, COMPARE_LIST_MAX);
	assert_int_equal(c.more, 7);
	assert_int_equal(compare_found(&c), COMPARE_LIST_MAX + 7);
	compare_deinit(&c);
}

static void short_of_memory(void **state)
{
	struct census_item items[] = {
		item(CENSUS_ANNOUNCE, "a", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
		item(CENSUS_ANNOUNCE, "b", MOQSTAT_PUBLISHER, MOQSTAT_EXTERNAL),
	};
	struct census census = { .items = items, .len = 2 };
	static const char one[] = FRAME("\"a\":" ROW(1, 0, 1));
	size_t n;
	int err;

	(void)state;
	assert_true(alloc_fail_works());
	for (n = 1;; n++) {
		struct compare c = { 0 };
		bool reached;

		alloc_fail_arm(n);
		err = between(&c, one, one, one, "{}");
		if (!err)
			err = with_census(&c, &census, one, one);
		if (!err)
			err = compare_still(&c, PUBLISHER, text(one), text("{}"));
		if (!err)
			err = compare_events(&c, PUBLISHER, text(one), text(one));
		reached = alloc_fail_disarm();
		assert_int_equal(err, reached ? -ENOMEM : 0);
		compare_deinit(&c);
		if (!reached)
			break;
	}
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(still_frames_are_equal_or_named),
		cmocka_unit_test(what_is_not_counted_may_be_anything),
		cmocka_unit_test(a_field_that_one_lacks),
		cmocka_unit_test(between_two_of_ours),
		cmocka_unit_test(events_are_counted),
		cmocka_unit_test(a_census_is_summed_up),
		cmocka_unit_test(a_census_between_two_ticks),
		cmocka_unit_test(two_censuses_differ_together),
		cmocka_unit_test(the_list_is_bounded),
		cmocka_unit_test(short_of_memory),
	};

	return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
