/* SPDX-License-Identifier: MIT */
/*
 * test_closer.c - descriptors that are closed by a thread: pipes, whose other ends tell.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fail.h"
#include "closer.h"

#define PIPES 5

struct pipes {
	int ours[PIPES];
	int theirs[PIPES];
};

static void pipes_open(struct pipes *p)
{
	int ends[2], i;

	for (i = 0; i < PIPES; i++) {
		assert_int_equal(pipe(ends), 0);
		p->ours[i] = ends[0];
		p->theirs[i] = ends[1];
	}
}

/* How many of them are closed, waiting for each up to `ms`; and let our ends go. */
static int pipes_closed(struct pipes *p, int ms)
{
	int i, n = 0;

	for (i = 0; i < PIPES; i++) {
		struct pollfd fd = { .fd = p->ours[i] };

		n += poll(&fd, 1, ms) == 1 && (fd.revents & POLLHUP);
	}
	return n;
}

static void pipes_end(struct pipes *p)
{
	int i;

	for (i = 0; i < PIPES; i++)
		close(p->ours[i]);
}

static void all_are_closed(void **state)
{
	struct closer *c;
	struct pipes p;

	(void)state;
	pipes_open(&p);
	assert_int_equal(closer_create(&c), 0);
	closer_take(c, p.theirs, 2);
	closer_take(c, p.theirs + 2, PIPES - 2);
	assert_int_equal(pipes_closed(&p, 5000), PIPES);
	closer_take(c, NULL, 0);
	closer_destroy(c);
	pipes_end(&p);
}

static void its_end_waits_for_what_is_left(void **state)
{
	struct closer *c;
	struct pipes p;

	(void)state;
	pipes_open(&p);
	assert_int_equal(closer_create(&c), 0);
	closer_take(c, p.theirs, PIPES);
	closer_destroy(c);
	assert_int_equal(pipes_closed(&p, 0), PIPES);
	pipes_end(&p);
	closer_destroy(NULL);
}

static void nothing_is_closed_while_paused(void **state)
{
	struct closer *c;
	struct pipes p;

	(void)state;
	pipes_open(&p);
	assert_int_equal(closer_create(&c), 0);
	closer_pause(c);
	closer_take(c, p.theirs, PIPES);
	assert_int_equal(pipes_closed(&p, 20), 0);
	assert_int_equal(closer_left(c), PIPES);
	closer_resume(c);
	assert_int_equal(pipes_closed(&p, 5000), PIPES);
	closer_destroy(c);
	pipes_end(&p);
}

/* Ended while it is paused, as when an attach is given up. */
static void its_end_resumes(void **state)
{
	struct closer *c;
	struct pipes p;

	(void)state;
	pipes_open(&p);
	assert_int_equal(closer_create(&c), 0);
	closer_pause(c);
	closer_take(c, p.theirs, PIPES);
	closer_destroy(c);
	assert_int_equal(pipes_closed(&p, 0), PIPES);
	pipes_end(&p);
}

static void without_memory_all_is_closed_at_once(void **state)
{
	struct closer *c;
	struct pipes p;

	(void)state;
	pipes_open(&p);
	assert_true(alloc_fail_works());
	alloc_fail_arm(1);
	assert_int_equal(closer_create(&c), -ENOMEM);
	assert_true(alloc_fail_disarm());
	assert_int_equal(closer_create(&c), 0);
	alloc_fail_arm(1);
	closer_take(c, p.theirs, PIPES);
	assert_true(alloc_fail_disarm());
	assert_int_equal(pipes_closed(&p, 0), PIPES);
	assert_int_equal(closer_left(c), 0);
	closer_destroy(c);
	pipes_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_closed),
		cmocka_unit_test(its_end_waits_for_what_is_left),
		cmocka_unit_test(nothing_is_closed_while_paused),
		cmocka_unit_test(its_end_resumes),
		cmocka_unit_test(without_memory_all_is_closed_at_once),
	};

	return cmocka_run_group_tests_name("closer", tests, NULL, NULL);
}
