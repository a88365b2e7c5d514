/* SPDX-License-Identifier: MIT */
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
#include "ledger.h"

/* Two tracks of two fields are enough to see. */
enum {
	OPEN,
	CLOSED
};
static const char *const fields[] = { "open", "closed" };

static struct ledger *make(struct ledger_places *places)
{
	struct ledger *l;

	assert_int_equal(ledger_create(2, fields, 2, places, &l), 0);
	return l;
}

static int take(struct ledger *l, size_t track, const char *frame)
{
	size_t len = strlen(frame);
	char *exact = malloc(len); /* so that a sanitizer sees the end */
	int err;

	memcpy(exact, frame, len);
	err = ledger_frame(l, track, exact, len);
	free(exact);
	return err;
}

/* A tick of frames; NULL is none of that track. */
static void tick(struct ledger *l, const char *first, const char *second)
{
	if (first)
		assert_int_equal(take(l, 0, first), 0);
	if (second)
		assert_int_equal(take(l, 1, second), 0);
	ledger_settle(l);
}

/* All rows as text: name, the tracks that it was on with its counts, '+' what is there now. */
static void expect_rows(struct ledger *l, const char *expected)
{
	const struct ledger_row *rows;
	char text[1024] = "";
	size_t len, i, track, at = 0;

	assert_int_equal(ledger_list(l, &rows, &len), 0);
	for (i = 0; i < len; i++) {
		at += snprintf(text + at, sizeof(text) - at, "%s%.*s", at ? " " : "",
			       (int)rows[i].label_len, rows[i].label);
		for (track = 0; track < 2; track++) {
			const uint64_t *counts = rows[i].counts + track * LEDGER_FIELDS;
			const uint64_t *now = rows[i].now + track * LEDGER_FIELDS;

			if (!(rows[i].tracks & 1U << track))
				continue;
			at += snprintf(text + at, sizeof(text) - at, "[%zu:%d/%d", track,
				       (int)counts[OPEN], (int)counts[CLOSED]);
			if (counts != now && memcmp(counts, now, sizeof(*now) * 2))
				at += snprintf(text + at, sizeof(text) - at, "+%d/%d",
					       (int)now[OPEN], (int)now[CLOSED]);
			at += snprintf(text + at, sizeof(text) - at, "]");
		}
	}
	assert_string_equal(text, expected);
}

static void expect_total(const struct ledger *l, size_t track, uint64_t open, uint64_t closed)
{
	const uint64_t *total = ledger_total(l, track);

	assert_non_null(total);
	assert_int_equal(total[OPEN], open);
	assert_int_equal(total[CLOSED], closed);
}

#define ROW(name, open, closed) "\"" name "\":{\"open\":" #open ",\"closed\":" #closed "}"

/* registry_starts_empty */
static void it_starts_empty(void **state)
{
	struct ledger_places places = { .max = 3 };
	struct ledger *l = make(&places);

	(void)state;
	expect_rows(l, "");
	assert_null(ledger_total(l, 0));
	assert_int_equal(ledger_own(l), 0);
	tick(l, "{}", NULL);
	expect_rows(l, "");
	expect_total(l, 0, 0, 0);
	assert_null(ledger_total(l, 1));
	ledger_destroy(l);
	ledger_destroy(NULL);
}

/* for_channel_is_idempotent, distinct_channels_get_distinct_counters,
 * counters_increment_in_isolation, snapshot_sorts_by_channel_name */
static void each_name_has_counts_of_its_own(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("b", 2, 1) "," ROW("d", 5, 0) "}", "{" ROW("a", 1, 0) "}");
	expect_rows(l, "a[1:1/0] b[0:2/1] d[0:5/0]");
	tick(l, "{" ROW("a", 7, 0) "," ROW("b", 3, 1) "," ROW("d", 5, 0) "}", NULL);
	expect_rows(l, "a[0:7/0][1:1/0] b[0:3/1] d[0:5/0]");
	expect_total(l, 0, 15, 1);
	expect_total(l, 1, 1, 0);
	assert_int_equal(places.used, 3);
	assert_int_equal(ledger_own(l), 3);
	assert_int_equal(ledger_fields(l), 3);
	assert_int_equal(ledger_now(l, 0)[OPEN], 15);
	ledger_destroy(l);
	assert_int_equal(places.used, 0);
}

static void a_row_that_goes_stays_in_the_total(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("a", 2, 2) "}", NULL);
	tick(l, "{}", NULL);
	expect_rows(l, "");
	expect_total(l, 0, 2, 2);
	assert_int_equal(places.used, 0);
	/* Another life. */
	tick(l, "{" ROW("a", 1, 0) "}", NULL);
	expect_rows(l, "a[0:1/0]");
	expect_total(l, 0, 3, 2);
	/* And another without a gap between them. */
	tick(l, "{" ROW("a", 1, 1) "}", NULL);
	tick(l, "{" ROW("a", 2, 0) "}", NULL);
	expect_rows(l, "a[0:2/0]");
	expect_total(l, 0, 5, 3);
	ledger_destroy(l);
}

/* A row is gone while nothing happens to it, too: its counts are held. */
static void a_life_that_was_idle_goes_on(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("a", 4, 4) "}", "{" ROW("a", 1, 0) "}");
	tick(l, "{}", NULL);
	/* It is still known from the other track. */
	expect_rows(l, "a[0:4/4][1:1/0]");
	tick(l, "{" ROW("a", 5, 4) "}", NULL);
	expect_total(l, 0, 5, 4);
	tick(l, "{" ROW("a", 5, 5) "}", "{" ROW("a", 1, 1) "}");
	tick(l, "{}", "{}");
	expect_rows(l, "");
	/* Gone on all tracks, and back on one with more than it had: what the other track had isn't
	 * told again before it is there. */
	tick(l, "{" ROW("a", 6, 5) "}", NULL);
	expect_rows(l, "a[0:6/5]");
	expect_total(l, 0, 6, 5);
	tick(l, NULL, "{" ROW("a", 3, 1) "}");
	expect_rows(l, "a[0:6/5][1:3/1]");
	expect_total(l, 1, 3, 1);
	ledger_destroy(l);
}

/* In the same life a row is back only with something new. */
static void what_is_back_unchanged_is_another_life(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);
	int i;

	(void)state;
	for (i = 1; i <= 5; i++) {
		tick(l, "{" ROW("a", 1, 1) "}", NULL);
		tick(l, "{}", NULL);
		expect_total(l, 0, i, i);
	}
	ledger_destroy(l);
}

/* What is seen of a new life on one track ends what is told of the old one on the others. */
static void a_new_life_hides_what_the_old_one_left(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("a", 3, 2) "}", "{" ROW("a", 5, 5) "}");
	tick(l, "{" ROW("a", 3, 3) "}", "{}");
	tick(l, "{" ROW("a", 1, 0) "}", NULL);
	expect_rows(l, "a[0:1/0]");
	tick(l, NULL, "{" ROW("a", 1, 0) "}");
	expect_rows(l, "a[0:1/0][1:1/0]");
	expect_total(l, 0, 4, 3);
	expect_total(l, 1, 6, 5);
	ledger_destroy(l);
}

/* overflow_folds_past_cap, previously_seen_channel_skips_overflow_after_cap */
static void newcomers_past_the_cap_share_a_place(void **state)
{
	struct ledger_places places = { .max = 2 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("m", 1, 0) "," ROW("n", 1, 0) "}", NULL);
	expect_rows(l, "m[0:1/0] n[0:1/0]"); /* no overflow before it is needed */
	tick(l, "{" ROW("a", 10, 0) "," ROW("b", 20, 1) "," ROW("m", 2, 0) "," ROW("n", 1, 0) "}",
	     NULL);
	expect_rows(l, "__overflow__[0:30/1] m[0:2/0] n[0:1/0]");
	assert_int_equal(ledger_own(l), 2);
	assert_int_equal(ledger_overflown(l), 2);
	/* One that shared goes: what it counted stays, and what is open is known. */
	tick(l, "{" ROW("a", 11, 0) "," ROW("m", 2, 0) "," ROW("n", 1, 0) "}", NULL);
	expect_rows(l, "__overflow__[0:31/1+11/0] m[0:2/0] n[0:1/0]");
	expect_total(l, 0, 34, 1);
	/* A place is free: those in the overflow stay there, a newcomer gets it. */
	tick(l, "{" ROW("a", 11, 0) "," ROW("m", 2, 0) "}", NULL);
	tick(l, "{" ROW("a", 12, 0) "," ROW("m", 2, 0) "," ROW("z", 1, 0) "}", NULL);
	expect_rows(l, "__overflow__[0:32/1+12/0] m[0:2/0] z[0:1/0]");
	assert_int_equal(places.used, 2);
	ledger_destroy(l);
	assert_int_equal(places.used, 0);
}

/* A row that goes from one track to another within a tick has its place all the while. */
static void a_place_is_kept_over_a_tick(void **state)
{
	struct ledger_places places = { .max = 1 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("k", 1, 1) "}", NULL);
	tick(l, "{" ROW("a", 1, 0) "}", "{" ROW("k", 1, 0) "}");
	expect_rows(l, "__overflow__[0:1/0] k[0:1/1][1:1/0]");
	ledger_destroy(l);
}

/* The agent has an overflow of its own, and a row for what can't be named. */
static void the_agents_own_rows_take_no_place(void **state)
{
	struct ledger_places places = { .max = 1 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l,
	     "{" ROW("__overflow__", 5, 0) "," ROW("__unattributed__", 3,
						   1) "," ROW("a", 1, 0) "," ROW("b", 7, 0) "}",
	     NULL);
	expect_rows(l, "__overflow__[0:12/0] __unattributed__[0:3/1] a[0:1/0]");
	assert_int_equal(places.used, 1);
	tick(l, "{" ROW("__overflow__", 6, 2) "," ROW("a", 1, 0) "," ROW("b", 7, 0) "}", NULL);
	expect_rows(l, "__overflow__[0:13/2] a[0:1/0]");
	/* It begins anew. */
	tick(l, "{" ROW("__overflow__", 1, 0) "," ROW("a", 1, 0) "," ROW("b", 7, 0) "}", NULL);
	expect_rows(l, "__overflow__[0:14/2+8/0] a[0:1/0]");
	expect_total(l, 0, 18, 3);
	ledger_destroy(l);
}

static void places_are_shared_by_ledgers(void **state)
{
	struct ledger_places places = { .max = 1 };
	struct ledger *one = make(&places), *other = make(&places);

	(void)state;
	tick(one, "{" ROW("a", 1, 0) "}", NULL);
	tick(other, "{" ROW("a", 1, 0) "}", NULL);
	expect_rows(one, "a[0:1/0]");
	expect_rows(other, "__overflow__[0:1/0]");
	ledger_destroy(one);
	tick(other, "{" ROW("a", 1, 0) "," ROW("b", 1, 0) "}", NULL);
	expect_rows(other, "__overflow__[0:1/0] b[0:1/0]");
	ledger_destroy(other);
}

static void an_end_ends_all_but_the_sums(void **state)
{
	struct ledger_places places = { .max = 1 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("a", 3, 0) "," ROW("b", 2, 1) "}", NULL);
	ledger_end(l);
	expect_rows(l, "__overflow__[0:2/1+0/0]");
	expect_total(l, 0, 5, 1);
	assert_int_equal(ledger_now(l, 0)[OPEN], 0);
	assert_int_equal(places.used, 0);
	/* Another relay, by the same names; even what has more is another life. */
	tick(l, "{" ROW("a", 4, 0) "}", NULL);
	expect_rows(l, "__overflow__[0:2/1+0/0] a[0:4/0]");
	expect_total(l, 0, 9, 1);
	ledger_destroy(l);
}

/* prometheus_text_escapes_label_quotes_and_backslashes; the order is that of the bytes. */
static void labels_are_escaped(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l,
	     "{" ROW("", 1, 0) "," ROW("\\u0007", 1, 0) "," ROW("\\n", 1, 0) "," ROW(
		     "\\\"}", 1, 0) "," ROW("\\\\", 1, 0) "," ROW("\xc3\xa9", 1, 0) "}",
	     NULL);
	expect_rows(l, "[0:1/0] \x07[0:1/0] \\n[0:1/0] \\\"}[0:1/0] "
		       "\\\\[0:1/0] \xc3\xa9[0:1/0]");
	ledger_destroy(l);
}

static void what_is_no_frame_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{" ROW("a", 9, 0),
		"{" ROW("a", 9, 0) "," ROW("b", 1, x) "}",
		"{" ROW("c", 1, 0) "," ROW("\xc3", 1, 0) "}",
		"{" ROW("a", 9, 0) "}x",
		/* names that are no JSON, or not as frames write them */
		"{" ROW("c\r", 1, 0) "}",
		"{" ROW("\\q", 1, 0) "}",
		"{" ROW("\\/", 1, 0) "}",
		"{" ROW("\\u0041", 1, 0) "}",
		"{" ROW("\\u001F", 1, 0) "}",
	};
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);
	size_t i;

	(void)state;
	tick(l, "{" ROW("a", 3, 0) "," ROW("b", 2, 1) "}", NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(take(l, 0, bad[i]), -EBADMSG);
		expect_rows(l, "a[0:3/0] b[0:2/1]");
		expect_total(l, 0, 5, 1);
	}
	ledger_settle(l);
	tick(l, "{" ROW("a", 4, 0) "," ROW("b", 2, 1) "}", NULL);
	expect_total(l, 0, 6, 1);
	ledger_destroy(l);
}

/* Two lives that have more between them than a number holds. */
static void totals_stay_at_the_largest(void **state)
{
	struct ledger_places places = { .max = 0 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("a", 18446744073709551615, 3) "}", NULL);
	tick(l, "{" ROW("a", 18446744073709551614, 2) "}", NULL);
	expect_total(l, 0, UINT64_MAX, 5);
	ledger_destroy(l);
}

/* A frame with some bytes other than they were is refused, or taken as what it says. */
static void any_bytes_do_no_harm(void **state)
{
	static const char good[] = "{" ROW("a", 30, 1) "," ROW("b\\n", 2, 1) "," ROW("c", 4, 4) "}";
	struct ledger_places places = { .max = 2 };
	struct ledger *l = make(&places);
	const struct ledger_row *rows;
	unsigned int seed = 11, turn, i, taken = 0;
	char frame[sizeof(good)];
	size_t len;

	(void)state;
	for (turn = 0; turn < 20000; turn++) {
		memcpy(frame, good, sizeof(good));
		for (i = rand_r(&seed) % 4; i > 0; i--)
			frame[rand_r(&seed) % (sizeof(good) - 1)] =
				"{}[]\",:\\ux019ab\xc3"[rand_r(&seed) % 17];
		frame[rand_r(&seed) % 8 ? sizeof(good) - 1 : rand_r(&seed) % sizeof(good)] = 0;
		if (take(l, rand_r(&seed) % 2, frame) == 0)
			taken++;
		ledger_settle(l);
		assert_int_equal(ledger_list(l, &rows, &len), 0);
		assert_true(len <= 3);
	}
	assert_true(taken > 2000 && taken < 18000);
	ledger_end(l);
	assert_int_equal(places.used, 0);
	ledger_destroy(l);
}

/* Rows that are in no order, or twice, do no harm. */
static void any_order_will_do(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);

	(void)state;
	tick(l, "{" ROW("b", 2, 0) "," ROW("a", 1, 0) "," ROW("c", 3, 0) "}", NULL);
	tick(l, "{" ROW("c", 3, 0) "," ROW("a", 2, 0) "," ROW("b", 2, 0) "}", NULL);
	expect_rows(l, "a[0:2/0] b[0:2/0] c[0:3/0]");
	expect_total(l, 0, 7, 0);
	tick(l, "{" ROW("a", 2, 0) "," ROW("a", 3, 0) "," ROW("a", 3, 0) "}", NULL);
	tick(l, "{}", NULL);
	expect_rows(l, "");
	expect_total(l, 0, 8, 0);
	assert_int_equal(places.used, 0);
	ledger_destroy(l);
}

/* A flood of names that come and go. */
static void memory_is_bounded(void **state)
{
	struct ledger_places places = { .max = 9 };
	struct ledger *l = make(&places);
	char frame[64];
	int i;

	(void)state;
	for (i = 0; i < 3 * LEDGER_GONE_MAX; i++) {
		snprintf(frame, sizeof(frame), "{\"%d\":{\"open\":1,\"closed\":1}}", i);
		tick(l, frame, NULL);
	}
	expect_total(l, 0, 3 * LEDGER_GONE_MAX, 3 * LEDGER_GONE_MAX);
	/* The last of them is known, the first isn't any more. */
	tick(l, "{" ROW("12286", 2, 1) "," ROW("0", 2, 1) "}", NULL);
	expect_total(l, 0, 3 * LEDGER_GONE_MAX + 3, 3 * LEDGER_GONE_MAX + 1);
	ledger_destroy(l);
}

static void short_memory_is_told(void **state)
{
	struct ledger_places places = { .max = 1 };
	const struct ledger_row *rows;
	struct ledger *l;
	size_t n, len;
	int err;

	(void)state;
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(ledger_create(2, fields, 2, &places, &l), -ENOMEM);
	assert_true(alloc_fail_disarm());
	for (n = 1;; n++) {
		l = make(&places);
		tick(l, "{" ROW("a", 1, 0) "}", NULL);
		alloc_fail_arm(n);
		err = ledger_frame(l, 0, "{" ROW("a", 2, 0) "," ROW("b", 1, 0) "}",
				   strlen("{" ROW("a", 2, 0) "," ROW("b", 1, 0) "}"));
		if (!err)
			err = ledger_list(l, &rows, &len);
		if (!alloc_fail_disarm())
			break;
		assert_int_equal(err, -ENOMEM);
		tick(l, "{" ROW("a", 2, 0) "," ROW("b", 1, 0) "}", NULL);
		expect_total(l, 0, 3, 0);
		expect_rows(l, "__overflow__[0:1/0] a[0:2/0]");
		ledger_destroy(l);
	}
	assert_int_equal(err, 0);
	assert_true(n > 3);
	ledger_destroy(l);
}

/* ---- random lives ---- */

#define LIVES_NAMES 23
#define LIVES_TICKS 3000

/* One track's counts of one name, as the relay has them. */
struct slot {
	uint64_t counts[2], last[2]; /* last shown in this life */
	bool shown;		     /* in the last frame */
	bool ripe; /* it was shown open, so that its first close is seen apart from its opens */
};
struct life {
	bool held;
	struct slot slots[2];
};

static void live_a_tick(struct life *life, uint64_t truth[2][2], unsigned int *seed)
{
	struct slot *s;
	size_t i;
	bool over = true;

	if (rand_r(seed) % 3 == 0)
		return;
	life->held = true;
	for (i = 0; i < 2; i++) {
		uint64_t n = rand_r(seed) % 3;
		bool leave = rand_r(seed) % 3 == 0;

		s = &life->slots[i];
		if (rand_r(seed) % 2) {
			s->counts[OPEN] += n;
			truth[i][OPEN] += n;
		}
		n = s->counts[OPEN] - s->counts[CLOSED];
		if (!s->ripe || !n)
			continue;
		n = leave ? n : rand_r(seed) % n;
		s->counts[CLOSED] += n;
		truth[i][CLOSED] += n;
	}
	for (i = 0; i < 2; i++)
		over &= life->slots[i].counts[OPEN] == life->slots[i].counts[CLOSED];
	/* What is idle may be held all the same. */
	life->held = !over || rand_r(seed) % 4 == 0;
}

/* What a frame shows: snapshot.h. */
static void show(struct life *lives, size_t track, char *out, size_t size)
{
	size_t i, at = snprintf(out, size, "{");

	for (i = 0; i < LIVES_NAMES; i++) {
		struct slot *s = &lives[i].slots[track];

		s->shown = memcmp(s->counts, s->last, sizeof(s->last)) ||
			   (lives[i].held && s->counts[OPEN] != s->counts[CLOSED]);
		if (!s->shown)
			continue;
		at += snprintf(out + at, size - at, "%s\"%c\":{\"open\":%d,\"closed\":%d}",
			       at > 1 ? "," : "", (int)('a' + i), (int)s->counts[OPEN],
			       (int)s->counts[CLOSED]);
		memcpy(s->last, s->counts, sizeof(s->last));
		s->ripe = s->counts[OPEN] > 0;
	}
	snprintf(out + at, size - at, "}");
}

/* Those whose final counts are out. */
static void collect(struct life *lives)
{
	size_t i;

	for (i = 0; i < LIVES_NAMES; i++) {
		if (!lives[i].held && !lives[i].slots[0].shown && !lives[i].slots[1].shown)
			memset(&lives[i], 0, sizeof(lives[i]));
	}
}

/* Own rows tell what the relay has, and the overflow of all others. */
static void check_rows(struct ledger *l, const struct life *lives, uint64_t overflow[2][2])
{
	uint64_t now[2][2] = { { 0 } };
	const struct ledger_row *rows, *shared = NULL;
	size_t len, i, track, field;
	bool own[LIVES_NAMES] = { false };

	assert_int_equal(ledger_list(l, &rows, &len), 0);
	for (i = 0; i < len; i++) {
		if (rows[i].label_len > 1) {
			shared = &rows[i];
			continue;
		}
		own[rows[i].label[0] - 'a'] = true;
		for (track = 0; track < 2; track++) {
			const struct slot *s = &lives[rows[i].label[0] - 'a'].slots[track];

			if (rows[i].tracks & 1U << track)
				assert_memory_equal(rows[i].counts + track * LEDGER_FIELDS,
						    s->counts, sizeof(s->counts));
			else
				assert_false(s->shown);
		}
	}
	for (i = 0; i < LIVES_NAMES; i++) {
		for (track = 0; track < 2 && !own[i]; track++) {
			for (field = 0; field < 2; field++)
				now[track][field] += lives[i].slots[track].counts[field];
		}
	}
	for (track = 0; track < 2; track++) {
		const size_t at = track * LEDGER_FIELDS;

		if (!shared)
			continue;
		assert_int_equal(shared->now[at + OPEN] - shared->now[at + CLOSED],
				 now[track][OPEN] - now[track][CLOSED]);
		for (field = 0; field < 2; field++) {
			assert_true(shared->counts[at + field] >= overflow[track][field]);
			overflow[track][field] = shared->counts[at + field];
		}
	}
}

/* Over any lives, nothing that a frame has shown is lost from the totals or is in them twice. */
static void totals_are_the_sum_of_all_lives(void **state)
{
	struct ledger_places places = { .max = 7 };
	struct ledger *l = make(&places);
	struct life lives[LIVES_NAMES] = { 0 };
	uint64_t truth[2][2] = { { 0 } }, overflow[2][2] = { { 0 } };
	char frames[2][2048] = { "", "" }, frame[2048];
	unsigned int seed = 23, turn;
	size_t i, full = 0;

	(void)state;
	for (turn = 0; turn < LIVES_TICKS; turn++) {
		for (i = 0; i < LIVES_NAMES; i++)
			live_a_tick(&lives[i], truth, &seed);
		for (i = 0; i < 2; i++) {
			show(lives, i, frame, sizeof(frame));
			if (strcmp(frame, frames[i]))
				assert_int_equal(take(l, i, frame), 0);
			strcpy(frames[i], frame);
		}
		ledger_settle(l);
		for (i = 0; i < 2; i++)
			expect_total(l, i, truth[i][OPEN], truth[i][CLOSED]);
		check_rows(l, lives, overflow);
		collect(lives);
		full += places.used == places.max;
	}
	/* It did come to all that. */
	assert_true(full > LIVES_TICKS / 10 && full < LIVES_TICKS);
	assert_true(overflow[0][OPEN] > 1000 && overflow[1][OPEN] > 1000);
	ledger_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_starts_empty),
		cmocka_unit_test(each_name_has_counts_of_its_own),
		cmocka_unit_test(a_row_that_goes_stays_in_the_total),
		cmocka_unit_test(a_life_that_was_idle_goes_on),
		cmocka_unit_test(what_is_back_unchanged_is_another_life),
		cmocka_unit_test(a_new_life_hides_what_the_old_one_left),
		cmocka_unit_test(newcomers_past_the_cap_share_a_place),
		cmocka_unit_test(a_place_is_kept_over_a_tick),
		cmocka_unit_test(the_agents_own_rows_take_no_place),
		cmocka_unit_test(places_are_shared_by_ledgers),
		cmocka_unit_test(an_end_ends_all_but_the_sums),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(what_is_no_frame_changes_nothing),
		cmocka_unit_test(totals_stay_at_the_largest),
		cmocka_unit_test(any_bytes_do_no_harm),
		cmocka_unit_test(any_order_will_do),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(short_memory_is_told),
		cmocka_unit_test(totals_are_the_sum_of_all_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
