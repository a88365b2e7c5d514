/* SPDX-License-Identifier: MIT */
/*
 * test_snapshot_limits.c - snapshots of many broadcasts, and with short memory.
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
#include "life.h"
#include "snapshot.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void ten_thousand_broadcasts(void **state)
{
	enum {
		N = 10000
	};
	const size_t pub = 0; /* publisher.json in tracks_two */
	struct collect_batch batch = { .broadcasts_len = N };
	struct snapshot_tick tick;
	struct snapshot *snapshot;
	char key[32];
	struct collect_broadcast *b = test_calloc(N, sizeof(*b));
	char(*paths)[16] = test_calloc(N, sizeof(*paths));
	size_t i, shown;

	(void)state;
	assert_int_equal(snapshot_create(".stats", &snapshot), 0);
	batch.broadcasts = b;
	for (i = 0; i < N; i++) {
		/* In no order, each number once: 7919 and 10000 have no common factor. */
		snprintf(paths[i], sizeof(paths[i]), "room/%05zu", i * 7919 % N);
		b[i] = life(paths[i], 0, true, i % 2 + 1, 1);
	}
	assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	assert_int_equal(tick.rows_len[pub], N);
	for (i = 0; i < N; i++) {
		snprintf(key, sizeof(key), "\"room/%05zu\"", i);
		assert_int_equal(tick.rows[pub][i].key_len, 12);
		assert_memory_equal(tick.rows[pub][i].key, key, 12);
	}
	/* Every other one is closed, and one of those has changed. */
	b[0].counts[MOQSTAT_PUBLISHER][MOQSTAT_EXTERNAL][MOQSTAT_BYTES] = 23;
	assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	shown = tick.rows_len[pub];
	for (i = 0; i < N; i++)
		b[i].held = false;
	assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	assert_int_equal(tick.retire_len[TRACK_BROADCASTS], N);
	snapshot_destroy(snapshot);
	test_free(paths);
	test_free(b);
	assert_int_equal(shown, N / 2 + 1);
}

/* All that a tick tells, as text. */
static void describe(const struct snapshot_tick *tick, char *out, size_t size)
{
	const struct frame_row *row;
	size_t t, i, len = 0;

	for (t = 0; t < TRACKS_OF_TWO; t++) {
		for (i = 0; i < tick->rows_len[t]; i++) {
			row = &tick->rows[t][i];
			len += (size_t)snprintf(out + len, size - len, "%zu:%.*s:%d/%d ", t,
						(int)row->key_len, row->key, (int)row->counts[0],
						(int)row->counts[1]);
		}
	}
	snprintf(out + len, size - len, "retire %zu %zu held %d %d",
		 tick->retire_len[TRACK_BROADCASTS], tick->retire_len[TRACK_SESSIONS],
		 (int)tick->held_back, (int)tick->held_back_retired);
}

/* Tick once in peace; then let the n-th allocation of the next tick fail and try it again. Returns
 * whether there was an n-th. */
static bool fail_nth(size_t n, const char *expected)
{
	struct collect_broadcast before[] = { life("a", 0, true, 3, 1), life("b", 0, false, 1, 9) };
	struct collect_broadcast after[] = { life("a", 0, false, 3, 3), life("b", 0, false, 1, 9),
					     life("c", 0, true, 2, 1), life("d", 0, true, 2, 1) };
	struct collect_session s[] = { session("r", MOQSTAT_INTERNAL, 0, true, 7, 2),
				       session("q", MOQSTAT_EXTERNAL, 0, true, 5, 2) };
	struct collect_batch batch = { .broadcasts = before, .broadcasts_len = LEN(before) };
	struct snapshot_tick tick = { 0 }, untouched;
	struct snapshot *snapshot;
	char text[1024];
	bool reached;
	int rc;

	assert_int_equal(snapshot_create(".stats", &snapshot), 0);
	assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	batch = (struct collect_batch){ .broadcasts = after,
					.broadcasts_len = LEN(after),
					.sessions = s,
					.sessions_len = LEN(s) };
	untouched = tick;
	alloc_fail_arm(n);
	rc = snapshot_update(snapshot, &batch, &tick);
	reached = alloc_fail_disarm();
	assert_int_equal(rc, reached ? -ENOMEM : 0);
	if (reached) {
		assert_memory_equal(&tick, &untouched, sizeof(tick));
		describe(&tick, text, sizeof(text)); /* old rows can still be read */
		assert_string_equal(text, "0:\"a\":3/1 0:\"b\":1/1 retire 0 0 held 8 0");
		assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	}
	describe(&tick, text, sizeof(text));
	assert_string_equal(text, expected);
	snapshot_destroy(snapshot);
	return reached;
}

static void short_memory_changes_nothing(void **state)
{
	size_t n = 1;

	(void)state;
	assert_true(alloc_fail_works());
	while (fail_nth(n, "0:\"a\":3/3 0:\"c\":2/1 0:\"d\":2/1 4:\"q\":5/2 5:\"r\":7/2 "
			   "retire 1 0 held 0 8"))
		n++;
	/* Two arrays of items; ten of the families; four names of four pieces each. */
	assert_in_range(n, 20, 40);
}

static void create_fails_without_memory(void **state)
{
	struct snapshot *snapshot = (struct snapshot *)state;
	size_t n;

	for (n = 1; n <= 2; n++) {
		alloc_fail_arm(n);
		assert_int_equal(snapshot_create(".stats", &snapshot), -ENOMEM);
		assert_true(alloc_fail_disarm());
		assert_ptr_equal(snapshot, state);
	}
	snapshot_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_broadcasts),
		cmocka_unit_test(short_memory_changes_nothing),
		cmocka_unit_test(create_fails_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
