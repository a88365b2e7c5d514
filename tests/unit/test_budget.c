/* SPDX-License-Identifier: MIT */
/*
 * test_budget.c - what is shed when, and comes back when; what probes cost; and the words for it. A
 * small model of a relay spends time, by a load that goes up and down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "budget.h"
#include "lapse.h"
#include "toll.h"

#define SECOND UINT64_C(1000000000)
#define CPUS   2
#define LIMIT  0.01

/* What a load of 1 costs of the machine, by kind, if all is counted. */
static const double costs[BUDGET_KINDS] = {
	[BUDGET_FRAMES] = 0.005, [BUDGET_GROUPS] = 0.0005, [BUDGET_BYTES] = 0.004
};

struct world {
	struct budget b;
	uint64_t now;
	double rest;
	double skew;  /* frames cost so many times more than ever before */
	bool endless; /* there are no new groups */
	unsigned int sheds, returns;
};

static struct world begin(void)
{
	struct world w = { .now = 7 * SECOND, .skew = 1 };

	budget_init(LIMIT, w.now, &w.b);
	return w;
}

/* A second at this load. */
static enum budget_verdict second(struct world *w, double load)
{
	struct budget_spent spent = { .rest = (uint64_t)(w->rest * CPUS * (double)SECOND) };
	enum budget_verdict verdict;
	unsigned int kind;

	for (kind = w->b.shed; kind < BUDGET_KINDS; kind++)
		spent.kinds[kind] = (uint64_t)(load * costs[kind] * CPUS * (double)SECOND);
	if (w->endless)
		spent.kinds[BUDGET_GROUPS] = 0;
	if (w->b.shed == BUDGET_FRAMES)
		spent.kinds[BUDGET_FRAMES] =
			(uint64_t)((double)spent.kinds[BUDGET_FRAMES] * w->skew);
	w->now += SECOND;
	assert_true(budget_due(&w->b, w->now));
	verdict = budget_judge(&w->b, w->now, CPUS, &spent);
	w->sheds += verdict == BUDGET_SHEDS;
	w->returns += verdict == BUDGET_RETURNS;
	return verdict;
}

static void seconds(struct world *w, double load, unsigned int n)
{
	while (n--)
		second(w, load);
}

static void within_it_nothing_is_shed(void **state)
{
	struct world w = begin();

	(void)state;
	/* 0.0095 of 0.01. */
	seconds(&w, 1, 1000);
	assert_int_equal(w.sheds, 0);
	assert_int_equal(w.b.shed, 0);
	assert_true(w.b.share > 0.0094 && w.b.share < 0.0096);
	assert_false(w.b.exhausted);
}

static void frames_go_first_and_only_as_many_as_it_takes(void **state)
{
	struct world w = begin();

	(void)state;
	/* 0.019; without frames 0.009. */
	assert_int_equal(second(&w, 2), BUDGET_SHEDS);
	assert_int_equal(w.b.shed, 1);
	seconds(&w, 2, 1000);
	assert_int_equal(w.b.shed, 1);
	assert_int_equal(w.sheds, 1);
	/* 0.0108 without frames, 0.0096 without groups. */
	assert_int_equal(second(&w, 2.4), BUDGET_SHEDS);
	assert_int_equal(w.b.shed, 2);
	seconds(&w, 2.4, 20);
	assert_int_equal(w.b.shed, 2);
	assert_int_equal(second(&w, 3), BUDGET_SHEDS);
	assert_int_equal(w.b.shed, 3);
	assert_false(w.b.exhausted);
}

static void each_period_over_it_sheds_one(void **state)
{
	struct world w = begin();

	(void)state;
	assert_int_equal(second(&w, 100), BUDGET_SHEDS);
	assert_int_equal(second(&w, 100), BUDGET_SHEDS);
	assert_int_equal(second(&w, 100), BUDGET_SHEDS);
	assert_int_equal(second(&w, 100), BUDGET_STAYS);
	assert_int_equal(w.b.shed, BUDGET_KINDS);
}

static void they_come_back_in_the_reverse_order(void **state)
{
	struct world w = begin();
	unsigned int i, left = BUDGET_KINDS;

	(void)state;
	seconds(&w, 100, 3);
	assert_int_equal(w.b.shed, 3);
	/* Nothing tells what bytes would cost: they are tried, no earlier than after the pause. */
	seconds(&w, 0.1, BUDGET_PAUSE_NS / SECOND - 1);
	assert_int_equal(w.b.shed, 3);
	for (i = 0; i < 60; i++) {
		if (second(&w, 0.1) == BUDGET_RETURNS)
			assert_int_equal(w.b.shed, --left);
	}
	assert_int_equal(left, 0);
	assert_int_equal(w.sheds, 3);
	/* And go again, in the same order. */
	assert_int_equal(second(&w, 2), BUDGET_SHEDS);
	assert_int_equal(w.b.shed, 1);
}

/* What it would cost is foretold: at a load that is steady nothing flaps. */
static void a_steady_load_is_left_alone(void **state)
{
	double load;

	(void)state;
	for (load = 1.1; load < 2.1; load += 0.1) {
		struct world w = begin();

		seconds(&w, load, 3600 / 8);
		assert_int_equal(w.sheds, 1);
		assert_int_equal(w.returns, 0);
		/* Bytes alone tell, too. */
		w = begin();
		w.endless = true;
		seconds(&w, load + 0.1, 3600 / 8);
		assert_int_equal(w.sheds, 1);
		assert_int_equal(w.returns, 0);
	}
}

/* It comes back only where there is room, not at the edge. */
static void the_edge_is_no_room(void **state)
{
	struct world w = begin();

	(void)state;
	seconds(&w, 2, 2);
	/* All would cost 0.0076: more than three quarters. */
	seconds(&w, 0.8, 300);
	assert_int_equal(w.b.shed, 1);
	/* 0.0067 */
	seconds(&w, 0.7, 2);
	assert_int_equal(w.b.shed, 0);
}

/* Where nothing tells, trying gets rarer and rarer. */
static void trying_in_vain_gets_rarer(void **state)
{
	struct world w = begin();
	unsigned int first, later;

	(void)state;
	seconds(&w, 100, 100);
	first = w.returns;
	assert_true(first >= 3 && first <= 5);
	seconds(&w, 100, 10000);
	later = w.returns;
	seconds(&w, 100, 10000);
	/* 20,000 seconds, and pauses of 640. */
	assert_in_range(w.returns - later, 10, 17);
	/* When the load has fallen it takes one more pause, and then not so long any more. */
	seconds(&w, 0, BUDGET_PAUSE_MAX_NS / SECOND + 2 * BUDGET_RELAPSE_NS / SECOND + 2);
	assert_int_equal(w.b.shed, 0);
	seconds(&w, 0, BUDGET_RELAPSE_NS / SECOND);
	assert_true(w.b.pause_ns == BUDGET_PAUSE_NS);
}

/* What was foretold wrongly is noticed when it is back. */
static void a_wrong_forecast_is_noticed(void **state)
{
	struct world w = begin();

	(void)state;
	seconds(&w, 2, 2);
	w.skew = 30;
	seconds(&w, 0.5, 300);
	/* And learnt from: it isn't tried again while that holds. */
	assert_int_equal(w.returns, 1);
	assert_int_equal(w.b.shed, 1);
	assert_true(w.b.pause_ns == 2 * BUDGET_PAUSE_NS);
	seconds(&w, 0.02, 2);
	assert_int_equal(w.b.shed, 0);
	/* One that turns out too high is given a chance in the end. */
	w = begin();
	w.skew = 100;
	assert_int_equal(second(&w, 1), BUDGET_SHEDS);
	w.skew = 1;
	seconds(&w, 0.5, BUDGET_PAUSE_MAX_NS / SECOND - 1);
	assert_int_equal(w.b.shed, 1);
	seconds(&w, 0.5, 2);
	assert_int_equal(w.b.shed, 0);
}

static void what_cannot_be_shed_is_no_endless_loop(void **state)
{
	struct world w = begin();

	(void)state;
	/* Nothing is gained by shedding what costs nothing. */
	w.rest = 0.02;
	seconds(&w, 0, 100);
	assert_true(w.b.exhausted);
	assert_int_equal(w.b.shed, 0);
	w.rest = 0.001;
	seconds(&w, 0, 1);
	assert_false(w.b.exhausted);
	w.rest = 0.02;
	seconds(&w, 0.1, 3);
	assert_false(w.b.exhausted);
	seconds(&w, 0.1, 10000);
	assert_true(w.b.exhausted);
	assert_int_equal(w.b.shed, BUDGET_KINDS);
	assert_int_equal(w.returns, 0);
	w.rest = 0.001;
	seconds(&w, 0, 100);
	assert_int_equal(w.b.shed, 0);
	assert_false(w.b.exhausted);
}

static void a_return_that_fails_is_shed_again(void **state)
{
	struct world w = begin();

	(void)state;
	assert_int_equal(second(&w, 2), BUDGET_SHEDS);
	while (second(&w, 0) != BUDGET_RETURNS)
		;
	budget_retract(&w.b, w.now);
	assert_int_equal(w.b.shed, 1);
	seconds(&w, 0, 2 * BUDGET_PAUSE_NS / SECOND - 1);
	assert_int_equal(w.b.shed, 1);
	assert_int_equal(second(&w, 0), BUDGET_RETURNS);
}

static void periods_are_not_too_short(void **state)
{
	struct budget b;
	struct budget_spent spent = { .rest = 9 * SECOND };

	(void)state;
	budget_init(LIMIT, SECOND, &b);
	assert_false(budget_due(&b, SECOND));
	assert_false(budget_due(&b, SECOND + BUDGET_PERIOD_NS - 1));
	assert_true(budget_due(&b, SECOND + BUDGET_PERIOD_NS));
	budget_restart(&b, 2 * SECOND);
	assert_false(budget_due(&b, 2 * SECOND + BUDGET_PERIOD_NS - 1));
	/* Nothing can be said of no time at all. */
	assert_int_equal(budget_judge(&b, 2 * SECOND, CPUS, &spent), BUDGET_STAYS);
	assert_int_equal(b.shed, 0);
	/* However long it is, and however many processors. */
	assert_int_equal(budget_judge(&b, 2 * SECOND + 3600 * SECOND, CPUS, &spent), BUDGET_STAYS);
	assert_true(b.share > 9. / 7200 - 1e-9 && b.share < 9. / 7200 + 1e-9);
}

static const struct toll_sums none = { 0 };

static void a_hit_costs_what_it_is_taken_to(void **state)
{
	struct toll_sums now = { .hits = { [BUDGET_FRAMES] = 1000, [BUDGET_BYTES] = 3000 },
				 .others = 7 };
	struct budget_spent spent = { .rest = 11 };
	struct toll t = { 0 };

	(void)state;
	toll_take(&t, &none, 750, &spent);
	toll_take(&t, &now, 750, &spent);
	assert_int_equal(spent.kinds[BUDGET_FRAMES], 750000);
	assert_int_equal(spent.kinds[BUDGET_GROUPS], 0);
	assert_int_equal(spent.kinds[BUDGET_BYTES], 2250000);
	assert_int_equal(spent.rest, 11 + 7 * 750);
	/* No more hits, no more cost. */
	toll_take(&t, &now, 750, &spent);
	assert_int_equal(spent.kinds[BUDGET_BYTES], 2250000);
	assert_int_equal(spent.rest, 11 + 7 * 750);
}

/* What was there before anybody asked is of another time. */
static void the_first_look_costs_nothing(void **state)
{
	struct toll_sums now = { .hits = { 1000, 1000, 1000 }, .others = 1000 };
	struct budget_spent spent = { 0 };
	struct toll t = { 0 };

	(void)state;
	toll_take(&t, &now, 750, &spent);
	assert_int_equal(spent.kinds[BUDGET_FRAMES] + spent.rest, 0);
}

static void measured_runs_cost_what_was_measured(void **state)
{
	/* 4,000 hits, of which 3,000 were measured, 200 ns each, and 1,000 weren't. */
	struct toll_sums now = { .hits = { [BUDGET_FRAMES] = 1000, [BUDGET_GROUPS] = 3000 },
				 .runs = 3000,
				 .run_ns = 600000 };
	struct budget_spent spent = { 0 };
	struct toll t = { 0 };

	(void)state;
	toll_take(&t, &none, 1000, &spent);
	toll_take(&t, &now, 1000, &spent);
	/* 600,000 + 3,000 × 800 + 1,000 × 1,000 */
	assert_in_range(spent.kinds[BUDGET_FRAMES], 999999, 1000001);
	assert_in_range(spent.kinds[BUDGET_GROUPS], 2999999, 3000001);
	assert_int_equal(spent.rest, 0);
	/* Runs that led nowhere: those of another process, say. */
	now.runs += 10;
	now.run_ns += 1000;
	toll_take(&t, &now, 1000, &spent);
	assert_in_range(spent.rest, 8999, 9001);
}

static void kinds_are_told_apart(void **state)
{
	struct moqstat_site site = { .event = MOQSTAT_EVENT_BUMP };
	unsigned int field, kind, n = 0;

	(void)state;
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++) {
		site.field = field;
		kind = toll_kind(&site);
		n += kind < BUDGET_KINDS;
		if (kind < BUDGET_KINDS)
			assert_int_equal(budget_field(kind), field);
	}
	assert_int_equal(n, BUDGET_KINDS);
	/* A session's field has the same numbers. */
	site.event = MOQSTAT_EVENT_SESSION_BUMP;
	site.field = MOQSTAT_FRAMES;
	assert_int_equal(toll_kind(&site), BUDGET_KINDS);
	assert_string_equal(budget_name(0), "frames");
	assert_string_equal(budget_name(1), "groups");
	assert_string_equal(budget_name(2), "bytes");
}

static void a_lapse_says_when(void **state)
{
	const uint64_t at = UINT64_C(1795272603000); /* 2026-11-21T14:50:03Z */
	struct lapse l = { 0 };

	(void)state;
	lapse_end(&l, at);
	assert_string_equal(l.reason, "");
	lapse_begin(&l, at, 0.0234, 0.01);
	assert_true(l.now);
	assert_string_equal(
		l.reason, "not counted since 2026-11-21T14:50:03Z, to keep within --budget 1: all "
			  "that was counted cost 2.34 % of the machine");
	/* It goes on. */
	lapse_begin(&l, at + 1000, 0.5, 0.01);
	lapse_end(&l, at + 5500);
	assert_false(l.now);
	assert_string_equal(
		l.reason,
		"counted again, but not from 2026-11-21T14:50:03Z to 2026-11-21T14:50:08Z, "
		"to keep within --budget; in all 1 time(s) of together 5.5 s are missing");
	lapse_begin(&l, at + 60000, 0.5, 0.0001);
	assert_non_null(strstr(l.reason, "--budget 0.01: "));
	lapse_end(&l, at + 60000 + 3600000);
	assert_non_null(strstr(l.reason, "2 time(s) of together 3605.5 s"));
	/* A clock that was set back makes no time negative. */
	lapse_begin(&l, at, 0.5, 0.01);
	lapse_end(&l, at - 1000);
	assert_non_null(strstr(l.reason, "3 time(s) of together 3605.5 s"));
	/* The longest there is. */
	lapse_begin(&l, UINT64_MAX, 1e-9 / 3, 1 / 3.);
	assert_true(strlen(l.reason) < sizeof(l.reason) - 1);
	lapse_end(&l, UINT64_MAX);
	assert_true(strlen(l.reason) < sizeof(l.reason) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_it_nothing_is_shed),
		cmocka_unit_test(frames_go_first_and_only_as_many_as_it_takes),
		cmocka_unit_test(each_period_over_it_sheds_one),
		cmocka_unit_test(they_come_back_in_the_reverse_order),
		cmocka_unit_test(a_steady_load_is_left_alone),
		cmocka_unit_test(the_edge_is_no_room),
		cmocka_unit_test(trying_in_vain_gets_rarer),
		cmocka_unit_test(a_wrong_forecast_is_noticed),
		cmocka_unit_test(what_cannot_be_shed_is_no_endless_loop),
		cmocka_unit_test(a_return_that_fails_is_shed_again),
		cmocka_unit_test(periods_are_not_too_short),
		cmocka_unit_test(a_hit_costs_what_it_is_taken_to),
		cmocka_unit_test(the_first_look_costs_nothing),
		cmocka_unit_test(measured_runs_cost_what_was_measured),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(a_lapse_says_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
