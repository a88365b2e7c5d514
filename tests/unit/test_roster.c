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

#include "alloc_fail.h"
#include "delta.h"
#include "roster.h"
#include "rows.h"

static void begin(struct roster *r, struct roster_room *room)
{
	*room = (struct roster_room){ 100, 1000 };
	roster_init(&frame_schema_broadcast_0_12, room, r);
}

static int full(struct roster *r, unsigned int track, const char *frame)
{
	return roster_full(r, track, frame, strlen(frame));
}

static int change(struct roster *r, const char *delta)
{
	return roster_change(r, 0, delta, strlen(delta));
}

/* The rows of track 0, as a text: name=bytes. */
static void expect(const struct roster *r, const char *rows)
{
	char text[4096] = "";
	size_t i;

	for (i = 0; i < r->len; i++) {
		if (!(r->rows[i]->tracks & 1))
			continue;
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%u ",
			 r->rows[i]->name, (unsigned int)r->rows[i]->counts[0][ROSTER_OPEN]);
	}
	assert_string_equal(text, rows);
}

static void frames_and_changes(void **state)
{
	struct roster_room room;
	struct roster r;

	(void)state;
	begin(&r, &room);
	assert_int_equal(full(&r, 0, "{}"), 0);
	assert_int_equal(full(&r, 0, "{\"b\":{\"bytes\":2},\"d\":{\"bytes\":4}}"), 0);
	expect(&r, "b=2 d=4 ");
	assert_int_equal(
		change(&r,
		       "{\"set\":{\"a\":{\"bytes\":1},\"d\":{\"bytes\":5},\"e\":{\"bytes\":6}},\"gone\":[]}"),
		0);
	expect(&r, "a=1 b=2 d=5 e=6 ");
	assert_int_equal(
		change(&r, "{\"set\":{\"c\":{\"bytes\":3}},\"gone\":[\"a\",\"e\",\"none\"]}"), 0);
	expect(&r, "b=2 c=3 d=5 ");
	/* Names are what their escapes stand for. */
	assert_int_equal(
		full(&r, 0, "{\"\\n\":{\"bytes\":1},\"\\\"},\\\"gone\\\":[\":{\"bytes\":2}}"), 0);
	assert_int_equal(
		change(&r, "{\"set\":{\"\\\"},\\\"gone\\\":[\":{\"bytes\":7}},\"gone\":[\"\\n\"]}"),
		0);
	expect(&r, "\"},\"gone\":[=7 ");
	roster_deinit(&r);
	assert_int_equal(room.rows, 100);
	assert_int_equal(room.bytes, 1000);
}

/* Rows of a track that has them no more stay for the other ones. */
static void tracks_are_apart(void **state)
{
	struct rates_clock clock = { .samples = 1, .sampled_at = 1 };
	struct roster_room room;
	struct roster r, copy;

	(void)state;
	begin(&r, &room);
	assert_int_equal(
		full(&r, 0, "{\"a\":{\"announced\":5,\"announced_closed\":3,\"bytes\":1}}"), 0);
	assert_int_equal(full(&r, 1, "{\"a\":{\"bytes\":9},\"b\":{\"bytes\":2}}"), 0);
	assert_int_equal(roster_live(r.rows[0], 0, 0), 2);
	assert_int_equal(roster_copy(&r, &copy), 0);
	assert_int_equal(full(&r, 0, "{}"), 0);
	assert_int_equal(full(&r, 1, "{\"a\":{\"bytes\":9}}"), 0);
	assert_int_equal(r.len, 2);
	roster_sample(&r, &clock);
	assert_int_equal(r.len, 1);
	assert_int_equal(r.rows[0]->tracks, 2);
	assert_null(roster_find(&r, "b", 1));
	assert_int_equal(room.rows, 99);
	/* The copy is as all was. */
	assert_int_equal(copy.len, 2);
	expect(&copy, "a=1 ");
	roster_deinit(&copy);
	assert_int_equal(room.rows, 99);
	roster_deinit(&r);
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char *const frames[] = {
		"",
		"{",
		"[]",
		"{\"a\"}",
		"{\"a\":{\"bytes\":-1}}",
		"{\"a\":{\"bytes\":1}",
		"{\"b\":{\"bytes\":1},\"a\":{\"bytes\":1}}",
		"{\"a\":{},\"a\":{}}",
		"{\"a\":{\"bytes\":99999999999999999999}}",
		"{\"a\":{\"bytes\"}}",
		"{\"a\":{\"}}",
		"{\"a\":{}}x",
		"{\"\\",
	};
	static const char *const deltas[] = {
		"",
		"{\"set\":",
		"{\"set\":{}}",
		"{\"set\":{},\"gone\":[",
		"{\"set\":{},\"gone\":[\"a\"",
		"{\"set\":{},\"gone\":[\"a\",]}",
		"{\"set\":{},\"gone\":[1]}",
		"{\"set\":{},\"gone\":[]}x",
		"{\"set\":[],\"gone\":[]}",
		"{\"set\":{},\"gone\":[\"\\",
	};
	struct roster_room room;
	struct roster r;
	size_t i;

	(void)state;
	begin(&r, &room);
	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		assert_int_equal(full(&r, 0, frames[i]), -EBADMSG);
	for (i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++)
		assert_int_equal(change(&r, deltas[i]), -EBADMSG);
	roster_deinit(&r);
	assert_int_equal(room.rows, 100);
}

static void there_is_no_endless_room(void **state)
{
	struct roster_room room;
	struct roster r;
	char frame[64];
	int i, err = 0;

	(void)state;
	begin(&r, &room);
	for (i = 0; !err && i < 1000; i++) {
		snprintf(frame, sizeof(frame), "{\"set\":{\"%d\":{}},\"gone\":[\"%d\"]}", i, i - 1);
		err = change(&r, frame);
	}
	assert_int_equal(err, -E2BIG);
	assert_int_equal(i, 101);
	roster_deinit(&r);
	assert_int_equal(room.rows, 100);
	room.bytes = 3;
	roster_init(&frame_schema_session, &room, &r);
	assert_int_equal(full(&r, 0, "{\"ab\":{},\"cd\":{}}"), -E2BIG);
	roster_deinit(&r);
	assert_int_equal(room.bytes, 3);
}

/* Any frames: what delta_build() says makes the one of the other here, too. */
static void deltas_give_the_frames(void **state)
{
	char frames[2][4096];
	struct frame_buf buf = { 0 };
	struct roster_room room;
	struct roster r;
	int round, i;

	(void)state;
	begin(&r, &room);
	srandom(7);
	strcpy(frames[0], "{}");
	assert_int_equal(full(&r, 0, frames[0]), 0);
	for (round = 1; round < 500; round++) {
		const char *before = frames[(round + 1) % 2];
		char *now = frames[round % 2], rows[4096] = "";

		strcpy(now, "{");
		for (i = 0; i < 20; i++) {
			unsigned int n = (unsigned int)random() % 5;

			if (!n)
				continue;
			sprintf(now + strlen(now), "%s\"k%02d\":{\"bytes\":%u}", now[1] ? "," : "",
				i, n);
			sprintf(rows + strlen(rows), "k%02d=%u ", i, n);
		}
		strcat(now, "}");
		assert_int_equal(delta_build(before, strlen(before), now, strlen(now), &buf), 0);
		assert_int_equal(roster_change(&r, 0, buf.data, buf.len), 0);
		expect(&r, rows);
	}
	frame_buf_deinit(&buf);
	roster_deinit(&r);
}

static void short_memory(void **state)
{
	struct roster_room room;
	struct roster r, copy;
	size_t n = 0;
	int err;

	(void)state;
	if (!alloc_fail_works())
		skip();
	do {
		begin(&r, &room);
		copy = (struct roster){ 0 };
		alloc_fail_arm(++n);
		err = full(&r, 0, "{\"a\":{\"bytes\":1},\"b\":{\"bytes\":2}}");
		if (!err)
			err = change(&r, "{\"set\":{\"c\":{\"bytes\":3}},\"gone\":[\"a\"]}");
		if (!err)
			err = roster_copy(&r, &copy);
		roster_deinit(&copy);
		roster_deinit(&r);
		assert_int_equal(room.rows, 100);
		assert_int_equal(room.bytes, 1000);
		assert_true(!err || err == -ENOMEM);
	} while (alloc_fail_disarm());
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_and_changes),
		cmocka_unit_test(tracks_are_apart),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(there_is_no_endless_room),
		cmocka_unit_test(deltas_give_the_frames),
		cmocka_unit_test(short_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
