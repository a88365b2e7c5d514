/* SPDX-License-Identifier: MIT */
/* test_tasks.c - what the first words of a task say of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tasks.h"

#define RUNNING	 1u
#define COMPLETE 2u
#define NOTIFIED 4u
#define ONE	 64u /* reference */

static enum task_state state_of(uint64_t state, uint64_t owner)
{
	return task_state((const uint64_t[]){ state, 0, 0x1000, owner });
}

static void states(void **state)
{
	(void)state;
	assert_int_equal(state_of(2 * ONE, 7), TASK_IDLE);
	assert_int_equal(state_of(2 * ONE | NOTIFIED, 7), TASK_IDLE);
	assert_int_equal(state_of(3 * ONE | RUNNING, 7), TASK_RUNNING);
	assert_int_equal(state_of(ONE | COMPLETE, 7), TASK_GONE);
	assert_int_equal(state_of(ONE | COMPLETE | RUNNING, 7), TASK_GONE);
}

static void what_is_no_task(void **state)
{
	(void)state;
	assert_int_equal(state_of(0, 7), TASK_GONE); /* no reference */
	assert_int_equal(state_of(NOTIFIED, 7), TASK_GONE);
	assert_int_equal(state_of(2 * ONE, 0), TASK_GONE);	      /* not yet bound */
	assert_int_equal(state_of(0x7f1234567890, 7), TASK_GONE);     /* freed: a list's pointer */
	assert_int_equal(state_of(0x0000000555555abc, 7), TASK_GONE); /* the same, mangled */
	assert_int_equal(state_of(UINT64_MAX & ~3ull, 7), TASK_GONE);
}

int main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(states),
		cmocka_unit_test(what_is_no_task),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
