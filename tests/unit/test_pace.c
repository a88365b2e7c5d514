/* SPDX-License-Identifier: MIT */
/*
 * When lines have to wait for those who read: in a burst, for a moment each; and for who would lose
 * the next one, as far as patience goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pace.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

/* So many frames, one after another, with more to come. */
static void burst(struct pace *p, unsigned int frames, uint64_t now)
{
	pace_init(p);
	p->more = true;
	while (frames--)
		pace_took(p, now);
}

static void a_few_frames_wait_for_nobody(void **state)
{
	struct pace p;

	(void)state;
	burst(&p, 8, SECOND);
	assert_false(pace_holds(&p, SECOND, true, false));
	assert_int_equal(pace_timeout(&p, SECOND, false, 700), 0);
	pace_rest(&p);
	assert_int_equal(pace_timeout(&p, SECOND, false, 700), 700);
}

static void a_burst_waits_for_who_takes(void **state)
{
	struct pace p;

	(void)state;
	burst(&p, 9, SECOND);
	assert_true(pace_holds(&p, SECOND, true, false));
	assert_false(pace_holds(&p, SECOND, false, false));
	/* For a quarter of a second, */
	assert_int_equal(pace_timeout(&p, SECOND, true, 700), 251);
	assert_int_equal(pace_timeout(&p, SECOND, true, 100), 100);
	assert_false(pace_holds(&p, SECOND + 250 * MS, true, false));
	/* and for half a minute in all. */
	pace_took(&p, 31 * SECOND);
	assert_false(pace_holds(&p, 31 * SECOND, true, false));
	pace_rest(&p);
	p.more = true;
	pace_took(&p, 31 * SECOND);
	assert_false(pace_holds(&p, 31 * SECOND, true, false));
}

static void who_would_lose_one_may_read_first(void **state)
{
	struct pace p;
	unsigned int n;

	(void)state;
	burst(&p, 1, SECOND);
	for (n = 0; pace_holds(&p, SECOND, false, true) && n < 1000; n++)
		pace_waited(&p, true, 250 * MS);
	assert_int_equal(n, 40); /* ten seconds */
	/* It comes back with time: a tenth of it. */
	pace_waited(&p, false, 2500 * MS);
	assert_true(pace_holds(&p, SECOND, false, true));
	pace_waited(&p, true, 300 * MS);
	assert_false(pace_holds(&p, SECOND, false, true));
	pace_waited(&p, false, 1000 * SECOND);
	assert_int_equal(p.patience, 10 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_frames_wait_for_nobody),
		cmocka_unit_test(a_burst_waits_for_who_takes),
		cmocka_unit_test(who_would_lose_one_may_read_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
