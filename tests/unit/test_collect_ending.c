/* SPDX-License-Identifier: MIT */
/*
 * test_collect_ending.c - what a relay leaves open when it ends is closed, and nothing else
 * changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collect.h"
#include "life.h"

/* A backend with two rows, which counts what it is asked. */
struct fake {
	struct collect base;
	int err;
	unsigned int retired_broadcasts, retired_sessions, destroyed;
	uint64_t announced_closed;
};

static int fake_read(struct collect *c, struct collect_batch *batch)
{
	struct fake *f = (struct fake *)c;
	unsigned int field;

	if (f->err)
		return f->err;
	batch->broadcasts = calloc(1, sizeof(*batch->broadcasts));
	batch->sessions = calloc(1, sizeof(*batch->sessions));
	assert_true(batch->broadcasts && batch->sessions);
	batch->broadcasts_len = batch->sessions_len = 1;
	batch->broadcasts[0] = life("a", 3, true, 7, f->announced_closed);
	batch->sessions[0] = session("r", MOQSTAT_INTERNAL, 4, true, 5, 2);
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
		batch->broadcasts[0].counts[MOQSTAT_SUBSCRIBER][MOQSTAT_INTERNAL][field] =
			100 - field;
	batch->time_ms = 42;
	batch->lost[MOQSTAT_LOST_PATH_FAULT] = 9;
	return 0;
}

static int fake_retire_broadcast(struct collect *c, const struct collect_broadcast *b)
{
	((struct fake *)c)->retired_broadcasts++;
	return b->incarnation == 3 ? 0 : -ENOENT;
}

static int fake_retire_session(struct collect *c, const struct collect_session *s)
{
	((struct fake *)c)->retired_sessions++;
	return s->incarnation == 4 ? 0 : -ENOENT;
}

static void fake_destroy(struct collect *c)
{
	((struct fake *)c)->destroyed++;
}

static const struct collect_ops fake_ops = {
	.read = fake_read,
	.retire_broadcast = fake_retire_broadcast,
	.retire_session = fake_retire_session,
	.destroy = fake_destroy,
};

static void assert_batch(struct collect *c, bool ended, uint64_t announced_closed)
{
	struct collect_batch batch = { 0 };
	const struct collect_broadcast *b;
	const uint64_t *counts;
	unsigned int field;

	assert_int_equal(collect_read(c, &batch), 0);
	assert_int_equal(batch.time_ms, 42);
	assert_int_equal(batch.lost[MOQSTAT_LOST_PATH_FAULT], 9);
	b = &batch.broadcasts[0];
	assert_int_equal(b->held, !ended);
	assert_int_equal(batch.sessions[0].held, !ended);
	counts = b->counts[MOQSTAT_PUBLISHER][MOQSTAT_EXTERNAL];
	assert_int_equal(counts[MOQSTAT_ANNOUNCED], 7);
	assert_int_equal(counts[MOQSTAT_ANNOUNCED_CLOSED], announced_closed);
	counts = b->counts[MOQSTAT_SUBSCRIBER][MOQSTAT_INTERNAL];
	for (field = 0; field < MOQSTAT_FIELD_MAX; field++)
		assert_int_equal(counts[field],
				 100 - field + (ended && MOQSTAT_FIELD_CLOSES(field)));
	assert_int_equal(batch.sessions[0].counts[MOQSTAT_SESSIONS], 5);
	assert_int_equal(batch.sessions[0].counts[MOQSTAT_SESSIONS_CLOSED], ended ? 5 : 2);
	assert_int_equal(c->ops->retire_broadcast(c, b), 0);
	assert_int_equal(c->ops->retire_session(c, &batch.sessions[0]), 0);
	collect_batch_deinit(&batch);
}

static void all_that_was_open_is_closed_at_the_end(void **state)
{
	struct fake f = { .base = { &fake_ops }, .announced_closed = 3 };
	struct collect_batch batch = { 0 };
	struct collect *c;

	(void)state;
	assert_int_equal(collect_ending_create(&f.base, &c), 0);
	assert_batch(c, false, 3);
	assert_batch(c, false, 3);
	collect_ending_end(c);
	assert_batch(c, true, 7);
	/* More closes than opens are for the snapshot to judge. */
	f.announced_closed = 11;
	assert_batch(c, true, 11);
	assert_int_equal(f.retired_broadcasts, 4);
	assert_int_equal(f.retired_sessions, 4);
	f.err = -EIO;
	assert_int_equal(collect_read(c, &batch), -EIO);
	collect_batch_deinit(&batch);
	collect_destroy(c);
	assert_int_equal(f.destroyed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_was_open_is_closed_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
