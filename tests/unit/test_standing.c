/* SPDX-License-Identifier: MIT */
/*
 * Subscriptions of our own to what is published: begun a second after a track has come, tried again
 * with longer pauses, given up, and forgotten with the track.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hub.h"
#include "standing.h"

#define SECOND UINT64_C(1000000000)

struct scene {
	struct hub *hub;
	struct board board;
	struct standing standing;
	struct outbox outbox;
};

static int begin(void **state)
{
	static struct scene s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(hub_create(0, NULL, &s.hub), 0);
	board_init(s.hub, 0, &s.board);
	*state = &s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	standing_deinit(&s->standing);
	outbox_deinit(&s->outbox);
	board_deinit(&s->board);
	hub_destroy(s->hub);
	return 0;
}

static void frame(struct scene *s, const char *broadcast, const char *track)
{
	const struct feed_line line = {
		.kind = FEED_FRAME, .broadcast = broadcast, .track = track, .json = "{}", .len = 2
	};

	assert_int_equal(board_take(&s->board, &line, 0), 0);
}

static void ended(struct scene *s, const char *broadcast)
{
	const struct feed_line line = { .kind = FEED_END, .broadcast = broadcast };

	assert_int_equal(board_take(&s->board, &line, 0), 0);
}

/* Look, and what is said then: how many messages, and the last one. */
static unsigned int look(struct scene *s, const char *root, uint64_t now, uint8_t *last,
			 size_t *len)
{
	unsigned int n;

	assert_int_equal(standing_look(&s->standing, &s->board, root, &s->outbox, now), 0);
	for (n = 0; outbox_waits(&s->outbox); n++)
		*len = outbox_next(&s->outbox, last);
	return n;
}

static void each_track_is_subscribed_to_once(void **state)
{
	static const char expected[] = "\x08\x04\x02\x18\x04\x06node/n\x0epublisher.json";
	struct scene *s = *state;
	uint8_t last[WIRE_HEAD_MAX + WIRE_DATA_MAX];
	size_t len = 0;

	frame(s, ".stats/node/n", "publisher.json");
	assert_int_equal(look(s, ".stats", 0, last, &len), 0);
	assert_int_equal(look(s, ".stats", SECOND, last, &len), 1);
	assert_int_equal(len, 4 + 0x18);
	assert_memory_equal(last, expected, len - 1);
	assert_int_equal(last[len - 1], 0);
	assert_int_equal(look(s, ".stats", 9 * SECOND, last, &len), 0);
	/* What isn't under the root can't be named there. */
	frame(s, ".statsx/node/n", "publisher.json");
	frame(s, ".stats/node/n", "sessions.json");
	look(s, ".stats", 10 * SECOND, last, &len);
	assert_int_equal(look(s, ".stats", 11 * SECOND, last, &len), 1);
	assert_int_equal(last[1], 8);
}

static void it_is_tried_a_few_times(void **state)
{
	struct scene *s = *state;
	uint8_t last[WIRE_HEAD_MAX + WIRE_DATA_MAX];
	uint64_t now = SECOND, pause;
	unsigned int tries;
	size_t len = 0;

	frame(s, "n", "publisher.json");
	look(s, "", 0, last, &len);
	for (tries = 1, pause = 2 * SECOND; tries <= STANDING_TRIES; tries++, pause *= 2) {
		assert_int_equal(look(s, "", now, last, &len), 1);
		assert_int_equal(last[1], 4 * tries);
		standing_end(&s->standing, 4 * tries, now);
		assert_int_equal(look(s, "", now + pause - 1, last, &len), 0);
		now += pause;
	}
	assert_int_equal(look(s, "", now + 1000 * SECOND, last, &len), 0);
}

static void who_has_stood_is_tried_anew(void **state)
{
	struct scene *s = *state;
	uint8_t last[WIRE_HEAD_MAX + WIRE_DATA_MAX];
	uint64_t now = SECOND;
	unsigned int n;
	size_t len = 0;

	frame(s, "n", "publisher.json");
	look(s, "", 0, last, &len);
	for (n = 1; n < 4 * STANDING_TRIES; n++) {
		assert_int_equal(look(s, "", now, last, &len), 1);
		now += STANDING_HELD;
		standing_end(&s->standing, 4 * n, now);
		/* Of others it knows nothing. */
		standing_end(&s->standing, 4 * n + 4, now);
		standing_end(&s->standing, 0, now);
		now += STANDING_PAUSE;
	}
}

static void it_goes_with_its_track(void **state)
{
	struct scene *s = *state;
	uint8_t last[WIRE_HEAD_MAX + WIRE_DATA_MAX];
	size_t len = 0;

	frame(s, "n", "publisher.json");
	look(s, "", 0, last, &len);
	assert_int_equal(look(s, "", SECOND, last, &len), 1);
	ended(s, "n");
	assert_int_equal(look(s, "", 2 * SECOND, last, &len), 0);
	assert_int_equal(s->standing.len, 0);
	frame(s, "n", "publisher.json");
	look(s, "", 3 * SECOND, last, &len);
	assert_int_equal(look(s, "", 4 * SECOND, last, &len), 1);
	assert_int_equal(last[1], 8);
}

static void there_are_not_too_many(void **state)
{
	struct scene *s = *state;
	uint8_t last[WIRE_HEAD_MAX + WIRE_DATA_MAX];
	char name[16];
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < STANDING_MAX + 10; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		frame(s, name, "publisher.json");
	}
	look(s, "", 0, last, &len);
	assert_int_equal(look(s, "", SECOND, last, &len), STANDING_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_track_is_subscribed_to_once, begin, end),
		cmocka_unit_test_setup_teardown(it_is_tried_a_few_times, begin, end),
		cmocka_unit_test_setup_teardown(who_has_stood_is_tried_anew, begin, end),
		cmocka_unit_test_setup_teardown(it_goes_with_its_track, begin, end),
		cmocka_unit_test_setup_teardown(there_are_not_too_many, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
