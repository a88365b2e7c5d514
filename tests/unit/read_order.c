/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "read_order.h"
#include "snapshot.h"

/* Read the counters while a guard opens after `open_at` reads and closes after `close_at` reads.
 * Returns the closes that had to be held back. */
static uint64_t read_while_bumped(const struct read_order *order, unsigned int open, size_t open_at,
				  size_t close_at)
{
	struct collect_broadcast b = { .path = "a", .path_len = 1, .held = true };
	struct collect_session s = { .root = "a", .root_len = 1, .held = true };
	struct collect_batch batch = { .broadcasts = &b, .sessions = &s };
	uint64_t counts[MOQSTAT_FIELD_MAX] = { 0 };
	struct snapshot_tick tick;
	struct snapshot *snapshot;
	size_t i;

	for (i = 0; i < order->len; i++) {
		counts[open] += i == open_at;
		counts[open + 1] += i == close_at;
		if (order->session)
			s.counts[order->fields[i]] = counts[order->fields[i]];
		else
			b.counts[0][0][order->fields[i]] = counts[order->fields[i]];
	}
	*(order->session ? &batch.sessions_len : &batch.broadcasts_len) = 1;
	assert_int_equal(snapshot_create(".stats", &snapshot), 0);
	assert_int_equal(snapshot_update(snapshot, &batch, &tick), 0);
	for (i = 0; i < TRACKS_OF_TWO; i++) {
		/* Whatever the order, what is shown is never closed beyond open. */
		if (tick.rows_len[i] > 0)
			assert_true(tick.rows[i][0].counts[open + 1] <=
				    tick.rows[i][0].counts[open]);
	}
	snapshot_destroy(snapshot);
	return tick.held_back;
}

bool read_order_is_safe(const struct read_order *order, const unsigned int *opens, size_t opens_len)
{
	size_t pair, open_at, close_at;

	for (pair = 0; pair < opens_len; pair++) {
		for (open_at = 0; open_at <= order->len; open_at++) {
			for (close_at = open_at; close_at <= order->len; close_at++) {
				if (read_while_bumped(order, opens[pair], open_at, close_at) > 0)
					return false;
			}
		}
	}
	return true;
}
