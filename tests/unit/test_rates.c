/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rates.h"

#define S UINT64_C(1000000000)

static const uint64_t t0 = 1000 * S;

/* Ticks with something in them, each told in two events. */
static void tick(struct rates_clock *c, struct rate *r, uint64_t at, uint64_t count)
{
	rates_clock_event(c, at, false);
	rates_clock_event(c, at + S / 100, false);
	assert_false(rates_clock_sample(c, at + S / 50));
	assert_true(rates_clock_next(c) <= at + S);
	assert_true(rates_clock_sample(c, rates_clock_next(c)));
	rate_take(r, c, count);
}

static void a_new_count_has_no_rate(void **state)
{
	struct rates_clock c = { 0 };
	struct rate r;

	(void)state;
	rate_forget(&r);
	rates_clock_event(&c, t0, true);
	assert_false(rates_clock_sample(&c, t0 + S));
	tick(&c, &r, t0 + S, 100);
	assert_true(isnan(r.second));
	tick(&c, &r, t0 + 2 * S, 1100);
	assert_float_equal(r.second, 1000, 1);
	tick(&c, &r, t0 + 3 * S, 2100);
	tick(&c, &r, t0 + 4 * S, 2100);
	/* Over three samples. */
	assert_float_equal(r.second, 2000.0 / 3, 1);
}

static void less_is_another_count(void **state)
{
	struct rates_clock c = { 0 };
	struct rate r;
	int i;

	(void)state;
	rate_forget(&r);
	for (i = 0; i < 4; i++)
		tick(&c, &r, t0 + i * S, i * 1000);
	tick(&c, &r, t0 + 4 * S, 5);
	assert_float_equal(r.second, 1000, 1);
	for (i = 5; i < 8; i++)
		tick(&c, &r, t0 + i * S, (i - 4) * 10 + 5);
	assert_float_equal(r.second, 10, 0.1);
}

/* What a stream begins with may be of any age. */
static void no_rate_goes_by_what_is_past(void **state)
{
	struct rates_clock c = { 0 };
	struct rate r;

	(void)state;
	rate_forget(&r);
	tick(&c, &r, t0, 1000);
	tick(&c, &r, t0 + S, 2000);
	rates_clock_restart(&c);
	rates_clock_event(&c, t0 + 5 * S, true);
	rates_clock_event(&c, t0 + 5 * S + S / 10, false);
	assert_false(rates_clock_sample(&c, t0 + 5 * S + S / 2));
	/* Then over all the time that lacked. */
	tick(&c, &r, t0 + 6 * S, 7000);
	assert_float_equal(r.second, 1000, 10);
}

static void silence_means_no_change(void **state)
{
	struct rates_clock c = { 0 };
	struct rate r;
	uint64_t at;
	int i;

	(void)state;
	rate_forget(&r);
	assert_int_equal(rates_clock_next(&c), UINT64_MAX);
	for (i = 0; i < 6; i++)
		tick(&c, &r, t0 + i * S, i * 1000);
	assert_int_equal(rates_clock_tick(&c), S);
	at = rates_clock_next(&c);
	assert_in_range(at, t0 + 6 * S + S / 2, t0 + 8 * S);
	for (i = 0; i < 3; i++) {
		at = rates_clock_next(&c);
		assert_true(rates_clock_sample(&c, at));
		rate_take(&r, &c, 5000);
	}
	assert_float_equal(r.second, 0, 0.001);
	/* And it goes on. */
	tick(&c, &r, at + S, 6000);
	assert_in_range((uint64_t)r.second, 100, 400);
}

/* A tick that nobody told isn't guessed by silence alone. */
static void without_a_tick_there_is_one_sample(void **state)
{
	struct rates_clock c = { 0 };

	(void)state;
	rates_clock_event(&c, t0, true);
	assert_int_equal(rates_clock_next(&c), t0 + 2 * S);
	assert_true(rates_clock_sample(&c, t0 + 2 * S));
	assert_int_equal(rates_clock_next(&c), UINT64_MAX);
	c.hint = 10 * S;
	assert_int_equal(rates_clock_next(&c), t0 + 24 * S);
	assert_int_equal(rates_clock_tick(&c), 10 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_count_has_no_rate),
		cmocka_unit_test(less_is_another_count),
		cmocka_unit_test(no_rate_goes_by_what_is_past),
		cmocka_unit_test(silence_means_no_change),
		cmocka_unit_test(without_a_tick_there_is_one_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
